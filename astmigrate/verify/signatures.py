"""The real parameters of torch's and MindSpore's APIs.

torch: ``inspect.signature`` where the API is Python (through the dispatchers of
``torch.nn.functional`` and the overloads of RNNs), else every call line of its documentation
(``add(input, other, *, alpha=1, out=None) -> Tensor``) and every overload of the operator's schema.
"""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from astmigrate.snippets import catalogue

MISSING = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``default`` is source text, None where it is required."""

    name: str
    default: str | None = None
    keyword_only: bool = False
    star: str = ""


Signature = tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """All signatures of an API; ``exact`` where Python itself tells them, not the documentation."""

    signatures: tuple[Signature, ...]
    exact: bool


def resolve(name: str) -> Any:
    """The object of a dotted name, modules imported on the way; ``MISSING`` where there is none."""
    parts = name.split(".")
    try:
        found: Any = import_module(parts[0])
    except ImportError:
        return MISSING
    for number, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            try:
                import_module(".".join(parts[:number]))
            except ImportError:
                return MISSING
        found = getattr(found, part, MISSING)
        if found is MISSING:
            return MISSING
    return found


@cache
def of_torch(name: str) -> Known:
    """The signatures of a torch API, without a method's receiver; none where nothing tells them."""
    found = resolve(name)
    if found is MISSING or not callable(found):
        return Known((), True)
    method = is_method(name)
    exact = [s for s in (_inspected(f, method) for f in _functions(found)) if s is not None]
    if exact:
        return Known(tuple(exact), True)
    namespace, _, leaf = name.rpartition(".")
    known = list(_documented(leaf, found.__doc__ or ""))
    if method:  # the method's own page often says no more than "see torch.f"
        function = resolve(f"torch.{leaf}")
        known += [s[1:] for s in _documented(leaf, getattr(function, "__doc__", "") or "")]
    prefix = f"{namespace.rpartition('.')[2]}_" if namespace in _PREFIXED else ""
    operators = _operators(prefix + leaf, method)
    return Known((*known, *operators) if known else tuple(s for s in operators if s), False)


@cache
def documented(name: str) -> frozenset[str]:
    """The parameters that the page of a builtin names and its operator takes; none for what Python tells."""
    found = resolve(name)
    if found is MISSING or not callable(found) or of_torch(name).exact:
        return frozenset()
    namespace, _, leaf = name.rpartition(".")
    told = {p.name for s in _documented(leaf, found.__doc__ or "") for p in s if not p.star}
    prefix = f"{namespace.rpartition('.')[2]}_" if namespace in _PREFIXED else ""
    taken = {p.name for s in _operators(prefix + leaf, is_method(name)) for p in s}
    return frozenset(told & taken if taken else told)


@cache
def of_target(name: str) -> Signature | None:
    """The signature of a MindSpore API or a snippet, without a receiver; None where nothing tells it."""
    if name.startswith("snippets."):
        return _of_snippet(name.removeprefix("snippets."))
    found = resolve(name)
    return None if found is MISSING else _inspected(found, is_method(name))


def documented_calls(name: str) -> tuple[Signature, ...]:
    """The call lines of a MindSpore API's documentation, for what Python does not tell; no receiver."""
    found = resolve(name)
    return () if found is MISSING else tuple(_documented(name.rpartition(".")[2], found.__doc__ or ""))


def is_method(name: str) -> bool:
    """Whether the name is a class's attribute whose first parameter is the receiver."""
    owner, _, leaf = name.rpartition(".")
    holder = resolve(owner) if owner else None
    if not isinstance(holder, type):
        return False
    return not isinstance(inspect.getattr_static(holder, leaf, None), staticmethod | classmethod)


def _functions(found: Any) -> Iterator[Callable[..., Any]]:
    """The functions whose parameters the API really takes."""
    constructor = vars(found).get("__init__") if isinstance(found, type) else None
    if inspect.isfunction(constructor):
        overloads = typing.get_overloads(constructor)
        if overloads:
            yield from (_Unbound(f) for f in overloads)
            return
    closure = inspect.getclosurevars(found).nonlocals if inspect.isfunction(found) else {}
    if {"if_true", "if_false"} <= closure.keys():  # boolean_dispatch
        yield closure["if_true"]
        yield closure["if_false"]
        return
    yield found


