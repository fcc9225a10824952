"""Handlers of ``torch.nn.functional`` rows."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from astmigrate.model import Argument, Call, NeedsAdapter, Unsupported
from astmigrate.tables import Form

# Modes that ``ops.interpolate`` has right for a given size (bicubic is wrong on CPU).
_EXACT_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "area")


def _absent(argument: Argument | None) -> bool:
    """Whether the argument is left out or a literal None."""
    return argument is None or not argument.given or (argument.is_literal and argument.literal is None)


_SEQUENCES = ("kernel_size", "stride", "padding", "dilation", "output_size", "dim", "dims")


def tuples(call: Call, form: Form) -> Form:
    """Lists become tuples: many operators of MindSpore take nothing else."""
    wrap = dict(form.wrap)
    for name in _SEQUENCES:
        argument = call.arguments.get(name)
        if argument is None or not argument.given or name in wrap:
            continue
        if argument.is_literal and isinstance(argument.literal, list):
            wrap[name] = repr(tuple(argument.literal))
        elif argument.kind == "sequence" and not argument.text.startswith("("):
            wrap[name] = "tuple({})"
    return replace(form, wrap=wrap)


def conv_padding(call: Call, form: Form) -> Form:
    """A padding needs ``pad_mode='pad'``, a string is the ``pad_mode``; lists become tuples.

    https://www.mindspore.cn/docs/en/master/api_python/ops/mindspore.ops.conv2d.html
    """
    padding = call.arguments["padding"]
    form = tuples(call, form)
    if not padding.given:
        return form
    if padding.is_literal and isinstance(padding.literal, str):
        if padding.literal not in ("same", "valid"):
            raise Unsupported(f"padding {padding.text} is neither a size nor 'same' nor 'valid'")
        return replace(form, drop={**form.drop, "padding": "*"}, add={**form.add, "pad_mode": padding.text})
    return replace(form, add={**form.add, "pad_mode": "'pad'"})


def avg_pool(call: Call, form: Form) -> Form:
    """The stride is the kernel's size where none is given; a padding a axis becomes one a side.

    https://www.mindspore.cn/docs/en/master/api_python/ops/mindspore.ops.avg_pool2d.html
    """
    kernel, stride, padding = (call.arguments[name] for name in ("kernel_size", "stride", "padding"))
    if not padding.is_literal and padding.kind != "number":
        raise NeedsAdapter
    if padding.is_literal and isinstance(padding.literal, (tuple, list)):
        sides = tuple(size for axis in padding.literal for size in (axis, axis))
        given = repr(sides if len(sides) > 2 else sides[0])
        form = replace(form, wrap={**form.wrap, "padding": given})
    form = tuples(call, form)
    if "divisor_override" in call.arguments and _absent(call.arguments["divisor_override"]):
        form = replace(form, drop={**form.drop, "divisor_override": "*"})
    if not _absent(stride):
        return form
    if not kernel.is_literal:  # an expression twice might cost twice or count twice
        raise NeedsAdapter
    return replace(
        form,
        drop={**form.drop, "stride": "*"},
        add={**form.add, "stride": form.wrap.get("kernel_size", repr(kernel.literal))},
    )


def _whole(value: Any) -> bool:
    """Whether a scale is a whole number, or a sequence of such."""
    if isinstance(value, (list, tuple)):
        return all(_whole(v) for v in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer()


def interpolate(call: Call, form: Form) -> Form:
    """``ops.interpolate`` for sizes and whole scales; elsewhere it differs, and the adapter does it.

    Of a scale, torch uses the number itself, MindSpore the ratio of the sizes; ``bicubic`` differs.
    https://www.mindspore.cn/docs/en/master/api_python/ops/mindspore.ops.interpolate.html
    """
    mode, antialias = call.arguments["mode"], call.arguments.get("antialias")
    if not mode.is_literal or mode.literal not in _EXACT_MODES:
        raise NeedsAdapter
    if antialias is not None and antialias.given and antialias.literal is not False:
        raise NeedsAdapter
    size, scale = call.arguments["size"], call.arguments["scale_factor"]
    drop = {**form.drop, "antialias": "*"}
    if _absent(scale) and not _absent(size):
        return replace(form, drop={**drop, "scale_factor": "*", "recompute_scale_factor": "*"})
    if not _absent(size) or not scale.is_literal or not _whole(scale.literal):
        raise NeedsAdapter
    floats = (
        repr(tuple(float(v) for v in scale.literal))
        if isinstance(scale.literal, (list, tuple))
        else repr(float(scale.literal))
    )
    return replace(
        form,
        positional=1,
        drop={**drop, "size": "*", "recompute_scale_factor": "*"},
        wrap={**form.wrap, "scale_factor": floats},
        add={**form.add, "recompute_scale_factor": "True"},
    )


def grid_mode(call: Call, form: Form) -> Form:
    """``ops.grid_sample`` has no bicubic mode."""
    if call.arguments["mode"].literal == "bicubic":
        raise Unsupported("ops.grid_sample has no bicubic mode")
    return form


def inplace(call: Call, form: Form) -> Form:
    """``inplace=True``: as a statement the call becomes an assignment to its argument."""
    return replace(form, inplace="input") if call.arguments["inplace"].literal is True else form


def dropout(call: Call, form: Form) -> Form:
    """``p=1`` drops everything; MindSpore refuses to keep nothing."""
    if call.arguments["p"].literal == 1:
        zeros = "mindspore.ops.zeros_like({input})"
        always = call.arguments["training"].literal is True
        form = replace(form, template=zeros if always else f"({zeros} if {{training}} else {{input}})")
    return inplace(call, form)


def elu(call: Call, form: Form) -> Form:
    """``ops.elu`` takes an alpha of 1.0 only."""
    alpha = call.arguments["alpha"]
    if alpha.literal == 1.0:
        drop = {**form.drop, "alpha": "*"}
        form = replace(form, target="mindspore.ops.elu", rename={"input": "input_x"}, drop=drop)
    return inplace(call, form)
