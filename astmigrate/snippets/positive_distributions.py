"""``torch.distributions`` around the gamma function: Gamma, Beta, Dirichlet, with PyTorch's formulas.

https://docs.pytorch.org/docs/stable/distributions.html; their draws have no gradient in MindSpore.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Tensor, ops

if TYPE_CHECKING:
    from astmigrate.snippets.distributions import Distribution, broadcast_numbers


class Gamma(Distribution):
    """``torch.distributions.Gamma``."""

    arguments = ("concentration", "rate")

    def __init__(
        self, concentration: Tensor | float, rate: Tensor | float, validate_args: Any = None
    ) -> None:
        self.concentration, self.rate = broadcast_numbers(concentration, rate)
        super().__init__(self.rate.shape)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ops.clamp((self.concentration - 1) / self.rate, 0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / ops.square(self.rate)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        draws = np.random.gamma(self.concentration.asnumpy(), 1 / self.rate.asnumpy(), shape)
        return Tensor(draws, self.rate.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        shape, rate = self.concentration, self.rate
        return ops.xlogy(shape, rate) + ops.xlogy(shape - 1, value) - rate * value - ops.lgamma(shape)

    def entropy(self) -> Tensor:
        shape = self.concentration
        return shape - ops.log(self.rate) + ops.lgamma(shape) + (1 - shape) * ops.digamma(shape)

    def kl_to(self, other: Gamma) -> Tensor:
        shape, rate = self.concentration, self.rate
        first = other.concentration * ops.log(rate / other.rate)
        second = ops.lgamma(other.concentration) - ops.lgamma(shape)
        third = (shape - other.concentration) * ops.digamma(shape)
        return first + second + third + (other.rate - rate) * (shape / rate)


class Dirichlet(Distribution):
    """``torch.distributions.Dirichlet``; the last dimension has the parts."""

    arguments = ("concentration",)

    def __init__(self, concentration: Tensor, validate_args: Any = None) -> None:
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:])

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdims=True)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, keepdims=True)
        return self.concentration * (total - self.concentration) / (ops.square(total) * (total + 1))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        draws = np.random.gamma(self.concentration.asnumpy(), size=self._extended_shape(sample_shape))
        return Tensor(draws / draws.sum(-1, keepdims=True), self.concentration.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        kernel = ops.xlogy(self.concentration - 1, value).sum(-1)
        return kernel + ops.lgamma(self.concentration.sum(-1)) - ops.lgamma(self.concentration).sum(-1)

    def entropy(self) -> Tensor:
        parts, total = self.concentration.shape[-1], self.concentration.sum(-1)
        scale = ops.lgamma(self.concentration).sum(-1) - ops.lgamma(total)
        spread = ((self.concentration - 1) * ops.digamma(self.concentration)).sum(-1)
        return scale - (parts - total) * ops.digamma(total) - spread

    def kl_to(self, other: Dirichlet) -> Tensor:
        mine, total = self.concentration, self.concentration.sum(-1)
        first = ops.lgamma(total) - ops.lgamma(other.concentration.sum(-1))
        second = (ops.lgamma(mine) - ops.lgamma(other.concentration)).sum(-1)
        slope = ops.digamma(mine) - ops.digamma(total).expand_dims(-1)
        return first - second + ((mine - other.concentration) * slope).sum(-1)


class Beta(Distribution):
    """``torch.distributions.Beta``: the first of a Dirichlet's two parts."""

    arguments = ("concentration1", "concentration0")

    def __init__(
        self, concentration1: Tensor | float, concentration0: Tensor | float, validate_args: Any = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_numbers(concentration1, concentration0)
        self.parts = Dirichlet(ops.stack([self.concentration1, self.concentration0], -1))
        super().__init__(self.concentration1.shape)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (ops.square(total) * (total + 1))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.parts.sample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        (value,) = broadcast_numbers(value)
        return self.parts.log_prob(ops.stack([value, 1 - value], -1))

    def entropy(self) -> Tensor:
        return self.parts.entropy()

    def kl_to(self, other: Beta) -> Tensor:
        return self.parts.kl_to(other.parts)
