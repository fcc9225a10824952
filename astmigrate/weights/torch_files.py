"""Reads PyTorch's .pth and .pt without running anything in them, and writes them.

torch.load(weights_only=True): https://docs.pytorch.org/docs/stable/generated/torch.load.html
"""

from __future__ import annotations

import pickle
import re
import struct
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from astmigrate.weights.entries import Array, Entry, carrier, is_known
from astmigrate.weights.failures import WeightsError, framework

# dtypes that numpy lacks → the torch dtype through which their bits go to numpy and back
_CARRIED = {"bfloat16": "int16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
# What torch's unpickler stumbles over in a file that is cut off or damaged, beside its own error.
_DAMAGE = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError, AssertionError),
    struct.error,
)
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"


def is_torch(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a zip, pickle or tar of torch.save."""
    return start.startswith((_ZIP, _PICKLE)) or start[257:262] == b"ustar"


def read_torch(path: Path) -> Any:
    """What torch.save put into the file, tensors mapped from it where its form allows that."""
    torch, harmless = framework("torch"), _data_only()
    with path.open("rb") as file:
        zipped = file.read(4) == _ZIP
    try:
        with torch.serialization.safe_globals(harmless):
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{path}: {_refusal(str(error))}") from error
    except _DAMAGE as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(f"{path}: is cut off or damaged, torch cannot read it: {reason}") from error


def _data_only() -> list[Any]:
    """Classes beside tensors that training scripts save and that only hold data."""
    np = framework("numpy")
    scalar = np.float64(0).__reduce__()[0]  # what numpy's numbers are unpickled by
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    dtypes = {type(np.dtype(code)) for code in np.typecodes["All"]}
    return [Namespace, np.dtype, *names, *sorted(dtypes, key=str)]


def _refusal(message: str) -> str:
    """torch's refusal in short; its own words go on about how to load the file all the same."""
    found = re.search(r"GLOBAL (\S+)", message)
    if found:
        return (
            f"holds the Python object {found[1]}, which is not loaded, for that could run code; "
            "save its state_dict() in PyTorch and convert that"
        )
    told = re.search(r"(?:WeightsUnpickler error|Trying to): *(.*)", message)
    reason = told[1] if told else message.strip().partition("\n")[0]
    return f"is damaged, or holds code, which is not run: {reason}"


def tensor_entry(name: str, tensor: Any) -> Entry | str:
    """A torch tensor as an entry, or the reason why it cannot be one."""
    torch = framework("torch")
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided or tensor.is_quantized or not is_known(dtype):
        kind = "quantised" if tensor.is_quantized else str(tensor.layout).removeprefix("torch.")
        return f"a {kind} tensor of {dtype} cannot be converted"

    def read() -> Array:
        plain = tensor.detach().contiguous()
        array: Array = (
            plain.view(getattr(torch, _CARRIED[dtype])).numpy() if dtype in _CARRIED else plain.numpy()
        )
        return array.view(carrier(dtype))

    memory = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride())) if tensor.numel() else None
    return Entry(name, dtype, tuple(tensor.shape), read, memory)


def is_tensor(value: Any) -> bool:
    """Whether this is a torch tensor; torch is there if it can be one."""
    return isinstance(value, framework("torch").Tensor)


def write_torch(path: Path, entries: Iterable[Entry]) -> None:
    """Writes a state dict; tensors that shared their memory share it again."""
    torch = framework("torch")
    state: OrderedDict[str, Any] = OrderedDict()
    shared: dict[Any, Any] = {}
    for entry in entries:
        known = shared.get(entry.storage) if entry.storage is not None else None
        if known is None:
            known = _tensor(torch, entry)
            shared[entry.storage] = known
        state[entry.name] = known
    with path.open("wb") as file:
        torch.save(state, file)


def _tensor(torch: Any, entry: Entry) -> Any:
    np = framework("numpy")
    array = np.array(entry.read())  # torch wants memory that it may write to
    if entry.dtype not in _CARRIED:
        return torch.from_numpy(array)
    return torch.from_numpy(array.view(_CARRIED[entry.dtype])).view(getattr(torch, entry.dtype))
