"""Batches of samples: ``torch.utils.data.DataLoader`` and how it makes tensors of samples.

https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

if TYPE_CHECKING:
    from astmigrate.snippets.datasets import IterableDataset
    from astmigrate.snippets.samplers import BatchSampler, RandomSampler, SequentialSampler


def default_collate(batch: Any) -> Any:
    """``torch.utils.data.default_collate``: samples as one batch, tensor by tensor in any containers."""
    first = batch[0]
    if isinstance(first, Tensor):
        return ops.stack(list(batch))
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind not in "OSU":
        return Tensor.from_numpy(np.stack(batch))
    if isinstance(first, (bool, int, float)):
        return Tensor(batch, ms.float64 if isinstance(first, float) else None)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, (Mapping, Sequence)):
        return collate_containers(batch)
    raise TypeError(f"batches are made of tensors, arrays, numbers, dicts or lists, not of {type(first)}")


def collate_containers(batch: Any) -> Any:
    """A batch of dicts, tuples or lists as one of them, of batches."""
    first = batch[0]
    if isinstance(first, Mapping):
        return like_mapping(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if any(len(sample) != len(first) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    columns = [default_collate(column) for column in zip(*batch)]
    if hasattr(first, "_fields"):  # a namedtuple
        return type(first)(*columns)
    return columns if isinstance(first, tuple) else like_sequence(first, columns)


def like_mapping(first: Any, items: dict[Any, Any]) -> Any:
    """The items in a mapping of the type of ``first``."""
    try:
        if not isinstance(first, MutableMapping):
            return type(first)(items)
        same = copy.copy(first)
        same.update(items)
        return same
    except TypeError:  # a type that takes something else
        return items


def like_sequence(first: Any, items: list[Any]) -> Any:
    """The items in a sequence of the type of ``first``."""
    try:
        return type(first)(items)
    except TypeError:  # a type that takes something else
        return items


def default_convert(data: Any) -> Any:
    """``torch.utils.data.default_convert``: arrays as tensors, in any containers."""
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind not in "OSU":
        return Tensor.from_numpy(np.asarray(data))
    if isinstance(data, Mapping):
        return like_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return like_sequence(data, [default_convert(value) for value in data])
    return data


class DataLoader:
    """``torch.utils.data.DataLoader``; it loads in this process, whatever is said of workers and memory."""

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: ms.Generator | None = None,
        **ignored: Any,
    ) -> None:
        if (sampler is not None or isinstance(dataset, IterableDataset)) and shuffle:
            raise ValueError("the order comes from the sampler or the dataset: shuffle is not for them")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None makes no batches, of which drop_last could drop one")
        self.dataset = dataset
        self.batch_size = None if batch_sampler is not None else batch_size
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.generator = generator
        if sampler is None and not isinstance(dataset, IterableDataset):
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if sampler is not None and batch_sampler is None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        single = batch_size is None and batch_sampler is None
        self.collate_fn = collate_fn or (default_convert if single else default_collate)

    def __class_getitem__(cls, item: Any) -> type:
        return cls

    def __iter__(self) -> Iterator[Any]:
        return map(self.collate_fn, self.samples())

    def samples(self) -> Iterator[Any]:
        """The samples of each batch as a list, or one by one where there are no batches."""
        if self.batch_sampler is not None:
            fetch = getattr(self.dataset, "__getitems__", None)
            for indices in self.batch_sampler:
                yield fetch(indices) if fetch else [self.dataset[index] for index in indices]
        elif self.sampler is not None:
            yield from (self.dataset[index] for index in self.sampler)
        elif self.batch_size is None:
            yield from self.dataset
        else:
            samples = iter(self.dataset)
            while batch := list(itertools.islice(samples, self.batch_size)):
                if len(batch) == self.batch_size or not self.drop_last:
                    yield batch

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        if self.sampler is not None:
            return len(self.sampler)  # type: ignore[arg-type]
        if self.batch_size is None:
            return len(self.dataset)
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)
