"""Settles what becomes of each argument of a call: kept, renamed, wrapped, dropped, added."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import msgspec

from astmigrate.analysis.text import Text, literal, parse_expression
from astmigrate.binding import Bound, parameters
from astmigrate.model import Edit, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.rewrite.arguments import Extent, operand
from astmigrate.rewrite.names import Names
from astmigrate.tables import Form

_NUMERIC = re.compile(r"^[\d.eE+\-*/() ]+$")


class Written(msgspec.Struct):
    """The edits of a call and what they need."""

    edits: list[Edit] = []
    needs: set[str] = set()
    notes: list[str] = []


class Target(msgspec.Struct, frozen=True):
    """Where a call stands: its text, the place of its receiver, and whether parentheses are needed."""

    text: Text
    call: ast.Call
    names: Names
    receiver: ast.expr | None = None  # of a method
    init: bool = False  # super().__init__(...): the callee stays
    loose: Callable[[], bool] = lambda: True  # whether the result may stand without parentheses


class Settled(msgspec.Struct):
    """What becomes of each argument."""

    keep: list[tuple[Bound, str | None]] = []  # and the keyword, if it gets one
    drop: list[Bound] = []
    notes: list[str] = []


def settle(form: Form, bound: Sequence[Bound], positional_limit: int | None) -> Settled:
    """Which arguments stay, under which name, and which are dropped."""
    plan = Settled()
    limit = len(bound) if positional_limit is None else positional_limit
    order = [p.name for p in parameters(form.args or ())]
    named = False
    for item in bound:
        name = item.parameter.name
        if _dropped(form, item):
            plan.drop.append(item)
            named = named or item.keyword is None
            continue
        if name in form.review:
            plan.notes.append(form.review[name])
        if item.parameter.star:
            plan.keep.append((item, None))
            continue
        new = form.rename.get(name, name)
        by_keyword = item.keyword is not None or named or order.index(name) >= limit
        named = named or (by_keyword and item.keyword is None)
        plan.keep.append((item, new if by_keyword else None))
    return plan


def _dropped(form: Form, item: Bound) -> bool:
    """Whether an argument goes; ``Unsupported`` or ``NeedsAdapter`` where it may not."""
    name, node = item.parameter.name, item.node
    harmless = form.drop.get(name)
    reason = form.unsupported.get(name)
    if harmless is None and reason is None:
        return False
    if harmless == "*":
        return True
    default = item.parameter.default
    values = [*(harmless or ()), *([default] if default is not None else [])]
    if any(same(node, value) for value in values):
        return True
    if not literal(node) and item.value.kind not in ("tensor", "module", "generator"):
        raise NeedsAdapter(f"'{name}' is known only at run time")
    raise Unsupported(
        reason or f"MindSpore has no '{name}' here, and {ast.unparse(node)} is not torch's default"
    )


def added_to(form: Form, plan: Settled, names: Names) -> tuple[list[str], set[str]]:
    """The keyword arguments that state torch's defaults."""
    given = {form.rename.get(b.parameter.name, b.parameter.name) for b, _ in plan.keep}
    additions: list[str] = []
    needs: set[str] = set()
    for name, expression in form.add.items():
        if name not in given:
            spelled, wanted = names.expression(expression)
            needs |= wanted
            additions.append(f"{name}={spelled}")
    return additions, needs


def wrap(template: str, text: Text, node: ast.expr, extent: Extent) -> tuple[Piece, ...]:
    """``1 - {}`` around a value; of numbers the result is written."""
    if "{}" not in template:
        return (template,)
    source = text.slice(extent.value, extent.end)
    folded = _folded(template.replace("{}", f"({source})")) if literal(node) else None
    if folded is not None:
        return (folded,)
    before, _, after = template.partition("{}")
    if before.rstrip()[-1:] in ("(", ",", "[", "") and after.lstrip()[:1] in (")", ",", "]", ""):
        return (before, Span(extent.value, extent.end), after)
    return (before, *operand(text, node, extent), after)


def _folded(expression: str) -> str | None:
    """The value of arithmetic on decimal literals, as a person would write it: ``1 - 0.1`` → ``0.9``."""
    if not _NUMERIC.match(expression):
        return None
    try:
        value = _decimal(parse_expression(expression))
    except (InvalidOperation, SyntaxError, KeyError):
        return None
    text = format(value.normalize(), "f")
    return text if "." in text or ("." not in expression and "e" not in expression.lower()) else f"{text}.0"


def _decimal(node: ast.expr) -> Decimal:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Decimal(repr(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_decimal(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _decimal(node.left), _decimal(node.right)
        return {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}[type(node.op)]
    raise InvalidOperation


def same(node: ast.expr, source: str) -> bool:
    """Whether an argument is written as the expression ``source``."""
    return type(node) is type(parse_expression(source)) and ast.dump(node) == _dump(source)


@lru_cache(maxsize=4096)
def _dump(source: str) -> str:
    return ast.dump(parse_expression(source))
