"""Decides: every site becomes edits and a finding. Nothing else in astmigrate makes findings about code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from astmigrate.adapters import adapter_name, adapter_source
from astmigrate.analysis.index import ProjectIndex
from astmigrate.analysis.sites import Analysis, Site
from astmigrate.analysis.text import Text
from astmigrate.analysis.walk import Walk
from astmigrate.binding import select
from astmigrate.handlers import handler
from astmigrate.model import Edit, Finding, Level, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.rewrite.arguments import ATOMIC, simple
from astmigrate.rewrite.calls import Target, Written, handler_call, receiver_end, write_call
from astmigrate.rewrite.imports import ImportWriter, Wanted
from astmigrate.rewrite.names import SNIPPETS, Names
from astmigrate.snippets import catalogue
from astmigrate.tables import Form, Row

_COMMENT = re.compile(r"#[^\r\n]*")
_LOOSE_PARENTS = (ast.Assign, ast.AnnAssign, ast.Return, ast.Expr, ast.AugAssign, ast.keyword, ast.List, ast.Tuple,
                  ast.Dict, ast.For, ast.If, ast.While, ast.FormattedValue, ast.Assert)  # fmt: skip


@dataclass
class Planned:
    """The outcome of a file's plan."""

    edits: list[Edit] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    snippets: dict[str, str] = field(default_factory=dict)


