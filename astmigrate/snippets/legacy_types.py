"""``torch.FloatTensor`` and its like: constructors that take sizes or data."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops


def legacy_tensor(*size: Any, dtype: Any = ms.float32) -> Tensor:
    """``torch.Tensor(...)``: of sizes zeros, of data the data, as float32."""
    if not size:
        return Tensor(np.zeros((0,)), dtype)
    if all(isinstance(length, int) for length in size):
        return ops.zeros(size, dtype)
    return Tensor(size[0], dtype)


def FloatTensor(*data: Any) -> Tensor:
    """``torch.FloatTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.float32)


def DoubleTensor(*data: Any) -> Tensor:
    """``torch.DoubleTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.float64)


def HalfTensor(*data: Any) -> Tensor:
    """``torch.HalfTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.float16)


def LongTensor(*data: Any) -> Tensor:
    """``torch.LongTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.int64)


def IntTensor(*data: Any) -> Tensor:
    """``torch.IntTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.int32)


def ShortTensor(*data: Any) -> Tensor:
    """``torch.ShortTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.int16)


def CharTensor(*data: Any) -> Tensor:
    """``torch.CharTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.int8)


def ByteTensor(*data: Any) -> Tensor:
    """``torch.ByteTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.uint8)


def BoolTensor(*data: Any) -> Tensor:
    """``torch.BoolTensor`` of sizes or data."""
    return legacy_tensor(*data, dtype=ms.bool_)
