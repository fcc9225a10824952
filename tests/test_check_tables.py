"""The table check sees every kind of mistake, says file and row, and finds none in our own tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from astmigrate.tables import Tables
from astmigrate.verify import check_tables

pytest.importorskip("torch")
pytest.importorskip("mindspore")

GOOD = """\
["torch.std"]
target = "mindspore.ops.std"
args = ["input", "dim=None", "*", "correction=1", "keepdim=False", "out=None"]
positional = 2
rename = { dim = "axis", correction = "ddof", keepdim = "keepdims" }
add = { ddof = "1" }
unsupported = { out = "assign the result" }
returns = "tensor"

[["torch.std".proof]]
code = "y = torch.std(x)"
inputs = { x = "f32[2, 3]" }
"""


def errors(folder: Path, text: str, stem: str = "torch") -> list[str]:
    (folder / f"{stem}.toml").write_text(text, encoding="utf-8")
    return check_tables.check(Tables(folder)).errors


def test_our_own_tables_have_no_error() -> None:
    report = check_tables.check(Tables())
    assert report.errors == []
    assert report.counts["rows"] > 100


def test_a_good_row(tmp_path: Path) -> None:
    assert errors(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('returns = "tensor"', 'nonsense = "x"', "unknown field `nonsense`"),
        ('returns = "tensor"', 'returns = "tensr"', "returns: 'tensr' is no kind"),
        ('returns = "tensor"', 'handler = "functional.no_such"', "handler functional.no_such does not exist"),
        ('returns = "tensor"', 'adapter = "snippets.no_such"', "snippets.no_such does not exist"),
        ('returns = "tensor"', 'level = "review"', "a review needs a note"),
        ('returns = "tensor"', 'level = "wrong"', "neither converted nor review"),
        ('returns = "tensor"', 'inplace = "x"', "inplace: 'x' is not in args"),
        ('returns = "tensor"', 'wrap = { dim = "({}" }', "is no expression"),
        ('returns = "tensor"', 'drop = { dims = "*" }', "drop: 'dims' is not in args"),
        ('returns = "tensor"', 'weights = { weight = { nme = "gamma" } }', "is neither a name nor"),
        ('returns = "tensor"', "returns = 1", "Expected `str`"),
        ("mindspore.ops.std", "mindspore.ops.sdt", "mindspore.ops.sdt does not exist"),
        ("mindspore.ops.std", "snippets.sdt", "snippets.sdt does not exist"),
        ('correction = "ddof"', 'correction = "ddoff"', "mindspore.ops.std has no parameter 'ddoff'"),
        ("ddof = ", "nonsense = ", "mindspore.ops.std has no parameter 'nonsense'"),
        ('"correction=1"', '"correction=2"', "default of 'correction' is 2, in torch 1"),
        ('"dim=None"', '"dims=None"', "torch documents no parameter 'dims'"),
        ('"input", "dim=None"', '"dim", "input=None"', "'dim' is argument 1 in args, elsewhere in torch"),
        ('target = "mindspore.ops.std"\n', "", "neither a target nor a template"),
        (
            'target = "mindspore.ops.std"',
            'template = "{input}.std({dims})"',
            "template: 'dims' is not in args",
        ),
        ('"y = torch.std(x)"', '"y = torch.std("', "proof does not parse"),
        ('"y = torch.std(x)"', '"y = x.mean()"', "proof 1: does not use its row"),
        ('"f32[2, 3]"', '"f32"', "is no spec"),
        ("inputs = {", "rtol = 0.1\ninputs = {", "proof 1: loosened, but gives no reason"),
        ("inputs = {", 'compare = "shape"\ninputs = {', "proof 1: loosened, but gives no reason"),
        ("inputs = {", 'compare = "signature"\ninputs = {', "proof 1: loosened, but gives no reason"),
        ("inputs = {", 'compare = "dtype"\nreason = "r"\ninputs = {', "compare = 'dtype' is unknown"),
        ("positional = 2", "positional = = 2", "Invalid value"),
        ('["torch.std"]\n', '["torch.std"]\nwhen = { dim = "tensr" }\n', "when: dim = 'tensr' is no test"),
        ('["torch.std"]', '["torch.std"]\nalias = "torch.no_such"\n[extra]', "does not stand alone"),
        (GOOD, GOOD + GOOD, "torch.toml: Cannot declare"),
        (GOOD, '["torch.sdt"]\nalias = "torch.no_such"\n', "alias torch.no_such leads nowhere"),
        (GOOD, GOOD + '["torch.sdt"]\nalias = "torch.std"\nreturns = "tensor"\n', "an alias stands alone"),
        (GOOD, '[["torch.std".proof]]\ncode = "y = 1"\n', "has a form or proof but no row"),
        (GOOD, '["torch.nn.ReLU"]\nmanual = "no"\n', "or in the wrong file"),
    ],
)
def test_a_mistake_is_said(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    found = errors(tmp_path, GOOD.replace(old, new, 1))
    assert found, "nothing was found"
    assert any(words in message for message in found), found
    assert all(str(tmp_path / "torch.toml") in message for message in found)


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        (
            "torch.nn.Conv2d",
            'target = "mindspore.nn.Conv2d"\nargs = ["in_channels", "kernel_size", "out_channels"]',
            "'kernel_size' is argument 2 in args and 3 in torch",
        ),
        (
            "torch.nn.Linear",
            'target = "mindspore.nn.Dense"\nargs = ["in_features", "out_features", "bias=True", '
            '"device=None", "dtype=None"]\n'
            'rename = { in_features = "in_channels", out_features = "out_channels" }',
            "'bias' stays argument 3, which is 'weight_init' of mindspore.nn.Dense",
        ),
        (
            "torch.nn.Dropout",
            'target = "mindspore.nn.Dropout"\nargs = ["p=0.5", "inplace=False"]\ndrop = { inplace = "*" }',
            "'p' stays argument 1, which is 'keep_prob' of mindspore.nn.Dropout",
        ),
        (
            "torch.nn.ReLU",
            'target = "mindspore.nn.ReLU"\nargs = []',
            "torch's parameter 'inplace' is not in args",
        ),
        (
            "torch.nn.LeakyReLU",
            'target = "mindspore.nn.LeakyReLU"\nargs = ["negative_slope=0.2", "inplace=False"]\n'
            'rename = { negative_slope = "alpha" }\ndrop = { inplace = "*" }',
            "default of 'negative_slope' is 0.2, in torch 0.01",
        ),
    ],
)
def test_python_signatures(tmp_path: Path, name: str, row: str, words: str) -> None:
    found = errors(tmp_path, f'["{name}"]\n{row}\n', "torch.nn")
    assert any(words in message for message in found), found


def test_the_command_exits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "torch.toml").write_text(GOOD, encoding="utf-8")
    assert check_tables.main([str(tmp_path)]) == 0
    assert "1 rows" in capsys.readouterr().out
    (tmp_path / "torch.toml").write_text(GOOD.replace("ops.std", "ops.sdt"), encoding="utf-8")
    assert check_tables.main([str(tmp_path)]) == 1
    assert "torch.toml: row torch.std: mindspore.ops.sdt does not exist" in capsys.readouterr().out
