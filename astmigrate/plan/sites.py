"""Plans calls: each site is converted as its row says, or told why there is no way."""

from __future__ import annotations

import ast

import msgspec

from astmigrate.analysis.index import ProjectIndex
from astmigrate.analysis.sites import BY_RECEIVER, Analysis, Site, root_name
from astmigrate.analysis.text import Text
from astmigrate.analysis.walk import Walk
from astmigrate.binding import select
from astmigrate.handlers import handler
from astmigrate.model import Edit, Finding, Level, NeedsAdapter, Span, Unsupported
from astmigrate.plan.adapters import accepts, adapter_name, adapter_source
from astmigrate.plan.findings import Findings
from astmigrate.plan.in_place import InPlace, written_to
from astmigrate.rewrite.calls import write_call
from astmigrate.rewrite.comments import saved
from astmigrate.rewrite.handler_calls import handler_call
from astmigrate.rewrite.imports import Wanted
from astmigrate.rewrite.names import SNIPPETS, Names
from astmigrate.rewrite.receivers import receiver_end
from astmigrate.rewrite.settle import Target, Written
from astmigrate.snippets import catalogue
from astmigrate.tables import Form, Row

_LOOSE_PARENTS = (ast.Assign, ast.AnnAssign, ast.Return, ast.Expr, ast.AugAssign, ast.keyword, ast.List,
                  ast.Tuple, ast.Dict, ast.For, ast.If, ast.While, ast.FormattedValue, ast.Assert,
                  )  # fmt: skip


class Planned(msgspec.Struct):
    """The outcome of a file's plan."""

    edits: list[Edit] = []
    findings: list[Finding] = []
    snippets: dict[str, str] = {}


