"""Which models the zoo runs: every constructor that two packages from the registry know by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from astmigrate.verify.model_process import SETTINGS, package_path

Inputs = tuple[str, ...]
_SIZES = (
    (64, 64), (128, 128), (224, 224), (32, 32), (299, 299), (256, 256), (480, 480), (256, 192), (300, 300),
    (331, 331), (448, 448), (368, 368), (512, 512), (640, 480), (1024, 1024), (1024, 2048),
)  # fmt: skip
_IMAGES: tuple[Inputs, ...] = tuple((f"f32[1, 3, {height}, {width}]",) for height, width in _SIZES)
_VIDEOS: tuple[Inputs, ...] = tuple(
    (f"f32[1, 3, {frames}, {n}, {n}]",) for frames, n in ((8, 64), (16, 112), (16, 224))
)
_PAIRS: tuple[Inputs, ...] = (("f32[1, 3, 128, 128]", "f32[1, 3, 128, 128]"),)
_MASKED_FRAMES: tuple[Inputs, ...] = (
    (
        "f32[1, 5, 3, 120, 216]", "f32[1, 5, 1, 120, 216] 0..1", "f32[1, 5, 1, 120, 216] 0..1",
        "f32[1, 4, 4, 120, 216]", "5",
    ),
)  # fmt: skip
_FRAMES: tuple[Inputs, ...] = (("f32[5, 3, 64, 96]", "f32[5, 1, 64, 96] 0..1", "f32[4, 4, 64, 96]"),)
_FLOWS: tuple[Inputs, ...] = (("f32[1, 5, 2, 64, 96]", "f32[1, 5, 1, 64, 96] 0..1"),)
_FROM_SPECTRA = "from_audio=False"  # what turns sounds into spectra needs a library of its own
_SOUNDS: tuple[Inputs, ...] = tuple((f"f32[1, {n}, 128]", "i64[1] 128..129") for n in (64, 80, 120))


@dataclass(frozen=True, slots=True)
class Package:
    """A package: the module to import, how its models are listed and what they are given.

    ``listing`` gives (name, function) pairs in that module's names, ``args`` may use the function as
    ``__root__``; ``inputs`` is what models of a module with that word in its name take, others take images,
    and ``settings`` are arguments of theirs.
    """

    module: str
    listing: str
    args: str = ""
    inputs: tuple[tuple[str, tuple[Inputs, ...]], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def takes(self, module: str) -> tuple[Inputs, ...]:
        """The inputs to try in turn."""
        return next((inputs for word, inputs in self.inputs if word in module), _IMAGES)

    def given(self, module: str) -> str:
        """The arguments of a constructor."""
        return next((settings for word, settings in self.settings if word in module), self.args)


PACKAGES = {
    "torchvision": Package(
        "torchvision.models",
        "[(n, get_model_builder(n)) for n in list_models()]",
        "weights=None, **dict.fromkeys({'weights_backbone'}"
        " & set(__import__('inspect').signature(__root__).parameters)),"
        " **({'min_size': 160, 'max_size': 160} if '_fpn' in __root__.__name__ else {})",  # not 800
        ((".video.", _VIDEOS), (".optical_flow.", _PAIRS)),
    ),
    "pytorchcv": Package(
        "pytorchcv.model_provider",
        "sorted(_models.items())",
        inputs=(
            ("jasper", _SOUNDS),
            ("quartznet", _SOUNDS),
            ("propainter_ip", _FRAMES),
            ("propainter_rfc", _FLOWS),
            ("raft", _PAIRS),
            ("propainter", _MASKED_FRAMES),
            ("nvpattexp", (("f32[2, 8, 16, 29]", "i64[2] 3..4"),)),
            ("pfpcnet", (("f32[1, 1, 320, 240]",),)),
            ("superpointnet", (("f32[1, 1, 120, 160]",),)),
            ("visemenet", (("f32[34, 8, 195]", "i64[34, 76] 3..4"),)),
            ("voca", (("f32[4, 1, 16, 29]", "i64[4] 3..4"),)),
        ),
        settings=(("jasper", _FROM_SPECTRA), ("quartznet", _FROM_SPECTRA)),
    ),
}


@dataclass(frozen=True, slots=True)
class Constructor:
    """A model by name; ``root`` makes it with ``args``, ``inputs`` are tried in turn."""

    package: str
    root: str
    name: str
    inputs: tuple[Inputs, ...] = _IMAGES
    args: str = ""

    @property
    def key(self) -> str:
        """Its name among all packages."""
        return f"{self.package}:{self.name}"

    @property
    def family(self) -> str:
        """The module that defines it."""
        return self.root.partition(":")[0].rpartition(".")[2]


_LIST = """
import importlib, json, sys
from astmigrate.verify.missing_operators import with_declared
sys.path.insert(0, sys.argv[1])
module, _ = with_declared(lambda: importlib.import_module(sys.argv[2]))
print(json.dumps([(n, f.__module__, f.__name__) for n, f in eval(sys.argv[3], vars(module))]))
"""


def constructors(source: Path) -> list[Constructor]:
    """All models, as the packages themselves list them."""
    found: list[Constructor] = []
    for name, package in PACKAGES.items():
        command = [sys.executable, "-P", "-c", _LIST, str(source), package.module, package.listing]
        environment = {**os.environ, **SETTINGS, "PYTHONPATH": package_path()}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        for model, module, function in json.loads(done.stdout.splitlines()[-1]):
            root, args = f"{module}:{function}", package.given(module)
            found.append(Constructor(name, root, model, package.takes(module), args))
    return found


def sample(models: Sequence[Constructor], count: int) -> list[Constructor]:
    """The first so many of each family."""
    families: dict[tuple[str, str], int] = {}
    found: list[Constructor] = []
    for model in models:
        place = (model.package, model.family)
        families[place] = families.get(place, 0) + 1
        if families[place] <= count:
            found.append(model)
    return found
