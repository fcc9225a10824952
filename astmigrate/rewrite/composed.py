"""Composes a call anew: a template filled with its arguments, a function that becomes a method."""

from __future__ import annotations

import ast
import re

from astmigrate.analysis.text import Text, parse_expression
from astmigrate.binding import Bound, parameters
from astmigrate.model import Edit, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.rewrite.arguments import ATOMIC, CallText, ends_early, operand, simple, stands_alone
from astmigrate.rewrite.receivers import receiver_end
from astmigrate.rewrite.settle import Settled, Target, Written, added_to, settle, wrap
from astmigrate.tables import Form

_HOLE = re.compile(r"\{(\*?\w*)\}")


def to_method(form: Form, bound: list[Bound], where: Target, method: str) -> Written:
    """``torch.f(x, dim=1)`` → ``x.f(1)``: the first argument becomes the receiver."""
    first = bound[0]
    names = [p.name for p in parameters(form.args or ())]
    if first.parameter.name != names[0]:
        raise Unsupported(f"the first argument '{names[0]}' is not given first")
    if any(b.parameter.star or isinstance(b.node, ast.Starred) for b in bound[:1]):
        raise NeedsAdapter("starred arguments")
    limit = None if form.positional is None else form.positional
    plan = settle(form, bound[1:], limit)
    written = Written(notes=list(plan.notes))
    call_text = CallText(where.text, where.call)
    extent = call_text.extents[id(first.keyword or first.node)]
    pieces: list[Piece] = [*operand(where.text, first.node, extent), f".{method}("]
    parts: list[tuple[Piece, ...]] = []
    for item, keyword in plan.keep:
        parts.append((*((f"{keyword}=",) if keyword else ()), *_value(form, item, call_text, where, written)))
    added, needs = added_to(form, plan, where.names)
    written.needs |= needs
    parts += [(addition,) for addition in added]
    for number, part in enumerate(parts):
        pieces += [", "] if number else []
        pieces += part
    pieces.append(")")
    written.edits.append(Edit(where.text.start(where.call), where.text.end(where.call), tuple(pieces)))
    return written


def _value(form: Form, item: Bound, call_text: CallText, where: Target, out: Written) -> tuple[Piece, ...]:
    extent = call_text.extents[id(item.keyword or item.node)]
    template = form.wrap.get(item.parameter.name)
    if template is None:
        return (Span(extent.value, extent.end),)
    expression, needs = where.names.expression(template)
    out.needs |= needs
    return wrap(expression, where.text, item.node, extent)


def from_template(form: Form, template: str, bound: list[Bound], where: Target) -> Written:
    """Fills a row's template with the call's arguments."""
    written = Written()
    plan = settle(form, bound, None)
    written.notes += plan.notes
    spelled, needs = where.names.expression(template)
    written.needs |= needs
    holes = [m[1] for m in _HOLE.finditer(spelled)]
    values = _fillings(form, plan, bound, where, written)
    for name, (_, node) in values.items():
        if holes.count(name) > 1 and node is not None and not simple(node):
            raise NeedsAdapter(f"'{name}' would be computed twice")
    pieces: list[Piece] = []
    position = 0
    used: set[str] = set()
    for match in _HOLE.finditer(spelled):
        pieces.append(spelled[position : match.start()])
        filling, node = values[match[1]]
        if node is not None and match[1] in used:  # without its parentheses: a comment there stays one
            filling = (Span(where.text.start(node), where.text.end(node)),)
        used.add(match[1])
        enclosed = _enclosed(spelled, match) and not _ends_early(spelled, match, filling, where.text)
        pieces += filling if node is None or enclosed else _guarded(filling, node, where.text)
        position = match.end()
        if filling == ("",) and spelled.startswith(", ", position):  # no sizes: f({*size}, dtype={dtype})
            position += len(", ")
    pieces.append(spelled[position:])
    whole = parse_expression(_HOLE.sub("x", spelled))
    end = where.text.end(where.call)
    dotted = spelled.isdigit() and where.text.data[end : end + 1] == b"."  # 0.real is no attribute
    if dotted or not (isinstance(whole, ATOMIC) or where.loose()):
        pieces = ["(", *pieces, ")"]
    written.edits.append(Edit(where.text.start(where.call), where.text.end(where.call), tuple(pieces)))
    return written


_Filling = tuple[tuple[Piece, ...], ast.expr | None]


def _fillings(
    form: Form, plan: Settled, bound: list[Bound], where: Target, out: Written
) -> dict[str, _Filling]:
    """What each placeholder of a template stands for."""
    text, values = where.text, dict[str, _Filling]()
    call_text = CallText(text, where.call)
    for parameter in parameters(form.args or ()):
        values[parameter.star + parameter.name] = ((parameter.default or "",), None)
        values[parameter.name] = ((parameter.default or "",), None)
    starred: dict[str, list[Piece]] = {}
    for item, _ in plan.keep:
        filling = _value(form, item, call_text, where, out)
        if item.parameter.star:
            many = starred.setdefault(item.parameter.name, [])
            many += [", ", *filling] if many else filling
        else:
            values[item.parameter.name] = (
                filling,
                item.node if item.parameter.name not in form.wrap else None,
            )
    for name, pieces in starred.items():
        values[f"*{name}"] = values[name] = (tuple(pieces), None)
    if where.receiver is not None:
        func = where.call.func
        assert isinstance(func, ast.Attribute)
        values["self"] = ((Span(text.start(func), receiver_end(text, func)),), where.receiver)
    return values


def _enclosed(template: str, match: re.Match[str]) -> bool:
    """Whether a placeholder stands alone between brackets or commas."""
    before, after = template[: match.start()].rstrip(), template[match.end() :].lstrip()
    return (before[-1:] in ("(", "[", ",", "") and after[:1] in (")", "]", ",", "")) or (
        before[-1:] == "=" and before[-2:-1] not in "=!<>" and after[:1] in (")", ",", "]")
    )


def _ends_early(template: str, match: re.Match[str], filling: tuple[Piece, ...], text: Text) -> bool:
    """Whether a value of several lines goes where no bracket of the template holds them together."""
    before = template[: match.start()]
    if sum(map(before.count, "([{")) > sum(map(before.count, ")]}")):
        return False
    return any(
        isinstance(piece, Span) and ends_early(text.slice(piece.start, piece.end)) for piece in filling
    )


def _guarded(filling: tuple[Piece, ...], node: ast.expr, text: Text) -> list[Piece]:
    if stands_alone(node, text.of(node)):
        return list(filling)
    first = filling[0]
    in_brackets = isinstance(first, Span) and len(filling) == 1 and first.start < text.start(node)
    return list(filling) if in_brackets else ["(", *filling, ")"]
