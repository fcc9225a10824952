"""The comparison: what counts as equal, and that every difference is said in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from astmigrate.verify.compare import Foreign, TensorValue, Tolerance, differences

NAN, INF = float("nan"), float("inf")


def tensor(*values: Any, dtype: str = "float32") -> TensorValue:
    return TensorValue(dtype, np.array(values, dtype))


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (tensor(1.0, NAN, INF), tensor(1.00001, NAN, INF)),
        (tensor(1, 2, dtype="int64"), tensor(1, 2, dtype="int64")),
        (tensor(1 + 2j, dtype="complex64"), tensor(1 + 2j, dtype="complex64")),
        ((tensor(1.0), None, [2, 3.0]), (tensor(1.0), None, [2, 3.0])),
        ({"a": tensor(1.0), "b": "text"}, {"b": "text", "a": tensor(1.0)}),
        (NAN, NAN),
        (np.ones(3), np.ones(3)),
        (False, False),
        (0, 0),
    ],
)
def test_equal(expected: Any, actual: Any) -> None:
    assert differences(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        (tensor(1.0, 2.0), tensor(1.0, 2.001), "y: 2.0 in torch, 2.00"),
        (tensor(0.0), tensor(1e-3), "y: 0.0 in torch, 0.001"),
        (tensor(NAN), tensor(0.0), "y: nan in torch, 0.0"),
        (tensor(INF), tensor(-INF), "y: inf in torch, -inf"),
        (tensor(1.0), tensor(1.0, dtype="float64"), "dtype float32 in torch, float64 in MindSpore"),
        (tensor(1, dtype="int64"), tensor(1, dtype="int32"), "dtype int64 in torch, int32"),
        (tensor(1.0, 2.0), TensorValue("float32", np.ones((2, 1), "float32")), "shape (2,) in torch, (2, 1)"),
        (tensor(1.0), TensorValue("float32", np.ones((), "float32")), "shape (1,) in torch, () in MindSpore"),
        (tensor(3, dtype="int64"), tensor(4, dtype="int64"), "y: 3 in torch, 4 in MindSpore at [0]"),
        (tensor(1.0), np.ones(1, "float32"), "tensor in torch, numpy array in MindSpore"),
        (tensor(1.0), 1.0, "tensor in torch, float in MindSpore"),
        (1, 1.0, "int in torch, float in MindSpore"),
        (True, 1, "bool in torch, int in MindSpore"),
        ((1, 2), [1, 2], "tuple in torch, list in MindSpore"),
        ((1, 2), (1, 2, 3), "2 items in torch, 3 in MindSpore"),
        ((1, (2, 3)), (1, (2, 4)), "y[1][1]: 3 in torch, 4 in MindSpore"),
        ({"a": 1}, {"b": 1}, "y['a']: only in torch"),
        ({"a": 1}, {"a": 1, "b": 1}, "y['b']: only in MindSpore"),
        ("a", "b", "'a' in torch, 'b' in MindSpore"),
        ((1, None), (1, tensor(1.0)), "None in torch, tensor in MindSpore"),
        (tensor(1.0), Foreign("torch.Tensor"), "a torch.Tensor is no value that can be compared"),
        ([1, Foreign("x.Y")], [1, Foreign("x.Y")], "a x.Y is no value"),
    ],
)
def test_different(expected: Any, actual: Any, words: str) -> None:
    found = differences(expected, actual)
    assert found, "the difference was not seen"
    assert words in " ".join(found)


@pytest.mark.parametrize("empty", [None, (), [], {}, (None, []), {"a": None}, tensor(), [np.ones((0, 3))]])
def test_an_empty_result_proves_nothing(empty: Any) -> None:
    assert differences(empty, empty) == ["y: torch's result is empty, it proves nothing"]
    assert differences(tensor(1.0), empty) == ["y: MindSpore's result is empty, it proves nothing"]


def test_a_torch_object_is_no_result() -> None:
    torch = pytest.importorskip("torch")
    assert differences(torch.ones(1), torch.ones(1)) == ["y: a torch.Tensor is no value that can be compared"]


def test_shape_only() -> None:
    shapes = Tolerance(values=False)
    assert differences((tensor(1.0), 2.0, 3), (tensor(5.0), 6.0, 7), shapes) == []
    assert differences(tensor(1.0), tensor(1.0, 2.0), shapes)
    assert differences(tensor(1.0), tensor(1, dtype="int64"), shapes)
    assert differences(tensor(), tensor(), shapes) == []


def test_tolerance_is_the_proof_s_own() -> None:
    assert differences(tensor(1.0), tensor(1.01), Tolerance(rtol=0.1)) == []
    assert differences(tensor(1.0), tensor(1.00005), Tolerance(rtol=1e-6, atol=0))
