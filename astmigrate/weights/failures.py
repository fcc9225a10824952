"""Why a conversion cannot start or go on; ``command`` turns these into messages and exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType


class WeightsError(Exception):
    """The checkpoint cannot be read or the result cannot be written (exit code 1)."""


class RequestError(WeightsError):
    """What was asked for does not make sense: a broken rules file, an unknown class, … (exit code 2)."""


_USED_FOR: Mapping[str, str] = {
    "torch": "PyTorch's .pth and .pt files",
    "mindspore": "MindSpore's .ckpt files",
    "numpy": "checkpoints",
}


def framework(name: str) -> ModuleType:
    """The module ``name``, imported now and not before; without it, the message that names the extra."""
    try:
        return import_module(name)
    except ImportError as error:
        used_for = _USED_FOR.get(name, name)
        raise RequestError(
            f"{used_for} need {name}, which cannot be imported here ({error}): "
            "pip install 'astmigrate[weights]'"
        ) from error
