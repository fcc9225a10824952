"""Handlers of ``torch.nn`` rows: convolutions, normalizations, embeddings, dropout."""

from __future__ import annotations

import ast
from typing import Any

from msgspec.structs import replace

from astmigrate.model import Argument, Call, NeedsAdapter, Unsupported
from astmigrate.tables import Form

_ABSENT = Argument("None", "none", None, given=False)


def argument(call: Call, name: str) -> Argument:
    """An argument of the call; an absent None where the row has no such parameter."""
    return call.arguments.get(name, _ABSENT)


def is_none(value: Argument) -> bool:
    """Whether the argument is left out at a default of None, or is a literal None."""
    return value.is_literal and value.literal is None


def only(call: Call, name: str, *values: Any) -> None:
    """Asks for the adapter unless the argument is one of ``values``, whether given or by default."""
    value = argument(call, name)
    if not value.is_literal or value.literal not in values:
        raise NeedsAdapter(f"{name}={value.text}")


def dtype(call: Call, form: Form) -> Form:
    """``dtype=None`` is float32 in MindSpore, whose layers want a dtype."""
    value = argument(call, "dtype")
    if not value.given or value.kind == "dtype":
        return form
    if is_none(value):
        return replace(form, drop={**form.drop, "dtype": "*"})
    return replace(form, wrap={**form.wrap, "dtype": "{} or mindspore.float32"})


def tuples(call: Call, form: Form, *names: str) -> Form:
    """Lists become tuples, which is all that MindSpore takes."""
    wrap = dict(form.wrap)
    for name in names:
        value = argument(call, name)
        if value.is_literal and isinstance(value.literal, list):
            wrap[name] = repr(tuple(value.literal))
        elif value.kind == "sequence" and not value.is_literal and not value.text.startswith("("):
            raise NeedsAdapter(f"{name}={value.text} may be a list")
    return replace(form, wrap=wrap)


def single(call: Call, form: Form, *names: str) -> Form:
    """Sequences of one number become that number, which is all that MindSpore's 1-D layers take."""
    wrap = dict(form.wrap)
    for name in names:
        value = argument(call, name)
        if value.is_literal and isinstance(value.literal, (list, tuple)):
            wrap[name] = repr(value.literal[0])
        elif value.kind == "sequence":
            raise NeedsAdapter(f"{name}={value.text}")
    return replace(form, wrap=wrap)


def axes_of(call: Call) -> int:
    """How many axes the layer works on, by its name."""
    return int(call.api[-2])


def elements(value: Argument, axes: int) -> list[str]:
    """The sizes of a padding as expressions that may stand twice; ``NeedsAdapter`` where they may not."""
    if value.kind != "sequence":
        raise NeedsAdapter(f"padding={value.text}")
    node = ast.parse(value.text, mode="eval").body
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else []
    if len(parts) != axes or any(isinstance(n, ast.Call | ast.Starred) for p in parts for n in ast.walk(p)):
        raise NeedsAdapter(f"padding={value.text}")
    return [ast.unparse(part) for part in parts]


def conv_padding(call: Call, form: Form) -> Form:
    """Padding as MindSpore takes it: an int, or both sides of every axis; "same" is a ``pad_mode``.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.Conv2d.html
    """
    only(call, "padding_mode", "zeros")
    axes = axes_of(call)
    sizes = ("kernel_size", "stride", "dilation")
    form = single(call, form, *sizes) if axes == 1 else tuples(call, form, *sizes)
    form = dtype(call, form)
    padding = argument(call, "padding")
    if padding.kind == "number" or not padding.given:
        return form
    if isinstance(padding.literal, str) and padding.is_literal:
        if padding.literal not in ("same", "valid"):
            raise Unsupported(f"padding {padding.text} is neither a size nor 'same' nor 'valid'")
        return replace(form, drop={**form.drop, "padding": "*"}, add={**form.add, "pad_mode": padding.text})
    return sided(form, [(size, size) for size in elements(padding, axes)])


def sided(form: Form, sides: list[tuple[str, str]]) -> Form:
    """The form with a padding for both sides of every axis."""
    text = sides[0][0] if len(sides) == 1 else f"({', '.join(f'{low}, {high}' for low, high in sides)})"
    return replace(form, wrap={**form.wrap, "padding": text})


