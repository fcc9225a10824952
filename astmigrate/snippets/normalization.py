"""Normalizations without a layer, composed where MindSpore has no CPU kernel."""

from __future__ import annotations

from collections.abc import Sequence

import mindspore as ms
from mindspore import Tensor, ops


def normalize(
    input: Tensor, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12, out: None = None
) -> Tensor:
    """``torch.nn.functional.normalize``: divided by its norm, which is at least ``eps``."""
    axis = dim if isinstance(dim, int) else tuple(dim)
    return input / ops.clamp(ops.vector_norm(input, p, axis, True), min=eps)


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``torch.nn.functional.layer_norm`` by the LayerNorm operator, which wants weight and bias."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    axis = input.ndim - len(shape)
    weight = ops.ones(shape, input.dtype) if weight is None else weight
    bias = ops.zeros(shape, input.dtype) if bias is None else bias
    return ops.LayerNorm(axis, axis, eps)(input, weight, bias)[0]


def rms_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """``torch.nn.functional.rms_norm``: divided by the root of the mean square."""
    count = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
    axes = tuple(range(input.ndim - count, input.ndim))
    eps = (2.0**-52 if input.dtype == ms.float64 else 2.0**-23) if eps is None else eps
    normalized = input * ops.rsqrt(ops.mean(ops.square(input), axes, True) + eps)
    return normalized if weight is None else normalized * weight


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``torch.nn.functional.batch_norm``; in training it moves the running statistics."""
    axes = (0, *range(2, input.ndim))
    shape = (1, -1) + (1,) * (input.ndim - 2)
    mean, var = running_mean, running_var
    if training or mean is None or var is None:
        mean = ops.mean(input, axes)
        var = ops.mean(ops.square(input - mean.reshape(shape)), axes)
        if running_mean is not None and running_var is not None:
            count = input.size // input.shape[1]
            ops.assign(running_mean, (1 - momentum) * running_mean + momentum * mean)
            ops.assign(running_var, (1 - momentum) * running_var + momentum * var * count / (count - 1))
    scale = ops.rsqrt(var + eps) if weight is None else weight * ops.rsqrt(var + eps)
    result = (input - mean.reshape(shape)) * scale.reshape(shape)
    return result if bias is None else result + bias.reshape(shape)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``torch.nn.functional.instance_norm`` by the statistics of each sample's channels."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    axes = tuple(range(2, input.ndim))
    shape = (1, -1) + (1,) * (input.ndim - 2)
    mean = ops.mean(input, axes, True)
    centred = input - mean
    var = ops.mean(ops.square(centred), axes, True)
    if running_mean is not None and running_var is not None:
        count = input.size // (input.shape[0] * input.shape[1])
        for average, samples in ((running_mean, mean), (running_var, var * count / (count - 1))):
            new = ops.stop_gradient(ops.mean(samples, 0).reshape(-1))
            ops.assign(average, (1 - momentum) * average + momentum * new)
    result = centred * ops.rsqrt(var + eps)
    if weight is not None:
        result = result * weight.reshape(shape)
    return result if bias is None else result + bias.reshape(shape)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """``torch.nn.functional.local_response_norm``: the squares of ``size`` neighbouring channels."""
    channels = input.shape[1]
    squares = ops.square(input)
    before, after = size // 2, (size - 1) // 2
    total = squares
    for shift in range(1, max(before, after) + 1):
        edge = ops.zeros_like(squares[:, : min(shift, channels)])
        if shift <= before:
            total = total + ops.cat((edge, squares[:, : max(channels - shift, 0)]), 1)
        if shift <= after:
            total = total + ops.cat((squares[:, shift:], edge), 1)
    return input / ops.pow(total * (alpha / size) + k, beta)
