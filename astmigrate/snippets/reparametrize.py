"""``torch.nn.utils.spectral_norm`` by a hook, and values as a layer has them at the beginning.

https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.initialize import (
        fan_in_and_fan_out,
        kaiming_uniform_,
        normal_,
        ones_,
        set_values,
        uniform_,
        zeros_,
    )


def unit_vector(vector: Tensor, eps: float) -> Tensor:
    """``vector`` divided by its length."""
    return vector / ops.clamp(ops.sqrt(ops.sum(ops.square(vector))), min=eps)


class SpectralNorm:
    """Divides a weight by its largest singular value, which it follows by power iteration in training."""

    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        self.name, self.n_power_iterations, self.eps, self.dim = name, n_power_iterations, eps, dim

    def matrix(self, weight: Tensor) -> Tensor:
        """``weight`` with one axis against all others."""
        return weight.movedim(self.dim, 0).reshape(weight.shape[self.dim], -1)

    def weight(self, cell: nn.Cell, iterate: bool) -> Tensor:
        """The normalized weight."""
        original = getattr(cell, f"{self.name}_orig")
        u, v = getattr(cell, f"{self.name}_u"), getattr(cell, f"{self.name}_v")
        matrix = self.matrix(original)
        for _ in range(self.n_power_iterations if iterate else 0):
            fixed = ops.stop_gradient(matrix)
            ops.assign(v, unit_vector(ops.matmul(fixed.T, u), self.eps))
            ops.assign(u, unit_vector(ops.matmul(fixed, v), self.eps))
        sigma = ops.sum(ops.stop_gradient(u) * ops.matmul(matrix, ops.stop_gradient(v)))
        return original / sigma

    def __call__(self, cell: nn.Cell, inputs: Any) -> None:
        object.__setattr__(cell, self.name, self.weight(cell, cell.training))


def spectral_norm(
    module: nn.Cell,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> nn.Cell:
    """``torch.nn.utils.spectral_norm``."""
    turned = isinstance(module, (nn.Conv1dTranspose, nn.Conv2dTranspose, nn.Conv3dTranspose))
    norm = SpectralNorm(name, n_power_iterations, eps, int(turned) if dim is None else dim)
    weight = module._params.pop(name)
    rows, columns = norm.matrix(weight).shape
    weight.name = f"{name}_orig"
    module.insert_param_to_cell(f"{name}_orig", weight)
    for part, size in (("u", rows), ("v", columns)):
        vector = Parameter(unit_vector(ops.randn(size), eps), name=f"{name}_{part}", requires_grad=False)
        module.insert_param_to_cell(f"{name}_{part}", vector)
    norm(module, ())
    handle = module.register_forward_pre_hook(norm)
    object.__setattr__(module, f"{name}_norm", (norm, handle))
    return module


def remove_spectral_norm(module: nn.Cell, name: str = "weight") -> nn.Cell:
    """``torch.nn.utils.remove_spectral_norm``: keeps the normalized weight."""
    norm, handle = getattr(module, f"{name}_norm")
    handle.remove()
    weight = Parameter(norm.weight(module, False), name=name)
    for part in ("_orig", "_u", "_v"):
        del module._params[name + part]
    object.__delattr__(module, name)
    module.insert_param_to_cell(name, weight)
    return module


def reset_parameters(cell: nn.Cell) -> None:
    """Gives the parameters of a layer values as they are drawn when it is made."""
    if hasattr(cell, "reset_parameters"):
        cell.reset_parameters()
    elif hasattr(cell, "gamma"):
        ones_(cell.gamma)
        zeros_(cell.beta)
    elif hasattr(cell, "embedding_table"):
        normal_(cell.embedding_table)
    elif isinstance(cell, (nn.LSTM, nn.GRU, nn.RNN)):
        bound = 1 / math.sqrt(cell.hidden_size)
        for parameter in cell.get_parameters():
            uniform_(parameter, -bound, bound)
    elif isinstance(getattr(cell, "weight", None), Parameter) and cell.weight.ndim > 1:
        kaiming_uniform_(cell.weight, a=math.sqrt(5))
        if cell.bias is not None:
            bound = 1 / math.sqrt(fan_in_and_fan_out(cell.weight)[0])
            uniform_(cell.bias, -bound, bound)
    elif hasattr(cell, "moving_mean"):
        set_values(cell.moving_mean, ms.common.initializer.Zero())
