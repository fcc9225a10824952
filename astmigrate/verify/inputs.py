"""Makes a proof's inputs from their spec strings, such as ``"f32[2, 3] 0..1"``; see api_tables/README.md."""

from __future__ import annotations

import re
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from astmigrate.model import TableError
from astmigrate.tables import Proof
from astmigrate.verify.compare import TensorValue

_SPEC = re.compile(r"^(\w+)\[([\d\s,]*)\](?:\s+(\S+)\.\.(\S+))?$")
_DTYPES = {
    "f16": "float16", "f32": "float32", "f64": "float64", "bf16": "bfloat16",
    "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "u8": "uint8",
    "c64": "complex64", "c128": "complex128", "bool": "bool",
}  # fmt: skip


def make_inputs(proof: Proof, seed: int) -> dict[str, TensorValue]:
    """The proof's tensors, the same for the same seed; each has its own stream, whatever stands beside it."""
    return {name: make_input(spec, seed ^ zlib.crc32(name.encode())) for name, spec in proof.inputs.items()}


def make_input(spec: str, seed: int) -> TensorValue:
    """One tensor; without a range floats are normal, integers below 10, bools even chances."""
    match = _SPEC.match(spec.strip())
    if not match or match[1] not in _DTYPES:
        raise TableError(f"input {spec!r} is no spec such as 'f32[2, 3]' or 'i64[4] 0..10'")
    dtype = _DTYPES[match[1]]
    shape = tuple(int(size) for size in match[2].split(",") if size.strip())
    random = np.random.default_rng(seed)
    values = _draw(random, dtype, shape, match[3], match[4])
    return TensorValue(dtype, np.asarray(values, "float32" if dtype == "bfloat16" else dtype))


def _draw(
    random: np.random.Generator, dtype: str, shape: tuple[int, ...], low: str | None, high: str | None
) -> npt.NDArray[Any]:
    if dtype == "bool":
        return np.asarray(random.random(shape) < 0.5)
    if "int" in dtype:
        return np.asarray(random.integers(int(low or 0), int(high or 10), shape))
    if low is not None and high is not None:
        values = random.uniform(float(low), float(high), shape)
    else:
        values = random.standard_normal(shape)
    if dtype == "bfloat16":  # representable in both, so that neither side rounds first
        return _as_bfloat16(np.asarray(values))
    return np.asarray(values + 1j * random.standard_normal(shape) if "complex" in dtype else values)


def _as_bfloat16(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    bits = np.ascontiguousarray(values, "float32").view("uint32") & np.uint32(0xFFFF0000)
    return np.asarray(bits.view("float32"))
