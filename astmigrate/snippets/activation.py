"""Activations whose operators take less than torch's."""

from __future__ import annotations

from typing import Any

from mindspore import Tensor, ops


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``torch.nn.functional.elu``; ``ops.elu`` takes an alpha of 1 only."""
    return ops.relu(input) + alpha * ops.expm1(ops.minimum(input, ops.zeros_like(input)))


def implicit_softmax(input: Tensor, log: bool = False, dtype: Any = None) -> Tensor:
    """``softmax`` without a dim: the first of 0, 1 and 3 dimensions, else the second."""
    axis = 0 if input.ndim in (0, 1, 3) else 1
    input = input if dtype is None else input.astype(dtype)
    return ops.log_softmax(input, axis) if log else ops.softmax(input, axis)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """``torch.nn.functional.selu``; the gradient of ``ops.selu`` is wrong on CPU."""
    return 1.0507009873554805 * elu(input, 1.6732632423543772)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``torch.nn.functional.softmax``, whose dim may be left out."""
    return implicit_softmax(input, dtype=dtype) if dim is None else ops.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``torch.nn.functional.log_softmax``, whose dim may be left out."""
    if dim is None:
        return implicit_softmax(input, True, dtype)
    return ops.log_softmax(input if dtype is None else input.astype(dtype), dim)
