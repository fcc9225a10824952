"""Which samples of a dataset, in which order: the samplers of ``torch.utils.data``.

https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Sampler
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, mint

if TYPE_CHECKING:
    from astmigrate.snippets.generators import numbers_of


class Sampler:
    """``torch.utils.data.Sampler``: what gives the indices of the samples one after the other."""

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __class_getitem__(cls, item: Any) -> type:
        return cls

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError


class SequentialSampler(Sampler):
    """``torch.utils.data.SequentialSampler``: all samples in their order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """``torch.utils.data.RandomSampler``: a new order in every pass, or with replacement any samples."""

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: ms.Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        numbers, size, left = numbers_of(self.generator), len(self.data_source), self.num_samples
        if self.replacement:
            yield from numbers.integers(size, size=left).tolist()
            return
        while left > 0:
            yield from numbers.permutation(size)[:left].tolist()
            left -= size

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """``torch.utils.data.SubsetRandomSampler``: the given samples, a new order in every pass."""

    def __init__(self, indices: Sequence[int], generator: ms.Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for position in numbers_of(self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[position]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """``torch.utils.data.WeightedRandomSampler``: samples drawn by their weights."""

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: ms.Generator | None = None,
    ) -> None:
        values = weights.asnumpy() if isinstance(weights, Tensor) else weights
        self.weights = Tensor(np.asarray(values, np.float64))
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        weights = self.weights.asnumpy()
        numbers = numbers_of(self.generator)
        chances = weights / weights.sum()
        yield from numbers.choice(len(weights), self.num_samples, self.replacement, chances).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """``torch.utils.data.BatchSampler``: lists of ``batch_size`` indices."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (rest > 0 and not self.drop_last)


class DistributedSampler(Sampler):
    """``torch.utils.data.DistributedSampler``: this process's share of the samples, equal for all."""

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.dataset = dataset
        self.num_replicas = mint.distributed.get_world_size() if num_replicas is None else num_replicas
        self.rank = mint.distributed.get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"rank {self.rank} is not in the interval [0, {self.num_replicas - 1}]")
        share = len(dataset) / self.num_replicas
        self.num_samples = int(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * self.num_replicas
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        indices = list(range(len(self.dataset)))
        if self.shuffle:  # every process must draw the same order
            indices = np.random.default_rng(self.seed + self.epoch).permutation(len(indices)).tolist()
        missing = self.total_size - len(indices)
        if missing > 0:
            indices += (indices * math.ceil(missing / len(indices)))[:missing]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Another order for another epoch."""
        self.epoch = epoch
