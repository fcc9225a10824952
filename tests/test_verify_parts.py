"""The parts of ``astmigrate verify`` that need no two processes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from astmigrate.verify.blocking import block
from astmigrate.verify.compare import TensorValue
from astmigrate.verify.conditioning import condition
from astmigrate.verify.first_difference import FirstDifference, Where, locate
from astmigrate.verify.missing_operators import with_declared
from astmigrate.verify.model_jobs import (
    BEGINS,
    ENDS,
    Event,
    EventGap,
    Gap,
    MindSporeAnswer,
    ModuleInfo,
    Place,
    TorchAnswer,
)
from astmigrate.verify.model_values import InputError, gap, make_inputs


def located(*steps: tuple[str, str, int, float], tolerance: float = 1e-4) -> FirstDifference | None:
    """The first difference of a run; a step is path, what, line and largest difference."""
    infos = {
        "": ModuleInfo("net.Net", Place("main.py", 9), Place("net.py", 10), 30),
        "conv": ModuleInfo("torch.nn.Conv2d", Place("net.py", 3), Place()),
    }
    torch_side, other = TorchAnswer(modules=infos), MindSporeAnswer(modules=infos)
    for path, what, line, largest in steps:
        torch_side.events.append(Event(path, 0, what, Place("net.py", line)))
        gaps = (Gap("y", (2,), largest, largest, 1.0),)
        other.events.append(EventGap(path, 0, what, Place("net.py", line), gaps))
    return locate(torch_side, other, tolerance)


def test_jump_is_a_layer_of_the_framework() -> None:
    """What goes in agrees, what comes out does not: the layer, by the line that made it."""
    found = located(("", BEGINS, 0, 0), ("conv", BEGINS, 12, 1e-6), ("conv", ENDS, 12, 0.1))
    assert found is not None
    assert (found.path, found.where, found.source_made) == ("conv", Where.LAYER, (Place("net.py", 3),))
    assert found.source.file == ""


def test_jump_between_calls_is_in_the_forward() -> None:
    """Behind the last variable that agrees, up to the call."""
    found = located(("", BEGINS, 0, 0), ("", "x#1", 11, 1e-6), ("conv", BEGINS, 13, 0.1))
    assert found is not None
    assert (found.path, found.where) == ("", Where.FORWARD)
    assert (found.source.first, found.source.last) == (12, 13)


def test_what_grows_slowly_is_no_layers_fault() -> None:
    """Rounding that grows past the tolerance is told as that; a later jump counts more."""
    slow = [(f"conv{n}", ENDS, 10 + n, 1e-6 * 3**n) for n in range(7)]
    found = located(("", BEGINS, 0, 0), *slow)
    assert found is not None
    assert (found.path, found.where) == ("conv5", Where.DRIFT)
    found = located(("", BEGINS, 0, 0), *slow, ("", "z#1", 25, 0.5), ("", ENDS, 0, 0.5))
    assert found is not None
    assert (found.path, found.where, found.source.first) == ("", Where.FORWARD, 25)
    assert located(("", BEGINS, 0, 0), ("conv", ENDS, 12, 1e-6)) is None


def test_variables_of_another_call_do_not_count() -> None:
    """Where all that follows agrees, the sides' variables do not correspond."""
    steps = ("conv", BEGINS, 12, 1e-6), ("conv", ENDS, 12, 0.1)
    found = located(("", BEGINS, 0, 0), ("", "x#1", 11, 0.5), *steps)
    assert found is not None
    assert (found.path, found.where) == ("conv", Where.LAYER)


def values(*numbers: float, dtype: str = "float32") -> TensorValue:
    """A vector."""
    return TensorValue(dtype, np.array(numbers, dtype))


def test_gap() -> None:
    """Numbers where there are, words where not."""
    found = gap("y", values(1, -8), values(1, -7.5))
    assert (found.largest, found.mean, found.scale, found.relative) == (0.5, 0.25, 8.0, 0.5 / 8)
    assert gap("y", values(1, np.nan, np.inf), values(1, np.nan, np.inf)).relative == 0
    assert gap("y", values(1, np.inf), values(1, -np.inf)).word
    assert gap("y", values(1, 2), values(1, np.nan)).word
    assert gap("y", values(1, 2), values(1)).word.startswith("shape [2]")
    assert gap("y", values(1), values(1, dtype="float64")).word.startswith("dtype float32")
    assert gap("y", values(3, dtype="int64"), values(5, dtype="int64")).largest == 2
    assert gap("y", values(1, dtype="bool"), values(0, dtype="bool")).largest == 1


