"""Gives a torch model weights that show a fault: nothing is one or zero, and no signal dies or explodes.

Parameters are drawn anew. Then one run of the model adapts what it meets: the weight of each convolution
or linear layer is scaled so that its output has a spread of one (as layer-sequential unit-variance
initialisation does, https://arxiv.org/abs/1511.06422), and each BatchNorm gets statistics near those of
what it sees.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

_ALIVE = 0.05  # constants below count as zero
_WILD = 1e6
_SPREAD = (0.5, 2.0)  # outputs with a standard deviation in here are left alone


def condition(model: torch.nn.Module, run: Callable[[], Any], seed: int) -> None:
    """Draws all parameters, then adapts scales and statistics in one evaluation run of ``run``."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point() and parameter.numel():
                parameter.copy_(_drawn(parameter, random))
    with torch.no_grad(), ExitStack() as hooks:
        for module in model.modules():
            for handle in _hooks(module, random):
                hooks.callback(handle.remove)
        run()


def _drawn(parameter: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """New values by what the old ones are: a scale stays a scale, a weight a weight, zero becomes alive."""
    shape, plain = parameter.shape, parameter.float()
    if not plain.abs().max() < _WILD:  # memory that the model has not filled yet: anything, NaN too
        plain = torch.zeros_like(plain)
    low, high = float(plain.min()), float(plain.max())
    if low == high and abs(low) >= _ALIVE:
        return low * (0.5 + torch.rand(shape, generator=random))
    normal = torch.randn(shape, generator=random)
    if low == high:
        return 0.3 * normal
    if parameter.ndim < 2:
        return plain + 0.2 * normal
    usual = float(max(parameter[0].numel(), 1) ** -0.5)
    return normal * min(max(float(plain.std()), usual), 1.0)


def _hooks(module: torch.nn.Module, random: torch.Generator) -> list[RemovableHandle]:
    if all(module._buffers.get(name) is not None for name in ("running_mean", "running_var")):
        return [module.register_forward_pre_hook(_own_statistics(random))]
    weight = module._parameters.get("weight")
    if weight is not None and weight.ndim > 1 and not module._modules:
        return [module.register_forward_hook(_Scaling())]
    return []


def _own_statistics(random: torch.Generator) -> Callable[[torch.nn.Module, tuple[Any, ...]], None]:
    def hook(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        mean, variance = module._buffers["running_mean"], module._buffers["running_var"]
        x = inputs[0] if inputs and isinstance(inputs[0], torch.Tensor) else None
        if x is None or mean is None or variance is None or not x.is_floating_point() or x.ndim < 2:
            return
        if x.shape[1] != mean.shape[0]:
            return
        seen = x.float().transpose(0, 1).flatten(1)
        # Statistics that fit exactly would take off most of what few values tell and divide by nearly 0,
        # and that blows up mere rounding, layer after layer (https://arxiv.org/abs/1902.08129). So a quarter
        # of the mean is taken off, and what all channels have together is half of the size divided by.
        middle = 0.25 * seen.mean(1)
        size = (seen - middle.unsqueeze(1)).square()
        spread = 0.5 * (size.mean(1) + size.mean()).clamp_min(_ALIVE)
        noise = torch.randn(spread.shape, generator=random)
        mean.copy_(middle + 0.2 * spread.sqrt() * noise)
        variance.copy_(spread * (0.7 + 0.7 * torch.rand(spread.shape, generator=random)))

    return hook


class _Scaling:
    """Scales weight and bias so that the first output has a spread near one; later calls see what is left."""

    def __init__(self) -> None:
        self._done = False

    def __call__(self, module: torch.nn.Module, _: Any, output: Any) -> Any:
        if self._done or not isinstance(output, torch.Tensor) or not output.is_floating_point():
            return None
        self._done = True
        spread = float(output.float().std()) if output.numel() > 1 else 1.0
        if _SPREAD[0] <= spread <= _SPREAD[1] or not 1e-12 < spread < 1e12:
            return None
        for name in ("weight", "bias"):
            own = module._parameters.get(name)
            if own is not None:
                own.div_(spread)
        return output / spread
