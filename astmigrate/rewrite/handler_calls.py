"""A call as a handler sees it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from astmigrate.analysis.complexes import is_complex
from astmigrate.analysis.kinds import USUALLY_NUMBER
from astmigrate.analysis.text import literal, parse_expression
from astmigrate.binding import Bound, kind_of, parameters
from astmigrate.model import Argument, Call
from astmigrate.rewrite.arguments import simple
from astmigrate.rewrite.settle import Target
from astmigrate.tables import Form


def handler_call(
    api: str, form: Form, bound: Sequence[Bound], where: Target, statement: bool, value: Any
) -> Call:
    """The call as a handler sees it."""
    arguments: dict[str, Argument] = {}
    extra: list[Argument] = []
    for item in bound:
        kind = "unknown" if item.value is USUALLY_NUMBER else kind_of(item.value)
        argument = _argument(item.node, where.text.of(item.node), kind, complex=is_complex(item.value))
        if item.parameter.star == "*":
            extra.append(argument)
        else:
            arguments[item.parameter.name] = argument
    for parameter in parameters(form.args or ()):
        if not parameter.star and parameter.name not in arguments:
            default = parameter.default or "None"
            node = parse_expression(default)
            arguments[parameter.name] = _argument(node, default, "unknown", given=False)
    receiver = (
        Argument(where.text.of(where.receiver), kind_of(value), complex=is_complex(value))
        if where.receiver is not None and value
        else None
    )
    return Call(api, arguments, tuple(extra), receiver, statement)


def _argument(node: ast.expr, text: str, kind: str, *, given: bool = True, complex: bool = False) -> Argument:
    values = literal(node)
    if not values:
        return Argument(text, kind, given=given, repeatable=simple(node), complex=complex)
    return Argument(text, _KINDS.get(type(values[0]), kind), values[0], given)


_KINDS = {int: "number", float: "number", bool: "number", str: "string", tuple: "sequence", list: "sequence",
          type(None): "none"}  # fmt: skip
