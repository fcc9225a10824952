"""``torch.distributions`` of counted values, with PyTorch's names and formulas.

https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

if TYPE_CHECKING:
    from astmigrate.snippets.distributions import Distribution, broadcast_numbers


def inner_probabilities(probs: Tensor) -> Tensor:
    """Probabilities moved off 0 and 1 by the least step, so that their logarithms are finite."""
    step = float(np.finfo(ms.dtype_to_nptype(probs.dtype)).eps)
    return ops.clamp(probs, step, 1 - step)


class Bernoulli(Distribution):
    """``torch.distributions.Bernoulli``."""

    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: Any = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self.arguments = ("logits",) if probs is None else ("probs",)
        if probs is None:
            (self.logits,) = broadcast_numbers(logits)
            self.probs = ops.sigmoid(self.logits)
        else:
            (self.probs,) = broadcast_numbers(probs)
            inner = inner_probabilities(self.probs)
            self.logits = ops.log(inner) - ops.log1p(-inner)
        super().__init__(self.probs.shape)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        ones = (self.probs >= 0.5).astype(self.probs.dtype)
        return ops.where(self.probs == 0.5, ops.full_like(ones, math.nan), ones)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        draws = ops.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype)
        return ops.stop_gradient((draws < self.probs).astype(self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        return value * self.logits - ops.softplus(self.logits)

    def entropy(self) -> Tensor:
        return ops.softplus(self.logits) - self.probs * self.logits

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = ops.arange(2).astype(self.probs.dtype).reshape((2, *(1 for _ in self.batch_shape)))
        return ops.broadcast_to(values, (2, *self.batch_shape)) if expand else values

    def kl_to(self, other: Bernoulli) -> Tensor:
        ones = self.probs * (ops.softplus(-other.logits) - ops.softplus(-self.logits))
        zeros = (1 - self.probs) * (ops.softplus(other.logits) - ops.softplus(self.logits))
        infinite, none = ops.full_like(ones, math.inf), ops.zeros_like(ones)
        ones = ops.where(self.probs == 0, none, ops.where(other.probs == 0, infinite, ones))
        return ones + ops.where(self.probs == 1, none, ops.where(other.probs == 1, infinite, zeros))


class Categorical(Distribution):
    """``torch.distributions.Categorical``; the last dimension has the categories."""

    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: Any = None
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self.arguments = ("logits",) if probs is None else ("probs",)
        if probs is None:
            self.logits = ops.log_softmax(*broadcast_numbers(logits))
            self.probs = ops.exp(self.logits)
        else:
            (weights,) = broadcast_numbers(probs)
            self.probs = weights / weights.sum(-1, keepdims=True)
            self.logits = ops.log(inner_probabilities(self.probs))
        self._num_events = self.probs.shape[-1]
        super().__init__(self.probs.shape[:-1])

    @property
    def param_shape(self) -> tuple[int, ...]:
        return tuple(self.probs.shape)

    @property
    def mean(self) -> Tensor:
        return ops.full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    @property
    def mode(self) -> Tensor:
        return ops.argmax(self.probs, -1).astype(ms.int64)

    @property
    def variance(self) -> Tensor:
        return self.mean

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        weights = ops.stop_gradient(self.probs).reshape(-1, self._num_events)
        draws = ops.multinomial(weights.astype(ms.float32), math.prod(sample_shape), True)
        return draws.swapaxes(0, 1).reshape((*sample_shape, *self.batch_shape)).astype(ms.int64)

    def log_prob(self, value: Tensor) -> Tensor:
        shape = np.broadcast_shapes(value.shape, self.batch_shape)
        logits = ops.broadcast_to(self.logits, (*shape, self._num_events))
        index = ops.broadcast_to(value.astype(ms.int64), shape).expand_dims(-1)
        return ops.gather_elements(logits, -1, index).squeeze(-1)

    def entropy(self) -> Tensor:
        least = float(np.finfo(ms.dtype_to_nptype(self.logits.dtype)).min)
        return -(ops.clamp(self.logits, least) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = ops.arange(self._num_events).reshape((-1, *(1 for _ in self.batch_shape)))
        return ops.broadcast_to(values, (self._num_events, *self.batch_shape)) if expand else values

    def kl_to(self, other: Categorical) -> Tensor:
        terms = self.probs * (self.logits - other.logits)
        terms = ops.where(other.probs == 0, ops.full_like(terms, math.inf), terms)
        return ops.where(self.probs == 0, ops.zeros_like(terms), terms).sum(-1)


class OneHotCategorical(Categorical):
    """``torch.distributions.OneHotCategorical``: the category as a vector of zeros and a one."""

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: Any = None
    ) -> None:
        super().__init__(probs, logits)
        self.event_shape = (self._num_events,)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return self.one_hot(super().mode)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def one_hot(self, index: Tensor) -> Tensor:
        """Indices of categories as vectors."""
        return (index.expand_dims(-1) == ops.arange(self._num_events)).astype(self.probs.dtype)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.one_hot(super().sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(ops.argmax(value, -1))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self.one_hot(super().enumerate_support(expand))
