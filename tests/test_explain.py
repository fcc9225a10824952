"""``explain``: every spelling finds its row, and typing errors find a neighbour."""

from __future__ import annotations

from pathlib import Path

import pytest

from astmigrate.explain import explain
from astmigrate.tables import Tables

TABLES = {
    "torch.nn": """
["torch.nn.Conv2d"]
target = "mindspore.nn.Conv2d"
args = ["in_channels", "groups=1", "padding_mode='zeros'"]
rename = { groups = "group" }
add = { pad_mode = "'pad'" }
drop = { padding_mode = ["'zeros'"] }
unsupported = { padding_mode = "pad first" }
weights = { bias = "beta", weight = { name = "weight", insert_axis = 2 }, running = "" }
handler = "nn.conv_padding"
[["torch.nn.Conv2d".proof]]
code = "y = torch.nn.Conv2d(1)(x)"
inputs = { x = "f32[2]" }

["torch.nn.Fold"]
manual = "MindSpore has none"
target = "mindspore.ops.fold"
""",
    "torch.nn.functional": """
["torch.nn.functional.gelu"]
target = "mindspore.ops.gelu"
args = ["input", "momentum=0.1"]
wrap = { momentum = "1 - {}" }
review = { momentum = "counts the other way" }
note = "Slower."

["torch.nn.functional.relu"]
target = "mindspore.ops.relu"
args = ["input"]
""",
    "torch": """
["torch.relu"]
alias = "torch.nn.functional.relu"

["torch.max"]
args = ["input", "dim=None"]
[["torch.max".form]]
target = "mindspore.ops.max"
when = { dim = "absent" }
[["torch.max".form]]
template = "mindspore.ops.maximum({input}, {dim})"
when = { dim = "tensor" }
""",
    "torch.Tensor": """
["torch.Tensor.view"]
target = "mindspore.Tensor.reshape"
args = ["*shape"]

["torch.Tensor.relu_"]
target = "mindspore.ops.relu"
args = []
inplace = "self"
""",
}


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    for name, text in TABLES.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return Tables(tmp_path)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("torch.nn.Conv2d", "torch.nn.Conv2d"),
        ("torch.nn.modules.conv.Conv2d", "torch.nn.Conv2d"),
        ("nn.Conv2d", "torch.nn.Conv2d"),
        (" nn.Conv2d(3, 8, 3) ", "torch.nn.Conv2d"),
        ("Conv2d", "torch.nn.Conv2d"),
        ("F.gelu", "torch.nn.functional.gelu"),
        ("functional.gelu", "torch.nn.functional.gelu"),
        ("nn.functional.gelu", "torch.nn.functional.gelu"),
        ("gelu", "torch.nn.functional.gelu"),
        ("torch.relu", "torch.nn.functional.relu"),
        ("relu", "torch.nn.functional.relu"),
        ("Tensor.view", "torch.Tensor.view"),
        ("x.view", "torch.Tensor.view"),
        ("view", "torch.Tensor.view"),
    ],
)
def test_spellings(tables: Tables, name: str, full: str) -> None:
    text, found = explain(name, tables)
    assert found
    assert text.splitlines()[0] == full
    assert "\n\n" not in text


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("F.gellu", "torch.nn.functional.gelu"),
        ("nn.Conv2", "torch.nn.Conv2d"),
        ("nn.conv2d", "torch.nn.Conv2d"),
        ("torch.Tensor.veiw", "torch.Tensor.view"),
        ("veiw", "torch.Tensor.view"),
    ],
)
def test_typing_errors(tables: Tables, name: str, near: str) -> None:
    text, found = explain(name, tables)
    assert not found
    assert text.startswith(f"no row for {name}; did you mean ")
    assert near in text


def test_a_name_without_a_row_is_not_taken_for_another(tables: Tables) -> None:
    assert explain("torch.view", tables)[1] is False
    assert explain("np.relu", tables)[1] is False
    assert explain("zzzzzzz", tables) == ("no row for zzzzzzz", False)


def test_what_it_says(tables: Tables) -> None:
    lines = explain("nn.Conv2d", tables)[0].splitlines()
    assert lines == [
        "torch.nn.Conv2d",
        "  becomes       mindspore.nn.Conv2d",
        "  torch takes   (in_channels, groups=1, padding_mode='zeros')",
        "  argument      groups is called group",
        "  argument      pad_mode='pad' is stated where the source says nothing",
        "  argument      padding_mode is left out where it is 'zeros'",
        "  argument      padding_mode stops the conversion: pad first",
        lines[7],
        "  weights       bias is called beta",
        "  weights       weight is called weight with a new axis 2",
        "  weights       running has no counterpart",
        "  proof",
        "      y = torch.nn.Conv2d(1)(x)",
        "      with x = f32[2]",
        "  verified      in no recorded run",
    ]
    assert lines[7].startswith("  also          Padding as MindSpore takes it")


def test_other_fields(tables: Tables) -> None:
    gelu = explain("F.gelu", tables)[0]
    assert "  argument      momentum is written 1 - momentum\n" in gelu
    assert "  argument      momentum needs a look: counts the other way\n" in gelu
    assert "  differs       Slower.\n" in gelu
    assert (
        "  stays         MindSpore has none\n  nearest       mindspore.ops.fold\n"
        in explain("nn.Fold", tables)[0]
    )
    assert "  in place      becomes an assignment to self\n" in explain("relu_", tables)[0]
    assert (
        "  where dim is tensor\n    becomes       mindspore.ops.maximum({input}, {dim})\n"
        in explain("max", tables)[0]
    )


def test_a_recorded_run(tables: Tables) -> None:
    record = tables.folder.parent / "docs" / "proofs.json"
    record.parent.mkdir(exist_ok=True)
    line = '{"standing": "run-proven", "proofs": 1, "loosened": ["noise"], "digest": "old"}'
    record.write_text(f'{{"torch.nn.Conv2d": {line}}}')
    text = explain("nn.Conv2d", tables)[0]
    assert "values, dtypes and shapes agree; the row was edited since; loosened: noise" in text
