"""``torch.Generator``, and NumPy's numbers drawn by it or by ``mindspore.set_seed``.

https://docs.pytorch.org/docs/stable/generated/torch.Generator.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor

if TYPE_CHECKING:
    from astmigrate.snippets.devices import device


class Generator(ms.Generator):
    """``torch.Generator``: MindSpore's, which knows the device that it was made for."""

    def __init__(self, device: str | int | device | None = None) -> None:
        super().__init__()
        self.device = as_device(device)
        self.manual_seed(67280421310721)  # what PyTorch's begin with


def as_device(name: str | int | device | None) -> device:
    """A device of its name; without one the CPU."""
    return device("cpu" if name is None else name)


def numbers_of(generator: ms.Generator | None) -> np.random.Generator:
    """NumPy's generator for the next draws; the one given moves on by that, so that no draw repeats.

    Without one it follows ``mindspore.set_seed``, which sets NumPy's seed too.
    """
    if generator is None:
        return np.random.default_rng(np.random.randint(2**31))
    seed, offset = generator.get_state().asnumpy().view(np.uint64)
    generator.set_state(Tensor(np.array([seed, offset + np.uint64(1)]).view(np.uint8)))
    return np.random.default_rng([int(seed), int(offset)])
