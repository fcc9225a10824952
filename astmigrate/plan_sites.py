"""Decides what becomes of one site: its row, or the reason why there is no way."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from astmigrate.adapters import accepts, adapter_name, adapter_source
from astmigrate.analysis.index import ProjectIndex
from astmigrate.analysis.sites import BY_RECEIVER, Analysis, Site
from astmigrate.analysis.text import Text, parse_expression
from astmigrate.analysis.walk import Walk
from astmigrate.binding import select
from astmigrate.compared_classes import comparison
from astmigrate.findings import Findings
from astmigrate.handlers import handler
from astmigrate.in_place import InPlace, written_to
from astmigrate.model import Edit, Finding, Level, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.rewrite.arguments import ATOMIC, simple
from astmigrate.rewrite.calls import Target, Written, handler_call, receiver_end, write_call
from astmigrate.rewrite.imports import Wanted
from astmigrate.rewrite.names import SNIPPETS, Names
from astmigrate.snippets import catalogue
from astmigrate.tables import Form, Row

# strings are passed over, for they may hold a #
_COMMENT = re.compile(
    r"""'''(?:\\.|[^\\])*?'''|\"{3}(?:\\.|[^\\])*?\"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?P<comment>\#[^\r\n]*)""",
    re.DOTALL,
)
_LOOSE_PARENTS = (ast.Assign, ast.AnnAssign, ast.Return, ast.Expr, ast.AugAssign, ast.keyword, ast.List,
                  ast.Tuple, ast.Dict, ast.For, ast.If, ast.While, ast.FormattedValue, ast.Assert,
                  )  # fmt: skip


@dataclass
class Planned:
    """The outcome of a file's plan."""

    edits: list[Edit] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    snippets: dict[str, str] = field(default_factory=dict)