class _Unbound:
    """An ``__init__`` without its self."""

    def __init__(self, function: Callable[..., Any]) -> None:
        signature = inspect.signature(function)
        self.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(self) -> None:
        raise TypeError("only its signature is of use")


def _inspected(function: Any, method: bool) -> Signature | None:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if method and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        parameters = parameters[1:]
    if any(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in parameters):
        return None  # their names mean nothing
    if {p.kind for p in parameters} == {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        return None  # a wrapper that tells nothing
    return tuple(_parameter(p) for p in parameters)


def _parameter(parameter: inspect.Parameter) -> Parameter:
    default = None if parameter.default is inspect.Parameter.empty else text_of(parameter.default)
    keyword_only = parameter.kind is inspect.Parameter.KEYWORD_ONLY
    stars = str(parameter).count("*") if parameter.kind.name.startswith("VAR_") else 0
    return Parameter(parameter.name, default, keyword_only, "*" * stars)


def text_of(default: Any) -> str:
    """A default as source text: ``torch.float32`` and ``mindspore.float32`` for dtypes."""
    module = type(default).__module__
    if inspect.isfunction(default) or isinstance(default, type):
        return f"{default.__module__}.{default.__qualname__}"
    if module.startswith("mindspore._c_expression"):
        return f"mindspore.{str(default).lower()}"
    return repr(default)


def _of_snippet(name: str) -> Signature | None:
    """From the source, for snippets are never imported; a class without its own __init__ tells nothing."""
    body = ast.parse(catalogue().get(name, "")).body
    node: ast.stmt | None = body[0] if body else None
    skip = 0
    if isinstance(node, ast.ClassDef):
        methods = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
        node, skip = (methods[0], 1) if methods else (None, 0)
    if not isinstance(node, ast.FunctionDef):
        return None
    return _parsed(ast.unparse(node.args))[skip:]


_PREFIXED = ("torch.linalg", "torch.fft", "torch.special")  # torch.fft.rfft is the operator fft_rfft
_TYPES = ("int", "bool", "float", "str", "Tensor")
_CALL = re.compile(r"^\s*(?:\.\. (?:function|method|class):: )?(?:\w+\.)*(\w+)\((.*?)\)\s*(?:->.*)?$")
_ENTRY = re.compile(r"^(\*{0,2})(\w+)\s*(?::[^=]*)?(?:=\s*(.+))?$", re.DOTALL)


def _documented(leaf: str, doc: str) -> Iterator[Signature]:
    for line in doc.splitlines():
        match = _CALL.match(line)
        if match and match[1] == leaf and "return_types." not in line:  # an example's result
            parameters = _parsed(match[2])
            if not any(p.name in _TYPES for p in parameters):  # set_num_threads(int)
                yield parameters


def _parsed(text: str) -> Signature:
    """A parameter list; entries such as ``...`` are passed over."""
    found: list[Parameter] = []
    keyword_only = False
    for piece in _split(text):
        if piece in ("*", "/"):
            keyword_only = keyword_only or piece == "*"
            continue
        match = _ENTRY.match(piece)
        if match is None:
            continue
        found.append(Parameter(match[2], match[3], keyword_only, match[1]))
        keyword_only = keyword_only or match[1] == "*"
    return tuple(found)


def _split(text: str) -> list[str]:
    """Cut at the commas outside of brackets."""
    pieces, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece.strip() for piece in pieces if piece.strip()]


def _operators(leaf: str, method: bool) -> Iterator[Signature]:
    """The overloads of the operator of that name; a schema calls the first argument self."""
    import torch

    packet = getattr(torch.ops.aten, leaf, None)
    for overload in packet.overloads() if packet is not None else ():
        arguments = getattr(packet, overload)._schema.arguments
        names = [argument.name for argument in arguments]
        if method and "self" not in names:
            continue
        yield tuple(
            Parameter("input" if a.name == "self" else a.name, _schema_default(a), a.kwarg_only)
            for a in arguments
            if not (method and a.name == "self")
        )


def _schema_default(argument: Any) -> str | None:
    return repr(argument.default_value) if argument.has_default_value() else None
