"""Reads and writes .safetensors, tensor by tensor, without any framework.

The format: https://github.com/huggingface/safetensors#format (8 bytes length, a JSON header, the data).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from astmigrate.weights.entries import SAFETENSORS, Array, Entry, carrier
from astmigrate.weights.failures import WeightsError, framework

_NAMES = {code: name for name, code in SAFETENSORS.items()}
_LONGEST_HEADER = 100_000_000


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins with these bytes is one."""
    return (
        len(start) > 8 and start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= _LONGEST_HEADER
    )


def read_safetensors(path: Path) -> tuple[list[Entry], Mapping[str, str]]:
    """The tensors of a file, in the order of their data, and its metadata."""
    header, start = _header(path)
    metadata = header.pop("__metadata__", None) or {}
    end = path.stat().st_size - start
    entries = [_entry(path, name, value, start, end) for name, value in header.items()]
    by_place = sorted(entries, key=lambda entry: header[entry.name]["data_offsets"])
    return by_place, metadata


def _header(path: Path) -> tuple[dict[str, Any], int]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, _LONGEST_HEADER):
            raise WeightsError(
                f"{path}: is cut off or no .safetensors file: its header should have {length} bytes"
            )
        text = file.read(length)
    try:
        header = json.loads(text)
    except ValueError as error:
        raise WeightsError(f"{path}: its header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise WeightsError(f"{path}: its header is not an object")
    return header, 8 + length


def _entry(path: Path, name: str, value: Any, start: int, end: int) -> Entry:
    try:
        code, shape, (first, last) = value["dtype"], tuple(map(int, value["shape"])), value["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise WeightsError(f"{path}: the header's entry of {name} is broken: {value!r}") from error
    if code not in _NAMES:
        raise WeightsError(f"{path}: {name} has dtype {code}, which cannot be converted")
    dtype = carrier(_NAMES[code])
    if not 0 <= first <= last <= end:
        raise WeightsError(
            f"{path}: is cut off: {name} should end at byte {last} of the data, the file at {end}"
        )
    if last - first != prod(shape) * dtype.itemsize or any(size < 0 for size in shape):
        raise WeightsError(f"{path}: {name} has {last - first} bytes, which is not {_NAMES[code]} {shape}")

    def read() -> Array:
        np = framework("numpy")
        little = dtype.newbyteorder("<")
        array: Array = (
            np.memmap(path, little, "r", start + first, shape) if prod(shape) else np.zeros(shape, little)
        )
        return array

    return Entry(name, _NAMES[code], shape, read, (str(path), first, last, shape) if prod(shape) else None)


def write_safetensors(path: Path, entries: Sequence[Entry], framework_name: str) -> None:
    """Writes the tensors, reading one after the other; ``framework_name`` is "ms" or "pt"."""
    header: dict[str, Any] = {"__metadata__": {"format": framework_name}}
    at = 0
    # Sorted by the size of a number, so that each tensor's data is aligned for it.
    ordered = sorted(entries, key=lambda entry: -carrier(entry.dtype).itemsize)
    for entry in ordered:
        if entry.dtype not in SAFETENSORS:
            raise WeightsError(f"{entry.name}: .safetensors cannot hold {entry.dtype}")
        size = prod(entry.shape) * carrier(entry.dtype).itemsize
        header[entry.name] = {
            "dtype": SAFETENSORS[entry.dtype],
            "shape": entry.shape,
            "data_offsets": [at, at + size],
        }
        at += size
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.writelines(_bytes(ordered))


def _bytes(entries: Iterable[Entry]) -> Iterator[bytes | memoryview]:
    np = framework("numpy")
    for entry in entries:
        array = np.ascontiguousarray(entry.read(), carrier(entry.dtype).newbyteorder("<"))
        yield array.tobytes() if array.ndim == 0 else array.reshape(-1).view(np.uint8).data