class SitePlans:
    """Plans the sites of one file, a method for each role."""

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
        self._in_place = InPlace(self.text, self.analysis.sites, self.tables)

    def site(self, site: Site) -> None:
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

    def _row(self, site: Site) -> Row:
        """The row of a site that can be converted."""
        row = self.tables.row(site.name)
        if row is None:
            raise Unsupported("astmigrate has no row for it")
        if row.manual:
            raise Unsupported(row.manual)
        return row

    def _call(self, site: Site) -> None:
        row = self._row(site)
        if site.origin is not None and site.origin.changed & set(row.adapter_if):
            self._adapter(site, row)
            return
        try:
            form, written = self._written(site, row)
        except NeedsAdapter:
            self._adapter(site, row)
            return
        self._accept(site, row, form, written)

    _method = _call

    def _written(self, site: Site, row: Row, *, init: bool = False) -> tuple[Form, Written]:
        """The edits of a call; ``NeedsAdapter`` or ``Unsupported`` where its row cannot say them."""
        assert site.arguments is not None
        form, bound = select(row, site.arguments)
        if form.manual:
            raise Unsupported(form.manual)
        form = written_to(form, bound)
        self._in_place.check_layer(site, row, bound)
        call = site.arguments.call
        where = Target(self.text, call, self.names, site.receiver, init, lambda: self._loose(site, call))
        if form.handler:
            view = handler_call(row.name, form, bound, where, site.statement, site.receiver_value)
            form = handler(form.handler)(view, form)
        return form, write_call(form, bound, where)

    def _accept(self, site: Site, row: Row, form: Form, written: Written) -> None:
        edits = written.edits
        notes = [n for n in (form.note, *written.notes) if n]
        review = form.level == "review" or bool(written.notes)
        if form.inplace:
            assignment, note = self._in_place.assigned(site, form)
            edits = [*assignment, *edits]
            if note:
                notes.append(note)
                review = True
        self._need(site, written.needs)
        for edit in edits:
            self.edit(edit)
            self._save_comments(site, edit)
        target = form.target or self._described(form)
        if edits or review:
            self.findings.converted(site, "AM101", site.name, target, *notes, review=review)

    def _save_comments(self, site: Site, edit: Edit) -> None:
        """Comments between the parts of a call that is composed anew go above its statement."""
        if site.within is None or edit.start == edit.end:
            return
        lost: list[str] = []
        position = edit.start
        kept = sorted((p for p in edit.pieces if isinstance(p, Span)), key=lambda p: p.start)
        for piece in (*kept, Span(edit.end, edit.end)):
            if piece.start > position:
                gap = self.text.slice(position, piece.start)
                lost += [m["comment"] for m in _COMMENT.finditer(gap) if m["comment"]]
            position = max(position, piece.end)
        if not lost:
            return
        start, indent = self._line_of(site.within)
        for comment in lost:
            self.edit(Edit(start, start, (f"{indent}{comment.rstrip()}{self.text.newline}",)))

    def _line_of(self, statement: ast.stmt) -> tuple[int, str]:
        """Where the line of a statement begins, and its indent: of one that is first on its line."""
        while True:
            at = self.text.start(statement)
            start = self.text.line_start(at)
            indent = self.text.slice(start, at)
            if not indent.strip():
                return start, indent
            nodes = (
                n for n in ast.walk(self.text.tree) if isinstance(n, ast.stmt) and self.text.start(n) < at
            )
            statement = max(nodes, key=self.text.start)

    def _described(self, form: Form) -> str:
        return (form.template or "").replace("{", "").replace("}", "")

    def _init(self, site: Site) -> None:
        row = self._row(site)
        # a subclass reads its base's attributes: those of an adapter written by hand are torch's
        changed = site.owner is not None and bool(site.owner.changed & set(row.adapter_if))
        given = site.arguments.call.args if site.arguments is not None else ()
        filled_later = bool(row.adapter_if) and not given  # by others than the class, maybe
        if changed or filled_later or (row.adapter and not row.adapter_if):
            self.snippet(row)
            self._adapted_bases.add(id(site.owner))
            return
        try:
            form, written = self._written(site, row, init=True)
        except (NeedsAdapter, Unsupported):
            self.snippet(row)
            self._adapted_bases.add(id(site.owner))
            return
        if written.edits:
            self._accept(site, row, form, written)

    def _base(self, site: Site) -> None:
        row = self._row(site)
        info = site.owner
        assert info is not None
        bare = bool(row.args) and not any("__init__" in o.methods for o in info.lineage(self.index.classes))
        if id(info) in self._adapted_bases or bare or info.changed & set(row.adapter_if):
            self._adapter(site, row)
        else:
            self._type(site)

    def _type(self, site: Site, caution: str = "") -> None:
        row = self._row(site)
        if not row.target:
            raise Unsupported("MindSpore has no class of its own for it")
        self._replace(site, row, row.target, caution)

    _annotation = _type

    def _compared(self, site: Site) -> None:
        """A class that is compared with ``is``, ``==`` or ``in``: its adapter, a subclass, counts too."""
        row = self._row(site)
        if row.returns != "module" or not row.target or same_convention(row):
            self._type(site)
            return
        place = comparison(self.text, site.within, site.node)
        if place is None:
            name = f"{SNIPPETS}.{adapter_name(row)}"
            self._type(site, f"False for layers made by {name}, a subclass; isinstance is not.")
            return
        adapter = f"snippets.{self.snippet(row)}"
        spelled = [self.names.spell(name) for name in (row.target, adapter)]
        for _, needs in spelled:
            self._need(site, needs)
        both = ", ".join(name for name, _ in spelled)
        start, end = self.text.start(site.node), self.text.end(site.node)
        if place.operator is not None:
            self.edit(Edit(*place.operator, (place.membership,)))
            both = f"({both})"
        self.edit(Edit(start, end, (both,)))
        self.findings.converted(site, "AM102", row.name, row.target, row.note)

    def _replace(self, site: Site, row: Row, target: str, caution: str = "") -> None:
        spelled, needs = self.names.spell(target)
        self._need(site, needs)
        start, end = self.text.start(site.node), self.text.end(site.node)
        if self.text.slice(start, end) != spelled:
            self.edit(Edit(start, end, (spelled,)))
        review = bool(caution) or row.level == "review"
        self.findings.converted(site, "AM102", row.name, target, row.note, caution, review=review)

    def _value(self, site: Site) -> None:
        if site.name in self.tables.namespaces and self.tables.row(site.name) is None:
            raise Unsupported(
                "a whole namespace is passed as a value; only the run can tell what is used of it"
            )
        row = self._row(site)
        if row.args is None and row.template is not None:
            spelled, needs = self.names.expression(row.template)
            self._need(site, needs)
            loose = isinstance(parse_expression(spelled), ATOMIC) or self._loose(site, site.node)
            pieces = (spelled,) if loose else ("(", spelled, ")")
            self.edit(Edit(self.text.start(site.node), self.text.end(site.node), pieces))
            self.findings.converted(
                site, "AM102", row.name, row.template, row.note, review=row.level == "review"
            )
        elif row.target and (row.args is None or same_convention(row)):
            self._replace(site, row, row.target)
        else:
            self._adapter(site, row)

    def _hasattr(self, site: Site) -> None:
        self._row(site)
        self.edit(Edit(self.text.start(site.node), self.text.end(site.node), ("True",)))
        self.findings.of(
            site, Level.CONVERTED, "AM102", "", f"'{site.name}' exists in PyTorch and is converted."
        )

    def _decorator(self, site: Site) -> None:
        row = self._row(site)
        if row.target == "" or row.template == "":
            start, end = self.text.start(site.node), self.text.end(site.node)
            line, stop = self.text.line_start(start), self.text.line_end(end)
            commented = b"#" in self.text.data[end:stop]  # a comment beside it stays
            at = start - len(self.text.data[line:start].lstrip())
            self.edit(Edit(at, end, ()) if commented else Edit(line, stop, ()))
            self.findings.of(
                site, Level.CONVERTED, "AM105", "", f"'{row.name}' is removed. {row.note}".rstrip()
            )
        elif site.arguments is not None:
            self._call(site)
        else:
            self._value(site)

    def _attribute(self, site: Site) -> None:
        row = self._row(site)
        node = site.node
        assert isinstance(node, ast.Attribute)
        if row.name == "torch.nn.Module._modules" and isinstance(site.within, ast.Assign):
            target = site.within.targets[0]
            if isinstance(target, ast.Subscript) and target.value is node:
                self._stored_child(site, site.within)
                return
        end = self.text.end(node)
        if row.template is not None:
            self._template_attribute(site, row, node)
            return
        new = (row.target or "").rpartition(".")[2]
        if new != node.attr:
            self.edit(Edit(end - len(node.attr.encode()), end, (new,)))
        if new != node.attr or row.level == "review":
            self.findings.converted(
                site, "AM103", row.name, row.target or "", row.note, review=row.level == "review"
            )

    def _template_attribute(self, site: Site, row: Row, node: ast.Attribute) -> None:
        spelled, needs = self.names.expression(row.template or "")
        if spelled == "{self}" + f".{node.attr}":
            return
        if site.store and not spelled.startswith("{self}"):
            raise Unsupported("it is assigned to")
        receiver = Span(self.text.start(node), receiver_end(self.text, node))
        if spelled.count("{self}") > 1 and not simple(node.value):
            raise Unsupported("its object would be computed twice")
        pieces: list[Piece] = []
        for number, part in enumerate(spelled.split("{self}")):
            pieces += [receiver, part] if number else [part]
        atomic = isinstance(parse_expression(spelled.replace("{self}", "x")), ATOMIC)
        if not atomic and not self._loose(site, node):
            pieces = ["(", *pieces, ")"]
        self._need(site, needs)
        edit = Edit(self.text.start(node), self.text.end(node), tuple(pieces))
        self.edit(edit)
        self._save_comments(site, edit)
        self.findings.converted(
            site, "AM103", row.name, self._described(row), row.note, review=row.level == "review"
        )

    def _member(self, site: Site) -> None:
        """An attribute of a layer, such as ``bn.weight`` or ``linear.in_features``."""
        layer, _, attr = site.name.rpartition(".")
        row = self.tables.row(layer)
        assert row is not None
        assert isinstance(site.node, ast.Attribute)
        rule = row.attributes.get(attr) or row.weights.get(attr)
        new = rule if isinstance(rule, str) else (rule or {}).get("name", attr)
        if not new:
            raise Unsupported(f"{row.target} has no '{attr}'")
        if new == attr:
            return
        end = self.text.end(site.node)
        self.edit(Edit(end - len(attr.encode()), end, (new,)))
        self.findings.converted(site, "AM103", site.name, f"{row.target}.{new}")

    def _unbound(self, site: Site) -> None:
        """``nn.Module.__init__(self)``."""
        node = site.node
        assert isinstance(node, ast.Attribute)
        row = self.tables.row(site.name.rpartition(".")[0])
        if row is None or not row.target or node.attr != "__init__" or row.args:
            raise Unsupported("the method is called through its class")
        spelled, needs = self.names.spell(row.target)
        self._need(site, needs)
        self.edit(Edit(self.text.start(node.value), self.text.end(node.value), (spelled,)))
        self.findings.converted(site, "AM101", row.name, row.target)

    def _unclear(self, site: Site) -> None:
        """An ambiguous method on a value of unknown kind: a finding where torch's would change."""
        kind = "module" if site.name.startswith("torch.nn.Module.") else "tensor"
        reason = f"it is not known whether this is a {kind}; annotate it if it is"
        if site.name == "torch.nn.Module.forward":
            self.findings.manual(site, reason, "mindspore.nn.Cell.construct", "AM404")
            return
        row = self.tables.row(site.name)
        if row is None or row.manual:
            return
        try:
            _, written = self._written(site, row)
            changes = bool(written.edits) or bool(row.inplace)
        except NeedsAdapter:
            changes = True
        if changes:
            self.findings.manual(site, reason, row.target or "", "AM404")

    def _leaf(self, site: Site) -> None:
        """``m.weight`` of a module of which only the run tells the layer."""
        node = site.node
        assert isinstance(node, ast.Attribute)
        if isinstance(node.ctx, ast.Store):
            raise Unsupported("it is assigned to, and the layer is only known at run time")
        name = f"{node.attr}_of"
        local, needs = self.names.spell(f"snippets.{name}")
        self._need(site, needs)
        receiver = Span(self.text.start(node), receiver_end(self.text, node))
        self.edit(Edit(self.text.start(node), self.text.end(node), (f"{local}(", receiver, ")")))
        self.findings.converted(site, "AM103", site.name, f"{SNIPPETS}.{name}")

    def _set_child(self, site: Site) -> None:
        """``setattr(module, name, child)``: a SequentialCell runs a list of its own."""
        local, needs = self.names.spell("snippets.set_child")
        self._need(site, needs)
        self.edit(Edit(self.text.start(site.node), self.text.end(site.node), (local,)))
        self.findings.converted(site, "AM107", site.name, f"{SNIPPETS}.set_child")

    def _stored_child(self, site: Site, stored: ast.Assign) -> None:
        """``module._modules[name] = child``: the same."""
        target = stored.targets[0]
        assert isinstance(site.node, ast.Attribute)
        assert isinstance(target, ast.Subscript)
        local, needs = self.names.spell("snippets.set_child")
        self._need(site, needs)
        pieces = (site.node.value, target.slice, stored.value)
        spans = [Span(self.text.start(piece), self.text.end(piece)) for piece in pieces]
        text = (f"{local}(", spans[0], ", ", spans[1], ", ", spans[2], ")")
        self.edit(Edit(self.text.start(stored), self.text.end(stored), text))
        self.findings.converted(site, "AM107", site.name, f"{SNIPPETS}.set_child")

    def _setting(self, site: Site) -> None:
        raise Unsupported("a layer of MindSpore reads it when it is made; setting it later changes nothing")

    def _dropped(self, site: Site) -> None:
        """``.data`` of a tensor that is filled in place."""
        node = site.node
        assert isinstance(node, ast.Attribute)
        start, end = receiver_end(self.text, node), self.text.end(node)
        self.edit(Edit(start, end, ()))

    def _buffer(self, site: Site) -> None:
        """``self.buffer = x``: MindSpore refuses to bind a registered buffer anew; its values are set."""
        end = self.text.end(site.node)
        self.edit(Edit(end, end, ("[...]",)))
        note = "The new value must have the buffer's shape."
        self.findings.converted(
            site, "AM107", "torch.nn.Module.__setattr__", "mindspore.Tensor.__setitem__", note
        )

    def _indirect(self, site: Site) -> None:
        """A name that is torch's or another's: its import brings an adapter, or it stays as it is."""
        assert isinstance(site.node, ast.Name)
        if site.node.id not in self.wanted.values:
            raise Unsupported("the name may also stand for something that is not PyTorch's")

    def _adapter(self, site: Site, row: Row) -> None:
        """The row's adapter takes the place of the name; the arguments stay as they are."""
        for keyword in site.arguments.call.keywords if site.arguments is not None and row.adapter else ():
            if not accepts(adapter_name(row), keyword.arg):
                reason = row.unsupported.get(str(keyword.arg))
                raise Unsupported(reason or f"'{keyword.arg}' has no counterpart")
        name = self.snippet(row)
        local, needs = self.names.spell(f"snippets.{name}")
        self._need(site, needs)
        node = site.node
        target = f"{self.names.snippet_module.lstrip('.')}.{name}"
        if site.role == "method":
            assert site.arguments is not None
            assert isinstance(node, ast.Attribute)
            call = site.arguments.call
            start = self.text.start(call)
            changed = self._in_place.changed(site, row) if row.inplace and site.statement else None
            if changed is not None:
                self.edit(self._in_place.assignment(site, changed, row))
            opening = self.text.data.index(b"(", self.text.end(node)) + 1
            separator = ", " if call.args or call.keywords else ""
            self.edit(
                Edit(start, opening, (f"{local}(", Span(start, receiver_end(self.text, node)), separator))
            )
        else:
            self.edit(Edit(self.text.start(node), self.text.end(node), (local,)))
        self.findings.converted(site, "AM106", row.name, target, "It takes PyTorch's arguments.", row.note,
                                review=row.level == "review")  # fmt: skip

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

    def _need(self, site: Site, needs: frozenset[str] | set[str]) -> None:
        root = None if site.role in BY_RECEIVER else root_name(site.node)
        bound = root.id if root is not None and any(i.bound == root.id for i in self.analysis.imports) else ""
        self.wanted.needs.setdefault(bound, set()).update(needs)
        for need in needs:
            if need.startswith("snippets."):
                self.out.snippets.setdefault(need.partition(".")[2], "")

    def edit(self, edit: Edit) -> None:
        self.out.edits.append(edit)

    def _loose(self, site: Site, node: ast.expr) -> bool:
        """Whether an expression may stand at ``node`` without parentheses."""
        nodes = ast.walk(site.within) if site.within is not None else ()
        parent = next((p for p in nodes if node in ast.iter_child_nodes(p)), None)
        if isinstance(parent, ast.Call):
            return node is not parent.func
        if isinstance(parent, ast.Subscript):
            return node is not parent.value
        return isinstance(parent, _LOOSE_PARENTS)


def root_name(node: ast.expr) -> ast.Name | None:
    """The name that a reference begins with."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.value if isinstance(node, ast.Attribute) else (node.args[0] if node.args else node.func)
    return node if isinstance(node, ast.Name) else None


def same_convention(row: Row) -> bool:
    """Whether MindSpore's API takes torch's arguments as they are, so that it can be passed on itself."""
    changed = row.rename or row.add or row.drop or row.wrap or row.handler or row.forms
    return not (changed or row.template is not None or row.positional is not None)
