"""Handlers of ``torch.nn`` rows: pools, activations, resizing, losses."""

from __future__ import annotations

from msgspec.structs import replace

from astmigrate.handlers.nn import argument, axes_of, dtype, is_none, only, single, tuples
from astmigrate.model import Argument, Call, NeedsAdapter, Unsupported
from astmigrate.tables import Form

# Modes that ``nn.Upsample`` has right for a given size (bicubic is wrong on CPU).
_RESIZED_RIGHT = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "area")


def _pool(call: Call, form: Form) -> Form:
    """The stride is the kernel's size where none is given; all but plain windows need ``pad_mode='pad'``."""
    sizes = ("kernel_size", "stride", "padding", *(("dilation",) if "dilation" in call.arguments else ()))
    axes = axes_of(call)
    form = single(call, form, *sizes) if axes == 1 else tuples(call, form, *sizes)
    kernel, stride = argument(call, "kernel_size"), argument(call, "stride")
    if is_none(stride):
        known = kernel.is_literal or kernel.text.isidentifier() or kernel.kind == "number"
        if not (known and kernel.repeatable):
            raise NeedsAdapter("the kernel's size is the stride, too, and would be computed twice")
        text = form.wrap.get("kernel_size", kernel.text)
        form = replace(form, drop={**form.drop, "stride": "*"}, add={"stride": text, **form.add})
    elif not stride.is_literal and stride.kind != "number":
        raise NeedsAdapter(f"stride={stride.text} may be None")
    return form


def max_pool(call: Call, form: Form) -> Form:
    """Stride and ``pad_mode`` of a maximum pool.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.MaxPool2d.html
    """
    form = _pool(call, form)
    plain = {"padding": 0, "dilation": 1, "return_indices": False, "ceil_mode": False}
    values = {name: argument(call, name) for name in plain}
    if all(_is(value, plain[name]) for name, value in values.items()):
        return replace(form, drop={**form.drop, **dict.fromkeys(plain, "*")})
    return replace(form, add={**form.add, "pad_mode": "'pad'"})


def avg_pool(call: Call, form: Form) -> Form:
    """Stride and ``pad_mode`` of an average pool.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.AvgPool2d.html
    """
    form = _pool(call, form)
    plain = {"padding": 0, "ceil_mode": False, "count_include_pad": True, "divisor_override": None}
    values = {name: argument(call, name) for name in plain}
    if all(_is(value, plain[name]) for name, value in values.items() if name in call.arguments):
        return replace(form, drop={**form.drop, **dict.fromkeys(plain, "*")})
    return replace(form, add={**form.add, "pad_mode": "'pad'"})


def _is(value: Argument, default: object) -> bool:
    """Whether the argument has the value that needs no ``pad_mode``."""
    zeros = ((0,), (0, 0), (0, 0, 0)) if default == 0 else ()
    return value.is_literal and (value.literal == default or value.literal in zeros)


def adaptive_pool(call: Call, form: Form) -> Form:
    """MindSpore's 1-D pools want a divisor of the length; the others no lists."""
    size = argument(call, "output_size")
    if axes_of(call) == 1:
        if not (size.is_literal and size.literal in (1, (1,), [1])):
            raise NeedsAdapter(f"output_size={size.text}")
        only(call, "return_indices", False, None)
        return single(call, form, "output_size")
    return tuples(call, form, "output_size")


def softmax(call: Call, form: Form) -> Form:
    """Without ``dim`` torch chooses the axis by the number of axes."""
    if is_none(argument(call, "dim")):
        raise NeedsAdapter("no dim")
    return form


def gelu(call: Call, form: Form) -> Form:
    """MindSpore's ``approximate`` is a bool, and True by default.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.GELU.html
    """
    approximate = argument(call, "approximate")
    if approximate.is_literal:
        return replace(form, wrap={**form.wrap, "approximate": repr(approximate.literal == "tanh")})
    return replace(form, wrap={**form.wrap, "approximate": "{} == 'tanh'"})


def elu(call: Call, form: Form) -> Form:
    """MindSpore's ``alpha`` can only be 1."""
    only(call, "alpha", 1)
    return replace(form, drop={**form.drop, "alpha": "*"})


def prelu(call: Call, form: Form) -> Form:
    """MindSpore's ``w`` must be a float."""
    init = argument(call, "init")
    if init.is_literal and isinstance(init.literal, int):
        return replace(form, wrap={**form.wrap, "init": repr(float(init.literal))})
    return form


def pad_sides(call: Call, form: Form) -> Form:
    """MindSpore's pads want an int or a tuple, and go wrong with negative sizes."""
    padding = argument(call, "padding")
    form = tuples(call, form, "padding")
    if padding.is_literal:
        sizes = [padding.literal] if isinstance(padding.literal, int) else padding.literal
        if any(size < 0 for size in sizes):
            raise NeedsAdapter("negative padding")
        return form
    if padding.kind == "number":
        return form
    raise NeedsAdapter(f"padding={padding.text}")


