"""``torch.distributions`` of whole vectors, and the divergence of two distributions.

https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Tensor, ops

if TYPE_CHECKING:
    from astmigrate.snippets.distributions import Distribution, broadcast_numbers


def sum_rightmost(value: Tensor, ndim: int) -> Tensor:
    """The sum over the last ``ndim`` dimensions."""
    return value.sum(tuple(range(-ndim, 0))) if ndim else value


class Independent(Distribution):
    """``torch.distributions.Independent``: the last dimensions of a batch as one value."""

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: Any = None
    ) -> None:
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.has_rsample = base_distribution.has_rsample
        shape = (*base_distribution.batch_shape, *base_distribution.event_shape)
        kept = len(base_distribution.batch_shape) - reinterpreted_batch_ndims
        super().__init__(shape[:kept], shape[kept:])

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def kl_to(self, other: Independent) -> Tensor:
        return sum_rightmost(self.base_dist.kl_to(other.base_dist), self.reinterpreted_batch_ndims)

    def expand(self, batch_shape: Sequence[int]) -> Independent:
        own = self.event_shape[: self.reinterpreted_batch_ndims]
        return Independent(self.base_dist.expand((*batch_shape, *own)), self.reinterpreted_batch_ndims)


class MultivariateNormal(Distribution):
    """``torch.distributions.MultivariateNormal``."""

    has_rsample = True
    arguments = ("loc", "scale_tril")

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: Any = None,
    ) -> None:
        given = [m for m in (covariance_matrix, precision_matrix, scale_tril) if m is not None]
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix, precision_matrix, scale_tril is needed.")
        if precision_matrix is not None:
            covariance_matrix = ops.inverse(precision_matrix)
        factor = ops.cholesky(covariance_matrix) if scale_tril is None else scale_tril
        (loc,) = broadcast_numbers(loc)
        shape = np.broadcast_shapes(loc.shape[:-1], factor.shape[:-2])
        self.loc = ops.broadcast_to(loc, (*shape, loc.shape[-1]))
        self.scale_tril = ops.broadcast_to(factor, (*shape, *factor.shape[-2:]))
        super().__init__(shape, loc.shape[-1:])

    @property
    def covariance_matrix(self) -> Tensor:
        return ops.matmul(self.scale_tril, self.scale_tril.swapaxes(-1, -2))

    @property
    def precision_matrix(self) -> Tensor:
        return ops.inverse(self.covariance_matrix)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return ops.square(self.scale_tril).sum(-1)

    def half_log_determinant(self) -> Tensor:
        """Half the logarithm of the covariance's determinant."""
        return ops.log(ops.diagonal(self.scale_tril, dim1=-2, dim2=-1)).sum(-1)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        draws = ops.standard_normal((*self._extended_shape(sample_shape), 1)).astype(self.loc.dtype)
        return self.loc + ops.matmul(self.scale_tril, draws).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        scaled = ops.matmul(ops.inverse(self.scale_tril), (value - self.loc).expand_dims(-1)).squeeze(-1)
        size = self.event_shape[0]
        return (
            -0.5 * (size * math.log(2 * math.pi) + ops.square(scaled).sum(-1)) - self.half_log_determinant()
        )

    def entropy(self) -> Tensor:
        return 0.5 * self.event_shape[0] * (1 + math.log(2 * math.pi)) + self.half_log_determinant()

    def kl_to(self, other: MultivariateNormal) -> Tensor:
        back = ops.inverse(other.scale_tril)
        spread = ops.square(ops.matmul(back, self.scale_tril)).sum((-2, -1))
        shift = ops.matmul(back, (other.loc - self.loc).expand_dims(-1)).squeeze(-1)
        logs = other.half_log_determinant() - self.half_log_determinant()
        return logs + 0.5 * (spread + ops.square(shift).sum(-1) - self.event_shape[0])


def kl_divergence(p: Any, q: Any) -> Tensor:
    """``torch.distributions.kl_divergence`` of two distributions of one kind."""
    if type(p) is not type(q):
        raise NotImplementedError(f"kl_divergence of {type(p).__name__} and {type(q).__name__}")
    return p.kl_to(q)
