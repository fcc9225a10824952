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

ROOT = Path(__file__).parents[2]
_IMAGES = tuple((f"f32[1, 3, {n}, {n}]",) for n in (64, 32, 224, 299, 256, 331, 480, 512, 1024))
_VIDEOS = tuple((f"f32[1, 3, {t}, {n}, {n}]",) for t, n in ((8, 64), (16, 112), (16, 224)))
_SOUNDS = tuple((f"f32[1, {n}, 128]", "i64[1] 128..129") for n in (64, 80, 120))
_PAIRS = (("f32[1, 3, 128, 128]", "f32[1, 3, 128, 128]"),)


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its version, the module to import, how its models are listed and made.

    ``listing`` gives (name, function) pairs in that module's names; ``args`` what the function is given.
    """

    version: str
    module: str
    listing: str
    function: str
    args: str


PACKAGES = {
    "torchvision": Package(
        "0.29.2",
        "torchvision.models",
        "[(n, get_model_builder(n)) for n in list_models()]",
        "get_model",
        "{name!r}, weights=None, **dict.fromkeys({{'weights_backbone'}}"
        " & set(__import__('inspect').signature(get_model_builder({name!r})).parameters)),"
        " **({{'min_size': 160, 'max_size': 160}} if '_fpn' in {name!r} else {{}})",  # instead of 800
    ),
    "pytorchcv": Package(
        "0.0.74", "pytorchcv.model_provider", "sorted(_models.items())", "get_model", "{name!r}"
    ),
}


@dataclass(frozen=True, slots=True)
class Constructor:
    """A model by name; ``family`` is the module that defines it, ``inputs`` are tried in turn."""

    package: str
    family: str
    name: str
    inputs: tuple[tuple[str, ...], ...] = (*_IMAGES, *_VIDEOS, *_PAIRS, *_SOUNDS)

    @property
    def key(self) -> str:
        """Its name among all packages."""
        return f"{self.package}:{self.name}"

    @property
    def root(self) -> str:
        """What ``verify`` builds."""
        return f"{PACKAGES[self.package].module}:{PACKAGES[self.package].function}"

    @property
    def args(self) -> str:
        """With which arguments."""
        return PACKAGES[self.package].args.format(name=self.name)


def site() -> Path:
    """The folder of the packages, unpacked without what they depend on; ``ASTMIGRATE_SITE`` names another."""
    given = os.environ.get("ASTMIGRATE_SITE")
    folder = Path(given) if given else ROOT / ".cache" / "site"
    missing = [f"{n}=={p.version}" for n, p in PACKAGES.items() if not (folder / n).is_dir()]
    if missing:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--no-compile", "--target", str(folder), *missing], check=True)
    return folder


_LIST = """
import importlib, json, sys
from astmigrate.verify.missing_operators import with_declared
sys.path.insert(0, sys.argv[1])
module, _ = with_declared(lambda: importlib.import_module(sys.argv[2]))
print(json.dumps([(name, make.__module__) for name, make in eval(sys.argv[3], vars(module))]))
"""


def constructors(source: Path) -> list[Constructor]:
    """All models, as the packages themselves list them."""
    found: list[Constructor] = []
    for name, package in PACKAGES.items():
        command = [sys.executable, "-P", "-c", _LIST, str(source), package.module, package.listing]
        environment = {**os.environ, **SETTINGS, "PYTHONPATH": package_path()}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        for model, module in json.loads(done.stdout.splitlines()[-1]):
            found.append(Constructor(name, module.rpartition(".")[2], model))
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
