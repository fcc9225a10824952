"""``torchvision.transforms``: what always does the same to an image, and how transforms are put together.

``mindspore.dataset.vision`` has transforms of these names for its pipelines; called on an image they give
numpy arrays, take no tensors, and its Compose gives tuples.
https://docs.pytorch.org/vision/stable/transforms.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mindspore import Tensor, ops

if TYPE_CHECKING:
    from astmigrate.snippets.images import (
        InterpolationMode,
        center_crop,
        convert_image_dtype,
        crop_image,
        get_dimensions,
        hflip,
        normalize_image,
        pad_image,
        pil_to_tensor,
        resize_image,
        to_grayscale,
        to_pil_image,
        to_tensor,
        vflip,
    )


class Compose:
    """``torchvision.transforms.Compose``."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img


class Lambda:
    """``torchvision.transforms.Lambda``."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)


class ToTensor:
    """``torchvision.transforms.ToTensor``."""

    def __call__(self, pic: Any) -> Tensor:
        return to_tensor(pic)


class PILToTensor:
    """``torchvision.transforms.PILToTensor``."""

    def __call__(self, pic: Any) -> Tensor:
        return pil_to_tensor(pic)


class ToPILImage:
    """``torchvision.transforms.ToPILImage``."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return to_pil_image(pic, self.mode)


class ConvertImageDtype:
    """``torchvision.transforms.ConvertImageDtype``."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def __call__(self, image: Tensor) -> Tensor:
        return convert_image_dtype(image, self.dtype)


class Normalize:
    """``torchvision.transforms.Normalize``."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, tensor: Tensor) -> Tensor:
        return normalize_image(tensor, self.mean, self.std, self.inplace)


class Resize:
    """``torchvision.transforms.Resize``."""

    def __init__(
        self,
        size: Any,
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        self.size = size
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias

    def __call__(self, img: Any) -> Any:
        return resize_image(img, self.size, self.interpolation, self.max_size, self.antialias)


class CenterCrop:
    """``torchvision.transforms.CenterCrop``."""

    def __init__(self, size: Any) -> None:
        self.size = (size, size) if isinstance(size, (int, float)) else (size[0], size[-1])

    def __call__(self, img: Any) -> Any:
        return center_crop(img, self.size)


class PadImage:
    """``torchvision.transforms.Pad``."""

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> None:
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def __call__(self, img: Any) -> Any:
        return pad_image(img, self.padding, self.fill, self.padding_mode)


class Grayscale:
    """``torchvision.transforms.Grayscale``."""

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any) -> Any:
        return to_grayscale(img, self.num_output_channels)


class FiveCrop:
    """``torchvision.transforms.FiveCrop``."""

    def __init__(self, size: Any) -> None:
        self.size = (size, size) if isinstance(size, (int, float)) else (size[0], size[-1])

    def __call__(self, img: Any) -> tuple[Any, ...]:
        return five_crop(img, self.size)


class TenCrop:
    """``torchvision.transforms.TenCrop``."""

    def __init__(self, size: Any, vertical_flip: bool = False) -> None:
        self.size = (size, size) if isinstance(size, (int, float)) else (size[0], size[-1])
        self.vertical_flip = vertical_flip

    def __call__(self, img: Any) -> tuple[Any, ...]:
        flipped = vflip(img) if self.vertical_flip else hflip(img)
        return five_crop(img, self.size) + five_crop(flipped, self.size)


def five_crop(img: Any, size: tuple[float, float]) -> tuple[Any, ...]:
    """The image's four corners and its middle."""
    height, width = get_dimensions(img)[1:]
    rows, columns = int(size[0]), int(size[1])
    if rows > height or columns > width:
        raise ValueError(f"Requested crop size {size} is bigger than input size {(height, width)}")
    corners = [(top, left) for top in (0, height - rows) for left in (0, width - columns)]
    parts = [crop_image(img, top, left, rows, columns) for top, left in corners]
    return (*parts, center_crop(img, size))


class LinearTransformation:
    """``torchvision.transforms.LinearTransformation``."""

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def __call__(self, tensor: Tensor) -> Tensor:
        flat = tensor.reshape(-1, self.transformation_matrix.shape[0]) - self.mean_vector
        return ops.matmul(flat, self.transformation_matrix).reshape(tensor.shape)
