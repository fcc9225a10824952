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
