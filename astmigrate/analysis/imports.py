"""Import statements: what names they bind, and which of them are torch's."""

from __future__ import annotations

import ast

from msgspec.structs import replace

from astmigrate.analysis.kinds import TORCH_ROOTS, UNKNOWN, Value
from astmigrate.analysis.sites import ImportSite
from astmigrate.analysis.state import State


def indirect(value: Value) -> Value:
    """A value as another file sees it: its names are not that file's own imports."""
    alternatives = tuple(replace(each, direct=False) for each in value.alternatives)
    return replace(value, direct=False, alternatives=alternatives)


class Imports(State):
    """The import statements of a walk."""

    def import_(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            name = alias.name if alias.asname else root
            bound = alias.asname or root
            self._bind_import(bound, Value("ref", name, direct=True))
            if self.is_torch(alias.name):
                self._bound_torch(node, alias, name, bound)
            else:
                if alias.name.partition(".")[0] != "mindspore":
                    self.analysis.bound.add(bound)
                self._follow(alias.name)

    def import_from(self, node: ast.ImportFrom) -> None:
        from astmigrate.analysis.index import absolute

        source = absolute("." * node.level + (node.module or ""), self.module.package)
        for alias in node.names:
            if alias.name == "*":
                self._star(node, source, alias)
            elif self.is_torch(f"{source}.{alias.name}"):
                bound = alias.asname or alias.name
                self._bind_import(bound, Value("ref", f"{source}.{alias.name}", direct=True))
                self._bound_torch(node, alias, f"{source}.{alias.name}", bound)
            else:
                self._from_other(node, source, alias)

    def _bind_import(self, bound: str, value: Value) -> None:
        scope = self.scope.module if bound in self.scope.outer else self.scope
        scope.names[bound] = value

    def _from_other(self, node: ast.ImportFrom, source: str, alias: ast.alias) -> None:
        bound = alias.asname or alias.name
        value: Value | None = Value("ref", f"{source}.{alias.name}", direct=True)
        if self.index.is_project(source):
            value = self.index.member(source, alias.name)
            self._follow(source)
            self._follow(f"{source}.{alias.name}")
        if value is not None and any(v.direct and self.is_torch(v.name) for v in value.alternatives):
            value = indirect(value)
        if value is not None and value.direct and self.is_torch(value.name):
            if value.name in self.index.tables.namespaces:  # torch itself, through another file
                self.scope.names[bound] = value
                self._record_import(node, alias, value.name, bound, project=True)
                return
            value = indirect(value)
        if source != "mindspore" and not source.endswith("ms_snippets"):
            self.analysis.bound.add(bound)
        self.scope.names[bound] = value or UNKNOWN

    def _star(self, node: ast.ImportFrom, source: str, alias: ast.alias) -> None:
        if self.is_torch(source):
            self.scope.module.stars.append(source)
            if source.partition(".")[0] in TORCH_ROOTS:
                self._bound_torch(node, alias, source, "*")
            else:  # another library's: what no row maps is needed as it is
                self.active = True
            return
        self._follow(source)
        walk = self.index.walk(source) if source in self.index.modules else None
        for name, value in (walk.scope.names if walk else {}).items():
            if not name.startswith("_"):
                namespace = value.direct and (
                    value.name in self.index.tables.namespaces or not self.is_torch(value.name)
                )
                self.scope.names[name] = value if namespace else indirect(value)

    def _bound_torch(
        self, node: ast.Import | ast.ImportFrom, alias: ast.alias, name: str, bound: str
    ) -> None:
        self.active = True
        self._record_import(node, alias, name, bound)

    def _record_import(
        self,
        node: ast.Import | ast.ImportFrom,
        alias: ast.alias,
        name: str,
        bound: str,
        project: bool = False,
    ) -> None:
        exported = () if project else self.index.imported_from(self.module.name)
        self.analysis.imports.append(
            ImportSite(node, alias, name, bound, self.block, self.scope.kind == "function" or self.trying,
                       self.block is self.text.tree.body, bound in exported or "*" in exported, project)
        )  # fmt: skip

    def _follow(self, name: str) -> None:
        """Walks an imported file of the project first; one that uses torch makes its importers users."""
        while name and name not in self.index.modules:
            name = name.rpartition(".")[0]
        if name:
            walk = self.index.walk(name)
            self.active = self.active or (walk is not None and walk.active)
