"""Activations that ``mindspore.nn`` lacks, or has only for some arguments or values.

https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.activation import elu, implicit_softmax


class GELU(nn.GELU):
    """``nn.GELU`` with the argument of ``torch.nn.GELU``."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate == "tanh")


class ELU(nn.Cell):
    """``torch.nn.ELU``; ``nn.ELU`` has no other ``alpha`` than 1."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def construct(self, x: Tensor) -> Tensor:
        result = elu(x, self.alpha)
        if not self.inplace:
            return result
        x[()] = result  # every name of the tensor sees it, as in PyTorch
        return x


class Mish(nn.Mish):
    """``nn.Mish``, which is NaN above 44, composed so that it is not."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def construct(self, input_x: Tensor) -> Tensor:
        return input_x * ops.tanh(ops.softplus(input_x))


class LogSigmoid(nn.LogSigmoid):
    """``nn.LogSigmoid``, which is infinite below -88, composed so that it is not."""

    def construct(self, input_x: Tensor) -> Tensor:
        return -ops.softplus(-input_x)


class Softplus(nn.Cell):
    """``torch.nn.Softplus``."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def construct(self, input: Tensor) -> Tensor:
        return ops.softplus(input, self.beta, self.threshold)


class Softmax(nn.Cell):
    """``torch.nn.Softmax``; without ``dim`` it takes the first or second axis, by their number."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def construct(self, input: Tensor) -> Tensor:
        return implicit_softmax(input) if self.dim is None else ops.softmax(input, self.dim)


class LogSoftmax(nn.Cell):
    """``torch.nn.LogSoftmax``; without ``dim`` it takes the first or second axis, by their number."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def construct(self, input: Tensor) -> Tensor:
        return implicit_softmax(input, log=True) if self.dim is None else ops.log_softmax(input, self.dim)


class Softmin(nn.Cell):
    """``torch.nn.Softmin``; without ``dim`` it takes the first or second axis, by their number."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def construct(self, input: Tensor) -> Tensor:
        return implicit_softmax(-input) if self.dim is None else ops.softmax(-input, self.dim)


class RReLU(nn.Cell):
    """``torch.nn.RReLU``; ``nn.RReLU`` draws its slopes in evaluation, too."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def construct(self, input: Tensor) -> Tensor:
        slope = (self.lower + self.upper) / 2
        if self.training:
            slope = ops.rand_like(input) * (self.upper - self.lower) + self.lower
        return ops.where(input >= 0, input, input * slope)


class PReLU(nn.PReLU):
    """``nn.PReLU`` with the arguments of ``torch.nn.PReLU``."""

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: object = None, dtype: object = None
    ) -> None:
        super().__init__(num_parameters, float(init))
