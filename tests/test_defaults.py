"""The default-difference audit: each default that differs is stated, and the page says what is."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from astmigrate.tables import Tables
from astmigrate.verify import audit as pages
from astmigrate.verify.defaults import Audit, audit

pytest.importorskip("torch")
pytest.importorskip("mindspore")

# Layers and functions in which a silent default has cost people the most; the rest is found the same way.
SIZED = ("Conv", "ConvTranspose", "BatchNorm", "MaxPool", "AvgPool")
MUST = [
    *(f"torch.nn.{name}{n}d" for name in SIZED for n in (1, 2, 3)),
    *(
        f"torch.nn.{name}"
        for name in ("LayerNorm", "GroupNorm", "Dropout", "LeakyReLU", "Embedding", "Linear")
    ),
    "torch.nn.Softmax",
    "torch.nn.functional.interpolate",
    "torch.std",
    "torch.var",
]


@cache
def audits() -> list[Audit]:
    return pages.audits(Tables())


def test_every_differing_default_is_stated() -> None:
    lost = [
        (a.name, d.parameter, d.default, d.torch) for a in audits() for d in a.differences if d.stated is None
    ]
    assert lost == []


@pytest.mark.parametrize("name", MUST)
def test_it_is_audited(name: str) -> None:
    found = next((a for a in audits() if a.name == name), None)
    assert found is not None, "no row, or its target is not called"
    assert not found.why


def test_what_is_shown_as_stated_is_an_argument_of_the_emitted_call() -> None:
    checked = 0
    for found in audits():
        if not found.differences:
            continue
        call = ast.parse(found.emitted, mode="eval").body
        assert isinstance(call, ast.Call)
        passed = {ast.unparse(a) for a in call.args} | {ast.unparse(k.value) for k in call.keywords}
        assert {d.stated for d in found.differences if d.stated is not None} <= passed
        checked += len(found.differences)
    assert checked > 20


def row(folder: Path, name: str, text: str, call: str) -> Audit:
    stem = name.rpartition(".")[0]
    proof = f'[["{name}".proof]]\ncode = "y = {call}"\ninputs = {{ x = "f32[2, 3]" }}\n'
    (folder / f"{stem}.toml").write_text(f'["{name}"]\n{text}\n\n{proof}', encoding="utf-8")
    found = audit(Tables(folder), name)
    assert found is not None
    return found


def test_a_default_that_is_not_stated_is_seen(tmp_path: Path) -> None:
    args = 'args = ["negative_slope=0.01", "inplace=False"]\ndrop = { inplace = "*" }\nreturns = "module"'
    text = f'target = "mindspore.nn.LeakyReLU"\n{args}\nrename = {{ negative_slope = "alpha" }}'
    found = row(tmp_path, "torch.nn.LeakyReLU", text, "torch.nn.LeakyReLU(0.3)(x)")
    assert found.source == "torch.nn.LeakyReLU()"
    assert [(d.parameter, d.default, d.torch, d.stated) for d in found.differences] == [
        ("alpha", "0.2", "0.01", None)
    ]
    found = row(
        tmp_path, "torch.nn.LeakyReLU", f'{text}\nadd = {{ alpha = "0.01" }}', "torch.nn.LeakyReLU(0.3)(x)"
    )
    assert [d.stated for d in found.differences] == ["0.01"]


def test_a_parameter_that_torch_lacks_is_seen(tmp_path: Path) -> None:
    args = 'args = ["in_channels", "out_channels", "kernel_size", "stride=1"]\nreturns = "module"'
    text = f'target = "mindspore.nn.Conv2d"\n{args}'
    found = row(tmp_path, "torch.nn.Conv2d", text, "torch.nn.Conv2d(3, 8, 3, stride=2)(x)")
    assert found.source == "torch.nn.Conv2d(3, 8, 3)"
    assert ("pad_mode", "'same'", None) in [(d.parameter, d.default, d.stated) for d in found.differences]


def test_a_method_and_a_positional_argument(tmp_path: Path) -> None:
    text = 'target = "mindspore.ops.cumsum"\nargs = ["dim"]\nadd = { axis = "0" }\nrename = { dim = "axis" }'
    found = row(tmp_path, "torch.Tensor.cumsum", text, "x.cumsum(1)")
    assert (found.source, found.target, found.why) == ("x.cumsum(1)", "mindspore.ops.cumsum", "")


def test_what_no_proof_calls_is_said(tmp_path: Path) -> None:
    text = 'target = "mindspore.ops.relu"\nargs = ["input"]'
    assert (
        row(tmp_path, "torch.relu", text, "list(map(torch.relu, [x]))").why == "no proof calls it by its name"
    )


def test_the_page_is_up_to_date() -> None:
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page(audits()), "run `make audit`"
