"""Tensor methods that MindSpore lacks, or has with another meaning or without a CPU kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mindspore as ms
from mindspore import Tensor, ops


def to(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """``torch.Tensor.to``: a dtype, a device, another tensor, or a device and a dtype."""
    dtype = kwargs.get("dtype")
    flags = [value for value in args if isinstance(value, bool)]
    for value in (*args, kwargs.get("other")):
        if isinstance(value, Tensor):
            dtype = value.dtype
        elif isinstance(value, ms.Type):
            dtype = value
    moved = input if dtype is None else input.astype(dtype)
    copied = kwargs.get("copy", len(flags) > 1 and flags[1])
    return moved.copy() if copied else moved


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """``torch.Tensor.unflatten``: one dim becomes several."""
    axis = dim % input.ndim
    return input.reshape((*input.shape[:axis], *sizes, *input.shape[axis + 1 :]))


def sliding_windows(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """``torch.Tensor.unfold``: windows of one dim, their elements in a new last dim."""
    axis = dimension % input.ndim
    starts = ops.arange(0, input.shape[axis] - size + 1, step)
    index = (starts.reshape((-1, 1)) + ops.arange(size)).reshape(-1)
    windows = input.index_select(axis, index)
    shape = (*input.shape[:axis], starts.shape[0], size, *input.shape[axis + 1 :])
    return windows.reshape(shape).movedim(axis + 1, -1)


def tensor_norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """``torch.Tensor.norm``: the p-norm of all elements along the dims, be they one or several."""
    if dtype is not None:
        input = input.astype(dtype)
    if p is None or p == "fro" or p == 2:
        return input.norm(dim=dim, keepdim=keepdim)
    axes = tuple(range(input.ndim)) if dim is None else dim
    if p == 0:
        return (input != 0).astype(input.dtype).sum(axes, keepdim)
    if p == math.inf:
        return ops.amax(input.abs(), axes, keepdim)
    if p == -math.inf:
        return ops.amin(input.abs(), axes, keepdim)
    if p == 1:
        return input.abs().sum(axes, keepdim)
    return input.abs().pow(p).sum(axes, keepdim).pow(1 / p)


def quantile(input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """``torch.Tensor.quantile`` with linear interpolation; NaN where the input has one."""
    values = input.reshape(-1) if dim is None else input
    axis = 0 if dim is None else dim
    ordered = ops.sort(values, axis)[0]
    invalid = values.isnan().any(axis)
    last = values.shape[axis] - 1
    found = []
    for quantity in q.reshape(-1).tolist() if isinstance(q, Tensor) else [q]:
        low = math.floor(quantity * last)
        start, end = (ordered.narrow(axis, k, 1).squeeze(axis) for k in (low, min(low + 1, last)))
        result = ops.where(invalid, math.nan, start + (end - start) * (quantity * last - low))
        if keepdim:
            result = result.reshape((1,) * input.ndim) if dim is None else result.unsqueeze(dim)
        found.append(result)
    return ops.stack(found) if isinstance(q, Tensor) and q.ndim else found[0]


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """``torch.Tensor.kthvalue``: the k-th smallest value along a dim and its index."""
    values, indices = ops.sort(input, dim)
    value, index = values.narrow(dim, k - 1, 1), indices.narrow(dim, k - 1, 1).astype(ms.int64)
    return (value, index) if keepdim else (value.squeeze(dim), index.squeeze(dim))


def scatter(input: Tensor, dim: int, index: Tensor, src: Any, reduce: str | None = None) -> Tensor:
    """``torch.Tensor.scatter``: ``src`` may be a number, and larger than ``index``."""
    if not isinstance(src, Tensor):
        src = ops.full(index.shape, src, dtype=input.dtype)
    src = src[tuple(slice(0, length) for length in index.shape)]
    if reduce == "add":
        return ops.tensor_scatter_elements(input, index, src, dim, "add")
    if reduce is not None:
        raise ValueError(f"MindSpore cannot scatter with reduce='{reduce}' on every platform")
    return ops.tensor_scatter_elements(input, index, src, dim)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``torch.Tensor.scatter_add``: ``src`` may be larger than ``index``."""
    part = src[tuple(slice(0, length) for length in index.shape)]
    return ops.tensor_scatter_elements(input, index, part, dim, "add")


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """``torch.Tensor.index_copy``: the slices of one dim that ``index`` names become those of ``source``."""
    result = input.copy().swapaxes(0, dim)
    result[index] = source.swapaxes(0, dim)
    return result.swapaxes(0, dim)


def equal(input: Tensor, other: Tensor) -> bool:
    """``torch.equal``: whether two tensors have the same shape and values."""
    return input.shape == other.shape and bool((input == other).all())


def unique(input: Tensor, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """``torch.unique`` of all elements, sorted; MindSpore's ``ops.unique`` does not sort."""
    flat = input.reshape(-1)
    ordered, order = ops.sort(flat.astype(ms.uint8) if flat.dtype == ms.bool_ else flat)
    found, places, counts = ops.unique_consecutive(ordered, True, True)
    result = [found.astype(input.dtype)]
    if return_inverse:
        inverse = ops.tensor_scatter_elements(ops.zeros_like(places), order.astype(ms.int64), places)
        result.append(inverse.reshape(input.shape).astype(ms.int64))
    if return_counts:
        result.append(counts.astype(ms.int64))
    return tuple(result) if len(result) > 1 else result[0]


def bitwise_not(input: Tensor) -> Tensor:
    """``torch.bitwise_not``: of bools the negation."""
    return input.logical_not() if input.dtype == ms.bool_ else input.bitwise_xor(-1)


def device_type(device: Any) -> str:
    """``torch.device.type``; the device of a MindSpore tensor is a string such as "CPU" or "Ascend:0"."""
    return str(device).lower().partition(":")[0]


def device_index(device: Any) -> int | None:
    """``torch.device.index``; None where the device names no index."""
    index = str(device).partition(":")[2]
    return int(index) if index else None
