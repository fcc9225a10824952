"""New tensors: values, sizes and random draws as torch takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops


def full(size: Sequence[int], fill_value: Any, dtype: Any = None, **ignored: Any) -> Tensor:
    """``torch.full``: without a dtype it is that of the value; ``ops.full`` would make it int64."""
    if dtype is None:
        dtype = Tensor(fill_value).dtype if not isinstance(fill_value, float) else ms.float32
    return ops.full(tuple(size), fill_value, dtype=dtype)


def bernoulli(input: Tensor, p: float | None = None) -> Tensor:
    """``torch.bernoulli``: ones with the probabilities in ``input``, or ``p`` for all."""
    draws = ops.rand(*input.shape)
    return (draws < (input if p is None else p)).astype(input.dtype)


def randperm(n: int, dtype: Any = None, **ignored: Any) -> Tensor:
    """``torch.randperm``, following ``mindspore.set_seed``; ``ops.randperm`` repeats itself."""
    return ops.argsort(ops.rand(n)).astype(dtype or ms.int64)


def logspace(
    start: float, end: float, steps: int, base: float = 10.0, dtype: Any = None, **ignored: Any
) -> Tensor:
    """``torch.logspace``: powers of the base with evenly spaced exponents."""
    return Tensor(np.power(float(base), np.linspace(start, end, steps)), dtype or ms.float32)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False) -> Tensor:
    """``torch.multinomial``: without replacement unless asked, int64."""
    return ops.multinomial(input, num_samples, replacement).astype(ms.int64)


def filled(size: tuple[Any, ...], value: float, dtype: Any = None, **ignored: Any) -> Tensor:
    """A tensor of one value; its size comes as numbers, as one sequence, or by keyword."""
    sizes: Any = ignored.get("size", size[0] if len(size) == 1 and not isinstance(size[0], int) else size)
    return (
        ops.full(tuple(sizes), value, dtype=dtype or ms.float32)
        if len(sizes)
        else Tensor(value, dtype or ms.float32)
    )


def zeros(*size: Any, **options: Any) -> Tensor:
    """``torch.zeros`` with torch's arguments; of its options only the dtype counts."""
    return filled(size, 0, **options)


def ones(*size: Any, **options: Any) -> Tensor:
    """``torch.ones`` with torch's arguments; of its options only the dtype counts."""
    return filled(size, 1, **options)


def empty(*size: Any, **options: Any) -> Tensor:
    """``torch.empty`` with torch's arguments, filled with zeros; of its options only the dtype counts."""
    return filled(size, 0, **options)


def hann_window(window_length: int, periodic: bool = True, dtype: Any = None, **ignored: Any) -> Tensor:
    """``torch.hann_window``, which is float32 where no dtype is given."""
    return ops.hann_window(window_length, periodic, dtype=dtype or ms.float32)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    dtype: Any = None,
    **ignored: Any,
) -> Tensor:
    """``torch.hamming_window``, which is float32 where no dtype is given."""
    return ops.hamming_window(window_length, periodic, alpha, beta, dtype=dtype or ms.float32)
