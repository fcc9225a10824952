"""Writes a call as its row wants it: in place where it stays a call, composed where it does not."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from astmigrate.analysis.kinds import USUALLY_NUMBER
from astmigrate.analysis.text import Text, parse_expression
from astmigrate.binding import Bound, kind_of, parameters
from astmigrate.model import Argument, Call, Edit, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.rewrite.arguments import ATOMIC, CallText, Extent, operand, simple
from astmigrate.rewrite.names import Names
from astmigrate.tables import Form

_HOLE = re.compile(r"\{(\*?\w*)\}")
_NUMERIC = re.compile(r"^[\d.eE+\-*/() ]+$")


@dataclass
class Written:
    """The edits of a call and what they need."""

    edits: list[Edit] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """Where a call stands: its text, the place of its receiver, and whether parentheses are needed."""

    text: Text
    call: ast.Call
    names: Names
    receiver: ast.expr | None = None  # of a method
    init: bool = False  # super().__init__(...): the callee stays
    loose: Callable[[], bool] = lambda: True  # whether the result may stand without parentheses


def handler_call(
    api: str, form: Form, bound: Sequence[Bound], where: Target, statement: bool, value: Any
) -> Call:
    """The call as a handler sees it."""
    arguments: dict[str, Argument] = {}
    extra: list[Argument] = []
    for item in bound:
        kind = "unknown" if item.value is USUALLY_NUMBER else kind_of(item.value)
        argument = _argument(item.node, where.text.of(item.node), kind)
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
        Argument(where.text.of(where.receiver), kind_of(value))
        if where.receiver is not None and value
        else None
    )
    return Call(api, arguments, tuple(extra), receiver, statement)


def _argument(node: ast.expr, text: str, kind: str, *, given: bool = True) -> Argument:
    values = literal(node)
    if not values:
        return Argument(text, kind, given=given, repeatable=simple(node))
    return Argument(text, _KINDS.get(type(values[0]), kind), values[0], given)


_KINDS = {int: "number", float: "number", bool: "number", str: "string", tuple: "sequence", list: "sequence",
          type(None): "none"}  # fmt: skip


def literal(node: ast.expr) -> tuple[Any, ...]:
    """The value of a literal as a 1-tuple; empty where the node is none."""
    try:
        return (ast.literal_eval(node),)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ()


def same(node: ast.expr, source: str) -> bool:
    """Whether an argument is written as the expression ``source``."""
    return type(node) is type(parse_expression(source)) and ast.dump(node) == _dump(source)


@lru_cache(maxsize=4096)
def _dump(source: str) -> str:
    return ast.dump(parse_expression(source))


@dataclass
class _Plan:
    """What becomes of each argument."""

    keep: list[tuple[Bound, str | None]] = field(default_factory=list)  # and the keyword, if it gets one
    drop: list[Bound] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _settle(form: Form, bound: Sequence[Bound], positional_limit: int | None) -> _Plan:
    """Which arguments stay, under which name, and which are dropped."""
    plan = _Plan()
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


def write_call(form: Form, bound: list[Bound], where: Target) -> Written:
    """The edits that turn a call into what ``form`` says."""
    if form.template is not None:
        return _from_template(form, form.template, bound, where)
    target = form.target or ""
    method_target = target.startswith(("mindspore.Tensor.", "mindspore.nn.Cell."))
    if method_target and where.receiver is None and bound:
        return _to_method(form, bound, where, target.rpartition(".")[2])
    return _in_place(form, bound, where, method_target)


def _in_place(form: Form, bound: list[Bound], where: Target, method_target: bool) -> Written:
    written = Written()
    call_text = CallText(where.text, where.call)
    plan = _settle(form, bound, form.positional)
    changed = bool(plan.drop or any(k for _, k in plan.keep) or _additions(form, plan, where.names)[0])
    if changed and len(where.call.args) == 1 and isinstance(where.call.args[0], ast.GeneratorExp):
        raise Unsupported("a bare generator as the only argument; put it in parentheses")
    _callee(form, where, call_text, method_target, bool(plan.keep), written)
    kept: list[Extent] = []
    for item, keyword in plan.keep:
        extent = call_text.extents[id(item.keyword or item.node)]
        kept.append(extent)
        written.edits += _keyword(item, keyword, extent, where.text)
        written.edits += _wrapped(form, item, extent, where, written)
    dropped = [call_text.extents[id(b.keyword or b.node)] for b in plan.drop]
    written.edits += call_text.delete(dropped)
    additions, needs = _additions(form, plan, where.names)
    written.needs |= needs
    if additions:
        passes_receiver = where.receiver is not None and not method_target and not kept
        edit = call_text.insert(kept, additions)
        written.edits.append(Edit(edit.start, edit.end, (", ", *edit.pieces)) if passes_receiver else edit)
    written.notes += plan.notes
    return written


def _callee(
    form: Form, where: Target, call_text: CallText, method_target: bool, more: bool, out: Written
) -> None:
    """Replaces the callee; a method that becomes a function takes its receiver inside."""
    text, func = where.text, where.call.func
    if where.init:
        return
    target = form.target or ""
    if where.receiver is None:
        name, needs = where.names.spell(target)
        out.needs |= needs
        if text.of(func) != name:
            out.edits.append(Edit(text.start(func), text.end(func), (name,)))
        return
    assert isinstance(func, ast.Attribute)
    end = text.end(func)
    if method_target:
        new = target.rpartition(".")[2]
        if new != func.attr:
            out.edits.append(Edit(end - len(func.attr.encode()), end, (new,)))
        return
    name, needs = where.names.spell(target)
    out.needs |= needs
    start = text.start(where.call)
    separator = ", " if more else ""
    out.edits.append(Edit(start, call_text.open + 1, (f"{name}(", receiver_inside(text, func), separator)))


def receiver_inside(text: Text, func: ast.Attribute) -> Span:
    """A method's receiver as an argument: without the parentheses that the dot needed."""
    value = func.value
    start, end = text.start(value), text.end(value)
    outer = Span(text.start(func), receiver_end(text, func))
    bare = b"#" not in text.data[outer.start : start] + text.data[end : outer.end]
    return Span(start, end) if bare and not isinstance(value, (ast.NamedExpr, ast.GeneratorExp)) else outer


