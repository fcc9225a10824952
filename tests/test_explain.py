"""``explain``: spellings find their row, typing errors a neighbour; both signatures are compared."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from astmigrate import comparison
from astmigrate.comparison import Pair, pairs, read_signatures
from astmigrate.explain import explain, show
from astmigrate.tables import Form, Tables
from astmigrate.verify.record_signatures import RECORD, signatures, targets

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
        "  PyTorch               MindSpore    what differs",
        "  in_channels           in_channels",
        "  groups=1              group        called group",
        "  padding_mode='zeros'  -            left out where it is 'zeros'; stops the conversion: pad first",
        "  -                     pad_mode     stated as 'pad'",
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
    assert "  momentum=0.1  momentum   written 1 - momentum; needs a look: counts the other way\n" in gelu
    assert "  differs       Slower.\n" in gelu
    assert (
        "  stays         MindSpore has none\n  nearest       mindspore.ops.fold\n"
        in explain("nn.Fold", tables)[0]
    )
    relu = explain("relu_", tables)[0]
    assert "  arguments     none\n  in place      becomes an assignment to self\n" in relu
    forms = explain("max", tables)[0]
    assert "  where dim is tensor\n    becomes       mindspore.ops.maximum({input}, {dim})\n" in forms
    assert "    dim=None  in the expression\n" in forms


RECEIVER = Pair("the value itself", "input", "its first argument")
PAD = {"pad_mode": "'pad'"}
KNOWN = {
    "mindspore.nn.Conv2d": [["in_channels", "pad_mode='same'", "group=1", "bias_init=None"]],
    "mindspore.ops.sum": [["input", "axis=None", "*", "keepdims=False"]],
    "mindspore.Tensor.sum": [["axis=None"], ["dim=None", "keepdim=True"]],
    "mindspore.ops.tile": [["input", "dims"]],
    "mindspore.ops.cat": [["*tensors", "**options"]],
}


def _form(target: str, *args: str, **fields: object) -> Form:
    return Form(target=target, args=args, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        (
            "torch.nn.Conv2d",
            _form("mindspore.nn.Conv2d", "in_channels", "groups=1", rename={"groups": "group"}, add=PAD),
            [
                Pair("in_channels", "in_channels"),
                Pair("groups=1", "group=1", "called group; argument 3 instead of 2"),
                Pair("-", "pad_mode='same'", "stated as 'pad'"),
                Pair("-", "bias_init=None", "keeps its default"),
            ],
        ),
        (  # a method that becomes a function
            "torch.Tensor.sum",
            _form("mindspore.ops.sum", "dim", "keepdim=0", rename={"dim": "axis", "keepdim": "keepdims"}),
            [
                RECEIVER,
                Pair("dim", "axis=None", "called axis; has a default"),
                Pair("keepdim=0", "keepdims=False", "called keepdims; by keyword only; another default"),
            ],
        ),
        (  # a function that becomes a method: of its overloads the one that fits
            "torch.sum",
            _form("mindspore.Tensor.sum", "input", "dim=None", "keepdim=False", add={"keepdim": "False"}),
            [
                Pair("input", "the value itself", "its method is called"),
                Pair("dim=None", "dim=None"),
                Pair("keepdim=False", "keepdim=True", "False is stated where the source says nothing"),
            ],
        ),
        (
            "torch.Tensor.repeat",
            _form("mindspore.ops.tile", "*sizes"),
            [RECEIVER, Pair("*sizes", "dims", "as one sequence")],
        ),
        (
            "torch.cat",
            _form("mindspore.ops.cat", "*all", "out=None", "**more", unsupported={"out": "none"}),
            [
                Pair("*all", "*tensors"),
                Pair("out=None", "-", "stops the conversion: none"),
                Pair("**more", "**options"),
            ],
        ),
        (  # nothing tells MindSpore's parameters: what is written is shown
            "torch.f",
            _form("mindspore.ops.f", "dim", rename={"dim": "axis"}, add={"mode": "mindspore.float32"}),
            [Pair("dim", "axis", "called axis"), Pair("-", "mode", "stated as ms.float32")],
        ),
        (  # its parameters are known, and this one is not among them
            "torch.g",
            _form("mindspore.ops.tile", "input", "unheard_of"),
            [Pair("input", "input"), Pair("unheard_of", "-"), Pair("-", "dims")],
        ),
        (  # a snippet's are read from its source
            "einops.rearrange",
            _form("snippets.rearrange", "tensor", "pattern", "**axes"),
            [Pair("tensor", "tensor"), Pair("pattern", "pattern"), Pair("**axes", "**axes_lengths")],
        ),
    ],
)  # fmt: skip
def test_pairs(name: str, form: Form, expected: list[Pair]) -> None:
    assert pairs(name, form, KNOWN) == expected


def test_a_terminal_gets_a_table_of_the_same_words(tables: Tables) -> None:
    printed = StringIO()
    console = Console(file=printed, force_terminal=True, width=120)
    assert show("nn.Conv2d", tables, console)
    text = printed.getvalue()
    for words in ("PyTorch", "what differs", "padding_mode='zeros'", "stops the conversion: pad first"):
        assert words in text
    assert not show("nn.Conv2", tables, console)
    assert "did you mean torch.nn.Conv2d?" in printed.getvalue()


def test_the_record_is_of_these_tables() -> None:
    known = read_signatures(RECORD.parent)
    assert RECORD.name == comparison.SIGNATURES
    assert sorted(known) == targets(Tables())
    told = [name for name, found in known.items() if found]
    assert len(told) > 0.95 * len(known)
    assert known["mindspore.nn.Conv2d"][0][:3] == ["in_channels", "out_channels", "kernel_size"]


def test_the_record_holds_what_python_tells() -> None:
    names = ["mindspore.nn.Conv2d", "mindspore.ops.sum", "mindspore.Tensor.sum"]
    known = read_signatures(RECORD.parent)
    assert signatures(names) == {name: known[name] for name in names}


def test_a_recorded_run(tables: Tables) -> None:
    record = tables.folder.parent / "docs" / "proofs.json"
    record.parent.mkdir(exist_ok=True)
    line = '{"standing": "run-proven", "proofs": 1, "loosened": ["noise"], "digest": "old", "uncovered": []}'
    record.write_text(f'{{"torch.nn.Conv2d": {line}}}')
    text = explain("nn.Conv2d", tables)[0]
    assert "values, dtypes and shapes agree; the row was edited since; loosened: noise" in text
