"""Reads and writes MindSpore's .ckpt.

https://www.mindspore.cn/docs/en/master/api_python/mindspore/mindspore.save_checkpoint.html
Measured with 2.10: save_checkpoint leaves out a tensor without elements, without a word, and writes complex
numbers that load_checkpoint then stumbles over; both are refused here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

from astmigrate.weights.entries import MINDSPORE, Array, Entry, carrier
from astmigrate.weights.failures import WeightsError, framework

_NAMES = {name.lower(): torch_name for torch_name, name in MINDSPORE.items()}


def _mindspore() -> Any:
    # Without it oneDNN picks a slow convolution on AVX-512 machines; it must be set before the import.
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    return framework("mindspore")


def read_ckpt(path: Path) -> list[Entry]:
    """The tensors of a MindSpore checkpoint."""
    ms = _mindspore()
    try:
        parameters = ms.load_checkpoint(str(path))
    except (ValueError, RuntimeError, TypeError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(f"{path}: MindSpore cannot read it: {reason}") from error
    return [_entry(name, value) for name, value in parameters.items() if not isinstance(value, str)]


def _entry(name: str, value: Any) -> Entry:
    short = str(value.dtype).rpartition(".")[2].lower()
    if short not in _NAMES:
        raise WeightsError(f"{name} has dtype {value.dtype}, which cannot be converted")
    dtype = _NAMES[short]

    def read() -> Array:
        np = framework("numpy")
        array: Array = np.ascontiguousarray(value.asnumpy()).reshape(value.shape).view(carrier(dtype))
        return array

    return Entry(name, dtype, tuple(value.shape), read)


def write_ckpt(path: Path, entries: Iterable[Entry]) -> None:
    """Writes a checkpoint that ``mindspore.load_checkpoint`` reads; ``path`` ends in .ckpt."""
    ms = _mindspore()
    saved = [{"name": entry.name, "data": _tensor(ms, entry)} for entry in entries]
    ms.save_checkpoint(saved, str(path))


def refused(entry: Entry, suffix: str) -> str:
    """Why MindSpore could not load the tensor from a file of this suffix, "" where it can."""
    if entry.dtype.startswith(("complex", "float8")):
        return f"MindSpore loads no {entry.dtype} from a checkpoint"
    if suffix == ".ckpt" and not prod(entry.shape):
        return "MindSpore's .ckpt cannot hold a tensor without elements; write .safetensors"
    return ""


def _tensor(ms: Any, entry: Entry) -> Any:
    np = framework("numpy")
    array = np.ascontiguousarray(entry.read()).reshape(entry.shape)
    if entry.dtype == "bfloat16":
        # numpy has no bfloat16 of its own; MindSpore brings one, and takes its arrays bit by bit.
        array = array.view(ms.Tensor(0.0, ms.bfloat16).asnumpy().dtype)
    return ms.Tensor.from_numpy(array)