def upsample(call: Call, form: Form) -> Form:
    """MindSpore resizes to sizes; it takes whole scales where they say the same as the sizes.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.Upsample.html
    """
    mode, size, scale = (argument(call, name) for name in ("mode", "size", "scale_factor"))
    if mode.literal not in _RESIZED_RIGHT or not mode.is_literal:
        raise NeedsAdapter(f"mode={mode.text}")
    if not is_none(argument(call, "recompute_scale_factor")):
        raise NeedsAdapter("recompute_scale_factor")
    if is_none(scale):
        if not size.is_literal and size.kind != "number":
            raise NeedsAdapter(f"size={size.text}")
        return tuples(call, replace(form, drop={**form.drop, "scale_factor": "*"}), "size")
    if not is_none(size) or not scale.is_literal:
        raise NeedsAdapter(f"scale_factor={scale.text}")
    factors = scale.literal if isinstance(scale.literal, tuple | list) else (scale.literal,)
    if any(factor != int(factor) for factor in factors):
        raise NeedsAdapter(f"scale_factor={scale.text} is no whole number")
    whole = repr(tuple(map(float, factors)) if scale.literal is not factors[0] else float(factors[0]))
    return replace(
        form,
        drop={**form.drop, "size": "*", "recompute_scale_factor": "*"},
        wrap={**form.wrap, "scale_factor": whole},
        add={**form.add, "recompute_scale_factor": "True"},
    )


def local_response_norm(call: Call, form: Form) -> Form:
    """``nn.LRN`` counts neighbours to either side, and takes alpha for one of them.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.LRN.html
    """
    values = {name: argument(call, name).literal for name in ("size", "alpha", "beta", "k")}
    if not all(argument(call, name).is_literal for name in values) or values["size"] % 2 == 0:
        raise NeedsAdapter("nn.LRN takes odd sizes")
    changed = {
        "size": str(values["size"] // 2),
        "alpha": repr(values["alpha"] / values["size"]),
        "beta": repr(float(values["beta"])),
        "k": repr(float(values["k"])),
    }
    add = {form.rename.get(name, name): text for name, text in changed.items()}
    return replace(form, wrap={**form.wrap, **changed}, add={**add, **form.add})


def floats(call: Call, form: Form, *names: str) -> Form:
    """Ints become floats, which is all that MindSpore takes."""
    wrap = dict(form.wrap)
    for name in names:
        value = argument(call, name)
        if value.given and not (value.is_literal and isinstance(value.literal, float)):
            wrap[name] = repr(float(value.literal)) if value.is_literal else "float({})"
    return replace(form, wrap=wrap)


def reduction(call: Call, form: Form) -> Form:
    """``size_average`` and ``reduce``, the forerunners of ``reduction``.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
    """
    form = floats(call, form, "margin")
    old = [argument(call, name) for name in ("size_average", "reduce")]
    if all(is_none(value) for value in old):
        return replace(form, drop={**form.drop, "size_average": "*", "reduce": "*"})
    if not all(value.is_literal for value in old):
        raise Unsupported("size_average and reduce are deprecated; say it with reduction")
    average, reduced = (True if value.literal is None else bool(value.literal) for value in old)
    word = "none" if not reduced else "mean" if average else "sum"
    dropped = {"size_average": "*", "reduce": "*", "reduction": "*"}
    return replace(form, drop={**form.drop, **dropped}, add={**form.add, "reduction": repr(word)})


def unflatten(call: Call, form: Form) -> Form:
    """MindSpore wants the sizes as a tuple."""
    return tuples(call, form, "unflattened_size")


def kl_div_loss(call: Call, form: Form) -> Form:
    """MindSpore's targets are no logarithms."""
    only(call, "log_target", False)
    return reduction(call, form)


def smooth_l1_loss(call: Call, form: Form) -> Form:
    """MindSpore's ``beta`` must be a positive float."""
    beta = argument(call, "beta")
    if not beta.is_literal or beta.literal == 0:
        raise NeedsAdapter(f"beta={beta.text}")
    return reduction(call, replace(form, wrap={**form.wrap, "beta": repr(float(beta.literal))}))


def max_unpool(call: Call, form: Form) -> Form:
    """MindSpore takes tuples, no lists."""
    return tuples(call, form, "kernel_size", "stride", "padding")


def recurrent(call: Call, form: Form) -> Form:
    """MindSpore's dropout must be a float, its flags bools."""
    return dtype(call, floats(call, form, "dropout"))
