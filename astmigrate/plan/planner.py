"""Plans a file: every site becomes edits and a finding, then the imports follow from what is used."""

from __future__ import annotations

import ast
from functools import cached_property

from astmigrate.analysis.kinds import TORCH_ROOTS
from astmigrate.analysis.sites import BY_RECEIVER, Site, root_name
from astmigrate.model import Edit, Level, Span, Unsupported
from astmigrate.plan.adapters import same_convention
from astmigrate.plan.attributes import AttributePlans
from astmigrate.plan.sites import Planned
from astmigrate.rewrite.imports import ImportWriter
from astmigrate.rewrite.quotes import requoted

_IMPORT_FAILURES = {"ImportError", "Exception", "BaseException"}
_ORDER = {"init": 0, "registered": 2}  # the rest of a class asks for its base; buffers ask for the rest
_NAMESPACES = ("torch", "torch.nn", "torch.nn.functional")


class Planner(AttributePlans):
    """Plans one file. Nothing else in astmigrate decides what is rewritten."""

    def run(self) -> Planned:
        """Plans sites, renames and imports."""
        self._quoted: set[int] = set()  # where quoted annotations start
        for imported in self.analysis.imports:
            if imported.reexported or (imported.bound in self.analysis.indirect and not imported.project):
                self._reexport(imported.name, imported.bound)
        for site in sorted(self.analysis.sites, key=lambda s: _ORDER.get(s.role, 1)):
            self.site(site)
        for rename in self.analysis.renames:
            self.edit(Edit(rename.start, rename.end, (rename.new,)))
            self.findings.at(rename.start, rename.end, Level.CONVERTED, "AM104", rename.api, rename.target,
                     f"'{rename.api}' is converted to '{rename.target}'.")  # fmt: skip
        self.wanted.staying |= self.analysis.staying
        self._late_names()
        self._keep_unresolved()
        self._imports()
        self.out.edits = requoted(self.text, self.analysis.formatted, self.out.edits)
        self.findings.found.sort(key=lambda f: (f.line, f.column, f.code))
        self.out.findings = self.findings.found
        return self.out

    def _late_names(self) -> None:
        """Containers filled after they were assigned: MindSpore names parameters by path only when told."""
        for node in self.analysis.late_inits:
            last = node.body[-1]
            if "update_parameters_name(" in self.text.of(last):  # an earlier run's
                continue
            at = self.text.end(last)
            line_end = self.text.line_end(at)
            rest = self.text.slice(at, line_end)
            stop = at + len(rest.rstrip("\r\n").encode())
            if (rest.strip() and not rest.strip().startswith("#")) or last.lineno == node.lineno:
                continue
            start = self.text.start(node.body[0])
            indent = self.text.slice(self.text.line_start(start), start)
            first = node.args.args[0].arg if node.args.args else "self"
            self.edit(Edit(stop, stop, (f"{self.text.newline}{indent}{first}.update_parameters_name()",)))
            message = (
                "'update_parameters_name' is inserted: it names parameters of cells added later by path."
            )
            target = "mindspore.nn.Cell.update_parameters_name"
            self.findings.at(
                self.text.start(last), at, Level.INFO, "AM204", "torch.nn.Module", target, message
            )

    def _keep_unresolved(self) -> None:
        """What stays torch's keeps its import; a name that MindSpore's import takes is spelled in full."""
        needs = [n for v in self.wanted.needs.values() for n in v if n.startswith("mindspore")]
        taken = {n.partition(".")[2] or "ms" for n in needs}
        for site in self.unresolved:
            if self._is_gone(site.node):
                self.findings.forget(site)
                continue
            named = (
                site.node.func if site.role == "decorator" and isinstance(site.node, ast.Call) else site.node
            )
            root = None if site.role in BY_RECEIVER else root_name(named)
            binding = next((i for i in self.analysis.imports if root and i.bound == root.id), None)
            if root is None or (binding is None and root.id in self.analysis.bound):
                continue
            if binding is None or root.id in taken:
                name = binding.name if binding else _namespace(named, site.name)
                if name.partition(".")[0] != "torch":
                    continue
                self._respell(root, name)
                self.wanted.torch = True
            else:
                self.wanted.kept.add(root.id)
            if site.role == "annotation":
                self._quote(site)
            elif self._expects_failure(site):
                self._stand_in("MissingTorch(expected=True)")
            elif site.at_import or self.names.snippet_module.startswith("."):  # others may import it
                self._stand_in("MissingTorch()")

    def _respell(self, root: ast.Name, name: str) -> None:
        if root.id != name:
            self.edit(Edit(self.text.start(root), self.text.end(root), (name,)))

    def _is_gone(self, node: ast.expr) -> bool:
        """Whether an edit drops the node: it lies in what the edit replaces, but in no part that it keeps."""
        start, end = self.text.start(node), self.text.end(node)
        around = [e for e in self.out.edits if e.start <= start and end <= e.end and e.start < e.end]
        return any(
            not any(isinstance(p, Span) and p.start <= start and end <= p.end for p in e.pieces)
            for e in around
        )

    def _stand_in(self, made: str) -> None:
        """Something must stand for torch where it is missing: ``None`` is not enough."""
        if not self.wanted.stand_in.endswith("(expected=True)"):
            self.wanted.stand_in = f"snippets.{made}"
        self.wanted.needs.setdefault("", set()).add("snippets.MissingTorch")
        self.out.snippets["MissingTorch"] = ""

    def _expects_failure(self, site: Site) -> bool:
        """Whether the code around the site is ready for an import error: it must get one, no other."""
        return any(site.node.lineno in lines for lines in self._ready)

    @cached_property
    def _ready(self) -> list[range]:
        """The lines in ``try`` of which the handlers take an import error."""
        return [
            range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
            for node in self.analysis.tries
            if any(_takes_import_failure(handler) for handler in node.handlers)
        ]

    def _quote(self, site: Site) -> None:
        """An annotation that stays torch's must not be evaluated where torch is missing."""
        if site.quoted:
            return
        start, end = self.text.start(site.node), self.text.end(site.node)
        for node in ast.walk(site.within) if site.within is not None else ():
            whole = getattr(node, "annotation", None) or getattr(node, "returns", None)
            if whole is None or '"' in self.text.of(whole):
                continue
            if self.text.start(whole) <= start and end <= self.text.end(whole):
                start, end = self.text.start(whole), self.text.end(whole)
                break
        if start not in self._quoted:  # two of its parts may stay
            self._quoted.add(start)
            self.edit(Edit(start, start, ('"',)))
            self.edit(Edit(end, end, ('"',)))

    def _imports(self) -> None:
        writer = ImportWriter(self.text, self.analysis.imports, self.names, self.wanted)
        for planned in writer.edits():
            if planned.edit.pieces or planned.edit.start != planned.edit.end:
                self.edit(planned.edit)
            for line in planned.added:
                self.findings.at(planned.edit.start, planned.edit.end, Level.INFO, "AM201", "", "",
                         f"'{line}' is inserted to the converted file.")  # fmt: skip
            for name in planned.kept:
                api = next((i.name for i in self.analysis.imports if i.bound == name), "torch")
                assert planned.statement is not None
                start, end = self.text.start(planned.statement), self.text.end(planned.statement)
                self.findings.at(start, end, Level.INFO, "AM205", api, "",
                         f"the import of '{name}' stays for the lines that are not converted.")  # fmt: skip

    def _reexport(self, name: str, bound: str) -> None:
        """A torch name that others import from this file."""
        other = name in self.tables.packages and name.partition(".")[0] not in TORCH_ROOTS
        if name in _NAMESPACES or other or bound == "*":  # its importers bring their own import
            return
        row = self.tables.row(name)
        try:
            if row is None or row.manual:
                raise Unsupported("")
            if row.target and (row.args is None or same_convention(row)):
                source, _, leaf = row.target.rpartition(".")
                if source == "snippets":
                    self.out.snippets.setdefault(leaf, "")
                    source = self.names.snippet_module
                self.wanted.values[bound] = f"from {source} import {leaf}" + (
                    f" as {bound}" if bound != leaf else ""
                )
                return
            snippet = self.snippet(row)
        except Unsupported:
            self.wanted.kept.add(bound)
            return
        self.wanted.values[bound] = f"from {self.names.snippet_module} import {snippet}" + (
            f" as {bound}" if bound != snippet else ""
        )


def _namespace(node: ast.expr, name: str) -> str:
    """What the first word of ``node`` stands for, where all of it is ``name``."""
    while isinstance(node, ast.Attribute):
        node, name = node.value, name.rpartition(".")[0]
    return name


def _takes_import_failure(handler: ast.ExceptHandler) -> bool:
    caught = ast.walk(handler.type) if handler.type is not None else ()
    return handler.type is None or any(isinstance(n, ast.Name) and n.id in _IMPORT_FAILURES for n in caught)
