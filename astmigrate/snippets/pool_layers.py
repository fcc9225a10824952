"""Pooling layers with torch's arguments: the stride is the kernel's size, a padding needs its mode.

https://docs.pytorch.org/docs/stable/nn.html#pooling-layers
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.pooling import adaptive_avg_pool1d, adaptive_max_pool1d


def pool_size(value: Any) -> Any:
    """A size as MindSpore's pools take it: an int or a tuple."""
    return value if isinstance(value, int) else tuple(value)


def pool_length(value: Any) -> int:
    """A size of a pool along one axis."""
    return value if isinstance(value, int) else value[0]


class MaxPool1d(nn.MaxPool1d):
    """``nn.MaxPool1d`` with the arguments of ``torch.nn.MaxPool1d``."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        kernel = pool_length(kernel_size)
        super().__init__(
            kernel,
            pool_length(stride) if stride else kernel,
            pad_mode="pad",
            padding=pool_length(padding),
            dilation=pool_length(dilation),
            return_indices=return_indices,
            ceil_mode=bool(ceil_mode),
        )
        self.dilation = dilation
        self.ceil_mode = bool(ceil_mode)


class MaxPool2d(nn.MaxPool2d):
    """``nn.MaxPool2d`` with the arguments of ``torch.nn.MaxPool2d``."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        kernel = pool_size(kernel_size)
        super().__init__(
            kernel,
            pool_size(stride) if stride else kernel,
            pad_mode="pad",
            padding=pool_size(padding),
            dilation=pool_size(dilation),
            return_indices=return_indices,
            ceil_mode=bool(ceil_mode),
        )
        self.dilation = dilation
        self.ceil_mode = bool(ceil_mode)


class MaxPool3d(nn.MaxPool3d):
    """``nn.MaxPool3d`` with the arguments of ``torch.nn.MaxPool3d``."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        kernel = pool_size(kernel_size)
        super().__init__(
            kernel,
            pool_size(stride) if stride else kernel,
            pad_mode="pad",
            padding=pool_size(padding),
            dilation=pool_size(dilation),
            return_indices=return_indices,
            ceil_mode=bool(ceil_mode),
        )
        self.dilation = dilation
        self.ceil_mode = bool(ceil_mode)


class AvgPool1d(nn.AvgPool1d):
    """``nn.AvgPool1d`` with the arguments of ``torch.nn.AvgPool1d``."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        kernel = pool_length(kernel_size)
        step = pool_length(stride) if stride else kernel
        super().__init__(kernel, step, "pad", pool_length(padding), bool(ceil_mode), bool(count_include_pad))
        self.ceil_mode = bool(ceil_mode)
        self.count_include_pad = bool(count_include_pad)


class AvgPool2d(nn.AvgPool2d):
    """``nn.AvgPool2d`` with the arguments of ``torch.nn.AvgPool2d``."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        kernel = pool_size(kernel_size)
        step = pool_size(stride) if stride else kernel
        counted = bool(count_include_pad)
        super().__init__(kernel, step, "pad", pool_size(padding), bool(ceil_mode), counted, divisor_override)
        self.ceil_mode = bool(ceil_mode)
        self.count_include_pad = counted
        self.divisor_override = divisor_override


class AvgPool3d(nn.AvgPool3d):
    """``nn.AvgPool3d`` with the arguments of ``torch.nn.AvgPool3d``."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        kernel = pool_size(kernel_size)
        step = pool_size(stride) if stride else kernel
        counted = bool(count_include_pad)
        super().__init__(kernel, step, "pad", pool_size(padding), bool(ceil_mode), counted, divisor_override)
        self.ceil_mode = bool(ceil_mode)
        self.count_include_pad = counted
        self.divisor_override = divisor_override


class AdaptiveAvgPool1d(nn.AdaptiveAvgPool1d):
    """``nn.AdaptiveAvgPool1d`` for any output size, not only divisors of the length."""

    def __init__(self, output_size: int | Sequence[int]) -> None:
        super().__init__(pool_length(output_size))

    def construct(self, input: Tensor) -> Tensor:
        return adaptive_avg_pool1d(input, self.output_size)


class AdaptiveMaxPool1d(nn.AdaptiveMaxPool1d):
    """``nn.AdaptiveMaxPool1d`` for any output size, not only divisors of the length, and with indices."""

    def __init__(self, output_size: int | Sequence[int], return_indices: bool = False) -> None:
        super().__init__(pool_length(output_size))
        self.return_indices = return_indices

    def construct(self, x: Tensor) -> Any:
        return adaptive_max_pool1d(x, self.output_size, self.return_indices)


class AdaptiveAvgPool2d(nn.AdaptiveAvgPool2d):
    """``nn.AdaptiveAvgPool2d``, lists as output sizes included."""

    def __init__(self, output_size: Any) -> None:
        super().__init__(tuple(output_size) if isinstance(output_size, list) else output_size)


class AdaptiveAvgPool3d(nn.AdaptiveAvgPool3d):
    """``nn.AdaptiveAvgPool3d``, lists as output sizes included."""

    def __init__(self, output_size: Any) -> None:
        super().__init__(tuple(output_size) if isinstance(output_size, list) else output_size)


class AdaptiveMaxPool2d(nn.AdaptiveMaxPool2d):
    """``nn.AdaptiveMaxPool2d``, lists as output sizes included."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        size = tuple(output_size) if isinstance(output_size, list) else output_size
        super().__init__(size, return_indices)


class AdaptiveMaxPool3d(nn.Cell):
    """``torch.nn.AdaptiveMaxPool3d``; its indices are int64 as torch's."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def construct(self, input: Tensor) -> Any:
        size = self.output_size
        lengths = [size] * 3 if size is None or isinstance(size, int) else list(size)
        known = [length or own for length, own in zip(lengths, input.shape[-3:])]
        pooled, indices = ops.adaptive_max_pool3d(input, tuple(known), True)
        return (pooled, indices.long()) if self.return_indices else pooled


class LPPool(nn.Cell):
    """What torch's power-average pools have in common: a sum of powers over windows, and its root."""

    axes = 2

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode
        self.pool = (AvgPool1d, AvgPool2d, AvgPool3d)[self.axes - 1](kernel_size, stride, 0, ceil_mode)

    def construct(self, input: Tensor) -> Tensor:
        size = self.kernel_size
        count = size**self.axes if isinstance(size, int) else 1
        for length in () if isinstance(size, int) else size:
            count *= length
        mean = self.pool(ops.pow(input, self.norm_type))
        return ops.pow(ops.relu(ops.abs(mean) * ops.sign(mean)) * count, 1.0 / self.norm_type)


class LPPool1d(LPPool):
    """``torch.nn.LPPool1d``."""

    axes = 1


class LPPool2d(LPPool):
    """``torch.nn.LPPool2d``."""


class LPPool3d(LPPool):
    """``torch.nn.LPPool3d``."""

    axes = 3
