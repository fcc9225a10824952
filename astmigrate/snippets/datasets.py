"""Datasets that are indexed or iterated: those of ``torch.utils.data``.

https://docs.pytorch.org/docs/stable/data.html#dataset-types
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Tensor

if TYPE_CHECKING:
    from astmigrate.snippets.generators import numbers_of


class Dataset:
    """``torch.utils.data.Dataset``: what has samples by index; ``mindspore.dataset`` takes it as a source."""

    def __class_getitem__(cls, item: Any) -> type:
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """``torch.utils.data.IterableDataset``: what gives samples one after the other."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """``torch.utils.data.TensorDataset``: the rows of tensors of one length."""

    def __init__(self, *tensors: Tensor) -> None:
        assert all(len(tensor) == len(tensors[0]) for tensor in tensors), "Size mismatch between tensors"
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """``torch.utils.data.Subset``: the samples of a dataset at given indices."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """``torch.utils.data.ConcatDataset``: datasets one behind the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        assert self.datasets, "datasets should not be an empty iterable"
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __getitem__(self, idx: int) -> Any:
        place = idx + len(self) if idx < 0 else idx
        if place < 0:
            raise ValueError("absolute value of index should not exceed dataset length")
        number = bisect.bisect_right(self.cumulative_sizes, place)
        return self.datasets[number][place - (self.cumulative_sizes[number - 1] if number else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset):
    """``torch.utils.data.ChainDataset``: iterable datasets one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self.datasets)

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class StackDataset(Dataset):
    """``torch.utils.data.StackDataset``: the samples of several datasets side by side."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.datasets: Any = args or kwargs
        datasets = args or tuple(kwargs.values())
        self._length = len(datasets[0])
        if any(len(dataset) != self._length for dataset in datasets):
            raise ValueError("Size mismatch between datasets")

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return self._length


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: ms.Generator | None = None
) -> list[Subset]:
    """``torch.utils.data.random_split``: disjoint subsets of these lengths, or these parts of the whole."""
    sizes = list(lengths)
    if sum(sizes) <= 1 + 1e-9 and any(isinstance(size, float) for size in sizes):
        sizes = [int(len(dataset) * size) for size in sizes]
        for number in range(len(dataset) - int(sum(sizes))):  # the rest in turn
            sizes[number % len(sizes)] += 1
    if sum(sizes) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    indices = numbers_of(generator).permutation(len(dataset)).tolist()
    ends = list(itertools.accumulate(int(size) for size in sizes))
    return [Subset(dataset, indices[start:end]) for start, end in zip([0, *ends], ends)]
