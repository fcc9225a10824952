"""Handlers of ``torch.Tensor`` rows: overloads that only the values of the arguments tell apart.

https://docs.pytorch.org/docs/stable/tensors.html
https://www.mindspore.cn/docs/en/master/api_python/mindspore/mindspore.Tensor.html
"""

from __future__ import annotations

import ast

from msgspec.structs import replace

from astmigrate.model import Argument, Call, Unsupported
from astmigrate.tables import Form

_LEGACY_TYPES = {
    "HalfTensor": "float16", "FloatTensor": "float32", "DoubleTensor": "float64", "ByteTensor": "uint8",
    "CharTensor": "int8", "ShortTensor": "int16", "IntTensor": "int32", "LongTensor": "int64",
    "BoolTensor": "bool_", "BFloat16Tensor": "bfloat16",
}  # fmt: skip
_BOOLEAN_METHODS = frozenset({
    "bool", "eq", "ne", "gt", "ge", "lt", "le", "not_equal", "greater", "greater_equal", "less", "less_equal",
    "isnan", "isinf", "isfinite", "isneginf", "isposinf", "isreal", "isclose", "signbit",
    "logical_not", "logical_and", "logical_or", "logical_xor",
})  # fmt: skip


def legacy_type(call: Call, form: Form) -> Form:
    """``x.type('torch.LongTensor')``: the old names of tensor types stand for dtypes."""
    argument = call.arguments.get("dtype")
    if argument is None or not argument.given:
        return form
    name = str(argument.literal) if argument.is_literal else argument.text
    legacy = _LEGACY_TYPES.get(name.rpartition(".")[2])
    if legacy is not None:
        return replace(form, wrap={**form.wrap, "dtype": f"mindspore.{legacy}"})
    if argument.kind in ("dtype", "unknown", "member"):
        return form
    raise Unsupported(f"{argument.text} is not known as a dtype")


def in_statement(call: Call, form: Form) -> Form:
    """For methods that return the tensor in torch and nothing in MindSpore."""
    if not call.statement:
        raise Unsupported("MindSpore's returns nothing; give it a statement of its own")
    return form


def deviation(call: Call, form: Form) -> Form:
    """``std`` and ``var`` divide by N - 1 in torch, by N in MindSpore unless the correction is given.

    ``x.std(False)``, ``x.std(1, False)``, ``x.std(1, unbiased=False)``, ``x.std(1, correction=0)``. Only
    ``ddof`` of ``var`` has a CPU kernel.
    """
    name = "ddof" if call.api.endswith("var") else "correction"
    dim, unbiased, correction = (call.arguments[n] for n in ("dim", "unbiased", "correction"))
    if correction.given:
        return replace(form, rename={**form.rename, "correction": name}, drop={**form.drop, "unbiased": "*"})
    if isinstance(dim.literal, bool):
        return replace(form, drop={**form.drop, "dim": "*"}, add={**form.add, name: str(int(dim.literal))})
    if not unbiased.given:
        return replace(form, add={**form.add, name: "1"})
    value = str(int(unbiased.literal)) if isinstance(unbiased.literal, bool) else "int({})"
    return replace(form, rename={**form.rename, "unbiased": name}, wrap={**form.wrap, "unbiased": value})


def norm(call: Call, form: Form) -> Form:
    """The 2-norm of vectors and matrices alike; MindSpore's other orders differ for matrices."""
    order, dtype = call.arguments["p"], call.arguments["dtype"]
    if order.literal == "nuc":
        raise Unsupported("the nuclear norm has no kernel on all platforms")
    if dtype.given or not order.is_literal or order.literal not in ("fro", 2):
        return form
    return replace(form, target="mindspore.Tensor.norm", drop={**form.drop, "p": "*"})


def boolean(receiver: Argument | None) -> bool:
    """Whether a tensor is one of bools by its form alone: ``(a > b)``, ``x.eq(0) & ~m.bool()``."""
    return receiver is not None and _boolean(ast.parse(f"({receiver.text})", mode="eval").body)


