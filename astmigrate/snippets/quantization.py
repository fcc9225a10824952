"""Layers that mark where a model can be quantized; in float they compute as if they were not there.

https://docs.pytorch.org/docs/stable/quantization.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import Tensor, nn, ops


class QuantizationStub(nn.Cell):
    """``torch.ao.quantization.QuantStub`` and ``DeQuantStub`` before a model is converted: they pass on."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()

    def construct(self, x: Tensor) -> Tensor:
        return x


class FloatFunctional(nn.Cell):
    """``torch.ao.nn.quantized.FloatFunctional``: operators that are cells."""

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def add_scalar(self, x: Tensor, y: float) -> Tensor:
        return x + y

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y

    def mul_scalar(self, x: Tensor, y: float) -> Tensor:
        return x * y

    def cat(self, x: Sequence[Tensor], dim: int = 0) -> Tensor:
        return ops.cat(x, dim)

    def add_relu(self, x: Tensor, y: Tensor) -> Tensor:
        return ops.relu(x + y)

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        return ops.matmul(x, y)

    def construct(self, x: Any) -> Any:
        raise RuntimeError("FloatFunctional is not called: use its methods")
