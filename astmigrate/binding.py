"""Binds the arguments of a call to a row's parameters and picks the form that applies."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from astmigrate.analysis.kinds import Value
from astmigrate.analysis.text import parse_expression
from astmigrate.model import NeedsAdapter, Unsupported
from astmigrate.tables import Form, Row


class Parameter(msgspec.Struct, frozen=True):
    """One entry of a row's ``args``."""

    name: str
    default: str | None = None
    star: str = ""
    keyword_only: bool = False


@lru_cache(maxsize=4096)
def parameters(args: tuple[str, ...]) -> tuple[Parameter, ...]:
    """The parsed ``args`` of a form."""
    found: list[Parameter] = []
    keyword_only = False
    for spec in args:
        if spec in ("*", "/"):
            keyword_only = keyword_only or spec == "*"
            continue
        name, has_default, default = spec.partition("=")
        stars = len(name) - len(name.lstrip("*"))
        found.append(Parameter(name.lstrip("*").strip(), default.strip() if has_default else None,
                               "*" * stars, keyword_only))  # fmt: skip
        keyword_only = keyword_only or stars == 1
    return tuple(found)


class Bound(msgspec.Struct, frozen=True, gc=False):
    """One argument of the source at its parameter."""

    parameter: Parameter
    node: ast.expr
    value: Value
    keyword: ast.keyword | None = None


class Arguments(msgspec.Struct, frozen=True, gc=False):
    """A call's arguments as the source has them, with their values."""

    call: ast.Call
    positional: tuple[Value, ...]
    keywords: tuple[Value, ...]
    skip: int = 0  # leading positional arguments that are not the row's: self of an unbound method

    def given(self) -> Iterator[tuple[str | None, ast.expr, Value]]:
        """Each argument with its keyword: "" where it is positional, None after ``**``."""
        yield from (("", *pair) for pair in zip(self.call.args, self.positional, strict=True))
        for keyword, value in zip(self.call.keywords, self.keywords, strict=True):
            yield keyword.arg, keyword.value, value


# numpy's names, which torch takes for its own parameters too
_SYNONYMS = {"axis": "dim", "axes": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "self": "input"}


def bind(form: Form, arguments: Arguments) -> list[Bound] | str:
    """The bound arguments in source order, or the reason why they do not fit.

    Raises ``NeedsAdapter`` where starred arguments could be any of several parameters.
    """
    declared = parameters(form.args or ())
    by_name = {p.name: p for p in declared if not p.star}
    queue = [p for p in declared if not p.keyword_only and p.star != "**"]
    bound: list[Bound] = []
    call = arguments.call
    for node, value in zip(call.args[arguments.skip :], arguments.positional[arguments.skip :], strict=True):
        if not queue:
            return "more arguments than torch takes"
        parameter = queue[0]
        if isinstance(node, ast.Starred) and parameter.star != "*":
            raise NeedsAdapter("starred arguments")
        if parameter.star != "*":
            queue.pop(0)
        bound.append(Bound(parameter, node, value))
    taken = {b.parameter.name for b in bound}
    rest = next((p for p in declared if p.star == "**"), None)
    for keyword, value in zip(call.keywords, arguments.keywords, strict=True):
        name = keyword.arg or ""
        if keyword.arg is None and rest is None:
            raise NeedsAdapter("starred arguments")
        found = by_name.get(name) or by_name.get(_SYNONYMS.get(name, "")) or rest or _starred(declared, name)
        if found is None or found.name in taken:
            return f"torch has no parameter '{name}' here"
        bound.append(Bound(found, keyword.value, value, keyword))
        taken.add(found.name if not found.star else f"*{name}")
    missing = [p.name for p in declared if not p.star and p.default is None and p.name not in taken]
    return f"argument '{missing[0]}' is missing" if missing else bound


def _starred(declared: Sequence[Parameter], name: str) -> Parameter | None:
    """``size=(2, 3)`` for a row that declares ``*size``."""
    return next((p for p in declared if p.star == "*" and p.name == name), None)


def select(row: Row, arguments: Arguments) -> tuple[Form, list[Bound]]:
    """The form of the row that the call binds to; ``Unsupported`` with the reason if none does."""
    reason = ""
    for form in row.forms or (row,):
        bound = bind(form, arguments)
        if isinstance(bound, str):
            reason = reason or bound
        elif all(_holds(test, _find(bound, name)) for name, test in form.when.items()):
            return form, bound
    raise Unsupported(reason or "no form of the API fits these arguments")


def _find(bound: Sequence[Bound], name: str) -> Bound | None:
    return next((b for b in bound if b.parameter.name == name), None)


def _holds(test: str, bound: Bound | None) -> bool:
    """Whether one condition of ``when`` holds; alternatives are written with ``|``."""
    if "|" in test:
        return any(_holds(part.strip(), bound) for part in test.split("|"))
    if test == "absent":
        return bound is None
    if bound is None:
        return False
    if test in ("given", "any"):
        return True
    if test[0] in "'\"-0123456789" or test in ("True", "False"):
        return ast.unparse(bound.node) == ast.unparse(parse_expression(test))
    kind = kind_of(bound.value)
    if test == "int":
        node = bound.node.operand if isinstance(bound.node, ast.UnaryOp) else bound.node
        return kind == "number" and not isinstance(getattr(node, "value", None), (float, bool))
    return kind == test or (test == "sequence" and kind == "size")


def kind_of(value: Value) -> str:
    """The word that ``when`` and handlers use for a value."""
    if value.kind == "ref":
        return "function"
    return value.kind
