"""``torch.distributions`` of continuous values, with PyTorch's names and formulas.

https://docs.pytorch.org/docs/stable/distributions.html; what it calls validation is not done here.
Every method gives tensors; draws follow ``mindspore.set_seed``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops


def broadcast_numbers(*values: Any) -> list[Tensor]:
    """Tensors and numbers as tensors of one shape, with the first float tensor's dtype or float32."""
    dtypes = [value.dtype for value in values if isinstance(value, Tensor) and value.is_floating_point()]
    dtype = dtypes[0] if dtypes else ms.float32
    tensors = [value if isinstance(value, Tensor) else Tensor(value, dtype) for value in values]
    tensors = [tensor if tensor.is_floating_point() else tensor.astype(dtype) for tensor in tensors]
    shape = np.broadcast_shapes(*(tensor.shape for tensor in tensors))
    return [tensor if tensor.shape == shape else ops.broadcast_to(tensor, shape) for tensor in tensors]


class Distribution:
    """``torch.distributions.Distribution``; ``arguments`` names what a distribution is made again from."""

    has_rsample = False
    has_enumerate_support = False
    arguments: tuple[str, ...] = ()

    def __init__(
        self, batch_shape: Sequence[int] = (), event_shape: Sequence[int] = (), validate_args: Any = None
    ) -> None:
        self.batch_shape = tuple(batch_shape)
        self.event_shape = tuple(event_shape)

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> tuple[int, ...]:
        return (*sample_shape, *self.batch_shape, *self.event_shape)

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        return ops.sqrt(self.variance)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return ops.stop_gradient(self.rsample(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        raise NotImplementedError(f"draws of {type(self).__name__} have no gradient here")

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        raise NotImplementedError

    def kl_to(self, other: Any) -> Tensor:
        """``torch.distributions.kl_divergence`` of this from one of the same kind."""
        raise NotImplementedError(f"kl_divergence of {type(self).__name__} is not known here")

    def perplexity(self) -> Tensor:
        return ops.exp(self.entropy())

    def expand(self, batch_shape: Sequence[int]) -> Any:
        """The same distribution for a larger batch."""
        values = {name: getattr(self, name) for name in self.arguments}
        kept = len(self.batch_shape)
        return type(self)(
            **{n: ops.broadcast_to(v, (*batch_shape, *v.shape[kept:])) for n, v in values.items()}
        )


class Normal(Distribution):
    """``torch.distributions.Normal``."""

    has_rsample = True
    arguments = ("loc", "scale")

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: Any = None) -> None:
        self.loc, self.scale = broadcast_numbers(loc, scale)
        super().__init__(self.loc.shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return ops.square(self.scale)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        draws = ops.standard_normal(self._extended_shape(sample_shape))
        return self.loc + draws.astype(self.loc.dtype) * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        scaled = (value - self.loc) / self.scale
        return -0.5 * ops.square(scaled) - ops.log(self.scale) - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Tensor) -> Tensor:
        return 0.5 * (1 + ops.erf((value - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * ops.erfinv(2.0 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + ops.log(self.scale)

    def kl_to(self, other: Normal) -> Tensor:
        ratio = ops.square(self.scale / other.scale)
        return 0.5 * (ratio + ops.square((self.loc - other.loc) / other.scale) - 1 - ops.log(ratio))


class LogNormal(Normal):
    """``torch.distributions.LogNormal``: e to the power of normal values."""

    @property
    def mean(self) -> Tensor:
        return ops.exp(self.loc + ops.square(self.scale) / 2)

    @property
    def mode(self) -> Tensor:
        return ops.exp(self.loc - ops.square(self.scale))

    @property
    def variance(self) -> Tensor:
        square = ops.square(self.scale)
        return ops.expm1(square) * ops.exp(2 * self.loc + square)

    @property
    def stddev(self) -> Tensor:
        return ops.sqrt(self.variance)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return ops.exp(super().rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(ops.log(value)) - ops.log(value)

    def cdf(self, value: Tensor) -> Tensor:
        return super().cdf(ops.log(value))

    def icdf(self, value: Tensor) -> Tensor:
        return ops.exp(super().icdf(value))

    def entropy(self) -> Tensor:
        return super().entropy() + self.loc


class Uniform(Distribution):
    """``torch.distributions.Uniform``."""

    has_rsample = True
    arguments = ("low", "high")

    def __init__(self, low: Tensor | float, high: Tensor | float, validate_args: Any = None) -> None:
        self.low, self.high = broadcast_numbers(low, high)
        super().__init__(self.low.shape)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def variance(self) -> Tensor:
        return ops.square(self.high - self.low) / 12

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        draws = ops.rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + draws * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        inside = ((self.low <= value) & (self.high > value)).astype(self.low.dtype)
        return ops.log(inside) - ops.log(self.high - self.low)

    def cdf(self, value: Tensor) -> Tensor:
        return ops.clamp((value - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return ops.log(self.high - self.low)

    def kl_to(self, other: Uniform) -> Tensor:
        result = ops.log((other.high - other.low) / (self.high - self.low))
        outside = (other.low > self.low) | (other.high < self.high)
        return ops.where(outside, ops.full_like(result, math.inf), result)


class Laplace(Distribution):
    """``torch.distributions.Laplace``."""

    has_rsample = True
    arguments = ("loc", "scale")

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: Any = None) -> None:
        self.loc, self.scale = broadcast_numbers(loc, scale)
        super().__init__(self.loc.shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * ops.square(self.scale)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(ops.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        return -ops.log(2 * self.scale) - ops.abs(value - self.loc) / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        offset = value - self.loc
        return 0.5 - 0.5 * ops.sign(offset) * ops.expm1(-ops.abs(offset) / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        term = value - 0.5
        return self.loc - self.scale * ops.sign(term) * ops.log1p(-2 * ops.abs(term))

    def entropy(self) -> Tensor:
        return 1 + ops.log(2 * self.scale)


class Exponential(Distribution):
    """``torch.distributions.Exponential``."""

    has_rsample = True
    arguments = ("rate",)

    def __init__(self, rate: Tensor | float, validate_args: Any = None) -> None:
        (self.rate,) = broadcast_numbers(rate)
        super().__init__(self.rate.shape)

    @property
    def mean(self) -> Tensor:
        return 1 / self.rate

    @property
    def mode(self) -> Tensor:
        return ops.zeros_like(self.rate)

    @property
    def stddev(self) -> Tensor:
        return 1 / self.rate

    @property
    def variance(self) -> Tensor:
        return 1 / ops.square(self.rate)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(ops.rand(self._extended_shape(sample_shape), dtype=self.rate.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        return ops.log(self.rate) - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        return 1 - ops.exp(-self.rate * value)

    def icdf(self, value: Tensor) -> Tensor:
        return -ops.log1p(-value) / self.rate

    def entropy(self) -> Tensor:
        return 1 - ops.log(self.rate)

    def kl_to(self, other: Exponential) -> Tensor:
        ratio = other.rate / self.rate
        return ratio - ops.log(ratio) - 1