def test_inputs() -> None:
    """Positional, by keyword, plain; the same for the same seed."""
    args, kwargs = make_inputs(["f32[2, 3] 0..1", "mask = bool[4]", "n=3", "sizes=(4, 5)"], 0)
    assert args[0].values.shape == (2, 3)
    assert 0 <= args[0].values.min() < args[0].values.max() <= 1
    assert (kwargs["mask"].dtype, kwargs["n"], kwargs["sizes"]) == ("bool", 3, (4, 5))
    assert np.array_equal(make_inputs(["f32[2, 3] 0..1"], 0)[0][0].values, args[0].values)
    with pytest.raises(InputError, match="given twice"):
        make_inputs(["n=1", "n=2"], 0)
    with pytest.raises(InputError, match="f33"):
        make_inputs(["f33[1]"], 0)


class Dying(torch.nn.Module):
    """As initialised its signal dies: tiny weights, a scale of 1e-6, an empty residual."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = torch.nn.ModuleList([torch.nn.Conv2d(8, 8, 3, padding=1) for _ in range(12)])
        self.norm = torch.nn.BatchNorm2d(8)
        self.scale = torch.nn.Parameter(torch.full((8, 1, 1), 1e-6))
        for conv in self.convs:
            torch.nn.init.normal_(conv.weight, std=1e-4)  # type: ignore[arg-type]
        torch.nn.init.zeros_(self.norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The convolutions one after the other."""
        for conv in self.convs:
            x = torch.relu(conv(x))
        return self.scale * self.norm(x)


def test_conditioning_keeps_the_signal_alive() -> None:
    """Outputs of order one, that depend on the input, and nothing at a default."""
    torch.manual_seed(0)
    model, x = Dying().eval(), torch.randn(2, 8, 6, 6)
    condition(model, lambda: model(x), 0)
    with torch.no_grad():
        y, other = model(x), model(x + 0.1 * torch.randn_like(x))
    assert 0.02 < float(y.std()) < 5
    assert float((y - other).abs().max()) > 1e-3
    for name, default in {"weight": 0, "bias": 0, "running_mean": 0, "running_var": 1}.items():
        assert float((model.norm.state_dict()[name] - default).abs().min()) > 0, name


@pytest.mark.parametrize("left", [float("nan"), float("inf"), 3e38, 0.0])
@pytest.mark.parametrize("shape", [(4,), (6, 4)])
def test_conditioning_fills_what_the_model_left_unset(left: float, shape: tuple[int, ...]) -> None:
    """``torch.empty`` has what was in its memory before: not numbers, at times."""
    model = torch.nn.Linear(4, 6)
    model.weight = torch.nn.Parameter(torch.full(shape, left))
    model.weight.data[0] = 0.5
    condition(model, lambda: None, 0)
    assert model.weight.isfinite().all()
    assert 0.01 < float(model.weight.abs().max()) < 10


def test_missing_operators_are_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose compiled operators are missing imports; other errors stay."""
    package = tmp_path / "uncompiled"
    package.mkdir()
    (package / "__init__.py").write_text("from . import first, second\n", encoding="utf-8")
    (package / "first.py").write_text("value = 1\n", encoding="utf-8")
    text = "import torch\nfrom . import first\nfor name in ('one', 'two'):\n"
    text += "    torch.library.register_fake(f'uncompiled::{name}')(lambda x: x)\nkept = first.value\n"
    (package / "second.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    def load() -> Any:
        return importlib.import_module("uncompiled")

    module, declared = with_declared(load)
    assert declared == ["uncompiled::one", "uncompiled::two"]
    assert module.second.kept == module.first.value == 1
    with pytest.raises(ModuleNotFoundError):
        with_declared(lambda: importlib.import_module("uncompiled.third"))
    for name in [name for name in sys.modules if name.startswith("uncompiled")]:
        monkeypatch.delitem(sys.modules, name)


def test_a_blocked_package_is_as_if_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out_of_reach").mkdir()
    (tmp_path / "out_of_reach/__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    assert importlib.util.find_spec("out_of_reach") is not None
    block("out_of_reach")
    assert importlib.util.find_spec("out_of_reach") is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("out_of_reach.inner")
    assert "out_of_reach" not in sys.modules  # scipy would take a None there for the package
    assert importlib.util.find_spec("json") is not None
