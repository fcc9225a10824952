"""Inputs made from their descriptions, and outputs as flat lists of arrays and plain values."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Leaves = dict[str, Any]

_SPEC = re.compile(r"(?P<dtype>[a-z]+\d*)\[(?P<shape>[\d, ]*)\](?: (?P<low>-?[\d.]+)\.\.(?P<high>-?[\d.]+))?")
_DTYPES = {
    "f16": np.float16, "f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64, "u8": np.uint8,
    "bool": np.bool_, "c64": np.complex64,
}  # fmt: skip


def make_inputs(specs: Mapping[str, str], name: str) -> dict[str, Array]:
    """Random arrays as ``"f32[2, 3] 0..1"`` describes them, always the same for the same name."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return {key: _make(spec, random) for key, spec in specs.items()}


def _make(spec: str, random: np.random.Generator) -> Array:
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise ValueError(f"input {spec!r} is not like 'f32[2, 3] 0..1'")
    shape = tuple(int(size) for size in match["shape"].split(",") if size.strip())
    dtype = np.dtype(_DTYPES[match["dtype"]])
    low, high = (None if match[end] is None else float(match[end]) for end in ("low", "high"))
    if dtype.kind == "b":
        values: Array = random.random(shape) < 0.5
    elif dtype.kind in "iu":
        values = random.integers(int(low or 0), int(high if high is not None else 10), shape)
    elif low is not None and high is not None:
        values = random.uniform(low, high, shape)
    else:
        values = random.standard_normal(shape)
    return values.astype(dtype)


def leaves(value: Any, to_array: Callable[[Any], Array | None], path: str = "y") -> Iterator[tuple[str, Any]]:
    """The arrays and plain values in nested tuples, lists and dicts, each with its path."""
    array = to_array(value)
    if array is not None:
        yield path, array
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, to_array, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        yield f"len({path})", len(value)
        for index, item in enumerate(value):
            yield from leaves(item, to_array, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, bool | int | float | str | None) else str(value)


def save(folder: Path, name: str, found: Leaves) -> None:
    """Writes leaves as ``NAME.npz`` (arrays) and ``NAME.json`` (plain values, and the order)."""
    arrays = {f"a{i}": value for i, value in enumerate(found.values()) if isinstance(value, np.ndarray)}
    np.savez(folder / f"{name}.npz", **arrays)
    numbered = enumerate(found.items())
    order = [[path, f"a{i}" in arrays, None if f"a{i}" in arrays else v] for i, (path, v) in numbered]
    (folder / f"{name}.json").write_text(json.dumps(order), encoding="utf-8")


def load(folder: Path, name: str) -> Leaves:
    """Reads what ``save`` wrote."""
    order = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(folder / f"{name}.npz") as arrays:
        return {path: arrays[f"a{i}"] if is_array else v for i, (path, is_array, v) in enumerate(order)}


def differences(expected: Leaves, found: Leaves, tolerance: float = 1e-4) -> list[str]:
    """What differs: structure, plain values, shapes, dtypes, and values beyond tolerance · max(1, max|y|)."""
    if list(expected) != list(found):
        return [f"structure: {list(expected)} became {list(found)}"]
    lines = (_difference(path, want, found[path], tolerance) for path, want in expected.items())
    return [line for line in lines if line]


def _difference(path: str, want: Any, have: Any, tolerance: float) -> str:
    if not (isinstance(want, np.ndarray) and isinstance(have, np.ndarray)):
        floats = isinstance(want, float) and isinstance(have, float)
        return (
            ""
            if want == have or (floats and abs(want - have) < tolerance)
            else f"{path}: {want!r} became {have!r}"
        )
    if want.shape != have.shape or want.dtype != have.dtype:
        return f"{path}: {want.dtype}{list(want.shape)} became {have.dtype}{list(have.shape)}"
    if want.dtype.kind not in "fc":
        count = int(np.sum(want != have))
        return f"{path}: {count} of {want.size} values differ" if count else ""
    finite = np.isfinite(want)
    if not np.array_equal(want[~finite], have[~finite], equal_nan=True):
        return f"{path}: infinities or NaN differ"
    gap = largest(want[finite] - have[finite])
    limit = tolerance * max(1.0, largest(want[finite]))
    return "" if gap <= limit else f"{path}: differs by {gap:.3g}, allowed is {limit:.3g}"


def largest(values: Array) -> float:
    """The largest magnitude; 0 of nothing."""
    return float(np.max(np.abs(values), initial=0.0))
