"""Mathematics that MindSpore lacks on CPU, or has in fewer forms than torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import Tensor, ops


def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """``torch.ormqr``: ``other`` times the whole Q of a QR factorization, which has no CPU kernel."""
    rows, columns = input.shape[-2:]
    square = ops.zeros((*input.shape[:-2], rows, rows), input.dtype)
    square[..., :columns] = input
    scales = ops.zeros((*tau.shape[:-1], rows), tau.dtype)
    scales[..., : tau.shape[-1]] = tau
    q = ops.orgqr(square, scales)
    q = q.swapaxes(-2, -1) if transpose else q
    return ops.matmul(q, other) if left else ops.matmul(other, q)


def cond(A: Tensor, p: str | float | None = None) -> Tensor:
    """``torch.linalg.cond``; with singular values also of matrices that are not square."""
    if p not in (None, 2, -2):
        return ops.cond(A, p)
    values = ops.svd(A, compute_uv=False)
    largest, smallest = values[..., 0], values[..., -1]
    return smallest / largest if p == -2 else largest / smallest


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """``torch.vander``: the powers of a vector as columns, the highest first."""
    powers = range(x.shape[0] if N is None else N)
    columns = [ops.ones_like(x) if power == 0 else x**power for power in powers]
    return ops.stack(columns if increasing else columns[::-1], 1)


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """``torch.nextafter``; the CPU kernel of ``ops.nextafter`` leaves float32 as it is."""
    return Tensor(np.nextafter(input.asnumpy(), other.asnumpy()))


def is_signed(input: Tensor) -> bool:
    """``torch.Tensor.is_signed``; MindSpore's own fails."""
    return bool(input.dtype.is_floating_point or str(input.dtype).startswith(("Int", "Complex")))


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1, dim: int = -1) -> Tensor:
    """``torch.trapezoid``: ``ops.trapz`` gives float32 whatever it gets."""
    y = ops.movedim(y, dim, -1)
    heights = y[..., 1:] + y[..., :-1]
    if x is None:
        return heights.sum(-1) * (dx / 2)
    x = x if x.ndim == 1 else ops.movedim(x, dim, -1)
    return (heights * (x[..., 1:] - x[..., :-1])).sum(-1) / 2


def each_tensor(function: Callable[[Any], Tensor], *tensors: Any) -> Any:
    """The function of a tensor, or of each of several or of a list of them, as a tuple."""
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return function(tensors[0])
    return tuple(function(tensor) for tensor in (tensors if len(tensors) > 1 else tensors[0]))
