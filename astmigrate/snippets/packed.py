"""Sequences of different lengths: packed, padded, and back.

https://docs.pytorch.org/docs/stable/nn.html#utilities
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops


class PackedSequence(NamedTuple):
    """``torch.nn.utils.rnn.PackedSequence``: step by step the elements of the sequences that last so long."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None


def packed_places(batch_sizes: Any) -> tuple[Any, Any]:
    """For each element of packed data its step, and its sequence among the sorted ones."""
    sizes = batch_sizes.asnumpy()
    steps = np.repeat(np.arange(len(sizes)), sizes)
    sequences = np.concatenate([np.arange(size) for size in sizes])
    return steps, sequences


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """``torch.nn.utils.rnn.pack_padded_sequence``."""
    known = lengths.asnumpy() if isinstance(lengths, Tensor) else np.asarray([int(n) for n in lengths])
    steps = ops.swapaxes(input, 0, 1) if batch_first else input
    order = back = None
    if not enforce_sorted:
        indices = np.argsort(-known, kind="stable")
        known = known[indices]
        order, back = Tensor(indices, ms.int64), Tensor(np.argsort(indices), ms.int64)
        steps = ops.gather(steps, order, 1)
    elif np.any(np.diff(known) > 0):
        raise RuntimeError("lengths must be sorted in decreasing order where enforce_sorted is True")
    sizes = Tensor(np.array([np.sum(known > step) for step in range(known[0])]), ms.int64)
    times, sequences = packed_places(sizes)
    flat = steps.reshape(-1, *steps.shape[2:])
    places = Tensor(times * steps.shape[1] + sequences, ms.int32)
    return PackedSequence(ops.gather(flat, places, 0), sizes, order, back)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """``torch.nn.utils.rnn.pad_packed_sequence``."""
    data, sizes = sequence.data, sequence.batch_sizes.asnumpy()
    times, sequences = packed_places(sequence.batch_sizes)
    places = np.full((total_length or len(sizes), sizes[0]), len(times))
    places[times, sequences] = np.arange(len(times))
    padding = ops.full((1, *data.shape[1:]), padding_value, dtype=data.dtype)
    padded = ops.gather(ops.cat((data, padding), 0), Tensor(places.reshape(-1), ms.int32), 0)
    padded = padded.reshape(*places.shape, *data.shape[1:])
    lengths = np.array([np.sum(sizes > number) for number in range(sizes[0])])
    if sequence.unsorted_indices is not None:
        padded = ops.gather(padded, sequence.unsorted_indices, 1)
        lengths = lengths[sequence.unsorted_indices.asnumpy()]
    return ops.swapaxes(padded, 0, 1) if batch_first else padded, Tensor(lengths, ms.int64)


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """``torch.nn.utils.rnn.pad_sequence``."""
    known = list(sequences)
    longest = max(sequence.shape[0] for sequence in known)
    rows = []
    for sequence in known:
        shape = (longest - sequence.shape[0], *sequence.shape[1:])
        parts = [sequence, ops.full(shape, padding_value, dtype=sequence.dtype)] if shape[0] else [sequence]
        rows.append(ops.cat(parts if padding_side == "right" else parts[::-1], 0))
    return ops.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """``torch.nn.utils.rnn.unpad_sequence``."""
    rows = padded_sequences if batch_first else ops.swapaxes(padded_sequences, 0, 1)
    return [rows[number][: int(length)] for number, length in enumerate(lengths)]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """``torch.nn.utils.rnn.pack_sequence``."""
    known = list(sequences)
    lengths = [sequence.shape[0] for sequence in known]
    return pack_padded_sequence(pad_sequence(known), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """``torch.nn.utils.rnn.unpack_sequence``."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
