"""A model's inputs from their specs, its outputs as flat lists, and how far two arrays are apart.

An output may be a tensor, or tuples, lists, dicts and dataclasses of tensors and plain values.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from astmigrate.model import TableError
from astmigrate.verify.compare import TensorValue
from astmigrate.verify.inputs import make_input
from astmigrate.verify.model_jobs import Gap

Array = npt.NDArray[Any]

_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.+)", re.DOTALL)
_SPEC = re.compile(r"\w+\s*\[[\d\s,]*\](\s+\S+\.\.\S+)?")


class InputError(ValueError):
    """An input's spec makes no sense."""


def make_inputs(specs: Sequence[str], seed: int) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword inputs: ``"f32[1, 3] 0..1"``, ``"mask=bool[2, 8]"``, or a plain ``"n=3"``."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for number, spec in enumerate(specs):
        match = _KEYWORD.fullmatch(spec.strip())
        text = match[2] if match else spec
        value = _make(text.strip(), seed ^ zlib.crc32((match[1] if match else str(number)).encode()))
        if match is None:
            if keywords:
                raise InputError(f"input {spec!r} is positional but follows a keyword")
            positional.append(value)
        elif match[1] in keywords:
            raise InputError(f"input {match[1]!r} is given twice")
        else:
            keywords[match[1]] = value
    return positional, keywords


def _make(text: str, seed: int) -> Any:
    if _SPEC.fullmatch(text):
        try:
            return make_input(text, seed)
        except (TableError, ValueError) as error:
            raise InputError(str(error)) from error
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise InputError(
            f"input {text!r} is neither like 'f32[1, 3, 64, 64]', 'i64[2, 8] 0..100' nor a plain value"
        ) from error


def leaves(
    value: Any, tensor: Callable[[Any], TensorValue | None], path: str = "y"
) -> Iterator[tuple[str, TensorValue | Any]]:
    """The tensors and plain values inside, each with its path; lengths too, for they may differ."""
    found = tensor(value)
    if found is None and isinstance(value, np.ndarray):
        found = TensorValue(str(value.dtype), value)
    if found is not None:
        yield path, found
    elif isinstance(value, Mapping):
        yield f"len({path})", len(value)
        for key, item in value.items():
            yield from leaves(item, tensor, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        yield f"len({path})", len(value)
        for index, item in enumerate(value):
            yield from leaves(item, tensor, f"{path}[{index}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name), tensor, f"{path}.{field.name}")
    else:
        plain = isinstance(value, bool | int | float | str | None)
        yield path, value if plain else f"a {type(value).__qualname__}"


def tensors(value: Any, tensor: Callable[[Any], TensorValue | None]) -> list[tuple[str, TensorValue]]:
    """Only the tensors of ``leaves``."""
    return [(path, leaf) for path, leaf in leaves(value, tensor) if isinstance(leaf, TensorValue)]


def gap(name: str, want: TensorValue, have: TensorValue, dtypes: bool = True) -> Gap:
    """How far ``have`` is from ``want``; infinities and NaN must stand at the same places.

    Integers and bools are compared as numbers: any difference is at least 1.
    """
    shape = tuple(want.values.shape)
    if shape != have.values.shape:
        word = f"shape {list(shape)} in PyTorch, {list(have.values.shape)} in MindSpore"
        return Gap(name, shape, word=word)
    if dtypes and want.dtype != have.dtype:
        return Gap(name, shape, word=f"dtype {want.dtype} in PyTorch, {have.dtype} in MindSpore")
    expected, actual = _wide(want.values), _wide(have.values)
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        return Gap(name, shape, word="infinities or NaN stand at other places")
    if not np.isfinite(actual[finite]).all():
        return Gap(name, shape, word="infinite or NaN only in MindSpore")
    apart = np.abs(expected[finite] - actual[finite])
    mean = float(apart.mean()) if apart.size else 0.0
    return Gap(name, shape, _largest(apart), mean, _largest(np.abs(expected[finite])))


def _wide(values: Array) -> Array:
    return values.astype("complex128" if values.dtype.kind == "c" else "float64")


def _largest(values: Array) -> float:
    return float(np.max(values, initial=0.0))