def transposed_padding(call: Call, form: Form) -> Form:
    """``output_padding`` is taken off the far side's padding: MindSpore's own appends zeros instead.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.Conv2dTranspose.html
    """
    axes = axes_of(call)
    sizes = ("kernel_size", "stride", "dilation")
    form = single(call, form, *sizes) if axes == 1 else tuples(call, form, *sizes)
    form = dtype(call, form)
    if axes == 3:
        only(call, "dilation", 1, (1, 1, 1), [1, 1, 1])
    padding, extra = argument(call, "padding"), argument(call, "output_padding")
    if not extra.is_literal:
        raise NeedsAdapter(f"output_padding={extra.text}")
    more = [extra.literal] * axes if isinstance(extra.literal, int) else list(extra.literal)
    if any(more) and axes != 3:
        if axes == 1 or not padding.is_literal:
            raise NeedsAdapter(f"output_padding={extra.text}")
        low = [padding.literal] * axes if isinstance(padding.literal, int) else list(padding.literal)
        if any(m > p for m, p in zip(more, low, strict=True)):
            raise NeedsAdapter(f"output_padding={extra.text} is more than the padding")
        form = sided(form, [(str(p), str(p - m)) for m, p in zip(more, low, strict=True)])
    elif padding.kind != "number" and padding.given:
        form = sided(form, [(size, size) for size in elements(padding, axes)])
    if axes == 3:
        return tuples(call, form, "output_padding")
    return replace(form, drop={**form.drop, "output_padding": "*"})


def batch_norm(call: Call, form: Form) -> Form:
    """Without affine parameters or running statistics MindSpore's layer has parameters that torch's lacks.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.BatchNorm2d.html
    """
    only(call, "affine", True)
    only(call, "bias", True)
    only(call, "track_running_stats", True)
    momentum = argument(call, "momentum")
    if is_none(momentum):
        raise Unsupported("MindSpore has no cumulative average (momentum=None)")
    if momentum.given and momentum.kind not in ("number", "unknown"):
        raise NeedsAdapter(f"momentum={momentum.text}")
    return dtype(call, form)


def group_norm(call: Call, form: Form) -> Form:
    """Without affine parameters MindSpore's layer has parameters that torch's lacks.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.GroupNorm.html
    """
    only(call, "affine", True)
    only(call, "bias", True)
    return dtype(call, form)


def layer_norm(call: Call, form: Form) -> Form:
    """The shape must be a sequence, and of one axis: MindSpore's layer counts axes from the front.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.LayerNorm.html
    """
    only(call, "elementwise_affine", True)
    only(call, "bias", True)
    shape = argument(call, "normalized_shape")
    if shape.kind == "number":
        form = replace(form, wrap={**form.wrap, "normalized_shape": "({},)"})
    elif not shape.is_literal or len(shape.literal) != 1:
        raise NeedsAdapter(f"normalized_shape={shape.text}")
    return dtype(call, form)


def embedding(call: Call, form: Form) -> Form:
    """MindSpore's layer draws from a narrower distribution, and trains the row of ``padding_idx``.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.Embedding.html
    """
    for name in ("padding_idx", "_weight"):
        only(call, name, None)
    only(call, "_freeze", False)
    kind = argument(call, "dtype")
    if kind.given and not is_none(kind):
        raise NeedsAdapter("nn.Embedding has a table of float32 whatever dtype says")
    return replace(form, drop={**form.drop, "dtype": "*"})


def dropout(call: Call, form: Form) -> Form:
    """The probability of dropping, as a keyword: MindSpore's first parameter is that of keeping.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.Dropout.html
    """
    p = argument(call, "p")
    if p.is_literal and p.literal == 1 and call.api == "torch.nn.Dropout":
        raise Unsupported("MindSpore has no dropout with a probability of 1")
    if call.api == "torch.nn.Dropout" or not p.given or (p.is_literal and isinstance(p.literal, float)):
        return form
    return replace(form, wrap={**form.wrap, "p": repr(float(p.literal)) if p.is_literal else "float({})"})
