"""Convolution layers with torch's arguments, where only the run can tell what the padding is.

https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops


def per_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """One number for each axis; numpy's, too, which MindSpore's layers refuse."""
    sizes = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple(int(size) for size in sizes) * (axes if len(sizes) == 1 else 1)


def both_sides(padding: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """torch's padding, one number for each axis, as both sides of every axis."""
    return tuple(size for size in per_axis(padding, axes) for _ in range(2))


def padding_of(layer: Any) -> str | tuple[int, ...]:
    """The ``padding`` of a convolution as torch has it: a size for each axis; MindSpore keeps both sides."""
    padding = layer.padding
    if isinstance(padding, str):
        return padding
    if layer.pad_mode in ("same", "valid"):
        return str(layer.pad_mode)
    axes = 1 if isinstance(layer, (nn.Conv1d, nn.Conv1dTranspose)) else layer.weight.ndim - 2
    sizes = per_axis(padding, axes)
    return sizes if len(sizes) == axes else tuple(sizes[::2][-axes:])


def border_of(padding: Any, kernel_size: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """What a convolution adds to its input in the order of ``ops.pad``: the last axis first."""
    sides: list[int] = []
    for axis in reversed(range(len(kernel_size))):
        total = dilation[axis] * (kernel_size[axis] - 1)
        if padding == "same":
            sides += [total // 2, total - total // 2]
        else:
            sides += [0, 0] if padding == "valid" else [per_axis(padding, len(kernel_size))[axis]] * 2
    return tuple(sides)


def pad_circular(input: Tensor, padding: Sequence[int]) -> Tensor:
    """``input`` continued by its other end; ``padding`` as ``ops.pad`` takes it."""
    for number in range(len(padding) // 2):
        axis = input.ndim - 1 - number
        before, after = padding[2 * number], padding[2 * number + 1]
        length = input.shape[axis]
        parts = [input.narrow(axis, length - before, before)] if before else []
        parts += [input, input.narrow(axis, 0, after)] if after else [input]
        input = ops.cat(parts, axis) if len(parts) > 1 else input
    return input


def pad_border(input: Tensor, padding: Sequence[int], mode: str) -> Tensor:
    """``input`` with its border continued as a convolution's ``padding_mode`` says."""
    if mode == "circular":
        return pad_circular(input, padding)
    return ops.pad(input, tuple(padding), mode)


class Conv1d(nn.Conv1d):
    """``nn.Conv1d`` with the arguments of ``torch.nn.Conv1d``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kernel, step, gap = (per_axis(value, 1)[0] for value in (kernel_size, stride, dilation))
        zeros, named = padding_mode == "zeros", isinstance(padding, str)
        super().__init__(
            int(in_channels),
            int(out_channels),
            kernel,
            step,
            pad_mode=padding if named and zeros else "pad",
            padding=0 if named or not zeros else per_axis(padding, 1)[0],
            dilation=gap,
            group=int(groups),
            has_bias=bool(bias),
            dtype=dtype or ms.float32,
        )
        self.padding_mode = padding_mode
        self.padding = padding if named else per_axis(padding, 1)  # as torch's; only read by subclasses
        self.border = () if zeros else border_of(padding, (kernel,), (gap,))

    def construct(self, x: Tensor) -> Tensor:
        return super().construct(pad_border(x, self.border, self.padding_mode) if self.border else x)


class Conv2d(nn.Conv2d):
    """``nn.Conv2d`` with the arguments of ``torch.nn.Conv2d``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kernel, step, gap = (per_axis(value, 2) for value in (kernel_size, stride, dilation))
        zeros, named = padding_mode == "zeros", isinstance(padding, str)
        super().__init__(
            int(in_channels),
            int(out_channels),
            kernel,
            step,
            pad_mode=padding if named and zeros else "pad",
            padding=0 if named or not zeros else both_sides(padding, 2),
            dilation=gap,
            group=int(groups),
            has_bias=bool(bias),
            dtype=dtype or ms.float32,
        )
        self.padding_mode = padding_mode
        self.padding = padding if named else per_axis(padding, 2)  # as torch's; only read by subclasses
        self.border = () if zeros else border_of(padding, kernel, gap)

    def construct(self, x: Tensor) -> Tensor:
        return super().construct(pad_border(x, self.border, self.padding_mode) if self.border else x)


class Conv3d(nn.Conv3d):
    """``nn.Conv3d`` with the arguments of ``torch.nn.Conv3d``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kernel, step, gap = (per_axis(value, 3) for value in (kernel_size, stride, dilation))
        zeros, named = padding_mode == "zeros", isinstance(padding, str)
        super().__init__(
            int(in_channels),
            int(out_channels),
            kernel,
            step,
            pad_mode=padding if named and zeros else "pad",
            padding=0 if named or not zeros else both_sides(padding, 3),
            dilation=gap,
            group=int(groups),
            has_bias=bool(bias),
            dtype=dtype or ms.float32,
        )
        self.padding_mode = padding_mode
        self.padding = padding if named else per_axis(padding, 3)  # as torch's; only read by subclasses
        self.border = () if zeros else border_of(padding, kernel, gap)

    def construct(self, x: Tensor) -> Tensor:
        return super().construct(pad_border(x, self.border, self.padding_mode) if self.border else x)
