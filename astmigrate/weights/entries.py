"""A tensor of a checkpoint before it is read: name, dtype, shape, and how to get its numbers.

Numbers travel as numpy arrays. numpy has no bfloat16 and no float8: those travel as the unsigned integers
that have their bits, so that every dtype arrives as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from astmigrate.weights.failures import framework
from astmigrate.weights.layers import Shape

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]
else:
    Array = Any

# torch's name of a dtype → that of safetensors, of MindSpore, and the numpy type that carries its bits.
_DTYPES = {
    "float64": ("F64", "Float64", "float64"),
    "float32": ("F32", "Float32", "float32"),
    "float16": ("F16", "Float16", "float16"),
    "bfloat16": ("BF16", "BFloat16", "uint16"),
    "int64": ("I64", "Int64", "int64"),
    "int32": ("I32", "Int32", "int32"),
    "int16": ("I16", "Int16", "int16"),
    "int8": ("I8", "Int8", "int8"),
    "uint64": ("U64", "UInt64", "uint64"),
    "uint32": ("U32", "UInt32", "uint32"),
    "uint16": ("U16", "UInt16", "uint16"),
    "uint8": ("U8", "UInt8", "uint8"),
    "bool": ("BOOL", "Bool", "bool"),
    "complex64": ("C64", "Complex64", "complex64"),
    "complex128": ("", "Complex128", "complex128"),
    "float8_e4m3fn": ("F8_E4M3", "", "uint8"),
    "float8_e5m2": ("F8_E5M2", "", "uint8"),
}
SAFETENSORS = {name: codes[0] for name, codes in _DTYPES.items() if codes[0]}
MINDSPORE = {name: codes[1] for name, codes in _DTYPES.items() if codes[1]}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor. ``storage`` is equal for tensors that share their memory, None where that is not known."""

    name: str
    dtype: str
    shape: Shape
    read: Callable[[], Array]
    storage: Hashable = None


def carrier(dtype: str) -> Any:
    """The numpy dtype that carries the bits of ``dtype``."""
    return framework("numpy").dtype(_DTYPES[dtype][2])


def is_known(dtype: str) -> bool:
    """Whether tensors of this dtype can be carried."""
    return dtype in _DTYPES


def to_float32(array: Array, dtype: str) -> Array:
    """The numbers as float32, float64 left as it is."""
    np = framework("numpy")
    if dtype == "bfloat16":
        widened: Array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return widened
    return array if dtype == "float64" else array.astype(np.float32)


def from_float32(array: Array, dtype: str) -> Array:
    """The reverse of ``to_float32``; bfloat16 is rounded to nearest, ties to even."""
    np = framework("numpy")
    if dtype == "bfloat16":
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
        rounded: Array = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(
            16
        )
        return rounded.astype(np.uint16)
    return array.astype(carrier(dtype))
