"""Elementwise arithmetic with torch's extra arguments."""

from __future__ import annotations

from mindspore import Tensor, ops


def round_decimals(input: Tensor, decimals: int = 0) -> Tensor:
    """``torch.round`` to decimals; the CPU kernel of ``ops.round`` rounds to whole numbers only."""
    scale = 10.0**decimals
    return ops.round(input) if decimals == 0 else ops.round(input * scale) / scale


def add_scaled(input: Tensor | float, other: Tensor | float, alpha: float = 1) -> Tensor:
    """``torch.add`` with its ``alpha``."""
    return input + alpha * other


def sub_scaled(input: Tensor | float, other: Tensor | float, alpha: float = 1) -> Tensor:
    """``torch.sub`` with its ``alpha``."""
    return input - alpha * other


def fmin(input: Tensor, other: Tensor) -> Tensor:
    """``torch.fmin``: the smaller one, or the one that is a number."""
    smaller = ops.where(ops.isnan(input), other, ops.minimum(input, other))
    return ops.where(ops.isnan(other), input, smaller)
