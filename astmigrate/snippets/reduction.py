"""Reductions, sorting and scans with torch's dtypes and calling convention."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, ops


def reduce_max(input: Tensor, *args: Any, **kwargs: Any) -> Any:
    """``torch.max``: of all elements, along a dim (values and indices), or of two tensors."""
    if not args and not kwargs:
        return ops.amax(input)
    other = kwargs.get("other", args[0] if args else None)
    if isinstance(other, Tensor):
        return ops.maximum(input, other)
    dim = kwargs["dim"] if "dim" in kwargs else args[0]
    return ops.max(input, dim, kwargs.get("keepdim", args[1] if len(args) > 1 else False))


def reduce_min(input: Tensor, *args: Any, **kwargs: Any) -> Any:
    """``torch.min``: of all elements, along a dim (values and indices), or of two tensors."""
    if not args and not kwargs:
        return ops.amin(input)
    other = kwargs.get("other", args[0] if args else None)
    if isinstance(other, Tensor):
        return ops.minimum(input, other)
    dim = kwargs["dim"] if "dim" in kwargs else args[0]
    return ops.min(input, dim, kwargs.get("keepdim", args[1] if len(args) > 1 else False))


def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Tensor, Tensor]:
    """``torch.topk``, whose indices are int64; those of ``ops.topk`` are int32."""
    values, indices = ops.topk(input, k, dim, largest, sorted)
    return values, indices.astype(ms.int64)


def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> tuple[Tensor, Tensor]:
    """``torch.sort``, whose indices are int64; those of ``ops.sort`` are int32."""
    values, indices = ops.sort(input, dim, descending)
    return values, indices.astype(ms.int64)


def cumsum(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """``torch.cumsum``: sums of bools and integers are int64."""
    if dtype is None and not input.is_floating_point() and not input.is_complex():
        dtype = ms.int64
    return ops.cumsum(input if dtype is None else input.astype(dtype), dim)


def nonzero_tuple(condition: Tensor) -> tuple[Tensor, ...]:
    """The indices of the nonzero elements, one tensor a dimension: ``torch.where(condition)``."""
    found = ops.nonzero(condition)
    return tuple(found[:, axis] for axis in range(condition.ndim))


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """``torch.median``: the lower median; along a dim its index too."""
    if dim is None:
        return ops.median(input.reshape(-1), 0)[0]
    values, indices = ops.median(input, dim, keepdim)
    return values, indices.astype(ms.int64)


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """``torch.argsort``, which is int64; ``ops.argsort`` is int32."""
    return ops.argsort(input, dim, descending).astype(ms.int64)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """``torch.argmin``, which is int64; ``ops.argmin`` is int32."""
    return ops.argmin(input, dim, keepdim).astype(ms.int64)


def cummin(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """``torch.cummin``, whose indices are int64."""
    values, indices = ops.cummin(input, dim)
    return values, indices.astype(ms.int64)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """``torch.mean``, in another dtype if one is given."""
    return ops.mean(input if dtype is None else input.astype(dtype), dim, keepdim)


def spread(function: Any, input: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``torch.std`` and its like: (dim, unbiased, keepdim), (unbiased), or correction by keyword."""
    names = ("unbiased",) if args and isinstance(args[0], bool) else ("dim", "unbiased", "keepdim")
    given = {**dict(zip(names, args)), **kwargs}
    correction = given.get("correction", given.get("unbiased", True))
    dim = tuple(given["dim"]) if isinstance(given.get("dim"), list) else given.get("dim")
    return function(input, dim, int(correction), given.get("keepdim", False))


def std(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """``torch.std``, which divides by n - 1 where nothing else is said."""
    return spread(ops.std, input, args, kwargs)


def var(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """``torch.var``, which divides by n - 1 where nothing else is said."""
    return spread(ops.var, input, args, kwargs)


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """``torch.count_nonzero``, which is int64."""
    return ops.sum(ops.not_equal(input, 0).astype(ms.int64), dim)


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """``torch.nansum``: NaNs count as zero."""
    return ops.sum(ops.where(ops.isnan(input), ops.zeros_like(input), input), dim, keepdim, dtype=dtype)


def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """``torch.nanmean``: NaNs do not count."""
    count = ops.sum(ops.logical_not(ops.isnan(input)).astype(input.dtype), dim, keepdim)
    return nansum(input, dim, keepdim, dtype) / count


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """``torch.bincount``: counts are int64, sums of weights keep their dtype."""
    counts = ops.bincount(input, weights, minlength)
    return counts.astype(ms.int64) if weights is None else counts


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """``torch.dist``: the norm of the difference."""
    return ops.vector_norm(input - other, p)


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """``torch.allclose`` as a Python bool."""
    return bool(ops.all(ops.isclose(input, other, rtol, atol, equal_nan)))


def where(condition: Tensor, input: Any = None, other: Any = None) -> Tensor | tuple[Tensor, ...]:
    """``torch.where``: a choice for each element, or the places of those that are true."""
    return nonzero_tuple(condition) if input is None else ops.where(condition, input, other)
