"""Plans a file: every site becomes edits and a finding, then the imports follow from what is used."""

from __future__ import annotations

from astmigrate.analysis.sites import BY_RECEIVER, Site
from astmigrate.model import Edit, Level, Unsupported
from astmigrate.plan_sites import Planned, SitePlans, root_name, same_convention
from astmigrate.rewrite.imports import ImportWriter

_NAMESPACES = ("torch", "torch.nn", "torch.nn.functional")


class Planner(SitePlans):
    """Plans one file. Nothing else in astmigrate decides what is rewritten."""

    def run(self) -> Planned:
        """Plans sites, renames and imports."""
        for imported in self.analysis.imports:
            if imported.reexported or (imported.bound in self.analysis.indirect and not imported.project):
                self._reexport(imported.name, imported.bound)
        for site in sorted(self.analysis.sites, key=lambda s: s.role != "init"):
            self.site(site)
        for rename in self.analysis.renames:
            self.edit(Edit(rename.start, rename.end, (rename.new,)))
            self.findings.at(rename.start, rename.end, Level.CONVERTED, "AM104", rename.api, rename.target,
                     f"'{rename.api}' is converted to '{rename.target}'.")  # fmt: skip
        self._late_names()
        self._keep_unresolved()
        self._imports()
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
            root = None if site.role in BY_RECEIVER else root_name(site.node)
            binding = next((i for i in self.analysis.imports if root and i.bound == root.id), None)
            if root is None or binding is None:
                continue
            if root.id in taken:
                self.edit(Edit(self.text.start(root), self.text.end(root), (binding.name,)))
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
        """An annotation that stays torch's must not be evaluated where torch is missing."""
        if not site.quoted:
            start, end = self.text.start(site.node), self.text.end(site.node)
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
        if name in _NAMESPACES or bound == "*":  # its importers bring their own import
            return
        row = self.tables.row(name)
        try:
            if row is None or row.manual:
                raise Unsupported("")
            if row.target and (row.args is None or same_convention(row)):
                spelled = row.target.removeprefix("mindspore.").rpartition(".")
                source = "mindspore." + spelled[0] if spelled[0] else "mindspore"
                self.wanted.values[bound] = f"from {source} import {spelled[2]}" + (
                    f" as {bound}" if bound != spelled[2] else ""
                )
                return
            snippet = self.snippet(row)
        except Unsupported:
            self.wanted.kept.add(bound)
            return
        self.wanted.values[bound] = f"from {self.names.snippet_module} import {snippet}" + (
            f" as {bound}" if bound != snippet else ""
        )
