"""Moving elements: rolls, squeezes, diagonals, sliding and repeated elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops


def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """``torch.roll``: elements that leave at one end of a dimension come back at the other."""
    if dims is None:
        return roll(input.reshape(-1), shifts, 0).reshape(input.shape)
    shifts = (shifts,) if isinstance(shifts, int) else shifts
    dims = (dims,) if isinstance(dims, int) else dims
    for shift, dim in zip(shifts, dims, strict=True):
        size = input.shape[dim]
        cut = (-shift) % size if size else 0
        if cut:
            head, tail = ops.split(input, (cut, size - cut), dim)
            input = ops.cat((tail, head), dim)
    return input


def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """``torch.squeeze`` along dimensions: those that are longer than 1 stay."""
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    single = tuple(axis for axis in dims if input.shape[axis] == 1)
    return ops.squeeze(input, single) if single else input


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """``torch.diag``: the matrix with that diagonal, or the diagonal of a matrix."""
    return ops.diag_embed(input, diagonal) if input.ndim == 1 else ops.diagonal(input, diagonal)


def repeat_counts(repeats: Tensor) -> Tensor:
    """``torch.repeat_interleave(repeats)``: every index as often as its count says."""
    return ops.repeat_interleave(ops.arange(repeats.shape[0]), repeats, 0).astype(ms.int64)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """``torch.select``: one element along a dimension, which goes."""
    axis, size = dim % input.ndim, input.shape[dim]
    return ops.narrow(input, axis, index % size, 1).squeeze(axis)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """``torch.broadcast_tensors``: all as large as their common shape."""
    rank = max(tensor.ndim for tensor in tensors)
    shapes = [(1,) * (rank - tensor.ndim) + tensor.shape for tensor in tensors]
    shape = tuple(0 if 0 in sizes else max(sizes) for sizes in zip(*shapes))
    return tuple(ops.broadcast_to(tensor, shape) for tensor in tensors)


def view_as_complex(input: Tensor) -> Tensor:
    """``torch.view_as_complex``: the last dimension holds real and imaginary parts."""
    return ops.Complex()(input[..., 0], input[..., 1])


def python_number(value: Any) -> Any:
    """A number of numpy's as Python's, an array as a tensor: beside a tensor they would make it numpy's."""
    if isinstance(value, np.ndarray) and value.ndim:
        return Tensor(value)
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value


def real_part(input: Any) -> Any:
    """``x.real`` of a tensor, an array or a number."""
    return input.real() if isinstance(input, Tensor) else input.real


def imaginary_part(input: Any) -> Any:
    """``x.imag`` of a tensor, an array or a number."""
    return input.imag() if isinstance(input, Tensor) else input.imag


def magnitude(input: Tensor) -> Tensor:
    """``torch.abs`` of what may be complex: MindSpore's is complex then, too."""
    found = ops.abs(input)
    return found.real() if ops.is_complex(found) else found


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, alpha: float = 1) -> Tensor:
    """``torch.index_add``: whole slices are added at the indices."""
    shape = [1] * input.ndim
    shape[dim] = -1
    places = ops.broadcast_to(index.reshape(shape), source.shape)
    return ops.tensor_scatter_elements(input, places, source * alpha, dim, "add")


def bucketize(input: Tensor, boundaries: Tensor, out_int32: bool = False, right: bool = False) -> Tensor:
    """``torch.bucketize``: the number of boundaries below each element, or not above it."""
    elements = input.expand_dims(-1)
    below = ops.greater_equal(elements, boundaries) if right else ops.greater(elements, boundaries)
    return ops.sum(below.astype(ms.int64), -1).astype(ms.int32 if out_int32 else ms.int64)


def diff(input: Tensor, n: int = 1, dim: int = -1) -> Tensor:
    """``torch.diff`` of any order; ``ops.diff`` is of the first."""
    for _ in range(n):
        input = ops.diff(input, 1, dim)
    return input


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """``torch.searchsorted`` of numbers and of tensors of two dtypes; a sorter has no CPU kernel."""
    ordered = sorted_sequence if sorter is None else ops.gather_elements(sorted_sequence, -1, sorter)
    values = input if isinstance(input, Tensor) else Tensor(input)
    if values.dtype != ordered.dtype:
        ordered, values = ordered.astype(ms.float32), values.astype(ms.float32)
    flat = values.reshape(values.shape or (1,))
    found = ops.searchsorted(ordered, flat, right=right or side == "right").reshape(values.shape)
    return found.astype(ms.int32) if out_int32 else found
