"""Poolings that ``mindspore.ops`` has for two dimensions only, or takes with other paddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import Tensor, ops


def avg_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """``torch.nn.functional.avg_pool2d``: the stride is the kernel's size, a padding has two sides."""
    kernel = kernel_size if isinstance(kernel_size, int) else tuple(kernel_size)
    stride = kernel if stride is None else stride if isinstance(stride, int) else tuple(stride)
    if not isinstance(padding, int):
        padding = (padding[0], padding[0], padding[-1], padding[-1])
    pooled = ops.avg_pool2d(
        input if input.ndim == 4 else input.unsqueeze(0),
        kernel,
        stride,
        padding,
        ceil_mode,
        count_include_pad,
        divisor_override or 0,
    )
    return pooled if input.ndim == 4 else pooled.squeeze(0)


def avg_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """``torch.nn.functional.avg_pool1d``: the stride is the kernel's size where none is given."""
    kernel, step, side = (
        value if value is None or isinstance(value, int) else value[0]
        for value in (kernel_size, stride, padding)
    )
    return ops.avg_pool1d(input, kernel, kernel if step is None else step, side, ceil_mode, count_include_pad)


def avg_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """``torch.nn.functional.avg_pool3d``: the stride is the kernel's size, a padding has two sides."""
    kernel = kernel_size if isinstance(kernel_size, int) else tuple(kernel_size)
    stride = kernel if stride is None else stride if isinstance(stride, int) else tuple(stride)
    if not isinstance(padding, int):
        padding = tuple(side for size in padding for side in (size, size))
    divisor = divisor_override or 0
    return ops.avg_pool3d(input, kernel, stride, padding, ceil_mode, count_include_pad, divisor)


def max_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``torch.nn.functional.max_pool1d`` as a pooling of height one."""
    kernel, step, sides, gaps = (
        value if value is None or isinstance(value, int) else value[0]
        for value in (kernel_size, stride, padding, dilation)
    )
    image = input.unsqueeze(-2) if input.ndim == 3 else input.unsqueeze(0).unsqueeze(-2)
    pooled, indices = ops.max_pool2d(
        image, (1, kernel), (1, step or kernel), (0, sides), (1, gaps), True, ceil_mode
    )
    shape = input.shape[:-1] + (-1,)
    return (pooled.reshape(shape), indices.reshape(shape)) if return_indices else pooled.reshape(shape)


def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """``torch.nn.functional.adaptive_avg_pool1d``; that of ``ops`` wants a divisor of the length."""
    length = output_size if isinstance(output_size, int) else output_size[0]
    return ops.adaptive_avg_pool2d(input.unsqueeze(-2), (1, length)).squeeze(-2)


def adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False) -> Any:
    """``torch.nn.functional.adaptive_max_pool1d``; that of ``ops`` wants a divisor of the length."""
    length = output_size if isinstance(output_size, int) else output_size[0]
    pooled, indices = ops.adaptive_max_pool2d(input.unsqueeze(-2), (1, length), True)
    return (pooled.squeeze(-2), indices.squeeze(-2)) if return_indices else pooled.squeeze(-2)


def max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``torch.nn.functional.max_pool2d`` with its order of arguments."""
    kernel, step, sides, gaps = (
        tuple(value) if isinstance(value, list) else value
        for value in (kernel_size, stride, padding, dilation)
    )
    return ops.max_pool2d(input, kernel, step, sides, gaps, return_indices, ceil_mode)


def whole_means(values: Tensor, norm_type: float) -> Tensor:
    """Means of powers of integers, which torch rounds towards zero where the power is an integer too."""
    return ops.trunc(values) if isinstance(norm_type, int) else values


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: int,
    stride: int | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """``torch.nn.functional.lp_pool1d``, its rounding of integers included."""
    if input.is_floating_point():
        return ops.lp_pool1d(input, float(norm_type), kernel_size, stride, ceil_mode)
    means = avg_pool1d(ops.pow(input.float(), norm_type), kernel_size, stride, 0, ceil_mode)
    return ops.pow(ops.relu(whole_means(means, norm_type)) * kernel_size, 1.0 / norm_type)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """``torch.nn.functional.lp_pool2d``, its rounding of integers included."""
    kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
    step = tuple(stride) if isinstance(stride, list) else stride
    if input.is_floating_point():
        return ops.lp_pool2d(input, float(norm_type), kernel, step, ceil_mode)
    means = avg_pool2d(ops.pow(input.float(), norm_type), kernel, step, 0, ceil_mode)
    return ops.pow(ops.relu(whole_means(means, norm_type)) * (kernel[0] * kernel[1]), 1.0 / norm_type)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """``torch.nn.functional.adaptive_max_pool3d``; those of ``ops`` are indices of int32."""
    size = tuple(output_size) if isinstance(output_size, list) else output_size
    pooled, indices = ops.adaptive_max_pool3d(input, size, True)
    return (pooled, indices.long()) if return_indices else pooled
