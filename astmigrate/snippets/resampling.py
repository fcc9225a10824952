"""``torch.nn.functional.interpolate`` where MindSpore's differs: given scales, bicubic, antialias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """``torch.nn.functional.interpolate`` in all its modes: one matrix or index an axis."""
    count = input.ndim - 2
    scales: list[float | None] = [None] * count
    if size is None:
        factors = [scale_factor] * count if np.ndim(scale_factor) == 0 else list(scale_factor)
        size = [int(np.floor(length * float(f))) for length, f in zip(input.shape[2:], factors)]
        if not recompute_scale_factor:
            scales = [1.0 / float(f) for f in factors]
    sizes = [int(size)] * count if np.ndim(size) == 0 else [int(length) for length in size]
    if mode == "area":
        return adaptive_average(input, sizes)
    for axis, (length, scale) in enumerate(zip(sizes, scales), 2):
        known = input.shape[axis]
        step = resize_step(known, length, scale, bool(align_corners) and not mode.startswith("nearest"))
        if mode.startswith("nearest"):
            places = (np.arange(length) + (0.5 if mode == "nearest-exact" else 0.0)) * np.float32(step)
            index = np.minimum(np.floor(places.astype(np.float32)), known - 1).astype(np.int32)
            input = ops.gather(input, Tensor(index), axis)
        else:
            matrix = resize_matrix(known, length, step, mode == "bicubic", bool(align_corners), antialias)
            input = apply_along(input, matrix, axis)
    return input


def resize_step(known: int, length: int, scale: float | None, align_corners: bool) -> float:
    """How far the source moves for one element of the result."""
    if align_corners:
        return (known - 1) / (length - 1) if length > 1 else 0.0
    return scale if scale else known / length


def cubic(distance: Any, a: float) -> Any:
    """The cubic convolution kernel of Keys."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def resize_matrix(
    known: int, length: int, step: float, bicubic: bool, align_corners: bool, antialias: bool
) -> Any:
    """The weights of ``known`` elements in each of ``length`` results; places are rounded as torch's are."""
    places, pace, half = np.arange(length, dtype=np.float32), np.float32(step), np.float32(0.5)
    centres = places * pace if align_corners else (places + half) * pace - half
    if antialias:
        stretch = max(step, 1.0)
        distance = (np.arange(known)[None, :] - centres[:, None]) / stretch
        weights = cubic(distance, -0.5) if bicubic else np.maximum(0.0, 1 - np.abs(distance))
        return weights / weights.sum(1, keepdims=True)
    if not bicubic:
        centres = np.maximum(centres, 0.0)
    first = np.floor(centres).astype(np.int64)
    matrix = np.zeros((length, known))
    for offset in (-1, 0, 1, 2) if bicubic else (0, 1):
        distance = centres - first - offset
        weights = cubic(distance, -0.75) if bicubic else np.maximum(0.0, 1 - np.abs(distance))
        np.add.at(matrix, (np.arange(length), np.clip(first + offset, 0, known - 1)), weights)
    return matrix


def apply_along(input: Tensor, matrix: Any, axis: int) -> Tensor:
    """``matrix`` times the elements along ``axis``."""
    weights = Tensor(matrix.astype(np.float32))
    dtype = input.dtype
    moved = ops.swapaxes(input.astype(ms.float32), axis, -1)
    moved = ops.matmul(moved, ops.swapaxes(weights, 0, 1))
    return ops.swapaxes(moved, axis, -1).astype(dtype)


def adaptive_average(input: Tensor, sizes: Sequence[int]) -> Tensor:
    """Mean over equal parts of the last one, two or three axes."""
    if len(sizes) == 1:
        return ops.adaptive_avg_pool2d(input.expand_dims(2), (1, sizes[0])).squeeze(2)
    if len(sizes) == 2:
        return ops.adaptive_avg_pool2d(input, tuple(sizes))
    return ops.adaptive_avg_pool3d(input, tuple(sizes))


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """``torch.nn.functional.affine_grid``, whose ``align_corners`` may be None."""
    return ops.affine_grid(theta, tuple(size), bool(align_corners))
