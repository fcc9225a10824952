"""How a proof becomes a module, and how its inputs are made."""

from __future__ import annotations

import numpy as np
import pytest

from astmigrate.model import TableError
from astmigrate.tables import Proof
from astmigrate.verify.inputs import make_input, make_inputs
from astmigrate.verify.tasks import of_alias
from astmigrate.verify.wrapping import mentions, wrap


def test_a_module_stops_where_its_weights_are_loaded() -> None:
    code = "m = torch.nn.Linear(3, 4)\ny = m(x)\n"
    assert wrap(Proof(code=code, inputs={"x": "f32[2, 3]"})) == (
        "import torch\n\n\n"
        "def proof(x: torch.Tensor):\n"
        "    m = torch.nn.Linear(3, 4)\n"
        "    yield m\n"
        "    y = m(x)\n"
        "    yield locals()\n"
    )


def test_classes_and_imports_move_up_and_only_used_names_are_imported() -> None:
    code = "import math\n@deco\nclass M(nn.Module):\n    x = '''a\n  b'''\nm = M()\n"
    code += "z = '''a\n  b'''; y = F.relu(m.x)"
    text = wrap(Proof(code=code))
    top, body = text.split("def proof():")
    assert top.startswith("import torch.nn as nn\nimport torch.nn.functional as F\n\n\nimport math\n")
    assert "@deco\nclass M(nn.Module):\n    x = '''a\n  b'''\n" in top
    assert "import torch\n" not in top
    assert body == "\n    m = M()\n    yield m\n    z = 'a\\n  b'\n    y = F.relu(m.x)\n    yield locals()\n"


def test_it_stops_behind_the_last_statement_that_binds_the_module() -> None:
    code = "m = A()\nif c:\n    m = B()\ny = m(x)"
    assert wrap(Proof(code=code)).count("yield m\n") == 1
    assert "        m = B()\n    yield m\n    y = m(x)" in wrap(Proof(code=code))


def test_code_that_does_not_parse_is_the_table_s_fault() -> None:
    with pytest.raises(TableError, match="does not parse"):
        wrap(Proof(code="y = ("))


@pytest.mark.parametrize(
    ("code", "name", "found"),
    [
        ("y = torch.relu(x)", "torch.relu", True),
        ("y = torch.relu(x)", "torch.nn.functional.relu", False),
        ("y = F.relu(x)", "torch.nn.functional.relu", True),
        ("y = torch.nn.functional.relu(x)", "torch.nn.functional.relu", True),
        ("from torch.nn.functional import relu\ny = relu(x)", "torch.nn.functional.relu", True),
        ("y = x.relu()", "torch.relu", False),
        ("y = x.relu()", "torch.Tensor.relu", True),
        ("y = torch.relu(x)", "torch.Tensor.relu", False),
        ("y = torch.Tensor.relu(x)", "torch.Tensor.relu", True),
        ("y = torch.relu(x).max(1).values", "torch.return_types.values", True),
        ("m = nn.ReLU()", "torch.nn.ReLU", True),
        ("class M(torch.nn.Module): pass", "torch.nn.Module", True),
        ("y = 'torch.relu'", "torch.relu", False),
        ("y = x.relu_()", "torch.Tensor.relu", False),
        ("y = x + 1", "torch.Tensor.__add__", True),
    ],
)
def test_mentions(code: str, name: str, found: bool) -> None:
    assert mentions(code, name) is found


@pytest.mark.parametrize(
    ("spec", "dtype", "shape"),
    [
        ("f32[2, 3]", "float32", (2, 3)),
        ("f64[] 0..1", "float64", ()),
        ("f16[2,]", "float16", (2,)),
        ("bf16[4]", "bfloat16", (4,)),
        ("i64[40] 3..5", "int64", (40,)),
        ("u8[40]", "uint8", (40,)),
        ("bool[40]", "bool", (40,)),
        ("c64[2]", "complex64", (2,)),
        ("f32[9] -1..1", "float32", (9,)),
    ],
)
def test_inputs(spec: str, dtype: str, shape: tuple[int, ...]) -> None:
    made = make_input(spec, 7)
    assert (made.dtype, made.values.shape) == (dtype, shape)
    assert np.array_equal(made.values, make_input(spec, 7).values)
    if "3..5" in spec:
        assert set(made.values.tolist()) == {3, 4}
    if "-1..1" in spec:
        assert -1 <= made.values.min() < 0 < made.values.max() <= 1
    if dtype == "bfloat16":
        assert not np.any(made.values.view("uint32") & 0xFFFF)


@pytest.mark.parametrize("spec", ["f32", "q32[2]", "f32[2, n]", "[2]", "f32[2] 0"])
def test_a_wrong_spec_is_said(spec: str) -> None:
    with pytest.raises(TableError, match="is no spec"):
        make_input(spec, 1)


def test_inputs_of_one_proof_differ() -> None:
    made = make_inputs(Proof(code="", inputs={"a": "f32[3]", "b": "f32[3]"}), 5)
    assert not np.array_equal(made["a"].values, made["b"].values)


def test_an_alias_is_proven_by_its_row_s_proof() -> None:
    proofs = (Proof(code="y = F.absolute(x)"), Proof(code="y = torch.abs(x) + torch.abs_(x)"))
    assert [p.code for p in of_alias("torch.absolute", "torch.abs", proofs)] == [
        "y = torch.absolute(x) + torch.abs_(x)"
    ]
    method = (Proof(code="y = x.abs() + x.abs_()"),)
    assert [p.code for p in of_alias("torch.Tensor.absolute", "torch.Tensor.abs", method)] == [
        "y = x.absolute() + x.abs_()"
    ]
    assert of_alias("torch.absolute", "torch.Tensor.abs", method) == ()
