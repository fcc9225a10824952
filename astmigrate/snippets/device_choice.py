"""Which device the process uses, as PyTorch sets and asks it; MindSpore has one for the whole process.

https://docs.pytorch.org/docs/stable/accelerator.html
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import mindspore as ms

if TYPE_CHECKING:
    from astmigrate.snippets.devices import device


def set_device(device: Any) -> None:
    """``torch.cuda.set_device``: MindSpore takes it once, before the first tensor is made."""
    target = ms.get_context("device_target")
    index = device if isinstance(device, int) or device is None else index_of(device)
    if target != "CPU" and index is not None and index >= 0:
        ms.set_device(target, index)


def index_of(name: Any) -> int | None:
    """The index in ``"cuda:1"`` or in a device."""
    return device(name).index if isinstance(name, str) else name.index


def one_device(device: Any) -> contextlib.AbstractContextManager[None]:
    """``torch.cuda.device``: a block on another device, which stays on the one that the process has."""
    return contextlib.nullcontext()


def current_accelerator(check_available: bool = False) -> device | None:
    """``torch.accelerator.current_accelerator``: the device that is not the CPU, if there is one."""
    kinds = {"Ascend": "npu", "GPU": "cuda"}
    target = ms.get_context("device_target")
    return device(kinds[target]) if target in kinds else None
