"""Images of digits, clothes and signs in the files of MNIST: ``torchvision.datasets``.

https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from mindspore import Tensor
from PIL import Image

if TYPE_CHECKING:
    from astmigrate.snippets.image_files import VisionDataset


class MNIST(VisionDataset):
    """``torchvision.datasets.MNIST``; it reads files that are there, and downloads none."""

    classes: ClassVar = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four",
               "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine"]  # fmt: skip

    def __init__(
        self,
        root: Any,
        train: bool = True,
        transform: Any = None,
        target_transform: Any = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, None, transform, target_transform)
        self.train = train
        part = "train" if train else "t10k"
        self.data = Tensor(self.values(f"{part}-images-idx3-ubyte"))
        self.targets = Tensor(self.values(f"{part}-labels-idx1-ubyte").astype(np.int64))

    @property
    def raw_folder(self) -> str:
        """Where the unpacked files are."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: number for number, name in enumerate(self.classes)}

    def values(self, name: str) -> Any:
        """The bytes of an IDX file in its shape, which stands before them in big-endian numbers."""
        path = os.path.join(self.raw_folder, name)
        if not os.path.isfile(path):
            raise RuntimeError(f"{path} is missing: download the dataset and unpack it there")
        data = np.fromfile(path, np.uint8)
        start = 4 + 4 * int(data[3])
        return data[start:].reshape(data[4:start].view(">i4"))

    def __getitem__(self, index: Any) -> Any:
        image = Image.fromarray(self.data[index].asnumpy())
        return self.transformed(image, int(self.targets[index]))

    def __len__(self) -> int:
        return self.data.shape[0]


class FashionMNIST(MNIST):
    """``torchvision.datasets.FashionMNIST``."""

    classes: ClassVar = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
               "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]  # fmt: skip


class KMNIST(MNIST):
    """``torchvision.datasets.KMNIST``."""

    classes: ClassVar = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