class SitePlans:
    """Plans calls, a method for each role, and what the other roles need, too."""

    def __init__(self, walk: Walk, index: ProjectIndex, snippet_module: str = SNIPPETS) -> None:
        self.text: Text = walk.text
        self.analysis: Analysis = walk.analysis
        self.index, self.tables = index, index.tables
        imported = {s.bound for s in self.analysis.imports}
        self.names = Names(self.analysis.bound - imported, snippet_module)
        self.wanted = Wanted()
        self.findings = Findings(self.text)
        self.out = Planned()
        self.unresolved: list[Site] = []
        self._adapted_bases: set[int] = set()
        self.in_place = InPlace(self.text, self.analysis, self.tables)

    def site(self, site: Site) -> None:
        """Plans one site by its role; what cannot be converted stays as it is, with a finding."""
        lines = range(site.node.lineno, (site.node.end_lineno or site.node.lineno) + 1)
        if any(line in self.text.ignored for line in lines):
            self.unresolved.append(site)
            self.findings.of(site, Level.INFO, "AM206", "", f"'{site.name}' is left alone, as its line asks.")
            return
        try:
            getattr(self, f"_{site.role}")(site)
        except Unsupported as reason:
            if site.role == "unclear":
                return
            self.unresolved.append(site)
            row = self.tables.row(site.name)
            self.findings.manual(site, str(reason), "" if row is None else row.target or "")

    def row(self, site: Site) -> Row:
        """The row of a site that can be converted."""
        row = self.tables.row(site.name)
        if row is None:
            raise Unsupported("astmigrate has no row for it")
        if row.manual:
            raise Unsupported(row.manual)
        return row

    def _call(self, site: Site) -> None:
        row = self.row(site)
        if site.origin is not None and site.origin.changed & set(row.adapter_if):
            self.adapter(site, row)
            return
        try:
            form, written = self.written(site, row)
        except NeedsAdapter:
            self.adapter(site, row)
            return
        self.accept(site, row, form, written)

    _method = _call

    def written(self, site: Site, row: Row, *, init: bool = False) -> tuple[Form, Written]:
        """The edits of a call; ``NeedsAdapter`` or ``Unsupported`` where its row cannot say them."""
        assert site.arguments is not None
        form, bound = select(row, site.arguments)
        if form.manual:
            raise Unsupported(form.manual)
        form = written_to(form, bound)
        self.in_place.check_layer(site, row, bound)
        call = site.arguments.call
        where = Target(self.text, call, self.names, site.receiver, init, lambda: self.loose(site, call))
        if form.handler:
            view = handler_call(row.name, form, bound, where, site.statement, site.receiver_value)
            form = handler(form.handler)(view, form)
        return form, write_call(form, bound, where)

    def accept(self, site: Site, row: Row, form: Form, written: Written) -> None:
        """Makes the edits of a call and tells of them."""
        edits = written.edits
        notes = [n for n in (form.note, *written.notes) if n]
        review = form.level == "review" or bool(written.notes)
        if form.inplace:
            assignment, note = self.in_place.assigned(site, form)
            edits = [*assignment, *edits]
            if note:
                notes.append(note)
                review = True
        self.need(site, written.needs)
        self.change(site, *edits)
        target = form.target or described(form)
        if edits or review:
            self.findings.converted(site, "AM101", site.name, target, *notes, review=review)

    def _init(self, site: Site) -> None:
        row = self.row(site)
        # a subclass reads its base's attributes: those of an adapter written by hand are torch's
        changed = site.owner is not None and bool(site.owner.changed & set(row.adapter_if))
        given = site.arguments.call.args if site.arguments is not None else ()
        filled_later = bool(row.adapter_if) and not given  # by others than the class, maybe
        if changed or filled_later or (row.adapter and not row.adapter_if):
            self.snippet(row)
            self._adapted_bases.add(id(site.owner))
            return
        try:
            form, written = self.written(site, row, init=True)
        except (NeedsAdapter, Unsupported):
            self.snippet(row)
            self._adapted_bases.add(id(site.owner))
            return
        if written.edits:
            self.accept(site, row, form, written)

    def adapter(self, site: Site, row: Row) -> None:
        """The row's adapter takes the place of the name; the arguments stay as they are."""
        for keyword in site.arguments.call.keywords if site.arguments is not None and row.adapter else ():
            if not accepts(adapter_name(row), keyword.arg):
                reason = row.unsupported.get(str(keyword.arg))
                raise Unsupported(reason or f"'{keyword.arg}' has no counterpart")
        name = self.snippet(row)
        local = self.spelled(site, f"snippets.{name}")
        node, note = site.node, ""
        target = f"{self.names.snippet_module.lstrip('.')}.{name}"
        if site.role == "method":
            assert site.arguments is not None
            assert isinstance(node, ast.Attribute)
            call = site.arguments.call
            start = self.text.start(call)
            changed = self.in_place.changed(site, row) if row.inplace and site.statement else None
            if changed is not None:
                edits, note = self.in_place.assignment(site, changed, row)
                self.change(site, *edits)
            opening = self.text.data.index(b"(", self.text.end(node)) + 1
            separator = ", " if call.args or call.keywords else ""
            self.edit(
                Edit(start, opening, (f"{local}(", Span(start, receiver_end(self.text, node)), separator))
            )
        else:
            self.edit(Edit(self.text.start(node), self.text.end(node), (local,)))
        takes = "It takes PyTorch's arguments."
        self.converted(site, "AM106", row, target, takes, row.note, note, review=bool(note))

    def snippet(self, row: Row) -> str:
        """Makes sure that a row's adapter will be written; ``Unsupported`` where there can be none."""
        name = adapter_name(row)
        if name not in self.out.snippets:
            if row.adapter:
                if name not in catalogue():
                    raise Unsupported(f"its adapter {name} is missing")
                self.out.snippets[name] = ""
            else:
                self.out.snippets[name] = adapter_source(row)
        return name

    def spelled(self, site: Site, name: str) -> str:
        """What a target is called in this file, where it will be imported."""
        local, needs = self.names.spell(name)
        self.need(site, needs)
        return local

    def need(self, site: Site, needs: frozenset[str] | set[str]) -> None:
        """What must be imported for the site: in place of the name that it begins with, if that is one."""
        root = None if site.role in BY_RECEIVER else root_name(site.node)
        bound = root.id if root is not None and any(i.bound == root.id for i in self.analysis.imports) else ""
        self.wanted.needs.setdefault(bound, set()).update(needs)
        for need in needs:
            if need.startswith("snippets."):
                self.out.snippets.setdefault(need.partition(".")[2], "")

    def converted(
        self, site: Site, code: str, row: Row, target: str, *notes: str, review: bool = False
    ) -> None:
        """Tells that a site is converted; a row that wants a review wants it everywhere."""
        review = review or row.level == "review"
        self.findings.converted(site, code, row.name, target, *notes, review=review)

    def edit(self, edit: Edit) -> None:
        """Adds an edit to the file's."""
        self.out.edits.append(edit)

    def change(self, site: Site, *edits: Edit) -> None:
        """Edits of a site; comments that they would drop go above its statement."""
        for edit in edits:
            self.edit(edit)
            self.out.edits += saved(self.text, edit, site.within)

    def loose(self, site: Site, node: ast.expr) -> bool:
        """Whether an expression may stand at ``node`` without parentheses."""
        nodes = ast.walk(site.within) if site.within is not None else ()
        parent = next((p for p in nodes if node in ast.iter_child_nodes(p)), None)
        if isinstance(parent, ast.Call):
            return node is not parent.func
        if isinstance(parent, ast.Subscript):
            return node is not parent.value
        return isinstance(parent, _LOOSE_PARENTS)


def described(form: Form) -> str:
    """A template as findings name it."""
    return (form.template or "").replace("{", "").replace("}", "")
