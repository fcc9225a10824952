"""Writes a call as its row wants it: where it stays a call, its parts change where they stand."""

from __future__ import annotations

import ast

from astmigrate.analysis.text import Text
from astmigrate.binding import Bound
from astmigrate.model import Edit, Unsupported
from astmigrate.rewrite.arguments import CallText, Extent
from astmigrate.rewrite.composed import from_template, to_method
from astmigrate.rewrite.receivers import receiver_inside
from astmigrate.rewrite.settle import Target, Written, added_to, settle, wrap
from astmigrate.tables import Form


def write_call(form: Form, bound: list[Bound], where: Target) -> Written:
    """The edits that turn a call into what ``form`` says."""
    if form.template is not None:
        return from_template(form, form.template, bound, where)
    target = form.target or ""
    method_target = target.startswith(("mindspore.Tensor.", "mindspore.nn.Cell."))
    if method_target and where.receiver is None and bound:
        return to_method(form, bound, where, target.rpartition(".")[2])
    return _in_place(form, bound, where, method_target)


def _in_place(form: Form, bound: list[Bound], where: Target, method_target: bool) -> Written:
    written = Written()
    call_text = CallText(where.text, where.call)
    plan = settle(form, bound, form.positional)
    changed = bool(plan.drop or any(k for _, k in plan.keep) or added_to(form, plan, where.names)[0])
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
    added, needs = added_to(form, plan, where.names)
    written.needs |= needs
    if added:
        passes_receiver = where.receiver is not None and not method_target and not kept
        edit = call_text.insert(kept, added)
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