def _boolean(node: ast.expr) -> bool:
    if isinstance(node, ast.Compare):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr, ast.BitXor)):
        return _boolean(node.left) and _boolean(node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return _boolean(node.operand)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _BOOLEAN_METHODS
    return False


def any_dim(call: Call, form: Form) -> Form:
    """Along a dim MindSpore's CPU kernel reads integers wrong; of bools it is right."""
    if not call.arguments["dim"].given or boolean(call.receiver):
        return form
    keepdim = ", {keepdim}" if call.arguments["keepdim"].given else ""
    return replace(form, template="{self}.bool().any({dim}" + keepdim + ")")


def cumsum(call: Call, form: Form) -> Form:
    """Sums of bools and integers are int64 in torch, int32 in MindSpore unless the dtype is given."""
    native = replace(form, target="mindspore.Tensor.cumsum")
    if call.arguments["dtype"].given:
        return native
    if boolean(call.receiver):
        return replace(native, add={**form.add, "dtype": "mindspore.int64"})
    return form


def unique_returns(call: Call, form: Form) -> Form:
    """One tensor, or a tuple with the inverse and the counts where they are asked for."""
    asked = [call.arguments[name] for name in ("return_inverse", "return_counts")]
    if any(not argument.is_literal for argument in asked):
        return replace(form, returns="")
    return replace(form, returns=", ".join(["tensor"] * (1 + sum(bool(a.literal) for a in asked))))


def select(call: Call, form: Form) -> Form:
    """``x.select(1, i)`` is ``x[:, i]``; the gradient of MindSpore's ``select`` fails on the CPU."""
    dim = call.arguments["dim"].literal
    if not isinstance(dim, int):
        return replace(form, template="{self}.unbind({dim})[{index}]")
    places = [":"] * dim + ["{index}"] if dim >= 0 else ["...", "{index}"] + [":"] * (-dim - 1)
    return replace(form, template=f"{{self}}[{', '.join(places)}]")


def unknown_kind(call: Call, form: Form) -> Form:
    """``x.to(w.dtype)`` and ``x.to(w.device)`` of values of unknown kind."""
    text = call.extra[0].text if len(call.extra) == 1 and "kwargs" not in call.arguments else ""
    if text.endswith(".dtype"):
        return replace(form, target=None, template="{self}.to({*args})")
    if text.endswith(".device"):
        return replace(form, target=None, template="{self}", drop={"args": "*"})
    return form


def sizes_in_tuple(call: Call, form: Form) -> Form:
    """``x.repeat(2, 1)``, ``x.flip(0, 1)``: one tuple in MindSpore; ``tile`` takes a single int too."""
    if not call.extra:
        raise Unsupported("it is called without sizes")
    method = (form.target or "").rpartition(".")[2]
    name = (form.args or ("",))[0]
    first = call.extra[0]
    if len(call.extra) > 1:
        return replace(form, template=f"{{self}}.{method}(({{{name}}}))")
    if first.text.startswith("*") or (method == "flip" and first.kind not in ("sequence", "size")):
        return replace(form, template=f"{{self}}.{method}(({{{name}}},))")
    return replace(form, template=f"{{self}}.{method}({{{name}}})")


def new_sized(call: Call, form: Form) -> Form:
    """``x.new_zeros(2, 3)``: MindSpore takes the sizes as one tuple."""
    if len(call.extra) == 1 and not call.extra[0].text.startswith("*"):
        return form
    if not call.extra:
        raise Unsupported("its size is missing")
    comma = "," if len(call.extra) == 1 else ""
    dtype = ", dtype={dtype}" if call.arguments["dtype"].given else ""
    return replace(form, template=f"{{self}}.{call.api.rpartition('.')[2]}(({{*size}}{comma}){dtype})")


def legacy_new(call: Call, form: Form) -> Form:
    """``x.new(2, 3)`` makes an uninitialised tensor, ``x.new([2, 3])`` one of these values."""
    given = call.extra
    if given and all(a.kind == "number" for a in given):
        comma = "," if len(given) == 1 else ""
        return replace(form, template=f"mindspore.ops.zeros(({{*args}}{comma}), dtype={{self}}.dtype)")
    if len(given) == 1 and given[0].kind == "size":
        return replace(form, template="mindspore.ops.zeros({*args}, dtype={self}.dtype)")
    if len(given) == 1 and given[0].kind == "sequence":
        return replace(form, template="mindspore.tensor({*args}, dtype={self}.dtype)")
    raise Unsupported("only the run can tell whether these are sizes or values; use new_zeros or new_tensor")


def _item(call: Call) -> bool:
    """Whether the receiver is a part of a tensor, which an assignment can set: ``x[0].zero_()``."""
    return call.statement and call.receiver is not None and call.receiver.text.endswith("]")


def fill(call: Call, form: Form) -> Form:
    """``x[0].fill_(v)`` is ``x[0] = v``."""
    if not _item(call):
        return form
    return replace(form, template="{value}" if "value" in call.arguments else "0")


def copy(call: Call, form: Form) -> Form:
    """``x.copy_(y)`` is ``x[()] = y``, ``x[0].copy_(y)`` is ``x[0] = y``.

    MindSpore's ``copy_`` raises where one of both is a view of the beginning of another tensor, measured
    with 2.10 on CPU; of a parameter's ``data`` only ``copy_`` reaches the parameter.
    """
    text = call.receiver.text if call.receiver is not None else ""
    if call.statement and not text.endswith(".data"):
        return replace(form, target=None, template="{other}", inplace="self")
    if call.arguments["other"].text.endswith("]"):
        return replace(form, wrap={**form.wrap, "other": "{}.copy()"})
    return form


def _is(argument: Argument, value: float) -> bool:
    return argument.is_literal and argument.literal == value


def normal(call: Call, form: Form) -> Form:
    """Standard normal values, scaled and moved where that changes them."""
    sample = "mindspore.ops.randn_like({self}, dtype={self}.dtype)"
    scale = "" if _is(call.arguments["std"], 1) else " * {std}"
    move = "" if _is(call.arguments["mean"], 0) else " + {mean}"
    return replace(form, template=sample + scale + move)


def uniform(call: Call, form: Form) -> Form:
    """Values of [0, 1), stretched to the bounds that are given."""
    sample = "mindspore.ops.rand_like({self}, dtype={self}.dtype)"
    lower, upper = call.arguments["from"], call.arguments["to"]
    if _is(lower, 0):
        return replace(form, template=sample if _is(upper, 1) else sample + " * {to}")
    if lower.text.replace(" ", "") == "-" + upper.text.replace(" ", ""):
        return replace(form, template=f"({sample} * 2 - 1) * {{to}}")
    return form
