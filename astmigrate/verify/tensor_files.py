"""Tensors that go from one process to the other as files, each content once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from astmigrate.verify.compare import TensorValue
from astmigrate.verify.model_jobs import TensorRecord


class TensorFiles:
    """The tensors of a folder; what one layer gives and the next one takes is one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, tensor: TensorValue) -> TensorRecord:
        """Writes the tensor unless a file has just these numbers."""
        values = np.ascontiguousarray(tensor.values)
        digest = hashlib.blake2b(values.tobytes(), digest_size=16)
        digest.update(f"{values.dtype}{tensor.values.shape}".encode())
        file = f"{digest.hexdigest()}.npy"
        path = self._folder / file
        if not path.exists():
            np.save(path, tensor.values)
        return TensorRecord(name, file, tensor.dtype, tuple(tensor.values.shape))

    def read(self, record: TensorRecord) -> TensorValue:
        """The tensor, mapped from its file."""
        path = self._folder / record.file
        empty = 0 in record.shape
        return TensorValue(record.dtype, np.load(path, mmap_mode=None if empty else "r"))
