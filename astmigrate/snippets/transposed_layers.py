"""Transposed convolution layers with torch's arguments, ``output_padding`` and ``output_size`` included.

https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Tensor, nn

if TYPE_CHECKING:
    from astmigrate.snippets.conv_layers import both_sides, per_axis
    from astmigrate.snippets.convolution import conv_transpose2d, conv_transpose3d


def padding_for_size(
    size: Sequence[int], input: Tensor, kernel: Sequence[int], steps: Sequence[int], sides: Sequence[int],
    gaps: Sequence[int],
) -> tuple[int, ...]:  # fmt: skip
    """The ``output_padding`` with which a transposed convolution gives an output of ``size``."""
    axes = len(kernel)
    least = [
        (input.shape[-axes + a] - 1) * steps[a] - 2 * sides[a] + gaps[a] * (kernel[a] - 1) + 1
        for a in range(axes)
    ]
    extra = tuple(wanted - known for wanted, known in zip(list(size)[-axes:], least))
    if any(e < 0 or e >= max(step, 1) for e, step in zip(extra, steps)):
        raise ValueError(f"an output of size {tuple(size)} is not possible here; the least is {least}")
    return extra


class ConvTranspose1d(nn.Conv1dTranspose):
    """``nn.Conv1dTranspose`` with the arguments of ``torch.nn.ConvTranspose1d``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kernel, step, gap, side = (per_axis(v, 1)[0] for v in (kernel_size, stride, dilation, padding))
        super().__init__(
            int(in_channels),
            int(out_channels),
            kernel,
            step,
            pad_mode="pad",
            padding=side,
            dilation=gap,
            group=int(groups),
            has_bias=bool(bias),
            dtype=dtype or ms.float32,
        )
        self.output_padding = (0, per_axis(output_padding, 1)[0])

    def construct(self, x: Tensor, output_size: Any = None) -> Tensor:
        sides = (0, self.padding[-1])
        extra: Sequence[int] = self.output_padding
        x = x.unsqueeze(2)
        if output_size is not None:
            size = (1, list(output_size)[-1])
            extra = padding_for_size(size, x, self.kernel_size, self.stride, sides, self.dilation)
        result = conv_transpose2d(
            x, self.weight, self.bias, self.stride, sides, extra, self.group, self.dilation
        )
        return result.squeeze(2)


class ConvTranspose2d(nn.Conv2dTranspose):
    """``nn.Conv2dTranspose`` with the arguments of ``torch.nn.ConvTranspose2d``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kernel, step, gap = (per_axis(value, 2) for value in (kernel_size, stride, dilation))
        super().__init__(
            int(in_channels),
            int(out_channels),
            kernel,
            step,
            pad_mode="pad",
            padding=both_sides(padding, 2),
            dilation=gap,
            group=int(groups),
            has_bias=bool(bias),
            dtype=dtype or ms.float32,
        )
        self.output_padding = per_axis(output_padding, 2)

    def construct(self, x: Tensor, output_size: Any = None) -> Tensor:
        sides, extra = self.padding[::2], self.output_padding
        if output_size is not None:
            extra = padding_for_size(output_size, x, self.kernel_size, self.stride, sides, self.dilation)
        return conv_transpose2d(
            x, self.weight, self.bias, self.stride, sides, extra, self.group, self.dilation
        )


class ConvTranspose3d(nn.Conv3dTranspose):
    """``nn.Conv3dTranspose`` with the arguments of ``torch.nn.ConvTranspose3d``, dilation included."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kernel, step = per_axis(kernel_size, 3), per_axis(stride, 3)
        super().__init__(
            int(in_channels),
            int(out_channels),
            kernel,
            step,
            pad_mode="pad",
            padding=both_sides(padding, 3),
            group=int(groups),
            has_bias=bool(bias),
            dtype=dtype or ms.float32,
        )
        self.kernel = kernel
        self.steps = step
        self.sides = per_axis(padding, 3)
        self.gaps = per_axis(dilation, 3)
        self.extra = per_axis(output_padding, 3)

    def construct(self, x: Tensor, output_size: Any = None) -> Tensor:
        extra = self.extra
        if output_size is not None:
            extra = padding_for_size(output_size, x, self.kernel, self.steps, self.sides, self.gaps)
        return conv_transpose3d(
            x, self.weight, self.bias, self.steps, self.sides, extra, self.group, self.gaps
        )
