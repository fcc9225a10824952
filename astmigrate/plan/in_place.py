"""What becomes of calls that change an argument: ``x.add_(y)``, ``torch.add(x, y, out=z)``.

On MindSpore's CPU backend in-place methods do nothing, and its functions have no ``out``. As a statement
such a call becomes an assignment into its tensor, ``x[()] = x + y``, which every name and every view of it
sees, or binds its name anew where there is no other. Gradients do not follow into views other than slices.
``x[...] = y`` would not do: it lets x share y's memory and parts it from its views. All of that is measured,
on CPU.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from msgspec.structs import replace

from astmigrate.analysis.sites import Analysis, Site
from astmigrate.analysis.text import Text, is_whole, may_be_empty
from astmigrate.binding import Bound
from astmigrate.model import Edit, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.plan.freshness import Freshness
from astmigrate.plan.steps import makes_view
from astmigrate.rewrite.arguments import simple
from astmigrate.tables import NO_OUT, Form, Row, Tables

OUT = "out"
_RESIZES = "'out' must have the shape of the result: PyTorch resizes it, an assignment does not."
_ARGUMENT = re.compile(r"\{\w+\}")  # a template that is an argument: the name would be another's
EMPTY = "MindSpore fails where a slice other than the last is empty."
WHOLE = "[()]"  # the index by which all of a tensor is assigned to
_VIEW = "It is a view: its base gets the values, but no gradient of them."
_SAVES = "The gradient of this step is wrong: MindSpore takes it at the values that are overwritten here."
_RESHAPED = "PyTorch gives all names of the tensor the new shape; here this name alone has it."
_ALSO = "PyTorch changes it in place too; here only the result is changed."


def written_to(form: Form, bound: Sequence[Bound]) -> Form:
    """The form of a call with ``out=``: its result is assigned to that tensor."""
    given = next((b for b in bound if b.parameter.name == OUT), None)
    if given is None or form.inplace or form.unsupported.get(OUT) != NO_OUT:
        return form
    if isinstance(given.node, ast.Constant) and given.node.value is None:
        return form
    if not isinstance(given.node, ast.Name | ast.Attribute | ast.Subscript):
        raise Unsupported(NO_OUT)
    note = f"{form.note} {_RESIZES}".strip()
    return replace(form, inplace=OUT, drop={**form.drop, OUT: "*"}, note=note, level="review")


class InPlace:
    """The calls of one file that change what others may see."""

    def __init__(self, text: Text, analysis: Analysis, tables: Tables) -> None:
        self.text, self._copies, self._elements = text, analysis.copies, analysis.elements
        self._freshness = Freshness(text.tree)
        self.filled: set[str] = set()  # attributes of which all is assigned to
        self._by_name: dict[int, Site] = {}  # in-place methods by their name's node
        self._chained: set[int] = set()  # those of them whose value is only changed further
        for site in analysis.sites:
            row = tables.row(site.name) if site.role == "method" else None
            if row is not None and row.inplace:
                self._by_name[id(site.node)] = site
        for site in self._by_name.values():
            inner = site.receiver  # in a statement x.mul_(2).add_(1) only the last call needs to assign
            while site.statement and isinstance(inner, ast.Call) and id(inner.func) in self._by_name:
                self._chained.add(id(inner.func))
                inner = self._by_name[id(inner.func)].receiver

    def check_layer(self, site: Site, row: Row, bound: Sequence[Bound]) -> None:
        """``NeedsAdapter`` for a layer that writes into its input where that can be seen."""
        given = next((b for b in bound if row.mutates and b.parameter.name == row.mutates), None)
        if given is None or (isinstance(given.node, ast.Constant) and not given.node.value):
            return
        assert site.arguments is not None
        literal = isinstance(given.node, ast.Constant)
        if not literal or not self._freshness.layer_is_unseen(site.within, site.arguments.call):
            raise NeedsAdapter(f"'{row.mutates}' writes into what others may see")

    def assigned(self, site: Site, form: Form) -> tuple[list[Edit], str]:
        """The edits that make a statement an assignment, and what to tell of it."""
        changed = self.changed(site, form)
        if changed is None or id(site.node) in self._chained:
            return [], ""
        if site.statement:
            return self.assignment(site, changed, form)
        target = site.within.targets[0] if isinstance(site.within, ast.Assign) else None
        if target is None or ast.unparse(target) != ast.unparse(changed):
            return [], _ALSO
        assert site.within is not None
        if not isinstance(target, ast.Name) or self._freshness.change_is_unseen(site.within, target.id):
            return [], ""
        return [self.whole(target)], self._note(site.within, target, form.saves)

    def assignment(self, site: Site, changed: ast.expr, form: Form) -> tuple[list[Edit], str]:
        """``x[()] = `` before a call that computes what torch would write into x.

        Where nobody else sees x, ``x = ``. A slice takes its value as it is, and so does a parameter's
        ``data``, of which MindSpore gives a copy.
        """
        assert site.arguments is not None
        assert site.within is not None
        once = isinstance(changed, ast.Attribute) and _ARGUMENT.fullmatch(form.template or "")
        if not once and not _repeatable(changed):
            raise Unsupported("it changes the result of an expression in place")
        if id(changed) in self._copies:
            raise Unsupported("PyTorch changes a copy here, and what is indexed stays as it is")
        item = "" if self._as_it_is(site.within, changed, form) else WHOLE
        note = self._note(site.within, changed, form.saves) if item else ""
        if form.rebind and isinstance(changed, ast.Name) and not self._is_unseen(site.within, changed):
            note = _RESHAPED
        start = self.text.statement_start(self.text.start(site.arguments.call))
        if isinstance(changed, ast.Subscript) and is_whole(changed.slice):
            changed, item = changed.value, WHOLE
        if item:
            self.fills(changed)
        tensor = Span(self.text.start(changed), self.text.end(changed))
        guard: tuple[Piece, ...] = ()
        if isinstance(changed, ast.Subscript) and may_be_empty(changed.slice):
            call = site.arguments.call
            guard = self.guard(site.within, changed, *call.args, *(k.value for k in call.keywords))
            note = note if guard else EMPTY
        return [Edit(start, start, (*guard, tensor, f"{item} = "))], note

    def _as_it_is(self, statement: ast.stmt, changed: ast.expr, form: Form) -> bool:
        """Whether the result may be bound to what is changed: a part, or a name that nobody else has."""
        part = isinstance(changed, ast.Subscript) and id(changed) not in self._elements
        if part or getattr(changed, "attr", "") == "data" or form.rebind:
            return True
        return not _ARGUMENT.fullmatch(form.template or "") and self._is_unseen(statement, changed)

    def guard(self, statement: ast.stmt, target: ast.expr, *values: ast.expr) -> tuple[Piece, ...]:
        """``if x[a:b, c:d].size:`` before an assignment; nothing where it would skip or repeat more."""
        start, end = self.text.start(statement), self.text.end(statement)
        indent = self.text.slice(self.text.line_start(start), start)
        rest = self.text.slice(end, self.text.line_end(end)).strip()
        alone = not indent.strip() and (not rest or rest.startswith("#"))
        one = isinstance(statement, ast.Expr | ast.AugAssign | ast.Assign) and (
            not isinstance(statement, ast.Assign) or len(statement.targets) == 1
        )
        if not alone or not one or not all(map(simple, (target, *values))):
            return ()
        step = "\t" if "\t" in indent else "    "
        tensor = Span(self.text.start(target), self.text.end(target))
        return ("if ", tensor, f".size:{self.text.newline}{indent}{step}")

    def is_guarded(self, statement: ast.stmt, target: ast.expr) -> bool:
        """Whether an assignment has its guard already, by an earlier run."""
        guard = f"if {self.text.of(target)}.size:"
        before = self.text.data[: self.text.start(statement)].rstrip()
        return before.endswith(guard.encode())

    def augmented(self, site: Site) -> tuple[list[Edit], str]:
        """``x += y`` binds x anew in MindSpore: where others see x, it becomes ``x[()] += y``."""
        statement, target = site.within, site.node
        assert isinstance(statement, ast.AugAssign)
        if isinstance(target, ast.Name) and self._freshness.change_is_unseen(statement, target.id):
            return [], ""
        note = self._note(statement, target, isinstance(statement.op, ast.Mult | ast.Pow))
        return [self.whole(target)], note

    def whole(self, tensor: ast.expr) -> Edit:
        """``x[()]`` for x."""
        self.fills(tensor)
        end = self.text.end(tensor)
        return Edit(end, end, (WHOLE,))

    def fills(self, tensor: ast.expr) -> None:
        """Notes an attribute of which all is assigned to."""
        if isinstance(tensor, ast.Attribute):
            self.filled.add(tensor.attr)

    def parts_ways(self, site: Site, tensor: ast.expr) -> bool:
        """Whether a tensor, assigned to through a tensor as index, is a view or has views read later.

        In PyTorch all of them change; in MindSpore (on CPU) this one alone, unless it is a slice.
        """
        if site.within is None:
            return False
        has_views = isinstance(tensor, ast.Name) and self._freshness.has_views(site.within, tensor.id)
        return has_views or self._freshness.is_view(site.within, tensor)

    def _is_unseen(self, statement: ast.stmt, changed: ast.expr) -> bool:
        return isinstance(changed, ast.Name) and self._freshness.change_is_unseen(
            statement, changed.id, rebinds=True
        )

    def _note(self, statement: ast.stmt, changed: ast.expr, saves: bool) -> str:
        """What to tell of an assignment to all of a tensor."""
        if self._freshness.is_view(statement, changed):
            return _VIEW
        return _SAVES if saves else ""

    def changed(self, site: Site, form: Form) -> ast.expr | None:
        """What an in-place call changes that others may see: the object that a chain of them begins with."""
        assert site.arguments is not None
        call = site.arguments.call
        named = next((k.value for k in call.keywords if k.arg == form.inplace), None)
        names = [parameter.partition("=")[0] for parameter in form.args or ()]
        place = names.index(form.inplace) if form.inplace in names else 0
        changed = named or site.receiver or next(iter(call.args[place:]), None)
        while isinstance(changed, ast.Call) and id(changed.func) in self._by_name:
            changed = self._by_name[id(changed.func)].receiver
        if isinstance(changed, ast.Call) and (site.statement or makes_view(changed)):
            return changed
        return changed if isinstance(changed, ast.Name | ast.Attribute | ast.Subscript) else None


def _repeatable(node: ast.expr) -> bool:
    """Whether an expression gives the same tensor each time: a name, parts, attributes and views of it."""
    if isinstance(node, ast.Subscript):
        return simple(node.slice) and _repeatable(node.value)
    if isinstance(node, ast.Call):
        given = (*node.args, *(keyword.value for keyword in node.keywords))
        return makes_view(node) and _repeatable(node.func) and all(map(simple, given))
    return _repeatable(node.value) if isinstance(node, ast.Attribute) else simple(node)
