"""``torchvision.transforms`` that draw; from numpy's generator, which ``mindspore.set_seed`` seeds.

https://docs.pytorch.org/vision/stable/transforms.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Tensor

if TYPE_CHECKING:
    from astmigrate.snippets.images import (
        InterpolationMode,
        crop_image,
        get_dimensions,
        hflip,
        pad_image,
        pil_filter,
        resized_crop,
        to_grayscale,
        vflip,
    )
    from astmigrate.snippets.resizing import gaussian_blur


class RandomHorizontalFlip:
    """``torchvision.transforms.RandomHorizontalFlip``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        return hflip(img) if np.random.random() < self.p else img


class RandomVerticalFlip:
    """``torchvision.transforms.RandomVerticalFlip``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        return vflip(img) if np.random.random() < self.p else img


class RandomGrayscale:
    """``torchvision.transforms.RandomGrayscale``."""

    def __init__(self, p: float = 0.1) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        return to_grayscale(img, get_dimensions(img)[0]) if np.random.random() < self.p else img


class RandomCrop:
    """``torchvision.transforms.RandomCrop``."""

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = (size, size) if isinstance(size, (int, float)) else (size[0], size[-1])
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: Sequence[float]) -> tuple[int, int, int, int]:
        """Top, left, height and width of the part."""
        height, width = get_dimensions(img)[1:]
        rows, columns = int(output_size[0]), int(output_size[1])
        if height < rows or width < columns:
            raise ValueError(f"Required crop size {(rows, columns)} is larger than input {(height, width)}")
        top, left = np.random.randint(height - rows + 1), np.random.randint(width - columns + 1)
        return int(top), int(left), rows, columns

    def __call__(self, img: Any) -> Any:
        if self.padding is not None:
            img = pad_image(img, self.padding, self.fill, self.padding_mode)
        height, width = get_dimensions(img)[1:]
        if self.pad_if_needed and width < self.size[1]:
            img = pad_image(img, [int(self.size[1]) - width, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and height < self.size[0]:
            img = pad_image(img, [0, int(self.size[0]) - height], self.fill, self.padding_mode)
        return crop_image(img, *self.get_params(img, self.size))


class RandomResizedCrop:
    """``torchvision.transforms.RandomResizedCrop``."""

    def __init__(
        self,
        size: Any,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.size = (size, size) if isinstance(size, (int, float)) else (size[0], size[-1])
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation
        self.antialias = antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Top, left, height and width of the part."""
        height, width = get_dimensions(img)[1:]
        for _ in range(10):
            area = height * width * np.random.uniform(scale[0], scale[1])
            shape = math.exp(np.random.uniform(math.log(ratio[0]), math.log(ratio[1])))
            columns, rows = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < columns <= width and 0 < rows <= height:
                top, left = np.random.randint(height - rows + 1), np.random.randint(width - columns + 1)
                return int(top), int(left), rows, columns
        rows, columns = height, width
        if width / height < min(ratio):
            rows = round(width / min(ratio))
        elif width / height > max(ratio):
            columns = round(height * max(ratio))
        return (height - rows) // 2, (width - columns) // 2, rows, columns

    def __call__(self, img: Any) -> Any:
        part = self.get_params(img, self.scale, self.ratio)
        return resized_crop(img, *part, self.size, self.interpolation, self.antialias)


class GaussianBlur:
    """``torchvision.transforms.GaussianBlur``."""

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        self.kernel_size = kernel_size
        self.sigma = (sigma, sigma) if isinstance(sigma, (int, float)) else sigma

    def __call__(self, img: Any) -> Any:
        return gaussian_blur(img, self.kernel_size, float(np.random.uniform(self.sigma[0], self.sigma[1])))


class RandomApply:
    """``torchvision.transforms.RandomApply``."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        self.transforms = transforms
        self.p = p

    def __call__(self, img: Any) -> Any:
        if self.p < np.random.random():
            return img
        for transform in self.transforms:
            img = transform(img)
        return img


class RandomChoice:
    """``torchvision.transforms.RandomChoice``."""

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None) -> None:
        self.transforms = transforms
        self.p = p

    def __call__(self, *args: Any) -> Any:
        shares = None if self.p is None else np.asarray(self.p) / sum(self.p)
        return self.transforms[np.random.choice(len(self.transforms), p=shares)](*args)


class RandomOrder:
    """``torchvision.transforms.RandomOrder``."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for place in np.random.permutation(len(self.transforms)):
            img = self.transforms[place](img)
        return img


class RandomRotation:
    """``torchvision.transforms.RandomRotation`` of PIL images."""

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ) -> None:
        self.degrees = (-degrees, degrees) if isinstance(degrees, (int, float)) else tuple(degrees)
        self.interpolation = interpolation
        self.expand = expand
        self.center = center
        self.fill = fill

    def __call__(self, img: Any) -> Any:
        angle = np.random.uniform(self.degrees[0], self.degrees[1])
        return rotate_image(img, angle, self.interpolation, self.expand, self.center, self.fill)


def rotate_image(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """``torchvision.transforms.functional.rotate`` of PIL images."""
    if isinstance(img, Tensor):
        raise TypeError("tensors are not rotated; rotate the PIL image")
    values = list(fill) if isinstance(fill, (list, tuple)) else [fill or 0] * len(img.getbands())
    values = values if img.mode == "F" else [int(value) for value in values]
    color = tuple(values) if len(values) > 1 else values[0]
    return img.rotate(angle, pil_filter(interpolation), expand, center, fillcolor=color)


class RandomErasing:
    """``torchvision.transforms.RandomErasing``."""

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    def __call__(self, img: Tensor) -> Tensor:
        if np.random.random() >= self.p:
            return img
        channels, height, width = img.shape[-3:]
        for _ in range(10):
            area = height * width * np.random.uniform(self.scale[0], self.scale[1])
            shape = math.exp(np.random.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            rows, columns = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if rows < height and columns < width:
                top, left = np.random.randint(height - rows + 1), np.random.randint(width - columns + 1)
                values = (
                    np.broadcast_to(np.reshape(self.value, (-1, 1, 1)), (channels, rows, columns))
                    if not isinstance(self.value, str)
                    else np.random.randn(channels, rows, columns)
                )
                return erase(
                    img, int(top), int(left), rows, columns, Tensor(values.astype(np.float32)), self.inplace
                )
        return img


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """``torchvision.transforms.functional.erase``."""
    result = img if inplace else img.copy()
    result[..., i : i + h, j : j + w] = v.astype(img.dtype) if isinstance(v, Tensor) else v
    return result
