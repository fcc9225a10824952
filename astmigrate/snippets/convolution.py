"""Transposed convolutions as functions; ``ops.conv_transpose2d`` has no CPU kernel."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, ops


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """``torch.nn.functional.conv_transpose2d`` by the gradient operator of a convolution."""
    steps, sides, extra, gaps = (
        (v, v) if isinstance(v, int) else (v[0], v[-1]) for v in (stride, padding, output_padding, dilation)
    )
    kernel = weight.shape[2:]
    size = [
        (input.shape[2 + a] - 1) * steps[a] - 2 * sides[a] + gaps[a] * (kernel[a] - 1) + extra[a] + 1
        for a in (0, 1)
    ]
    transposed = ops.Conv2DTranspose(
        weight.shape[0],  # the channels of the convolution whose gradient it is
        kernel,
        pad_mode="pad",
        pad=(sides[0], sides[0], sides[1], sides[1]),
        stride=steps,
        dilation=gaps,
        group=groups,
    )
    shape = (input.shape[0], weight.shape[1] * groups, size[0], size[1])
    result = transposed(input, weight, shape)
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """``torch.nn.functional.conv_transpose1d`` as a convolution of height one."""
    step, side, extra, gap = (
        v if isinstance(v, int) else v[0] for v in (stride, padding, output_padding, dilation)
    )
    result = conv_transpose2d(
        input.unsqueeze(2),
        weight.unsqueeze(2),
        bias,
        (1, step),
        (0, side),
        (0, extra),
        groups,
        (1, gap),
    )
    return result.squeeze(2)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """``torch.nn.functional.conv_transpose3d``: a convolution of the spread input with flipped kernels."""
    steps, sides, extra, gaps = (
        (v,) * 3 if isinstance(v, int) else tuple(v) for v in (stride, padding, output_padding, dilation)
    )
    spread = spread_elements(input, steps)
    kernel = weight.shape[2:]
    pads: list[int] = []
    for axis in (2, 1, 0):
        reach = gaps[axis] * (kernel[axis] - 1) - sides[axis]
        pads += [reach, reach + extra[axis]]
    outputs = weight.shape[1]
    split = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:]).swapaxes(1, 2)
    flipped = ops.flip(split.reshape(groups * outputs, weight.shape[0] // groups, *kernel), (2, 3, 4))
    padded = ops.pad(spread, tuple(pads))
    return ops.conv3d(padded, flipped, bias, 1, "valid", 0, gaps, groups)


def spread_elements(input: Tensor, steps: Sequence[int]) -> Tensor:
    """``input`` with ``step - 1`` zeros between the elements of each axis after the second."""
    for axis, step in enumerate(steps, 2):
        if step > 1:
            shape = input.shape
            gaps = ops.zeros((*shape[: axis + 1], step - 1, *shape[axis + 1 :]), input.dtype)
            input = ops.cat((input.unsqueeze(axis + 1), gaps), axis + 1)
            input = input.reshape(*shape[:axis], shape[axis] * step, *shape[axis + 1 :])
            input = ops.split(input, (shape[axis] * step - step + 1, step - 1), axis)[0]
    return input
