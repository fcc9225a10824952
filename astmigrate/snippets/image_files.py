"""Images in folders and grids: ``torchvision.datasets.folder`` and ``torchvision.utils``.

https://docs.pytorch.org/vision/stable/datasets.html, https://docs.pytorch.org/vision/stable/utils.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Tensor, ops
from PIL import Image

if TYPE_CHECKING:
    from astmigrate.snippets.datasets import Dataset

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def image_loader(path: Any) -> Any:
    """``torchvision.datasets.folder.default_loader``: the file as an RGB image."""
    with open(path, "rb") as file:
        return Image.open(file).convert("RGB")


class VisionDataset(Dataset):
    """``torchvision.datasets.VisionDataset``."""

    def __init__(
        self, root: Any = None, transforms: Any = None, transform: Any = None, target_transform: Any = None
    ) -> None:
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = self.transformed if separate else transforms

    def transformed(self, sample: Any, target: Any) -> tuple[Any, Any]:
        """A sample and its target after their transforms."""
        sample = sample if self.transform is None else self.transform(sample)
        return sample, target if self.target_transform is None else self.target_transform(target)


class DatasetFolder(VisionDataset):
    """``torchvision.datasets.DatasetFolder``: one folder a class."""

    def __init__(
        self,
        root: Any,
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Any = None,
        target_transform: Any = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, None, transform, target_transform)
        if (extensions is None) == (is_valid_file is None):
            raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
        self.loader = loader
        self.extensions = extensions
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = [
            (path, self.class_to_idx[name])
            for name in sorted(self.class_to_idx)
            for path in self.files(name, is_valid_file, allow_empty)
        ]
        self.targets = [target for _, target in self.samples]

    def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
        """The names of the folders, and the number of each."""
        classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        if not classes:
            raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
        return classes, {name: number for number, name in enumerate(classes)}

    def files(self, name: str, is_valid_file: Callable[[str], bool] | None, allow_empty: bool) -> list[str]:
        """The files of one class, in the folders below its own too."""
        top = os.path.join(os.path.expanduser(self.root), name)
        walked = sorted((folder, sorted(files)) for folder, _, files in os.walk(top, followlinks=True))
        paths = [os.path.join(folder, file) for folder, files in walked for file in files]
        extensions = tuple(self.extensions or ())
        found = [p for p in paths if (is_valid_file(p) if is_valid_file else p.lower().endswith(extensions))]
        if not found and not allow_empty:
            raise FileNotFoundError(f"Found no valid file for the class {name}.")
        return found

    def __getitem__(self, index: Any) -> Any:
        path, target = self.samples[index]
        return self.transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """``torchvision.datasets.ImageFolder``."""

    def __init__(
        self,
        root: Any,
        transform: Any = None,
        target_transform: Any = None,
        loader: Callable[[str], Any] = image_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMAGE_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples


def make_grid(
    tensor: Any,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """``torchvision.utils.make_grid``: a batch of images as one."""
    images = ops.stack(tensor) if isinstance(tensor, (list, tuple)) else tensor
    images = images.reshape((1, *images.shape)) if images.ndim == 2 else images
    images = images.reshape((1, *images.shape)) if images.ndim == 3 else images
    images = ops.cat([images] * 3, 1) if images.shape[1] == 1 else images
    if normalize:
        parts = [images[i : i + 1] for i in range(images.shape[0])] if scale_each else [images]
        images = ops.cat([scaled_to_unit(part, value_range) for part in parts])
    count, channels, height, width = images.shape
    if count == 1:
        return images.squeeze(0)
    columns = min(nrow, count)
    rows = -(-count // columns)
    height, width = height + padding, width + padding
    grid = np.full((channels, height * rows + padding, width * columns + padding), pad_value)
    result = Tensor(grid).astype(images.dtype)
    for number in range(count):
        top, left = number // columns * height + padding, number % columns * width + padding
        result[:, top : top + height - padding, left : left + width - padding] = images[number]
    return result


def scaled_to_unit(images: Tensor, value_range: tuple[float, float] | None) -> Tensor:
    """Values within the range, or of all that there are, as 0..1."""
    low, high = value_range or (float(images.min()), float(images.max()))
    return (ops.clamp(images, low, high) - low) / max(high - low, 1e-5)


def save_image(tensor: Any, fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """``torchvision.utils.save_image``: images of 0..1 as a file."""
    grid = make_grid(tensor, **kwargs)
    pixels = ops.clamp(grid * 255 + 0.5, 0, 255).transpose(1, 2, 0).asnumpy().astype(np.uint8)
    Image.fromarray(pixels).save(fp, format=format)
