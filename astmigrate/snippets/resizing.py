"""Resized and blurred images by the weights of their pixels, as torchvision has them.

https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.resize.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

if TYPE_CHECKING:
    from astmigrate.snippets.images import pil_to_tensor, to_pil_image


def resized_size(height: int, width: int, size: Any, max_size: int | None = None) -> tuple[int, int]:
    """Height and width asked for; of a single number, the shorter side's, the longer one follows."""
    sizes = [size] if isinstance(size, int) else list(size or [])
    if len(sizes) == 2:
        return sizes[0], sizes[1]
    short, long = min(height, width), max(height, width)
    if sizes:
        new_short, new_long = sizes[0], int(sizes[0] * long / short)
    else:
        assert max_size is not None
        new_short, new_long = int(max_size * short / long), max_size
    if max_size is not None and new_long > max_size:
        new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_long, new_short) if width <= height else (new_short, new_long)


def resized_tensor(img: Tensor, height: int, width: int, mode: str, antialias: bool) -> Tensor:
    """A tensor of (..., H, W) in another size, rows and columns each by a matrix of weights."""
    rows = Tensor(resize_weights(img.shape[-2], height, mode, antialias))
    columns = Tensor(resize_weights(img.shape[-1], width, mode, antialias))
    floats = img.astype(ms.float32) if img.dtype != ms.float64 else img
    found = ops.matmul(ops.matmul(rows.astype(floats.dtype), floats), columns.astype(floats.dtype).T)
    if img.dtype in (ms.float16, ms.float32, ms.float64):
        return found.astype(img.dtype)
    return ops.clamp(ops.round(found), 0, 255).astype(img.dtype)


def resize_weights(given: int, wanted: int, mode: str, antialias: bool) -> Any:
    """The weights of ``given`` pixels in each of ``wanted``, as float32 of (wanted, given)."""
    if mode not in ("nearest", "bilinear", "bicubic"):
        raise ValueError(f"tensors are not resized by {mode}")
    weights = np.zeros((wanted, given))
    scale = given / wanted
    for row in range(wanted):
        center = scale * (row + 0.5)
        if mode == "nearest":
            weights[row, min(int(row * scale), given - 1)] = 1
            continue
        stretch = max(scale, 1.0) if antialias else 1.0
        reach = (1 if mode == "bilinear" else 2) * stretch
        places = np.arange(int(np.floor(center - reach - 1)), int(np.ceil(center + reach + 1)))
        values = resize_kernel((places + 0.5 - center) / stretch, mode, antialias)
        if antialias:
            inside = (places >= 0) & (places < given)
            places, values = places[inside], values[inside]
        np.add.at(weights[row], np.clip(places, 0, given - 1), values / values.sum())
    return weights.astype(np.float32)


def resize_kernel(distance: Any, mode: str, antialias: bool) -> Any:
    """The weight of a pixel so far away."""
    x = np.abs(distance)
    if mode == "bilinear":
        return np.maximum(1 - x, 0)
    a = -0.5 if antialias else -0.75
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """``torchvision.transforms.functional.gaussian_blur``; sizes and deviations are (across, down)."""
    sizes = [kernel_size] if isinstance(kernel_size, int) else list(kernel_size)
    widths = [size * 0.15 + 0.35 for size in sizes] if sigma is None else sigma
    widths = [widths] if isinstance(widths, (int, float)) else list(widths)
    image = img if isinstance(img, Tensor) else pil_to_tensor(img)
    floats = image.astype(ms.float32) if image.dtype == ms.uint8 else image
    rows = Tensor(blur_weights(image.shape[-2], sizes[-1], widths[-1])).astype(floats.dtype)
    columns = Tensor(blur_weights(image.shape[-1], sizes[0], widths[0])).astype(floats.dtype)
    found = ops.matmul(ops.matmul(rows, floats), columns.T)
    if image.dtype == ms.uint8:
        found = ops.round(found).astype(ms.uint8)
    return found if isinstance(img, Tensor) else to_pil_image(found, img.mode)


def blur_weights(length: int, size: int, sigma: float) -> Any:
    """The weights of pixels in each blurred one, mirrored at the ends: float32 of (length, length)."""
    if size % 2 == 0 or size < 1:
        raise ValueError(f"kernel_size should have odd and positive integers. Got {size}")
    half = (size - 1) // 2
    shares = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    places = np.pad(np.arange(length), half, "reflect")
    weights = np.zeros((length, length))
    for row in range(length):
        np.add.at(weights[row], places[row : row + size], shares / shares.sum())
    return weights.astype(np.float32)