def receiver_end(text: Text, func: ast.Attribute) -> int:
    """Where the receiver of a method ends, its parentheses included, before the dot."""
    end = text.end(func) - len(func.attr.encode())
    dot = text.data.rindex(b".", text.end(func.value), end)
    return text.end(func.value) + len(text.data[text.end(func.value) : dot].rstrip())


def _keyword(item: Bound, keyword: str | None, extent: Extent, text: Text) -> list[Edit]:
    if keyword is None:
        return []
    if item.keyword is None:
        return [Edit(extent.value, extent.value, (f"{keyword}=",))]
    old = item.keyword.arg or ""
    if old == keyword:
        return []
    return [Edit(extent.start, extent.start + len(old.encode()), (keyword,))]


def _wrapped(form: Form, item: Bound, extent: Extent, where: Target, out: Written) -> list[Edit]:
    template = form.wrap.get(item.parameter.name)
    if template is None:
        return []
    expression, needs = where.names.expression(template)
    out.needs |= needs
    pieces = wrap(expression, where.text, item.node, extent)
    return [Edit(extent.value, extent.end, pieces)]


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


def _additions(form: Form, plan: _Plan, names: Names) -> tuple[list[str], set[str]]:
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


# composed ------------------------------------------------------------------------------------


def _to_method(form: Form, bound: list[Bound], where: Target, method: str) -> Written:
    """``torch.f(x, dim=1)`` → ``x.f(1)``: the first argument becomes the receiver."""
    first = bound[0]
    names = [p.name for p in parameters(form.args or ())]
    if first.parameter.name != names[0]:
        raise Unsupported(f"the first argument '{names[0]}' is not given first")
    if any(b.parameter.star or isinstance(b.node, ast.Starred) for b in bound[:1]):
        raise NeedsAdapter("starred arguments")
    limit = None if form.positional is None else form.positional
    plan = _settle(form, bound[1:], limit)
    written = Written(notes=list(plan.notes))
    call_text = CallText(where.text, where.call)
    extent = call_text.extents[id(first.keyword or first.node)]
    pieces: list[Piece] = [*operand(where.text, first.node, extent), f".{method}("]
    parts: list[tuple[Piece, ...]] = []
    for item, keyword in plan.keep:
        parts.append((*((f"{keyword}=",) if keyword else ()), *_value(form, item, call_text, where, written)))
    additions, needs = _additions(form, plan, where.names)
    written.needs |= needs
    parts += [(addition,) for addition in additions]
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


def _from_template(form: Form, template: str, bound: list[Bound], where: Target) -> Written:
    """Fills a row's template with the call's arguments."""
    written = Written()
    plan = _settle(form, bound, None)
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
        pieces += (
            filling if node is None or _enclosed(spelled, match) else _guarded(filling, node, where.text)
        )
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
    form: Form, plan: _Plan, bound: list[Bound], where: Target, out: Written
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


def _guarded(filling: tuple[Piece, ...], node: ast.expr, text: Text) -> list[Piece]:
    if isinstance(node, ATOMIC) and not (isinstance(node, ast.Tuple) and text.of(node)[:1] != "("):
        return list(filling)
    first = filling[0]
    in_brackets = isinstance(first, Span) and len(filling) == 1 and first.start < text.start(node)
    return list(filling) if in_brackets else ["(", *filling, ")"]
