"""What a function's body tells about its parameters before it is walked."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

from astmigrate.analysis.text import literal

# Names that arrays, strings, containers, files or modules have too: no evidence for a tensor.
_OTHERS = (str, bytes, list, dict, set, tuple, int, float, complex, slice, range)
_NDARRAY = """all any argmax argmin argpartition argsort astype base byteswap choose clip compress conj
conjugate copy ctypes cumprod cumsum data diagonal dot dtype dump dumps fill flags flat flatten getfield
imag item itemset itemsize max mean min nbytes ndim newbyteorder nonzero partition prod ptp put ravel real
repeat reshape resize round searchsorted setfield setflags shape size sort squeeze std strides sum swapaxes
take tobytes tofile tolist tostring trace transpose var view T"""
_MODULE = """apply bfloat16 buffers children cpu cuda double eval float forward half modules name
parameters register_buffer register_parameter requires_grad_ share_memory state_dict to train type
zero_grad requires_grad device grad"""
_FRAMES = """abs add backward close div eq expand filter norm log mul ne new pow read sub tile
unique where write"""
AMBIGUOUS = frozenset(name for kind in _OTHERS for name in dir(kind)).union(
    _NDARRAY.split(), _MODULE.split(), _FRAMES.split()
)

_SETTERS = ("_make", "add_", "register", "set")
_TENSORS_KEYWORDS = frozenset({"dim", "keepdim", "unbiased"})
_PROPERTIES = frozenset({"is_cuda", "is_leaf", "is_sparse", "is_quantized", "grad_fn", "mT", "mH", "H"})
_DEVICE = re.compile(r"(cpu|cuda|mps|xpu|npu|meta|hip)(:\d+)?")
_WITHOUT_PARTS = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store, ast.Add, ast.Sub, ast.Mult, ast.Div})
_OTHER_TYPES = frozenset({"list", "tuple", "dict", "str", "int", "float", "bool", "set"})


def tensors(
    node: ast.FunctionDef | ast.AsyncFunctionDef, methods: frozenset[str], fits: Callable[[ast.Call], bool]
) -> dict[str, bool]:
    """Parameter → True where only a tensor fits its use, False where something else may come.

    ``methods`` are the names of all tensor methods that the tables know; ``fits`` tells whether a call of
    one of them has arguments that the tensor's method takes.
    """
    names = {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    found: dict[str, bool] = {}
    if not names - {"self", "cls"}:
        return found
    telling = methods - AMBIGUOUS
    called = set[int]()
    stack: list[Any] = list(node.body)
    while stack:  # ast.walk costs three times as much
        inner = stack.pop()
        kind = type(inner)
        if kind in _WITHOUT_PARTS:
            continue
        if kind is ast.Call:
            _from_call(inner, names, found)
            called.add(id(inner.func))
            owner, method = _method(inner.func)
            if owner in names and method in methods:
                if method in telling and not fits(inner):
                    found[owner] = False
                elif only_of_tensors(inner, method) and fits(inner):
                    found.setdefault(owner, True)
            elif owner in names and method in AMBIGUOUS:  # other things have it, no tensor does
                found[owner] = False
        elif (
            kind is ast.Attribute
            and inner.attr in (telling if id(inner) in called else _PROPERTIES)
            and isinstance(inner.value, ast.Name)
        ):
            found.setdefault(inner.value.id, True)
        for value in inner.__dict__.values():
            if isinstance(value, list):
                stack += [v for v in value if isinstance(v, ast.AST)]
            elif isinstance(value, ast.AST):
                stack.append(value)
    return {name: tensor for name, tensor in found.items() if name in names}


def only_of_tensors(call: ast.Call, method: str) -> bool:
    """Whether a method that others have too is called as only a tensor's can be.

    An array's ``transpose`` takes all axes: two of them that are not 0 and 1, in any order, are a tensor's
    or exchange the last two as ``swapaxes`` does. ``dim`` is an axis of nothing else, and an array's
    ``repeat`` takes two arguments.
    """
    if any(keyword.arg in _TENSORS_KEYWORDS for keyword in call.keywords):
        return True
    if len(call.args) < 2 or call.keywords or any(isinstance(a, ast.Starred) for a in call.args):
        return False
    if method == "transpose" and len(call.args) == 2:
        axes = [axis for argument in call.args for axis in literal(argument) if type(axis) is int]
        return len(axes) == 2 and not set(axes) <= {0, 1}
    return method == "expand" or (method == "repeat" and len(call.args) > 2)


def is_device(value: object) -> bool:
    """Whether a literal names a device."""
    return isinstance(value, str) and _DEVICE.fullmatch(value) is not None


def _method(func: ast.expr) -> tuple[str, str]:
    """The name on which a method is called, and the method's."""
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        return func.value.id, func.attr
    return "", ""


def _from_call(call: ast.Call, names: set[str], found: dict[str, bool]) -> None:
    func = call.func
    if isinstance(func, ast.Name):
        if func.id in names:
            found[func.id] = False
        elif func.id == "isinstance" and len(call.args) == 2 and isinstance(call.args[0], ast.Name):
            types = call.args[1].elts if isinstance(call.args[1], ast.Tuple) else [call.args[1]]
            if any(isinstance(t, ast.Name) and t.id in _OTHER_TYPES for t in types):
                found[call.args[0].id] = False
        return
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
        return
    owner = func.value.id
    if owner in names and func.attr == "size":
        found.setdefault(owner, True)
    first = call.args[0] if len(call.args) == 1 else None
    if owner == "self" and isinstance(first, ast.Name) and not func.attr.startswith(_SETTERS):
        # handed to a submodule or a method of the module: a tensor unless something else speaks
        found.setdefault(first.id, True)
