"""einops' layers for PyTorch, as cells.

https://einops.rocks/api/rearrange/#einops.layers, https://einops.rocks/3-einmix-layer/
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Parameter, nn

if TYPE_CHECKING:
    from astmigrate.snippets.einops import EinopsError, axis_groups, axis_plan, rearrange, reduce
    from astmigrate.snippets.einops_products import einops_einsum


class Rearrange(nn.Cell):
    """``einops.layers.torch.Rearrange``."""

    def __init__(self, pattern: str, **axes_lengths: int) -> None:
        super().__init__()
        self.pattern, self.axes_lengths = pattern, axes_lengths
        axis_plan(
            pattern, "rearrange", tuple(axes_lengths), len(axis_groups(pattern.partition("->")[0], "l"))
        )

    def construct(self, input: Any) -> Any:
        return rearrange(input, self.pattern, **self.axes_lengths)

    def extend_repr(self) -> str:
        return ", ".join([repr(self.pattern), *(f"{k}={v}" for k, v in self.axes_lengths.items())])


class Reduce(nn.Cell):
    """``einops.layers.torch.Reduce``."""

    def __init__(self, pattern: str, reduction: str | Callable[..., Any], **axes_lengths: int) -> None:
        super().__init__()
        self.pattern, self.reduction, self.axes_lengths = pattern, reduction, axes_lengths
        axis_plan(pattern, "reduce", tuple(axes_lengths), len(axis_groups(pattern.partition("->")[0], "l")))

    def construct(self, input: Any) -> Any:
        return reduce(input, self.pattern, self.reduction, **self.axes_lengths)

    def extend_repr(self) -> str:
        axes = (f"{k}={v}" for k, v in self.axes_lengths.items())
        return ", ".join([repr(self.pattern), repr(self.reduction), *axes])


class EinMix(nn.Cell):
    """``einops.layers.torch.EinMix``: a linear layer over named axes, with weight and bias of its own."""

    def __init__(
        self, pattern: str, weight_shape: str, bias_shape: str | None = None, **axes_lengths: int
    ) -> None:
        super().__init__()
        left, arrow, right = pattern.partition("->")
        inputs, outputs = (mix_names(side) for side in (left, right))
        weight, bias = weight_shape.split(), (bias_shape or "").split()
        check_mix(arrow, inputs, outputs, weight, bias, axes_lengths)
        known = {name: size for name, size in axes_lengths.items() if name in inputs}
        flat_in, flat_out = " ".join(inputs), " ".join(outputs)
        self.equation = f"{flat_in}, {weight_shape} -> {flat_out}"
        self.pre_rearrange = Rearrange(f"{left} -> {flat_in}", **known) if is_composed(left) else None
        self.post_rearrange = Rearrange(f"{flat_out} -> {right}") if is_composed(right) else None
        bound = math.prod(axes_lengths[name] for name in weight if name not in outputs) ** -0.5
        shape = [axes_lengths[name] for name in weight]
        self.weight = uniform_parameter(shape, 3**0.5 * bound)
        self.bias = None
        if bias_shape is not None:
            sizes = [axes_lengths[name] if name in bias else 1 for name in outputs if name != "..."]
            self.bias = uniform_parameter(sizes, bound)

    def construct(self, input: Any) -> Any:
        if self.pre_rearrange is not None:
            input = self.pre_rearrange(input)
        result = einops_einsum(input, self.weight, self.equation)
        if self.bias is not None:
            result = result + self.bias
        return result if self.post_rearrange is None else self.post_rearrange(result)


def uniform_parameter(shape: list[int], bound: float) -> Parameter:
    """A float32 parameter between -bound and bound."""
    make = ms.common.initializer
    return Parameter(make.initializer(make.Uniform(bound), shape, ms.float32))


def is_composed(side: str) -> bool:
    """Whether a side of a pattern is more than names."""
    return "(" in side or any(not group for group in axis_groups(side, ""))


def mix_names(side: str) -> list[str]:
    """The names of one side, brackets opened."""
    names = ["..." if name == "(...)" else name for group in axis_groups(side, "") for name in group]
    if any("#" in name for name in names):
        raise EinopsError(f"numbers are no axes of EinMix: '{side.strip()}'")
    return names


def check_mix(
    arrow: str,
    inputs: list[str],
    outputs: list[str],
    weight: list[str],
    bias: list[str],
    sizes: dict[str, int],
) -> None:
    """Whether every axis of an EinMix is where it must be."""
    if not arrow or ("..." in inputs) != ("..." in outputs):
        raise EinopsError("EinMix wants one '->', and an ellipsis on both sides or on none")
    for wrong, reason in (
        ({*outputs} - {*inputs, *weight}, "on the right side only"),
        ({*weight} - {*inputs, *outputs}, "of the weight that nothing else has"),
        ({*bias} - {*outputs}, "of the bias that the result lacks"),
        ({*weight, *bias} - {*sizes}, "without a size"),
        ({*sizes} - {*inputs, *weight}, "with a size, but not used"),
        (
            {*bias} & {*outputs[: outputs.index("...")]} if "..." in outputs else set(),
            "of the bias before '...'",
        ),
    ):
        if wrong:
            raise EinopsError(f"EinMix: axes {reason}: {', '.join(sorted(wrong))}")
