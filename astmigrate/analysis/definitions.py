"""Function and class definitions, their decorators and annotations."""

from __future__ import annotations

import ast

from astmigrate.analysis import flows
from astmigrate.analysis.classes import ClassInfo, FunctionInfo, Scope
from astmigrate.analysis.kinds import Value
from astmigrate.analysis.sites import Site
from astmigrate.analysis.state import State
from astmigrate.analysis.text import reparse


class Definitions(State):
    """The definitions of a walk."""

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._decorators(node.decorator_list)
        self.defaults(node.args)
        for arg in _parameters(node.args):
            self.annotation(arg.annotation)
        self.annotation(node.returns)
        owner = self.owner if self.scope.kind == "class" else None
        prefix = owner.name if owner else self.module.name
        name = f"{prefix}.{node.name}"
        if self.scope.kind == "function" or name in self.index.functions:
            name = f"{name}:{node.lineno}"
        info = FunctionInfo(name, node, self.scope, self, owner or self.owner)
        self.index.functions[name] = info
        self.later.append(info)
        if owner is not None:
            owner.methods[node.name] = info
            if node.name == "forward" and self.is_module(owner):
                self.rename_definition(node)
        self.set_name(node.name, Value("function", name))

    def _decorators(self, decorators: list[ast.expr]) -> None:
        for decorator in decorators:
            node = decorator.func if isinstance(decorator, ast.Call) else decorator
            value = self.reference(node)
            if value.direct and value.kind == "ref" and self.is_torch(value.name):
                arguments = self.arguments(decorator) if isinstance(decorator, ast.Call) else None
                self.record(Site("decorator", value.name, decorator, arguments))
            elif isinstance(decorator, ast.Call):
                self.arguments(decorator)

    def defaults(self, arguments: ast.arguments) -> None:
        """Evaluates the default values of parameters."""
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.given[id(default)] = self.expr(default)

    def _class(self, node: ast.ClassDef) -> None:
        self._decorators(node.decorator_list)
        bases: list[Value] = []
        sites: list[Site] = []
        for base in node.bases:
            value = self.reference(base)
            if value.direct and value.kind == "ref" and self.is_torch(value.name):
                sites.append(Site("base", value.name, base))
                row = self.index.tables.row(value.name)
                value = Value("ref", row.name if row else value.name)
            bases.append(value)
        for keyword in node.keywords:
            self.expr(keyword.value)
        name = f"{self.module.name}.{node.name}"
        name = f"{name}:{node.lineno}" if name in self.index.classes else name
        info = ClassInfo(name, node, self.module.path, self, tuple(bases))
        self.index.classes[name] = info
        self.classes.append(info)
        for site in sites:
            site.owner = info
            self.record(site)
        if self.is_module(info):
            self._mix_in(info)
        self.set_name(node.name, Value("class", name))
        self._class_body(info, node)

    def _class_body(self, info: ClassInfo, node: ast.ClassDef) -> None:
        outer, outer_owner = self.scope, self.owner
        self.scope, self.owner = Scope(outer, "class"), info
        self.body(node.body)
        for name, value in self.scope.names.items():
            if value.kind != "function":
                if info.is_dataclass:
                    value = flows.from_parameter(value, f"{info.name}.__init__", name)
                info.set(name, value, node.lineno, False)
        self.scope, self.owner = outer, outer_owner

    def _mix_in(self, info: ClassInfo) -> None:
        """A plain base of a module class, in the same file, has a ``forward`` that is the module's.

        One of another file was migrated before, and what is known of it must not depend on its users.
        """
        for base in info.lineage(self.index.classes):
            if base.walk is self and not self.is_module(base):
                base.mixed_into_module = True
                for method in base.methods.values():
                    if method.node.name == "forward":
                        self.rename_definition(method.node)

    def annotation(self, node: ast.expr | None, quoted: bool = False) -> None:
        """Records the torch names in an annotation, in quoted ones too."""
        if node is None:
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = self._quoted(node)
            quoted = True
            if node is None:
                return
        if isinstance(node, (ast.Name, ast.Attribute)):
            value = self.reference(node)
            if value.direct and value.kind == "ref" and self.is_torch(value.name):
                self.record(Site("annotation", value.name, node, quoted=quoted))
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.annotation(child, quoted)

    def _quoted(self, node: ast.Constant) -> ast.expr | None:
        source = self.text.of(node)
        content = source[1:-1]
        if source[:1] not in "'\"" or content != node.value:
            return None
        return reparse(self.text, content, self.text.start(node) + 1)

    def qualify(self, node: ast.expr) -> str:
        """The qualified name of a Name or Attribute, nothing recorded; "" where it has none."""
        if isinstance(node, ast.Name):
            value = self.scope.find(node.id)
            return value.name if value is not None and value.name else node.id
        if isinstance(node, ast.Attribute):
            base = self.qualify(node.value)
            found = self.index.member(base, node.attr) if self.index.is_project(base) else None
            return found.name if found is not None else f"{base}.{node.attr}"
        return ""


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    stars = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]
