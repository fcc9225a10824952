"""Compares what torch computed with what its migration computed: by value, dtype, shape and structure.

A result is a tree of tuples, lists and dicts whose leaves are tensors, numpy arrays, numbers, strings
and None. A leaf of any other type is never equal to anything, so a torch object that survived the
migration cannot pass for a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class TensorValue:
    """A tensor of either framework; ``dtype`` has the name both use, for numpy has no bfloat16."""

    dtype: str
    values: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Foreign:
    """What stands in a result for an object that is no value: the qualified name of its type."""

    type: str


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart two numbers may be; ``values`` is False where only dtype and shape must agree."""

    rtol: float = 1e-4
    atol: float = 1e-5
    values: bool = True


def differences(expected: Any, actual: Any, tolerance: Tolerance | None = None, name: str = "y") -> list[str]:
    """Every difference between the two trees in words; also whatever makes the comparison worthless."""
    tolerance = tolerance or Tolerance()
    for side, tree in (("torch", expected), ("MindSpore", actual)):
        if is_empty(tree, tolerance.values):
            return [f"{name}: {side}'s result is empty, it proves nothing"]
    return _tree(expected, actual, tolerance, name)


def is_empty(tree: Any, values: bool = True) -> bool:
    """Whether the tree has no leaf that could differ; an array without elements has no values."""
    if isinstance(tree, dict):
        return all(is_empty(item, values) for item in tree.values())
    if isinstance(tree, list | tuple):
        return all(is_empty(item, values) for item in tree)
    if isinstance(tree, TensorValue):
        return is_empty(tree.values, values)
    if isinstance(tree, np.ndarray):
        return values and tree.size == 0
    return tree is None


def _tree(expected: Any, actual: Any, tolerance: Tolerance, name: str) -> list[str]:
    for value in (expected, actual):
        foreign = _foreign(value)
        if foreign:
            return [f"{name}: a {foreign} is no value that can be compared"]
    if _word(expected) != _word(actual):
        return [f"{name}: {_word(expected)} in torch, {_word(actual)} in MindSpore"]
    if isinstance(expected, dict):
        return _dicts(expected, actual, tolerance, name)
    if isinstance(expected, list | tuple):
        if len(expected) != len(actual):
            return [f"{name}: {len(expected)} items in torch, {len(actual)} in MindSpore"]
        pairs = enumerate(zip(expected, actual, strict=True))
        return [word for i, (e, a) in pairs for word in _tree(e, a, tolerance, f"{name}[{i}]")]
    if isinstance(expected, TensorValue):
        return _arrays(expected.values, actual.values, expected.dtype, actual.dtype, tolerance, name)
    if isinstance(expected, np.ndarray):
        return _arrays(expected, actual, str(expected.dtype), str(actual.dtype), tolerance, name)
    if isinstance(expected, float | complex):
        pair = np.asarray(expected), np.asarray(actual)
        return _values(*pair, tolerance, name) if tolerance.values else []
    if tolerance.values and expected != actual:
        return [f"{name}: {expected!r} in torch, {actual!r} in MindSpore"]
    return []


def _dicts(expected: dict[Any, Any], actual: dict[Any, Any], tolerance: Tolerance, name: str) -> list[str]:
    found = [f"{name}[{key!r}]: only in torch" for key in expected if key not in actual]
    found += [f"{name}[{key!r}]: only in MindSpore" for key in actual if key not in expected]
    for key, value in expected.items():
        if key in actual:
            found += _tree(value, actual[key], tolerance, f"{name}[{key!r}]")
    return found


def _arrays(
    expected: npt.NDArray[Any],
    actual: npt.NDArray[Any],
    expected_dtype: str,
    actual_dtype: str,
    tolerance: Tolerance,
    name: str,
) -> list[str]:
    found = []
    if expected_dtype != actual_dtype:
        found.append(f"{name}: dtype {expected_dtype} in torch, {actual_dtype} in MindSpore")
    if expected.shape != actual.shape:
        found.append(f"{name}: shape {expected.shape} in torch, {actual.shape} in MindSpore")
    elif tolerance.values:
        found += _values(expected, actual, tolerance, name)
    return found


def _values(
    expected: npt.NDArray[Any], actual: npt.NDArray[Any], tolerance: Tolerance, name: str
) -> list[str]:
    """NaN equals NaN and each infinity itself; integers and bools must be equal exactly."""
    kinds = expected.dtype.kind + actual.dtype.kind
    if not set(kinds) & set("fc"):
        wrong = expected != actual
    elif set(kinds) - set("biufc"):
        return [f"{name}: arrays of {expected.dtype} and {actual.dtype} cannot be compared"]
    else:
        with np.errstate(invalid="ignore"):
            close = np.isclose(actual, expected, tolerance.rtol, tolerance.atol, equal_nan=True)
        wrong = ~close
    count = int(np.count_nonzero(wrong))
    if not count:
        return []
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f" at {list(at)}" if at else ""
    how_many = f"; {count} of {expected.size} values differ" if expected.size > 1 else ""
    return [f"{name}: {expected[at]} in torch, {actual[at]} in MindSpore{where}{how_many}"]


_WORDS = {TensorValue: "tensor", np.ndarray: "numpy array", type(None): "None"}


def _word(value: Any) -> str:
    """The kind of a node; subclasses (OrderedDict, named tuples) count as what they are built on."""
    for kind in (bool, int, float, complex, str, dict, list, tuple, *_WORDS):
        if isinstance(value, kind):
            return _WORDS.get(kind, kind.__name__)
    return type(value).__name__


def _foreign(value: Any) -> str:
    if isinstance(value, Foreign):
        return value.type
    known = (bool, int, float, complex, str, dict, list, tuple, *_WORDS)
    return "" if isinstance(value, known) else f"{type(value).__module__}.{type(value).__qualname__}"
