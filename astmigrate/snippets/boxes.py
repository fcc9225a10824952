"""Boxes as (left, top, right, bottom), and the frozen BatchNorm of detectors: ``torchvision.ops``.

https://docs.pytorch.org/vision/stable/ops.html
"""

from __future__ import annotations

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops


def box_area(boxes: Tensor) -> Tensor:
    """``torchvision.ops.box_area``."""
    wide = boxes.astype(ms.int32) if boxes.dtype in (ms.int8, ms.int16, ms.uint8) else boxes
    return (wide[:, 2] - wide[:, 0]) * (wide[:, 3] - wide[:, 1])


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """``torchvision.ops.box_iou``: the common share of each pair of boxes."""
    corner = ops.maximum(boxes1[:, None, :2], boxes2[:, :2])
    sides = ops.clamp(ops.minimum(boxes1[:, None, 2:], boxes2[:, 2:]) - corner, min=0)
    common = sides[:, :, 0] * sides[:, :, 1]
    return common / (box_area(boxes1)[:, None] + box_area(boxes2) - common)


class FrozenBatchNorm2d(nn.Cell):
    """``torchvision.ops.FrozenBatchNorm2d``: statistics and factors that no training changes."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = Parameter(ops.ones(num_features), name="weight", requires_grad=False)
        self.bias = Parameter(ops.zeros(num_features), name="bias", requires_grad=False)
        self.running_mean = Parameter(ops.zeros(num_features), name="running_mean", requires_grad=False)
        self.running_var = Parameter(ops.ones(num_features), name="running_var", requires_grad=False)

    def construct(self, x: Tensor) -> Tensor:
        scale = self.weight * ops.rsqrt(self.running_var + self.eps)
        shift = self.bias - self.running_mean * scale
        return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)
