"""``torch.nn.modules.utils``: one number as a tuple of several.

https://github.com/pytorch/pytorch/blob/main/torch/nn/modules/utils.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that makes tuples of ``n`` out of single values."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


def single(x: Any) -> tuple[Any, ...]:
    """A tuple of one."""
    return ntuple(1)(x)


def pair(x: Any) -> tuple[Any, ...]:
    """A tuple of two."""
    return ntuple(2)(x)


def triple(x: Any) -> tuple[Any, ...]:
    """A tuple of three."""
    return ntuple(3)(x)


def quadruple(x: Any) -> tuple[Any, ...]:
    """A tuple of four."""
    return ntuple(4)(x)
