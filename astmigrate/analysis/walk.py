"""The one walk over a file: statements in order, branches joined, functions after their module."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from astmigrate.analysis import evidence, kinds
from astmigrate.analysis.classes import ClassInfo, FunctionInfo, Scope
from astmigrate.analysis.expressions import Expressions, combine
from astmigrate.analysis.imports import Imports
from astmigrate.analysis.kinds import NONE, TENSOR, UNKNOWN, Value, join
from astmigrate.analysis.sites import Analysis, Rename, Site
from astmigrate.analysis.text import Text, reparse

if TYPE_CHECKING:
    from astmigrate.analysis.index import Module, ProjectIndex

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_PYTHON_TYPES = {"int": kinds.NUMBER, "float": kinds.NUMBER, "bool": kinds.NUMBER, "str": kinds.STRING,
                 "list": kinds.SEQUENCE, "tuple": kinds.SEQUENCE, "dict": kinds.DICT}  # fmt: skip


class Walk(Imports, Expressions):
    """Walks one module and collects its sites."""

    def __init__(self, module: Module, index: ProjectIndex) -> None:
        self.module, self.index = module, index
        self.text = Text(module.text, module.path)
        self.scope = Scope(None, "module")
        self.analysis = Analysis()
        self.active = False
        self.owner: ClassInfo | None = None
        self.function_info: FunctionInfo | None = None
        self.optional = 0
        self.finished = False
        self.block: Sequence[ast.stmt] = ()
        self.trying = False
        self.current: ast.stmt | None = None
        self._placed: set[int] = set()
        self._sites: dict[int, Site] = {}
        self._later: list[FunctionInfo] = []

    def run(self) -> None:
        """Walks the module's statements, then every function that no call has reached."""
        self.body(self.text.tree.body)
        self.finished = True
        for info in self._later:
            if info.node.name == "__init__":
                self.result_of(info)
        for info in self._later:  # grows while nested functions are found
            self.result_of(info)
        self.analysis.sites = sorted(self._sites.values(), key=lambda s: (s.node.lineno, s.node.col_offset))
        self.analysis.renames = list({r.start: r for r in self.analysis.renames}.values())

    def release(self) -> None:
        """Drops trees and sites; names, classes and results stay."""
        self._sites.clear()
        self.text.tree.body = []
        for info in self._later:
            info.node.body = []
        for owner in self.index.classes.values():
            if owner.walk is self:
                owner.node.body = []
        self.analysis = Analysis()

    def record(self, site: Site) -> None:
        if self.active or site.role in ("value", "type", "annotation", "decorator"):
            site.within, site.at_import = self.current, self.function_info is None
            self._sites[id(site.node)] = site

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
        declared = kinds.from_annotation(node.annotation, self.qualify)
        value = self.expr(node.value) if node.value is not None else UNKNOWN
        self.bind(node.target, declared if value.kind in ("unknown", "none") and declared.kind != "unknown" else value)

    def _augmented(self, node: ast.AugAssign) -> None:
        value = self.expr(node.value)
        target = node.target
        load: Any = type(target)(**{**dict(ast.iter_fields(target)), "ctx": ast.Load()})
        ast.copy_location(load, target)
        old = self.reference(load)
        self.bind(target, combine(old, value) if old.kind != "module" else old)

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
            if target.attr == "forward":
                self.rename_forward(target)
            if self.is_parameter(value):
                self.owner.parameters.setdefault(target.attr, target.lineno)
            self.owner.set(target.attr, value, target.lineno, self.optional > 0)
            if self._renames(base, target.attr):
                self.member(base, target)
            return
        for origin in base.origins:
            origin.changed.add("set")
        if base.direct:
            self.used(target.value, base)
        self.member(base, target)

    def is_parameter(self, value: Value) -> bool:
        """Whether an attribute's value is an ``nn.Parameter``."""
        return any(v.kind == "tensor" and v.name == "torch.nn.Parameter" for v in value.each)

    def _set_item(self, target: ast.Subscript, value: Value) -> None:
        base = self.expr(target.value)
        index = UNKNOWN if isinstance(target.slice, ast.Slice) else self.expr(target.slice)
        if isinstance(target.slice, ast.Slice):
            self.children(target.slice)
        if base.kind in ("dict", "module") and isinstance(target.value, (ast.Name, ast.Attribute)):
            key = index.literal if isinstance(index.literal, str) else None
            if base.kind == "module":
                for origin in base.origins:
                    origin.changed.add("__setitem__")
            if key is not None:
                self.bind(target.value, _with(base, key, value))
            else:
                self.bind(target.value, _with_element(base, value))

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                self.reference(target.value)
            elif not isinstance(target, ast.Name):
                self.expr(target)

    # branches --------------------------------------------------------------------------------

    def _if(self, node: ast.If) -> None:
        self.expr(node.test)
        before = dict(self.scope.names)
        self.optional += 1
        with self.narrowed(node.test):
            self.body(node.body)
        after = self._reset(before)
        self.body(node.orelse)
        self.optional -= 1
        self._merge(after, node.body, node.orelse)

    def _reset(self, names: dict[str, Value]) -> dict[str, Value]:
        after, self.scope.names = self.scope.names, dict(names)
        return after

    def _merge(self, other: dict[str, Value], first: Sequence[ast.stmt], second: Sequence[ast.stmt]) -> None:
        """Joins the names after two branches; one that leaves does not count."""
        if second and isinstance(second[-1], _LEAVES):
            self.scope.names = other
        elif not (first and isinstance(first[-1], _LEAVES)):
            names = self.scope.names
            for name, value in other.items():
                mine = names.get(name)
                if mine is not value:
                    names[name] = join(value, mine)

    @contextmanager
    def narrowed(self, test: ast.expr) -> Iterator[None]:
        """Within a branch guarded by ``isinstance(x, T)``, ``x`` is a T."""
        changed: list[tuple[str, Value | None]] = []
        tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
        for part in tests:
            guard = self._guard(part)
            if guard is not None and guard[1].kind != "unknown":
                changed.append((guard[0], self.scope.names.get(guard[0])))
                self.scope.names[guard[0]] = guard[1]
        narrow = {name: self.scope.names[name] for name, _ in changed}
        yield
        for name, value in changed:
            if self.scope.names.get(name) is narrow[name]:
                if value is None:
                    self.scope.names.pop(name, None)
                else:
                    self.scope.names[name] = value

    def _guard(self, test: ast.expr) -> tuple[str, Value] | None:
        if not (isinstance(test, ast.Call) and getattr(test.func, "id", "") == "isinstance" and len(test.args) == 2):
            return None
        if not isinstance(test.args[0], ast.Name):
            return None
        types = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
        found: Value | None = None
        for node in types:
            found = join(found, self._instance_of(node))
        return test.args[0].id, found or UNKNOWN

    def _instance_of(self, node: ast.expr) -> Value:
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return UNKNOWN
        name = self.qualify(node)
        if name in self.index.classes:
            info = self.index.classes[name]
            return Value("module" if self.is_module(info) else "object", name)
        if name == "torch.Tensor":
            return TENSOR
        row = self.index.tables.row(name) if self.is_torch(name) else None
        if row is not None and row.returns == "module":
            return Value("module", row.name)
        return _PYTHON_TYPES.get(name.removeprefix("builtins."), UNKNOWN)

    def _loop(self, node: ast.For | ast.AsyncFor) -> None:
        self.bind(node.target, kinds.iterate(self.expr(node.iter)))
        self._repeated(node.body)
        self.body(node.orelse)

    def _while(self, node: ast.While) -> None:
        self.expr(node.test)
        self._repeated(node.body)
        self.body(node.orelse)

    def _repeated(self, statements: list[ast.stmt]) -> None:
        """A loop's body: walked again where its first pass changed what a name is."""
        before = dict(self.scope.names)
        self.optional += 1
        self.body(statements)
        names = self.scope.names
        changed = [n for n, v in before.items() if names[n] is not v and names[n] != v]
        for name in changed:
            names[name] = join(before[name], names[name])
        if any(names[n] != before[n] for n in changed):
            self.body(statements)
            for name in changed:
                names[name] = join(before[name], names[name])
        self.optional -= 1

    def _try(self, node: ast.Try) -> None:
        before = dict(self.scope.names)
        trying, self.trying = self.trying, True
        self.body(node.body)
        self.body(node.orelse)
        for handler in node.handlers:
            after = self._reset(before)
            if handler.type is not None:
                self.types(handler.type)
            if handler.name:
                self.set_name(handler.name, UNKNOWN)
            self.body(handler.body)
            self._merge(after, node.body, handler.body)
        self.trying = trying
        self.body(node.finalbody)

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

    # definitions -----------------------------------------------------------------------------

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
        self._later.append(info)
        if owner is not None:
            owner.methods[node.name] = info
            if node.name == "forward" and self.is_module(owner):
                self.rename_definition(node)
        self.set_name(node.name, Value("function", name))

    def rename_definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """``def forward`` → ``def construct``."""
        start = self.text.data.index(b"forward", self.text.start(node))
        self.analysis.renames.append(
            Rename(start, start + len(b"forward"), "construct", "torch.nn.Module.forward", "mindspore.nn.Cell.construct")
        )

    def _decorators(self, decorators: list[ast.expr]) -> None:
        for decorator in decorators:
            node = decorator.func if isinstance(decorator, ast.Call) else decorator
            value = self.reference(node)
            if value.direct and value.kind == "ref" and self.is_torch(value.name):
                arguments = self._arguments(decorator) if isinstance(decorator, ast.Call) else None
                self.record(Site("decorator", value.name, decorator, arguments))
            elif isinstance(decorator, ast.Call):
                self._arguments(decorator)

    def defaults(self, arguments: ast.arguments) -> None:
        """Evaluates the default values of parameters."""
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.expr(default)

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
                info.set(name, value, node.lineno, False)
        self.scope, self.owner = outer, outer_owner

    def _mix_in(self, info: ClassInfo) -> None:
        """A plain base of a module class has a ``forward`` that is the module's."""
        for base in info.lineage(self.index.classes):
            if not self.is_module(base):
                base.mixed_into_module = True
                for method in base.methods.values():
                    if method.node.name == "forward" and method.walk is self:
                        self.rename_definition(method.node)

    # functions -------------------------------------------------------------------------------

    def result_of(self, info: FunctionInfo) -> Value:
        """What a function returns; walks it if no one has yet."""
        if info.state == "new" or (info.state == "early" and info.walk.finished):
            info.walk.enter(info)
            # called while its module is still being walked: its sites are found again when all names are bound
            info.state = "done" if info.walk.finished else "early"
        return info.result or UNKNOWN

    def initialised(self, info: ClassInfo) -> None:
        """Makes sure that the ``__init__`` of a class has been walked."""
        for owner in info.lineage(self.index.classes):
            if "__init__" in owner.methods:
                self.result_of(owner.methods["__init__"])

    def enter(self, info: FunctionInfo) -> None:
        """Walks the body of one of this module's functions."""
        saved = (self.scope, self.owner, self.function_info, self.optional, self.statement,
                 self.current, self.trying)  # fmt: skip
        info.state, info.result = "running", None
        self.scope, self.owner, self.function_info, self.optional = Scope(info.scope, "function"), info.owner, info, 0
        self._bind_parameters(info)
        self.body(info.node.body)
        if info.result is None:
            info.result = NONE
        if self.finished and info.node.name == "__init__" and info.owner is not None and info.owner.late and self.is_module(info.owner):
            assert isinstance(info.node, ast.FunctionDef)
            self.analysis.late_inits.append(info.node)
        self.scope, self.owner, self.function_info, self.optional, self.statement, self.current, self.trying = saved

    def _bind_parameters(self, info: FunctionInfo) -> None:
        arguments = info.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = list(zip(positional, defaults + list(arguments.defaults), strict=True))
        pairs += list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
        found = evidence.tensors(info.node, self.tensor_methods) if self.active else {}
        bound_first = info.owner is not None and info.scope.kind == "class" and "staticmethod" not in info.decorators
        forward = info.node.name == "forward" and info.owner is not None and self.is_module(info.owner)
        for number, (arg, default) in enumerate(pairs):
            if number == 0 and bound_first:
                assert info.owner is not None
                self.set_name(arg.arg, Value("class" if "classmethod" in info.decorators else "self", info.owner.name))
            else:
                self.set_name(arg.arg, self._parameter(arg, default, found.get(arg.arg), forward))
        for star in (arguments.vararg, arguments.kwarg):
            if star is not None:
                self.set_name(star.arg, kinds.SEQUENCE if star is arguments.vararg else kinds.DICT)

    def _parameter(self, arg: ast.arg, default: ast.expr | None, tensor: bool | None, forward: bool) -> Value:
        """Evidence for a parameter, strongest first: annotation, default, use, being ``forward``'s."""
        declared = kinds.from_annotation(arg.annotation, self.qualify)
        if declared.kind != "unknown" or declared.alternatives:
            return declared
        if isinstance(default, ast.Constant) and default.value is not None:
            return kinds.from_constant(default.value) if not isinstance(default.value, str) else kinds.STRING
        if isinstance(default, (ast.Tuple, ast.List, ast.Dict)):
            return UNKNOWN
        if default is not None and not isinstance(default, ast.Constant):
            return self._quietly(default)
        if tensor is not None:
            return TENSOR if tensor else UNKNOWN
        return TENSOR if forward and arg.annotation is None else UNKNOWN

    def _quietly(self, node: ast.expr) -> Value:
        """A default's value: a class or function that may be replaced by the caller's."""
        name = self.qualify(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        return join(Value("ref", name), UNKNOWN) if self.is_torch(name) else UNKNOWN

    @property
    def tensor_methods(self) -> frozenset[str]:
        return self.index.tables.members("torch.Tensor")

    # annotations -----------------------------------------------------------------------------

    def annotation(self, node: ast.expr | None) -> None:
        """Records the torch names in an annotation, in quoted ones too."""
        if node is None:
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = self._quoted(node)
            if node is None:
                return
        if isinstance(node, (ast.Name, ast.Attribute)):
            value = self.reference(node)
            if value.direct and value.kind == "ref" and self.is_torch(value.name):
                self.record(Site("annotation", value.name, node))
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.annotation(child)

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
