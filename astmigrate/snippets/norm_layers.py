"""Normalization layers with torch's arguments, where MindSpore's have more parameters or fewer choices.

https://docs.pytorch.org/docs/stable/nn.html#normalization-layers
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.normalization import (
        batch_norm,
        instance_norm,
        layer_norm,
        local_response_norm,
        rms_norm,
    )


def without_parameters(cell: nn.Cell, *names: str) -> None:
    """Makes parameters of ``cell`` plain tensors, where torch's layer has none."""
    for name in names:
        value = Tensor(cell._params.pop(name).asnumpy())
        object.__setattr__(cell, name, value)


def unlearned(affine: bool, bias: bool) -> tuple[str, ...]:
    """The parameters that MindSpore's normalization has and torch's has not."""
    return () if affine and bias else ("beta",) if affine else ("gamma", "beta")


def batch_momentum(momentum: float | None) -> float:
    """torch's momentum, the share of the new batch, as MindSpore's, the share of the old average."""
    if momentum is None:
        raise NotImplementedError("momentum=None, a cumulative average, has no counterpart in MindSpore")
    return 1 - momentum


class BatchNorm1d(nn.BatchNorm1d):
    """``nn.BatchNorm1d`` with the arguments of ``torch.nn.BatchNorm1d``."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, batch_momentum(momentum), affine, dtype=dtype or ms.float32)
        self.affine = affine
        self.track_running_stats = track_running_stats
        without_parameters(self, *unlearned(affine, bias))
        without_parameters(self, *(() if track_running_stats else ("moving_mean", "moving_variance")))

    def construct(self, x: Tensor) -> Tensor:
        if self.track_running_stats:
            return super().construct(x)
        return batch_norm(x, None, None, self.gamma, self.beta, True, 0.0, self.eps)


class BatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` with the arguments of ``torch.nn.BatchNorm2d``."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, batch_momentum(momentum), affine, dtype=dtype or ms.float32)
        self.affine = affine
        self.track_running_stats = track_running_stats
        without_parameters(self, *unlearned(affine, bias))
        without_parameters(self, *(() if track_running_stats else ("moving_mean", "moving_variance")))

    def construct(self, x: Tensor) -> Tensor:
        if self.track_running_stats:
            return super().construct(x)
        return batch_norm(x, None, None, self.gamma, self.beta, True, 0.0, self.eps)


class BatchNorm3d(nn.BatchNorm3d):
    """``nn.BatchNorm3d`` with the arguments of ``torch.nn.BatchNorm3d``."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, batch_momentum(momentum), affine, dtype=dtype or ms.float32)
        self.affine = affine
        self.track_running_stats = track_running_stats
        without_parameters(self.bn2d, *unlearned(affine, bias))
        without_parameters(self.bn2d, *(() if track_running_stats else ("moving_mean", "moving_variance")))

    def construct(self, x: Tensor) -> Tensor:
        if self.track_running_stats:
            return super().construct(x)
        return batch_norm(x, None, None, self.bn2d.gamma, self.bn2d.beta, True, 0.0, self.bn2d.eps)


class SyncBatchNorm(nn.SyncBatchNorm):
    """``nn.SyncBatchNorm`` with the arguments of ``torch.nn.SyncBatchNorm``; alone, a plain BatchNorm."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        together = ms.communication.GlobalComm.INITED
        if together and not track_running_stats:
            raise NotImplementedError("nn.SyncBatchNorm without running statistics knows one device only")
        super().__init__(
            num_features,
            eps,
            batch_momentum(momentum),
            affine,
            process_groups=process_group if together else 0,
            dtype=dtype or ms.float32,
        )
        self.affine = affine
        self.track_running_stats = track_running_stats
        without_parameters(self, *unlearned(affine, bias))
        without_parameters(self, *(() if track_running_stats else ("moving_mean", "moving_variance")))

    @staticmethod
    def _check_input_dim(shape: Sequence[int], cls_name: str) -> None:
        """Any number of axes, as torch's."""

    def construct(self, x: Tensor) -> Tensor:
        if not self.track_running_stats:
            return batch_norm(x, None, None, self.gamma, self.beta, True, 0.0, self.eps)
        shape = x.shape
        flat = x.reshape(*shape[:2], -1, 1) if len(shape) in (3, 5) else x
        return super().construct(flat).reshape(shape)


class InstanceNorm(nn.Cell):
    """What torch's three instance normalizations have in common; ``nn.InstanceNorm2d`` has no CPU kernel."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None
        dtype = dtype or ms.float32
        if affine:
            self.gamma = Parameter(ops.ones(num_features, dtype), name="gamma")
        if affine and bias:
            self.beta = Parameter(ops.zeros(num_features, dtype), name="beta")
        if track_running_stats:
            mean, variance = ops.zeros(num_features, dtype), ops.ones(num_features, dtype)
            self.moving_mean = Parameter(mean, name="moving_mean", requires_grad=False)
            self.moving_variance = Parameter(variance, name="moving_variance", requires_grad=False)

    def construct(self, input: Tensor) -> Tensor:
        own = self.training or not self.track_running_stats
        statistics = self.moving_mean, self.moving_variance
        return instance_norm(input, *statistics, self.gamma, self.beta, own, self.momentum, self.eps)


class InstanceNorm1d(InstanceNorm):
    """``torch.nn.InstanceNorm1d``."""


class InstanceNorm2d(InstanceNorm):
    """``torch.nn.InstanceNorm2d``."""


class InstanceNorm3d(InstanceNorm):
    """``torch.nn.InstanceNorm3d``."""


class GroupNorm(nn.GroupNorm):
    """``nn.GroupNorm`` with the arguments of ``torch.nn.GroupNorm``."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_groups, num_channels, float(eps), bool(affine), dtype=dtype or ms.float32)
        without_parameters(self, *unlearned(affine, bias))


class LayerNorm(nn.LayerNorm):
    """``nn.LayerNorm`` with the arguments of ``torch.nn.LayerNorm``."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        super().__init__(shape, epsilon=eps, dtype=dtype or ms.float32)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        without_parameters(self, *unlearned(elementwise_affine, bias))

    def construct(self, input_x: Tensor) -> Tensor:
        gamma, beta = self.gamma.astype(input_x.dtype), self.beta.astype(input_x.dtype)
        return layer_norm(input_x, self.normalized_shape, gamma, beta, self.eps)


class RMSNorm(nn.Cell):
    """``torch.nn.RMSNorm``."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        self.gamma = (
            Parameter(ops.ones(shape, dtype or ms.float32), name="gamma") if elementwise_affine else None
        )

    def construct(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.normalized_shape, self.gamma, self.eps)


class LocalResponseNorm(nn.Cell):
    """``torch.nn.LocalResponseNorm``; ``nn.LRN`` has it for odd sizes."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def construct(self, input: Tensor) -> Tensor:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)
