"""Images in torchvision's way: PIL images, or tensors of (..., C, H, W).

https://docs.pytorch.org/vision/stable/transforms.html, the functions of ``torchvision.transforms.functional``
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from astmigrate.snippets.resizing import resized_size, resized_tensor


class InterpolationMode(Enum):
    """``torchvision.transforms.InterpolationMode``."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


def pil_filter(interpolation: Any) -> Any:
    """Pillow's name of an interpolation; its numbers are taken too."""
    if not isinstance(interpolation, InterpolationMode):
        return Image.Resampling(interpolation)
    name = "NEAREST" if interpolation is InterpolationMode.NEAREST_EXACT else interpolation.name
    return Image.Resampling[name]


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width of an image."""
    if isinstance(img, Tensor):
        return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]
    return [len(img.getbands()), img.height, img.width]


def get_image_size(img: Any) -> list[int]:
    """Width and height of an image."""
    return get_dimensions(img)[:0:-1]


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or an array of (H, W, C) as a tensor of (C, H, W); bytes become 0..1."""
    if isinstance(pic, np.ndarray):
        pixels = pic[:, :, None] if pic.ndim == 2 else pic
    elif isinstance(pic, Image.Image):
        modes = {"I": np.int32, "I;16": np.int16, "F": np.float32}
        pixels = np.array(pic, modes.get(pic.mode, np.uint8)).reshape(pic.height, pic.width, -1)
        pixels = pixels * np.uint8(255) if pic.mode == "1" else pixels
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return Tensor(pixels.astype(np.float32) / 255 if pixels.dtype == np.uint8 else pixels)


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor of (C, H, W) of its own type."""
    pixels = np.array(pic).reshape(pic.height, pic.width, -1)
    return Tensor(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor of (C, H, W) or an array of (H, W, C) as a PIL image; floats are 0..1."""
    if isinstance(pic, Tensor):
        pic = pic.asnumpy()
        pic = pic.transpose(1, 2, 0) if pic.ndim == 3 else pic
    if np.issubdtype(pic.dtype, np.floating) and mode != "F":
        pic = (pic * 255).astype(np.uint8)
    pic = pic[:, :, 0] if pic.ndim == 3 and pic.shape[2] == 1 else pic
    found = Image.fromarray(pic)
    if mode is None or mode == found.mode:
        return found
    if len(Image.new(mode, (1, 1)).getbands()) != len(found.getbands()) or pic.ndim == 2:
        raise ValueError(f"Incorrect mode ({mode}) supplied for an image of mode {found.mode}")
    return Image.frombytes(mode, found.size, found.tobytes())


def normalize_image(
    tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> Tensor:
    """Each channel less its mean, divided by its deviation."""
    if not ops.is_floating_point(tensor):
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    means = np.asarray(mean, np.float32).reshape(-1, 1, 1)
    deviations = np.asarray(std, np.float32).reshape(-1, 1, 1)
    if (deviations == 0).any():
        raise ValueError(f"std evaluated to zero, leading to division by zero: {std}")
    result = (tensor - Tensor(means).astype(tensor.dtype)) / Tensor(deviations).astype(tensor.dtype)
    if not inplace:
        return result
    tensor[()] = result
    return tensor


def resize_image(
    img: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The image in another size; a single number is that of the shorter side."""
    height, width = get_dimensions(img)[1:]
    rows, columns = resized_size(height, width, size, max_size)
    if [rows, columns] == [height, width]:
        return img
    if isinstance(img, Tensor):
        return resized_tensor(img, rows, columns, pil_filter(interpolation).name.lower(), bool(antialias))
    return img.resize((columns, rows), pil_filter(interpolation))


def pad_image(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The image with a border: one width, (left and right, top and bottom), or left, top, right, bottom."""
    sides = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = (sides * 4)[:4]
    if isinstance(img, Tensor):
        if padding_mode == "constant":
            return ops.pad(img, (left, right, top, bottom), "constant", fill or 0)
        mode = {"edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}[padding_mode]
        rows = np.pad(np.arange(img.shape[-2]), (top, bottom), mode)  # type: ignore[call-overload]
        columns = np.pad(np.arange(img.shape[-1]), (left, right), mode)  # type: ignore[call-overload]
        return ops.gather(ops.gather(img, Tensor(rows), img.ndim - 2), Tensor(columns), img.ndim - 1)
    if padding_mode != "constant":
        pixels = np.asarray(img)
        widths = [(top, bottom), (left, right), (0, 0)][: pixels.ndim]
        return Image.fromarray(np.pad(pixels, widths, padding_mode))  # type: ignore[call-overload]
    values = list(fill) if isinstance(fill, (list, tuple)) else [fill or 0] * len(img.getbands())
    values = values if img.mode == "F" else [int(value) for value in values]
    color = tuple(values) if len(values) > 1 else values[0]
    return ImageOps.expand(img, border=(left, top, right, bottom), fill=color)


def crop_image(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A part of the image; what lies outside is black."""
    if not isinstance(img, Tensor):
        return img.crop((left, top, left + width, top + height))
    rows, columns = img.shape[-2:]
    part = img[..., max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    outside = (max(-left, 0), max(left + width - columns, 0), max(-top, 0), max(top + height - rows, 0))
    return ops.pad(part, outside, "constant", 0) if any(outside) else part


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the image, in black where it is smaller."""
    sizes = [output_size] if isinstance(output_size, (int, float)) else list(output_size)
    rows, columns = int(sizes[0]), int(sizes[-1])
    height, width = get_dimensions(img)[1:]
    if columns > width or rows > height:
        across, down = max(columns - width, 0), max(rows - height, 0)
        img = pad_image(img, [across // 2, down // 2, (across + 1) // 2, (down + 1) // 2])
        height, width = get_dimensions(img)[1:]
    return crop_image(img, round((height - rows) / 2), round((width - columns) / 2), rows, columns)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A part of the image in another size."""
    return resize_image(crop_image(img, top, left, height, width), size, interpolation, None, antialias)


def hflip(img: Any) -> Any:
    """The image mirrored, left for right."""
    if isinstance(img, Tensor):
        return ops.flip(img, (-1,))
    return img.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    """The image mirrored, top for bottom."""
    if isinstance(img, Tensor):
        return ops.flip(img, (-2,))
    return img.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The image's brightness, in one channel or in three that are equal."""
    if isinstance(img, Tensor):
        red, green, blue = (img[..., i : i + 1, :, :].astype(ms.float32) for i in range(3))
        gray = (0.2989 * red + 0.587 * green + 0.114 * blue).astype(img.dtype)
        return gray if num_output_channels == 1 else ops.cat([gray] * 3, -3)
    gray = img.convert("L")
    return gray if num_output_channels == 1 else Image.merge("RGB", [gray] * 3)


def convert_image_dtype(image: Tensor, dtype: Any = ms.float32) -> Tensor:
    """The image in another type: floats are 0..1, bytes 0..255."""
    floats = (ms.float16, ms.float32, ms.float64)
    if image.dtype == dtype or (image.dtype in floats and dtype in floats):
        return image.astype(dtype)
    if image.dtype == ms.uint8 and dtype in floats:
        return image.astype(dtype) / 255
    if image.dtype in floats and dtype == ms.uint8:
        return (image * (255 + 1.0 - 1e-3)).astype(dtype)
    raise TypeError(f"images of {image.dtype} are not made {dtype}")
