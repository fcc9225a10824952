"""Losses that ``mindspore.nn`` lacks, or has for other types, devices or shapes than torch.

https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.losses import (
        binary_cross_entropy,
        kl_div,
        pairwise_distance,
        reduce_loss,
        soft_margin_loss,
        triplet_margin_loss,
    )


def loss_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """``reduction``, or what its forerunners ``size_average`` and ``reduce`` say."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


class CrossEntropyLoss(nn.CrossEntropyLoss):
    """``nn.CrossEntropyLoss`` for labels of any integer type, with torch's arguments."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        reduction = loss_reduction(size_average, reduce, reduction)
        super().__init__(weight, ignore_index, reduction, float(label_smoothing))

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        return ops.cross_entropy(
            logits, labels, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class BCELoss(nn.Cell):
    """``torch.nn.BCELoss``; that of ``nn`` bounds logarithms otherwise, and reads beyond some weights."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.weight, self.reduction = weight, loss_reduction(size_average, reduce, reduction)

    def construct(self, input: Tensor, target: Tensor) -> Tensor:
        return binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class KLDivLoss(nn.Cell):
    """``torch.nn.KLDivLoss``, for targets that are logarithms too."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__()
        self.reduction = loss_reduction(size_average, reduce, reduction)
        self.log_target = log_target

    def construct(self, input: Tensor, target: Tensor) -> Tensor:
        return kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class SmoothL1Loss(nn.Cell):
    """``torch.nn.SmoothL1Loss``, a ``beta`` of 0 included."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        self.reduction, self.beta = loss_reduction(size_average, reduce, reduction), beta

    def construct(self, input: Tensor, target: Tensor) -> Tensor:
        if self.beta == 0:
            return ops.l1_loss(input, target, self.reduction)
        return ops.smooth_l1_loss(input, target, float(self.beta), self.reduction)


class MultiLabelMarginLoss(nn.Cell):
    """``torch.nn.MultiLabelMarginLoss``; the targets of a sample end at the first negative one."""

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = loss_reduction(size_average, reduce, reduction)

    def construct(self, input: Tensor, target: Tensor) -> Tensor:
        x, places = input.reshape(-1, input.shape[-1]), target.reshape(-1, input.shape[-1])
        valid = ops.cumprod((places >= 0).astype(x.dtype), 1)
        places = ops.clamp(places, min=0)
        wanted = (ops.one_hot(places, x.shape[1]).astype(x.dtype) * valid.unsqueeze(-1)).sum(1) > 0
        scores = ops.gather_elements(x, 1, places)
        margins = ops.relu(1 - (scores.unsqueeze(2) - x.unsqueeze(1))) * valid.unsqueeze(2)
        loss = ops.where(wanted.unsqueeze(1), ops.zeros_like(margins), margins).sum((1, 2)) / x.shape[1]
        return reduce_loss(loss if input.ndim > 1 else loss.squeeze(0), self.reduction)


class SoftMarginLoss(nn.Cell):
    """``torch.nn.SoftMarginLoss``; that of ``nn`` has no CPU kernel."""

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = loss_reduction(size_average, reduce, reduction)

    def construct(self, input: Tensor, target: Tensor) -> Tensor:
        return soft_margin_loss(input, target, reduction=self.reduction)


class TripletMarginLoss(nn.Cell):
    """``torch.nn.TripletMarginLoss``; that of ``nn`` has no CPU kernel."""

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap
        self.reduction = loss_reduction(size_average, reduce, reduction)

    def construct(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        options = (self.margin, self.p, self.eps, self.swap)
        return triplet_margin_loss(anchor, positive, negative, *options, reduction=self.reduction)


class TripletMarginWithDistanceLoss(nn.Cell):
    """``torch.nn.TripletMarginWithDistanceLoss``."""

    def __init__(
        self,
        *,
        distance_function: Any = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.distance_function = distance_function or pairwise_distance
        self.margin, self.swap, self.reduction = margin, swap, reduction

    def construct(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near, far = self.distance_function(anchor, positive), self.distance_function(anchor, negative)
        if self.swap:
            far = ops.minimum(far, self.distance_function(positive, negative))
        return reduce_loss(ops.clamp(near - far + self.margin, min=0), self.reduction)


class CosineSimilarity(nn.Cell):
    """``torch.nn.CosineSimilarity``; that of ``nn`` is a metric."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def construct(self, x1: Tensor, x2: Tensor) -> Tensor:
        return ops.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(nn.Cell):
    """``torch.nn.PairwiseDistance``."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def construct(self, x1: Tensor, x2: Tensor) -> Tensor:
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class Loss(nn.Cell):
    """``torch.nn.modules.loss._Loss``."""

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = loss_reduction(size_average, reduce, reduction)


class WeightedLoss(Loss):
    """``torch.nn.modules.loss._WeightedLoss``."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.weight = weight


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``torch.nn.functional.multilabel_margin_loss``; that of ``ops`` has no CPU kernel."""
    return MultiLabelMarginLoss(size_average, reduce, reduction)(input, target)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``torch.nn.functional.multi_margin_loss``; that of ``ops`` takes whole margins only."""
    reduction = loss_reduction(size_average, reduce, reduction)
    return nn.MultiMarginLoss(p, float(margin), reduction, weight)(input, target.astype(ms.int64))
