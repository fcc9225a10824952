"""Losses that MindSpore lacks, or whose operators have no CPU kernel."""

from __future__ import annotations

from mindspore import Tensor, ops


def reduce_loss(loss: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of the losses, or all of them."""
    return ops.mean(loss) if reduction == "mean" else ops.sum(loss) if reduction == "sum" else loss


def log_or_least(share: Tensor) -> Tensor:
    """The logarithm, at least -100 as in torch's cross-entropy; flat at 0, whose gradient would be nan."""
    positive = share > 0
    logs = ops.log(ops.where(positive, share, ops.ones_like(share)))
    return ops.where(positive, ops.clamp(logs, min=-100), ops.full_like(share, -100))


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """``torch.nn.functional.binary_cross_entropy``.

    That of ``ops`` bounds logarithms at -27.6, not at -100, and reads beyond weights to be broadcast.
    """
    loss = -(target * log_or_least(input) + (1 - target) * log_or_least(1 - input))
    return reduce_loss(loss if weight is None else loss * weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """``torch.nn.functional.kl_div``, for targets that are logarithms too."""
    if log_target:
        loss = ops.exp(target) * (target - input)
    else:
        loss = ops.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return ops.sum(loss) / input.shape[0]
    return reduce_loss(loss, reduction)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """``torch.nn.functional.pairwise_distance`` along the last dimension."""
    return ops.vector_norm(x1 - x2 + eps, p, -1, keepdim)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """``torch.nn.functional.triplet_margin_loss``."""
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = ops.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduce_loss(ops.clamp(near - far + margin, min=0), reduction)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> Tensor:
    """``torch.nn.functional.soft_margin_loss``."""
    return reduce_loss(ops.log1p(ops.exp(-target * input)), reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: None = None,
    eps: float = 1e-8,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """``torch.nn.functional.poisson_nll_loss``."""
    loss = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        stirling = target * ops.log(target) - target + 0.5 * ops.log(6.283185307179586 * target)
        loss = loss + ops.where(target > 1, stirling, ops.zeros_like(target))
    return reduce_loss(loss, reduction)


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """``torch.nn.functional.one_hot``; without a number of classes, as many as the values need."""
    return ops.one_hot(input, int(input.max()) + 1 if num_classes < 0 else num_classes)
