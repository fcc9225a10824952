"""Whether gradients are recorded, as PyTorch switches it; and settings that MindSpore has not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mindspore as ms


class set_grad_enabled:
    """``torch.set_grad_enabled``: sets the mode at once; as a context or decorator it restores it."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.previous = ms.common.api._pynative_executor.enable_grad()
        ms.common.api._pynative_executor.set_enable_grad(mode)

    def __enter__(self) -> None:
        ms.common.api._pynative_executor.set_enable_grad(self.mode)

    def __exit__(self, *error: object) -> None:
        ms.common.api._pynative_executor.set_enable_grad(self.previous)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        ms.common.api._pynative_executor.set_enable_grad(self.previous)

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with set_grad_enabled(self.mode):
                return function(*args, **kwargs)

        return switched


def enable_grad(orig_func: Callable[..., Any] | None = None) -> Any:
    """``torch.enable_grad``: gradients are recorded, inside ``no_grad`` too; a context or a decorator."""
    enabled = set_grad_enabled(True)
    return enabled if orig_func is None else enabled(orig_func)


def inference_mode(mode: bool = True) -> set_grad_enabled:
    """``torch.inference_mode``: as ``no_grad``; with ``mode=False`` nothing changes."""
    recorded = ms.common.api._pynative_executor.enable_grad()
    return set_grad_enabled(recorded and not mode)


def ignore(*args: Any, **kwargs: Any) -> None:
    """A setting of PyTorch that MindSpore has not."""


def assert_that(condition: Any, message: Any = "") -> None:
    """``torch._assert``."""
    assert condition, message() if callable(message) else message


def check_that(condition: Any, message: Any = None) -> None:
    """``torch._check``: its error is a ``RuntimeError``."""
    if not condition:
        raise RuntimeError(message() if message is not None else "Expected cond to be True, but got False.")


def checkpoint(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``torch.utils.checkpoint.checkpoint`` without its saving of memory: the function is called."""
    own = ("use_reentrant", "context_fn", "determinism_check", "debug", "preserve_rng_state")
    return function(*args, **{name: value for name, value in kwargs.items() if name not in own})


class cudnn:
    """Settings of PyTorch's backends, which may be set and do nothing here."""