class Planner:
    """Plans one file."""

    def __init__(self, walk: Walk, index: ProjectIndex, snippet_module: str = SNIPPETS) -> None:
        self.text: Text = walk.text
        self.analysis: Analysis = walk.analysis
        self.index, self.tables = index, index.tables
        imported = {s.bound for s in self.analysis.imports}
        self.names = Names(self.analysis.bound - imported, snippet_module)
        self.wanted = Wanted()
        self.out = Planned()
        self._unresolved: list[Site] = []
        self._adapted_bases: set[int] = set()

    def run(self) -> Planned:
        """Plans sites, renames and imports."""
        for site in sorted(self.analysis.sites, key=lambda s: s.role != "init"):
            self._site(site)
        for rename in self.analysis.renames:
            self._edit(Edit(rename.start, rename.end, (rename.new,)))
            self._at(rename.start, rename.end, Level.CONVERTED, "AM104", rename.api, rename.target,
                     f"'{rename.api}' is converted to '{rename.target}'.")  # fmt: skip
        self._late_names()
        self._keep_unresolved()
        self._imports()
        self.out.findings.sort(key=lambda f: (f.line, f.column, f.code))
        return self.out

    # sites -----------------------------------------------------------------------------------

    def _site(self, site: Site) -> None:
        lines = range(site.node.lineno, (site.node.end_lineno or site.node.lineno) + 1)
        if any(line in self.text.ignored for line in lines):
            self._unresolved.append(site)
            self._finding(site, Level.INFO, "AM206", "", f"'{site.name}' is left alone, as its line asks.")
            return
        try:
            getattr(self, f"_{site.role}")(site)
        except Unsupported as reason:
            if site.role == "unclear":
                return
            self._unresolved.append(site)
            row = self.tables.row(site.name)
            self._manual(site, str(reason), "" if row is None else row.target or "")

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
        call = site.arguments.call
        where = Target(self.text, call, self.names, site.receiver, init, lambda: self._loose(site, call))
        if form.handler:
            view = handler_call(row.name, form, bound, where, site.statement, site.receiver_value)
            form = handler(form.handler)(view, form)
        return form, write_call(form, bound, where)

    def _accept(self, site: Site, row: Row, form: Form, written: Written) -> None:
        edits = written.edits
        notes = [n for n in (form.note, *written.notes) if n]
        level = Level.REVIEW if form.level == "review" or written.notes else Level.CONVERTED
        if form.inplace:
            edits, note = self._assigned(site, form, edits)
            if note:
                notes.append(note)
                level = Level.REVIEW
        self._need(site, written.needs)
        for edit in edits:
            self._edit(edit)
            self._save_comments(site, edit)
        target = form.target or self._described(form)
        if edits or level is Level.REVIEW:
            self._finding(site, level, "AM301" if level is Level.REVIEW else "AM101", target,
                          f"'{row.name}' is converted to '{target}'." + "".join(f" {n}" for n in notes))  # fmt: skip

    def _save_comments(self, site: Site, edit: Edit) -> None:
        """Comments between the parts of a call that is composed anew go above its statement."""
        if site.within is None or not edit.pieces:
            return
        lost: list[str] = []
        position = edit.start
        for piece in (*edit.pieces, Span(edit.end, edit.end)):
            if isinstance(piece, Span):
                gap = self.text.slice(position, piece.start) if piece.start > position else ""
                lost += [] if "'" in gap or '"' in gap else _COMMENT.findall(gap)
                position = piece.end
        start = self.text.line_start(self.text.start(site.within))
        indent = self.text.slice(start, self.text.start(site.within))
        for comment in lost:
            self._edit(Edit(start, start, (f"{indent}{comment.rstrip()}{self.text.newline}",)))

    def _described(self, form: Form) -> str:
        return (form.template or "").replace("{", "").replace("}", "")

    def _assigned(self, site: Site, form: Form, edits: list[Edit]) -> tuple[list[Edit], str]:
        """A statement that changes its argument in place becomes an assignment to it."""
        assert site.arguments is not None
        changed = site.receiver
        if changed is None:
            changed = next((a for a in site.arguments.call.args), None)
        if changed is None or not isinstance(changed, (ast.Name, ast.Attribute, ast.Subscript)):
            return edits, ""
        if not site.statement:
            return edits, "PyTorch changes it in place too; here only the result is changed."
        if not simple(changed):
            raise Unsupported("it changes the result of an expression in place")
        start = self.text.start(site.arguments.call)
        return [Edit(start, start, (f"{self.text.of(changed)} = ",)), *edits], ""

    def _init(self, site: Site) -> None:
        row = self._row(site)
        if site.owner is not None and site.owner.changed & set(row.adapter_if):
            self._adapted_bases.add(id(site.owner))
            return
        try:
            form, written = self._written(site, row, init=True)
        except (NeedsAdapter, Unsupported):
            self._source(row)
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

    def _type(self, site: Site) -> None:
        row = self._row(site)
        if not row.target:
            raise Unsupported("MindSpore has no class of its own for it")
        self._replace(site, row, row.target)

    _annotation = _type

    def _replace(self, site: Site, row: Row, target: str) -> None:
        spelled, needs = self.names.spell(target)
        self._need(site, needs)
        start, end = self.text.start(site.node), self.text.end(site.node)
        if self.text.slice(start, end) != spelled:
            self._edit(Edit(start, end, (spelled,)))
        note = f" {row.note}" if row.note else ""
        level = Level.REVIEW if row.level == "review" else Level.CONVERTED
        self._finding(site, level, "AM301" if row.level == "review" else "AM102", target,
                      f"'{row.name}' is converted to '{target}'.{note}")  # fmt: skip

    def _value(self, site: Site) -> None:
        if site.name in self.tables.namespaces and self.tables.row(site.name) is None:
            raise Unsupported("a whole namespace is passed as a value; only the run can tell what is used of it")
        row = self._row(site)
        if row.args is None and row.template is not None:
            spelled, needs = self.names.expression(row.template)
            self._need(site, needs)
            loose = isinstance(ast.parse(spelled, mode="eval").body, ATOMIC) or self._loose(site, site.node)
            pieces = (spelled,) if loose else ("(", spelled, ")")
            self._edit(Edit(self.text.start(site.node), self.text.end(site.node), pieces))
            self._finding(site, Level.REVIEW if row.level == "review" else Level.CONVERTED, "AM102", row.template,
                          f"'{row.name}' is converted to '{row.template}'.{' ' + row.note if row.note else ''}")  # fmt: skip
        elif row.target and (row.args is None or _same_convention(row)):
            self._replace(site, row, row.target)
        else:
            self._adapter(site, row)

    def _hasattr(self, site: Site) -> None:
        self._row(site)
        self._edit(Edit(self.text.start(site.node), self.text.end(site.node), ("True",)))
        self._finding(site, Level.CONVERTED, "AM102", "", f"'{site.name}' exists in PyTorch and is converted.")

    def _decorator(self, site: Site) -> None:
        row = self._row(site)
        if row.target == "" or row.template == "":
            start, end = self.text.start(site.node), self.text.end(site.node)
            line = self.text.line_start(start)
            self._edit(Edit(line, self.text.line_end(end), ()))
            self._finding(site, Level.CONVERTED, "AM105", "", f"'{row.name}' is removed. {row.note}".rstrip())
        elif site.arguments is not None:
            self._call(site)
        else:
            self._value(site)

    def _attribute(self, site: Site) -> None:
        row = self._row(site)
        node = site.node
        assert isinstance(node, ast.Attribute)
        end = self.text.end(node)
        if row.template is not None:
            self._template_attribute(site, row, node)
            return
        new = (row.target or "").rpartition(".")[2]
        if new != node.attr:
            self._edit(Edit(end - len(node.attr.encode()), end, (new,)))
        if new != node.attr or row.level == "review":
            self._finding(site, Level(row.level), "AM103", row.target or "",
                          f"'{row.name}' is converted to '{row.target}'.{' ' + row.note if row.note else ''}")  # fmt: skip

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
        atomic = isinstance(ast.parse(spelled.replace("{self}", "x"), mode="eval").body, ATOMIC)
        if not atomic and not self._loose(site, node):
            pieces = ["(", *pieces, ")"]
        self._need(site, needs)
        self._edit(Edit(self.text.start(node), self.text.end(node), tuple(pieces)))
        level = Level.REVIEW if row.level == "review" else Level.CONVERTED
        self._finding(site, level, "AM103", self._described(row),
                      f"'{row.name}' is converted to '{self._described(row)}'.{' ' + row.note if row.note else ''}")  # fmt: skip

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
        self._edit(Edit(end - len(attr.encode()), end, (new,)))
        self._finding(site, Level.CONVERTED, "AM103", f"{row.target}.{new}",
                      f"'{site.name}' is converted to '{row.target}.{new}'.")  # fmt: skip

    def _unbound(self, site: Site) -> None:
        """``nn.Module.__init__(self)``."""
        node = site.node
        assert isinstance(node, ast.Attribute)
        row = self.tables.row(site.name.rpartition(".")[0])
        if row is None or not row.target or node.attr != "__init__" or row.args:
            raise Unsupported("the method is called through its class")
        spelled, needs = self.names.spell(row.target)
        self._need(site, needs)
        self._edit(Edit(self.text.start(node.value), self.text.end(node.value), (spelled,)))
        self._finding(site, Level.CONVERTED, "AM101", row.target, f"'{row.name}' is converted to '{row.target}'.")

    def _unclear(self, site: Site) -> None:
        """An ambiguous method on a value of unknown kind: a finding where a tensor's would change."""
        row = self.tables.row(site.name)
        if row is None or row.manual:
            return
        try:
            _, written = self._written(site, row)
            changes = bool(written.edits) or bool(row.inplace)
        except NeedsAdapter:
            changes = True
        if changes:
            self._manual(site, "it is not known whether this is a tensor; annotate it if it is", row.target or "", "AM404")

    # adapters --------------------------------------------------------------------------------

    def _adapter(self, site: Site, row: Row) -> None:
        """The row's adapter takes the place of the name; the arguments stay as they are."""
        name = self._source(row)
        local, needs = self.names.spell(f"snippets.{name}")
        self._need(site, needs)
        node = site.node
        target = f"{self.names.snippet_module.lstrip('.')}.{name}"
        if site.role == "method":
            assert site.arguments is not None
            assert isinstance(node, ast.Attribute)
            call = site.arguments.call
            start = self.text.start(call)
            opening = self.text.data.index(b"(", self.text.end(node)) + 1
            separator = ", " if call.args or call.keywords else ""
            self._edit(Edit(start, opening, (f"{local}(", Span(start, receiver_end(self.text, node)), separator)))
        else:
            self._edit(Edit(self.text.start(node), self.text.end(node), (local,)))
        level = Level.REVIEW if row.level == "review" else Level.CONVERTED
        note = f" {row.note}" if row.note else ""
        self._finding(site, level, "AM106", target,
                      f"'{row.name}' is converted to '{target}', which takes PyTorch's arguments.{note}")  # fmt: skip

    def _source(self, row: Row) -> str:
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

    # the file --------------------------------------------------------------------------------

    def _late_names(self) -> None:
        """Containers filled after they were assigned: MindSpore names parameters by path only when told."""
        for node in self.analysis.late_inits:
            last = node.body[-1]
            at = self.text.end(last)
            line_end = self.text.line_end(at)
            rest = self.text.slice(at, line_end)
            stop = at + len(rest.rstrip("\r\n").encode())
            if rest.strip() and not rest.strip().startswith("#") or last.lineno == node.lineno:
                continue
            start = self.text.start(node.body[0])
            indent = self.text.slice(self.text.line_start(start), start)
            first = node.args.args[0].arg if node.args.args else "self"
            self._edit(Edit(stop, stop, (f"{self.text.newline}{indent}{first}.update_parameters_name()",)))
            self._at(self.text.start(last), at, Level.INFO, "AM204", "torch.nn.Module",
                     "mindspore.nn.Cell.update_parameters_name",
                     "'update_parameters_name' is inserted: parameters of cells that are added later get their path as name.")  # fmt: skip

    def _keep_unresolved(self) -> None:
        """What stays torch's keeps its import; a name that MindSpore's import takes is spelled in full."""
        taken = {n.partition(".")[2] or "ms" for v in self.wanted.needs.values() for n in v if n.startswith("mindspore")}
        for site in self._unresolved:
            root = _root(site.node)
            binding = next((i for i in self.analysis.imports if root is not None and i.bound == root.id), None)
            if root is None or binding is None or site.role in ("method", "attribute", "member", "init", "unclear"):
                continue
            if root.id in taken:
                self._edit(Edit(self.text.start(root), self.text.end(root), (binding.name,)))
                self.wanted.torch = True
            else:
                self.wanted.kept.add(root.id)
            if site.role == "annotation":
                self._quote(site)
            elif site.at_import and not self.wanted.named_at_import:
                self.wanted.named_at_import = True
                self.wanted.needs.setdefault("", set()).add("snippets.MissingTorch")
                self.out.snippets["MissingTorch"] = ""

    def _quote(self, site: Site) -> None:
        start, end = self.text.start(site.node), self.text.end(site.node)
        if self.text.data[start - 1 : start] not in (b"'", b'"'):
            self._edit(Edit(start, start, ('"',)))
            self._edit(Edit(end, end, ('"',)))

    def _imports(self) -> None:
        for site in self.analysis.imports:
            if site.bound in self.wanted.kept:
                continue
            if site.reexported or (site.bound in self.analysis.indirect and not site.project):
                self._reexport(site.name, site.bound)
        writer = ImportWriter(self.text, self.analysis.imports, self.names, self.wanted)
        for planned in writer.edits():
            if planned.edit.pieces or planned.edit.start != planned.edit.end:
                self._edit(planned.edit)
            for line in planned.added:
                self._at(planned.edit.start, planned.edit.end, Level.INFO, "AM201", "", "",
                         f"'{line}' is inserted to the converted file.")  # fmt: skip
            for name in planned.kept:
                self._at(planned.edit.start, planned.edit.end, Level.INFO, "AM205", "torch", "",
                         f"the import of '{name}' stays for the lines that are not converted.")  # fmt: skip

    def _reexport(self, name: str, bound: str) -> None:
        """A torch name that others import from this file."""
        namespace = {"torch": "import mindspore as {}", "torch.nn": "from mindspore import nn as {}",
                     "torch.nn.functional": "from mindspore import ops as {}"}.get(name)  # fmt: skip
        if namespace is not None or bound == "*":
            return
        row = self.tables.row(name)
        try:
            if row is None or row.manual:
                raise Unsupported("")
            if row.target and (row.args is None or _same_convention(row)):
                spelled = row.target.removeprefix("mindspore.").rpartition(".")
                source = "mindspore." + spelled[0] if spelled[0] else "mindspore"
                self.wanted.values[bound] = f"from {source} import {spelled[2]}" + (
                    f" as {bound}" if bound != spelled[2] else "")
                return
            snippet = self._source(row)
        except Unsupported:
            self.wanted.kept.add(bound)
            return
        self.wanted.values[bound] = f"from {self.names.snippet_module} import {snippet}" + (
            f" as {bound}" if bound != snippet else "")

    # small things ----------------------------------------------------------------------------

    def _need(self, site: Site, needs: frozenset[str] | set[str]) -> None:
        root = _root(site.node) if site.role not in ("method", "attribute", "member") else None
        bound = root.id if root is not None and any(i.bound == root.id for i in self.analysis.imports) else ""
        self.wanted.needs.setdefault(bound, set()).update(needs)
        for need in needs:
            if need.startswith("snippets."):
                self.out.snippets.setdefault(need.partition(".")[2], "")

    def _edit(self, edit: Edit) -> None:
        self.out.edits.append(edit)

    def _loose(self, site: Site, node: ast.expr) -> bool:
        """Whether an expression may stand at ``node`` without parentheses."""
        parent = next((p for p in ast.walk(site.within) if node in ast.iter_child_nodes(p)), None) if site.within else None
        if isinstance(parent, ast.Call):
            return node is not parent.func
        if isinstance(parent, ast.Subscript):
            return node is not parent.value
        return isinstance(parent, _LOOSE_PARENTS)

    def _manual(self, site: Site, reason: str, nearest: str, code: str = "AM401") -> None:
        nearest = nearest.replace("snippets.", f"{SNIPPETS}.")
        maybe = f" Maybe could convert to '{nearest}'." if nearest else ""
        self._finding(site, Level.MANUAL, code, nearest, f"'{site.name}' didn't convert.{maybe} Reason: {reason}.".replace("..", "."))

    def _finding(self, site: Site, level: Level, code: str, target: str, message: str) -> None:
        node = site.node
        end = self.text.end(node)
        start = self.text.start(node)
        if site.role in ("method", "attribute", "member", "unclear") and isinstance(node, ast.Attribute):
            start = end - len(node.attr.encode())
        self._at(start, end, level, code, site.name, target, message)

    def _at(self, start: int, end: int, level: Level, code: str, api: str, target: str, message: str) -> None:
        line, column = self.text.position(start)
        end_line, end_column = self.text.position(end)
        self.out.findings.append(
            Finding(line, self.text.column(line, column), end_line, self.text.column(end_line, end_column),
                    level, code, api, target, message))  # fmt: skip


def _root(node: ast.expr) -> ast.Name | None:
    """The name that a reference begins with."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.value if isinstance(node, ast.Attribute) else (node.args[0] if node.args else node.func)
    return node if isinstance(node, ast.Name) else None


def _same_convention(row: Row) -> bool:
    """Whether MindSpore's API takes torch's arguments as they are, so that it can be passed on itself."""
    changed = row.rename or row.add or row.drop or row.wrap or row.unsupported or row.handler or row.forms
    return not (changed or row.template is not None or row.positional is not None)

