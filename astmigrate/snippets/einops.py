"""einops for MindSpore's tensors, of which einops itself has no backend; numpy's arrays go the same way.

https://einops.rocks/api/rearrange/
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import mindspore as ms
import numpy as np
from mindspore import ops


class EinopsError(RuntimeError):
    """``einops.EinopsError``: a pattern that is wrong, or does not fit the tensor."""


class AxisPlan(NamedTuple):
    """What a pattern does to a tensor of one rank, by the names of elementary axes.

    ``left`` and ``right`` are the groups of axes that make one dimension of the input and of the result;
    ``order`` has the input's axes as the result wants them, those that are reduced at the end.
    """

    left: tuple[tuple[str, ...], ...]
    right: tuple[tuple[str, ...], ...]
    order: tuple[int, ...]
    reduced: int


def axis_groups(side: str, number: str) -> list[list[str]]:
    """One side of a pattern as groups of axes; "1" and "()" have none, a 4 is an axis such as ``4#l3``.

    An ellipsis is ``...`` where each of its axes is a dimension, ``(...)`` in brackets.
    """
    groups: list[list[str]] = []
    inside = False
    for place, token in enumerate(re.findall(r"\.\.\.|\w+|[^\s]", side)):
        if token in "()":
            if inside == (token == "("):
                raise EinopsError(f"brackets are nested or not balanced in '{side.strip()}'")
            inside = not inside
            if inside:
                groups.append([])
            continue
        if not (token == "..." or token.isdecimal() or (token.isidentifier() and token.strip("_") == token)):
            raise EinopsError(f"'{token}' is no name of an axis")
        if token == "0":
            raise EinopsError("an axis of length 0 cannot be said by its number")
        token = "(...)" if token == "..." and inside else token
        axis = [] if token == "1" else [f"{token}#{number}{place}" if token.isdecimal() else token]
        if any(axis[0] in group for group in groups if axis):
            raise EinopsError(f"axis '{token}' stands twice in '{side.strip()}'")
        if inside:
            groups[-1] += axis
        else:
            groups.append(axis)
    if inside:
        raise EinopsError(f"brackets are not balanced in '{side.strip()}'")
    return groups


@lru_cache(maxsize=1024)
def axis_plan(pattern: str, operation: str, given: tuple[str, ...], rank: int) -> AxisPlan:
    """The plan of a pattern for tensors of ``rank`` dimensions; of the axes ``given`` the size is passed."""
    if pattern.count("->") != 1:
        raise EinopsError("a pattern has one '->'")
    left, right = (axis_groups(side, number) for side, number in zip(pattern.split("->"), "lr"))
    left, right = without_ellipsis(left, right, operation, rank)
    check_axes(left, right, operation, given)
    here, there = ([axis for group in groups for axis in group] for groups in (left, right))
    kept = [here.index(axis) for axis in there if axis in here]
    gone = [place for place, axis in enumerate(here) if axis not in there]
    return AxisPlan(tuple(map(tuple, left)), tuple(map(tuple, right)), (*kept, *gone), len(gone))


def without_ellipsis(
    left: list[list[str]], right: list[list[str]], operation: str, rank: int
) -> tuple[list[list[str]], list[list[str]]]:
    """Both sides with the axes ``...0``, ``...1`` that an ellipsis stands for in a tensor of ``rank``."""
    if any("(...)" in group for group in left):
        raise EinopsError("an ellipsis on the left side cannot be in brackets")
    if ["..."] not in left:
        if rank != len(left):
            raise EinopsError(f"expected {len(left)} dimensions, not {rank}")
        return left, right
    if rank < len(left) - 1:
        raise EinopsError(f"expected at least {len(left) - 1} dimensions, not {rank}")
    if operation in ("rearrange", "repeat") and not any("..." in axis for group in right for axis in group):
        raise EinopsError(f"{operation} cannot lose the ellipsis")
    inner = [f"...{place}" for place in range(rank - len(left) + 1)]
    apart = [[axis] for axis in inner]
    sides = [
        [g for group in side for g in (apart if group == ["..."] else [group])] for side in (left, right)
    ]
    return sides[0], [
        [a for axis in group for a in (inner if axis == "(...)" else [axis])] for group in sides[1]
    ]


def check_axes(left: list[list[str]], right: list[list[str]], operation: str, given: tuple[str, ...]) -> None:
    """Whether both sides go together: only ``reduce`` loses axes, only ``repeat`` gains some."""
    if operation not in ("rearrange", "repeat", "reduce", "min", "max", "sum", "mean", "prod", "any", "all"):
        raise EinopsError(f"unknown reduction '{operation}': min, max, sum, mean, prod, any or all")
    here, there = ({axis for group in groups for axis in group} for groups in (left, right))
    lost, new = sorted(here - there), sorted(there - here)
    if lost and operation in ("rearrange", "repeat"):
        raise EinopsError(f"{operation} cannot lose axes: {', '.join(a.partition('#')[0] for a in lost)}")
    if new and operation != "repeat":
        raise EinopsError(f"{operation} cannot add axes: {', '.join(a.partition('#')[0] for a in new)}")
    unknown = [axis for axis in new if axis not in given and "#" not in axis]
    if unknown:
        raise EinopsError(f"specify the sizes of the new axes {', '.join(unknown)}")
    unused = [axis for axis in given if axis not in here | there]
    if unused:
        raise EinopsError(f"the pattern does not use {', '.join(unused)}")
    for group in left:
        open_axes = [axis for axis in group if axis not in given and "#" not in axis]
        if len(open_axes) > 1:
            raise EinopsError(f"could not infer the sizes of {', '.join(open_axes)}")


def axis_sizes(plan: AxisPlan, shape: Sequence[int], given: dict[str, int]) -> dict[str, int]:
    """The size of every axis of the plan."""
    sizes = {
        axis: int(axis.partition("#")[0]) for g in (*plan.left, *plan.right) for axis in g if "#" in axis
    }
    sizes.update(given)
    for group, length in zip(plan.left, shape):
        known = math.prod(sizes[axis] for axis in group if axis in sizes)
        unknown = [axis for axis in group if axis not in sizes]
        if (unknown and (known == 0 or length % known)) or (not unknown and length != known):
            names = " ".join(axis.partition("#")[0] for axis in group) or "1"
            if unknown:
                raise EinopsError(f"a dimension of {length} cannot be divided by {known}, as ({names}) asks")
            raise EinopsError(f"a dimension of {length} is not ({names}), which is {known}")
        sizes.update(dict.fromkeys(unknown, length // known if known else 0))
    return sizes


def reduce(tensor: Any, pattern: str, reduction: str | Callable[..., Any], **axes_lengths: int) -> Any:
    """``einops.reduce`` of a tensor, an array, or a list of them."""
    if isinstance(tensor, list):
        if not tensor:
            raise TypeError("an empty list cannot be rearranged, reduced or repeated")
        tensor = np.stack(tensor) if isinstance(tensor[0], np.ndarray) else ops.stack(tensor)
    operation = reduction if isinstance(reduction, str) else "reduce"
    try:
        plan = axis_plan(pattern, operation, tuple(axes_lengths), tensor.ndim)
        sizes = axis_sizes(plan, tensor.shape, axes_lengths)
        return apply_plan(tensor, plan, sizes, reduction)
    except EinopsError as error:
        told = ", ".join(f"{name}={size}" for name, size in axes_lengths.items())
        where = f"{operation} of shape {tuple(tensor.shape)} by '{pattern}'" + (
            f" with {told}" if told else ""
        )
        raise EinopsError(f"{where}: {error}") from None


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """``einops.rearrange``: reshapes and transposes by the names of axes."""
    return reduce(tensor, pattern, "rearrange", **axes_lengths)


def repeat(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """``einops.repeat``: ``rearrange`` that may add axes, along which everything is repeated."""
    return reduce(tensor, pattern, "repeat", **axes_lengths)


def apply_plan(
    tensor: Any, plan: AxisPlan, sizes: dict[str, int], reduction: str | Callable[..., Any]
) -> Any:
    """Reshape, transpose, reduce, repeat and reshape, each where it changes something."""
    tensor = with_shape(tensor, [sizes[axis] for group in plan.left for axis in group])
    if plan.order != tuple(range(len(plan.order))):
        tensor = tensor.transpose(plan.order)
    if plan.reduced:
        first = len(plan.order) - plan.reduced
        tensor = reduce_axes(tensor, reduction, tuple(range(first, len(plan.order))))
    old = {axis for group in plan.left for axis in group}
    names = [axis for group in plan.right for axis in group]
    if not old.issuperset(names):
        tensor = with_shape(tensor, [sizes[axis] if axis in old else 1 for axis in names])
        full = tuple(sizes[axis] for axis in names)
        tensor = (
            np.broadcast_to(tensor, full)
            if isinstance(tensor, np.ndarray)
            else ops.broadcast_to(tensor, full)
        )
    return with_shape(tensor, [math.prod(sizes[axis] for axis in group) for group in plan.right])


def with_shape(tensor: Any, shape: Sequence[int]) -> Any:
    """The tensor in that shape; itself where it has it."""
    return tensor if tuple(tensor.shape) == tuple(shape) else tensor.reshape(tuple(shape))


def reduce_axes(tensor: Any, reduction: str | Callable[..., Any], axes: tuple[int, ...]) -> Any:
    """The tensor without ``axes``, the dtype of the result as PyTorch has it."""
    if callable(reduction):
        return reduction(tensor, axes)
    if isinstance(tensor, np.ndarray):
        return getattr(tensor, reduction)(axis=axes)
    if reduction == "mean" and not (tensor.is_floating_point() or tensor.is_complex()):
        raise NotImplementedError("the mean of a tensor that is not floating-point")
    if reduction in ("any", "all"):
        return getattr(ops, reduction)(tensor != 0, axes)
    if tensor.dtype == ms.bool_ and reduction in ("min", "max"):
        return (ops.all if reduction == "min" else ops.any)(tensor, axes)
    if reduction == "prod":
        for axis in reversed(axes):
            tensor = ops.prod(tensor, axis)
        return tensor
    return {"min": ops.amin, "max": ops.amax, "sum": ops.sum, "mean": ops.mean}[reduction](tensor, axes)


def parse_shape(x: Any, pattern: str) -> dict[str, int]:
    """``einops.parse_shape``: the sizes of axes by name; ``_`` leaves one out, ``...`` any number."""
    shape = tuple(x.shape)
    names = re.sub(r"\(\s*\)", "1", pattern).split()
    if any("(" in name or ")" in name for name in names):
        raise RuntimeError(f"a shape cannot be parsed with composed axes: {pattern} {shape}")
    if "..." in names:
        place = names.index("...")
        names[place : place + 1] = ["_"] * (len(shape) - len(names) + 1)
    if len(names) != len(shape):
        raise RuntimeError(f"'{pattern}' has another number of dimensions than {shape}")
    found = {}
    for name, size in zip(names, shape):
        if name.isdecimal() and int(name) != size:
            raise RuntimeError(f"an axis of '{pattern}' is not {name} in {shape}")
        if not name.isdecimal() and name != "_":
            found[name] = size
    return found


def asnumpy(tensor: Any) -> Any:
    """``einops.asnumpy``."""
    return tensor if isinstance(tensor, np.ndarray) else tensor.asnumpy()
