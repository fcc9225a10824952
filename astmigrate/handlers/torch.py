"""Handlers of ``torch`` rows."""

from __future__ import annotations

import ast

from msgspec.structs import replace

from astmigrate.handlers.functional import tuples
from astmigrate.model import Argument, Call, NeedsAdapter, Unsupported
from astmigrate.tables import Form

_NO_GRADIENT = (
    "Its requires_grad is gone: MindSpore differentiates by Parameters, and by a function's arguments."
)
_LEGACY = {
    "Tensor": "float32",
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "HalfTensor": "float16",
    "LongTensor": "int64",
    "IntTensor": "int32",
    "ShortTensor": "int16",
    "CharTensor": "int8",
    "ByteTensor": "uint8",
    "BoolTensor": "bool_",
}


def gradient(call: Call, form: Form) -> Form:
    """``requires_grad=True`` has no counterpart on a tensor: a review."""
    wanted = call.arguments.get("requires_grad")
    if wanted is None or not wanted.given or wanted.literal is False:
        return form
    return replace(form, level="review", note=f"{form.note} {_NO_GRADIENT}".strip())


def _one(extra: tuple[Argument, ...]) -> bool:
    """Whether a starred size was given as one thing: a number, or a sequence."""
    return len(extra) == 1 and not extra[0].text.startswith("*")


def sizes(call: Call, form: Form) -> Form:
    """``zeros(2, 3)``, ``zeros((2, 3))`` and ``zeros(*shape)``: MindSpore takes one tuple.

    https://www.mindspore.cn/docs/en/master/api_python/ops/mindspore.ops.zeros.html
    """
    form = gradient(call, form)
    dtype = call.arguments["dtype"].given
    if _one(call.extra) and call.extra[0].is_literal and call.extra[0].literal in ((), []):
        value = "1" if (form.target or "").endswith("ones") else "0"
        scalar = f"mindspore.Tensor({value}, {'{dtype}' if dtype else 'mindspore.float32'})"
        return replace(form, template=scalar)
    size = "{*size}" if _one(call.extra) else "({*size},)" if len(call.extra) == 1 else "({*size})"
    return replace(form, template=f"{form.target}({size}{', dtype={dtype}' if dtype else ''})")


def draw_sizes(call: Call, form: Form) -> Form:
    """``rand`` and ``randn`` take sizes as torch does, but not as a keyword."""
    dtype = ", dtype={dtype}" if call.arguments["dtype"].given else ""
    return replace(gradient(call, form), template=f"{form.target}({{*size}}{dtype})")


def magnitude(call: Call, form: Form) -> Form:
    """``abs`` of what may be complex: MindSpore's is complex, too."""
    value = call.receiver or call.arguments["input"]
    return replace(form, target="snippets.magnitude") if value.complex else form


def full(call: Call, form: Form) -> Form:
    """``ops.full`` makes integers where no dtype is given; torch takes that of the value."""
    form = gradient(call, form)
    value, dtype = call.arguments["fill_value"], call.arguments["dtype"]
    if dtype.given and dtype.literal is not None:
        return form
    if value.is_literal and isinstance(value.literal, (bool, int, float)):
        kind = {bool: "bool_", int: "int64", float: "float32"}[type(value.literal)]
    elif value.text.startswith("float("):
        kind = "float32"
    else:
        raise NeedsAdapter("the value's type is only known at run time")
    return replace(form, add={"dtype": f"mindspore.{kind}"}, drop={**form.drop, "dtype": "*"})


def legacy_tensor(call: Call, form: Form) -> Form:
    """``torch.Tensor(2, 3)`` is an empty tensor, ``torch.Tensor([2, 3])`` one of these values."""
    dtype = f"mindspore.{_LEGACY[call.api.rpartition('.')[2]]}"
    extra = call.extra
    known = extra and all(argument.kind == "number" for argument in extra)
    if known or len(extra) > 1:
        size = "({*data},)" if len(extra) == 1 else "({*data})"
        return replace(form, template=f"mindspore.ops.zeros({size}, {dtype})")
    if len(extra) == 1 and extra[0].kind in ("sequence", "array", "tensor"):
        return replace(form, template=f"mindspore.Tensor({{*data}}, {dtype})")
    separator = ", " if extra else ""
    return replace(form, template=f"snippets.legacy_tensor({{*data}}{separator}dtype={dtype})")


def tuple_size(call: Call, form: Form) -> Form:
    """``ops.randint`` takes a tuple only."""
    form = gradient(call, form)
    size = call.arguments["size"]
    if size.text.startswith("(") or size.kind == "size":
        return replace(form, wrap={})
    return replace(form, wrap={"size": repr(tuple(size.literal))}) if isinstance(size.literal, list) else form


def randint_template(call: Call, form: Form) -> Form:
    """``randint(high, size)`` begins at 0."""
    dtype = ", dtype={dtype}" if call.arguments["dtype"].given else ""
    return replace(tuple_size(call, form), template=f"mindspore.ops.randint(0, {{high}}, {{size}}{dtype})")


def norm(call: Call, form: Form) -> Form:
    """``torch.norm`` is a norm of vectors; 'fro' is the second. ``ops.vector_norm`` wants tuples.

    https://docs.pytorch.org/docs/stable/generated/torch.norm.html
    """
    order = call.arguments["p"]
    if order.literal == "nuc":
        raise Unsupported("MindSpore's nuclear norm is ops.norm(x, 'nuc') for matrices")
    if order.literal in ("fro", None) and order.given:
        form = replace(form, drop={**form.drop, "p": "*"})
    return tuples(call, form)


def positional(call: Call, form: Form) -> Form:
    """``ops.lt`` hides its parameters: the arguments go by position."""
    return replace(form, template=f"{form.target}({{input}}, {{other}})")


def stft(call: Call, form: Form) -> Form:
    """``ops.stft`` spells the padding in capitals and cannot do without ``return_complex``."""
    mode = call.arguments["pad_mode"]
    if mode.given:
        if not mode.is_literal:
            raise Unsupported("ops.stft spells pad_mode in capitals")
        form = replace(form, wrap={**form.wrap, "pad_mode": repr(str(mode.literal).upper())})
    return form


_BOOLEAN = ("eq", "ne", "gt", "ge", "lt", "le", "isnan", "isinf", "isfinite", "isclose")


def truth(call: Call, form: Form) -> Form:
    """``ops.any`` is wrong on CPU for everything but bools, measured with 2.10: the input is cast."""
    node = ast.parse(f"({call.arguments['input'].text})", mode="eval").body
    name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    if isinstance(node, ast.Compare) or name in _BOOLEAN or name.startswith("logical_"):
        return form
    return replace(form, wrap={**form.wrap, "input": "{}.astype(mindspore.bool_)"})
