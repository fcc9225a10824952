"""The one walk over a file: statements in order, functions after their module."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from astmigrate.analysis import flows, kinds
from astmigrate.analysis.branches import Branches
from astmigrate.analysis.definitions import Definitions
from astmigrate.analysis.expressions import Expressions, combine
from astmigrate.analysis.functions import Functions
from astmigrate.analysis.imports import Imports
from astmigrate.analysis.kinds import NONE, UNKNOWN, Value, join
from astmigrate.analysis.sites import Analysis, Site
from astmigrate.analysis.text import is_whole, may_be_empty


class Walk(Imports, Definitions, Functions, Branches, Expressions):
    """Walks one module and collects its sites."""

    def run(self) -> None:
        """Walks the module's statements, then every function that no call has reached."""
        self.body(self.text.tree.body)
        self.finished = True
        for info in self.later:
            if info.node.name == "__init__":
                self.result_of(info)
        for info in self.later:  # grows while nested functions are found
            self.result_of(info)
        self.analysis.sites = sorted(self.sites.values(), key=lambda s: (s.node.lineno, s.node.col_offset))
        self.analysis.renames = list({r.start: r for r in self.analysis.renames}.values())

    def release(self) -> None:
        """Drops trees and sites; names, classes and results stay."""
        self.sites.clear()
        self.handed.clear()
        self.given.clear()
        self.lambdas.clear()
        for info in self.later:
            info.release(self.text)
        self.text.release()
        self.current, self.block, self.statement = None, (), None
        for owner in self.classes:
            owner.node.body = []
        self.analysis = Analysis()

    # statements ------------------------------------------------------------------------------

    def body(self, statements: Sequence[ast.stmt]) -> None:
        block = self.block
        for statement in statements:
            self.block, self.current = statements, statement
            method = _STATEMENTS.get(type(statement))
            if method is not None:
                method(self, statement)
            else:
                self._other(statement)
        self.block = block

    def _other(self, statement: ast.AST) -> None:
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                self.expr(child)
            elif isinstance(child, ast.stmt):
                self.body([child])
            elif isinstance(child, ast.AST) and not isinstance(child, ast.expr_context):
                self._other(child)

    def _expression(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.statement = node.value
        self.expr(node.value)

    def _assign(self, node: ast.Assign) -> None:
        value = self.expr(node.value)
        for target in node.targets:
            self.bind(target, value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        self.annotation(node.annotation)
        declared = self.declared(node.annotation)
        value = self.expr(node.value) if node.value is not None else UNKNOWN
        self.bind(
            node.target,
            flows.declared(declared, value)
            if value.kind in ("unknown", "none") and declared.kind != "unknown"
            else value,
        )

    def _augmented(self, node: ast.AugAssign) -> None:
        value = self.expr(node.value)
        target = node.target
        load: Any = type(target)(**{**dict(ast.iter_fields(target)), "ctx": ast.Load()})
        ast.copy_location(load, target)
        old = self.reference(load)
        if old.kind == "module" and isinstance(node.op, ast.Add):
            self._filled_later(target, old, "extend")
            grown = replace(old, element=join(old.element, kinds.any_element(value)))
            self.bind(target, grown)
        else:
            given = old.kind == "unknown" and value.kind in ("unknown", "tensor", "number")
            given = given and isinstance(target, ast.Name) and flows.is_parameter(old, target.id)
            own = isinstance(target, ast.Subscript) and id(load) not in self.analysis.elements
            own = own or (isinstance(target, ast.Attribute) and target.attr == "data")
            if self.active and (given or (old.kind == "tensor" and not own)):
                name = f"torch.Tensor.__{_IN_PLACE[type(node.op)]}__"
                self.record(Site("augmented", name, target, receiver_value=old))
            self.bind(target, combine(old, value))

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assigns a value to a name, attribute, item or pattern."""
        if isinstance(target, ast.Name):
            self.set_name(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, kinds.sequence_of(kinds.any_element(value)))
        elif isinstance(target, ast.Attribute):
            self._set_attribute(target, value)
        elif isinstance(target, ast.Subscript):
            self._set_item(target, value)

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        items = value.items if value.items is not None and len(value.items) == len(targets) else None
        for number, target in enumerate(targets):
            self.bind(target, items[number] if items else kinds.iterate(value))

    def set_name(self, name: str, value: Value) -> None:
        """Binds a name in the current scope."""
        self.analysis.bound.add(name)
        scope = self.scope.module if name in self.scope.outer else self.scope
        scope.names[name] = value

    def _set_attribute(self, target: ast.Attribute, value: Value) -> None:
        base = self.reference(target.value)
        if base.kind == "self" and self.owner is not None:
            if any(v.kind in ("module", "unknown", "member") for v in value.each):
                self.owner.changed.add("set")
            if target.attr == "forward" and self.is_module(self.owner):
                self.rename_forward(target)
            if self._is_buffer(target.attr) and value.kind != "none":
                self.record(Site("buffer", "torch.nn.Module.__setattr__", target))
            if kinds.is_learned(value):
                self.owner.parameters.setdefault(target.attr, target.lineno)
            self.owner.set(target.attr, value, target.lineno, self.optional > 0)
            if self._renames(base, target.attr):
                self.member(base, target)
            return
        for origin in base.origins:
            origin.changed.add("set")
        if base.kind == "module" and self._is_setting(base, target.attr, value):
            self.record(Site("setting", f"{base.name or 'torch.nn.Module'}.{target.attr}", target))
        if base.direct:
            self.used(target.value, base)
        self.member(base, target)

    def _is_buffer(self, name: str) -> bool:
        """Whether the class or a base of it registers a buffer of that name."""
        assert self.owner is not None
        return any(name in info.buffers for info in self.owner.lineage(self.index.classes))

    def _set_item(self, target: ast.Subscript, value: Value) -> None:
        base = self.expr(target.value)
        index = self.indexed(base, target.slice)
        if base.kind == "tensor" and self.active:
            plain = index.kind in ("number", "none")
            role = "item" if not plain else "slices" if may_be_empty(target.slice) else ""
            role = "whole" if is_whole(target.slice) else role
            if role:
                self.record(Site(role, "torch.Tensor.__setitem__", target))
        if base.kind in ("dict", "module") and isinstance(target.value, (ast.Name, ast.Attribute)):
            key = index.literal if isinstance(index.literal, str) else None
            if isinstance(target.slice, ast.Constant) and type(target.slice.value) is int:
                key = str(target.slice.value)
            if base.kind == "module":
                self._filled_later(target.value, base, "__setitem__")
            if key is not None:
                self.bind(target.value, _with(base, key, value))
            else:
                self.bind(target.value, _with_element(base, value))

    def _is_setting(self, base: Value, name: str, value: Value) -> bool:
        """Whether an attribute of a torch layer is set that it computes with, such as ``bn.eps``."""
        kinds_set = {each.kind for each in value.each}
        row = self.index.tables.row(base.each[0].name) if base.each[0].name else None
        settings = {p.partition("=")[0] for p in row.args or ()} if row is not None else set()
        return name in settings - {"inplace", "device", "dtype", "bias"} and "module" not in kinds_set

    def _filled_later(self, container: ast.expr, value: Value, how: str) -> None:
        """A container of modules is changed where it stands."""
        for origin in value.origins:
            origin.changed.add(how)
        if isinstance(container, ast.Attribute) and self.owner is not None:
            self.owner.late = True

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                self.reference(target.value)
            elif isinstance(target, ast.Subscript):
                self.expr(target)
                self._delete_item(target.value)
            elif not isinstance(target, ast.Name):
                self.expr(target)

    def _delete_item(self, container: ast.expr) -> None:
        """``del features[-1]``: PyTorch numbers the children of a Sequential anew."""
        base = self.reference(container) if isinstance(container, (ast.Name, ast.Attribute)) else UNKNOWN
        element = kinds.any_element(base)
        if base.kind == "module" and not base.alternatives and element is not None:
            self._filled_later(container, base, "__delitem__")
            self.bind(container, replace(base, keys=(), element=element))

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.expr(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value)
        self.body(node.body)

    def _return(self, node: ast.Return) -> None:
        value = self.expr(node.value) if node.value is not None else NONE
        if self.function_info is not None:
            self.function_info.result = join(self.function_info.result, value)

    def _global(self, node: ast.Global | ast.Nonlocal) -> None:
        self.scope.outer.update(node.names)


_IN_PLACE = {ast.Add: "iadd", ast.Sub: "isub", ast.Mult: "imul", ast.Div: "itruediv", ast.Mod: "imod",
             ast.FloorDiv: "ifloordiv", ast.Pow: "ipow", ast.MatMult: "imatmul", ast.BitAnd: "iand",
             ast.BitOr: "ior", ast.BitXor: "ixor", ast.LShift: "ilshift", ast.RShift: "irshift"}  # fmt: skip


def _with(base: Value, key: str, value: Value) -> Value:
    return replace(base, keys=(*(k for k in base.keys if k[0] != key), (key, value)))


def _with_element(base: Value, value: Value) -> Value:
    return replace(base, element=join(base.element, value))


_STATEMENTS: dict[type, Callable[[Walk, Any], None]] = {
    ast.Expr: Walk._expression, ast.Assign: Walk._assign, ast.AnnAssign: Walk._annotated,
    ast.AugAssign: Walk._augmented, ast.If: Walk._if, ast.For: Walk._loop, ast.AsyncFor: Walk._loop,
    ast.While: Walk._while, ast.Try: Walk._try, ast.TryStar: Walk._try, ast.With: Walk._with,
    ast.AsyncWith: Walk._with, ast.Return: Walk._return, ast.Global: Walk._global, ast.Nonlocal: Walk._global,
    ast.FunctionDef: Walk._function, ast.AsyncFunctionDef: Walk._function, ast.ClassDef: Walk._class,
    ast.Import: Walk.import_, ast.ImportFrom: Walk.import_from, ast.Delete: Walk._delete,
}  # fmt: skip
