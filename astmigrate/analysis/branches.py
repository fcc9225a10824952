"""Control flow: both branches are walked and their names joined, loops until nothing changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from astmigrate.analysis import kinds
from astmigrate.analysis.kinds import TENSOR, UNKNOWN, Value, join
from astmigrate.analysis.state import State

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_PYTHON_TYPES = {"int": kinds.NUMBER, "float": kinds.NUMBER, "bool": kinds.NUMBER, "str": kinds.STRING,
                 "list": kinds.SEQUENCE, "tuple": kinds.SEQUENCE, "dict": kinds.DICT}  # fmt: skip


class Branches(State):
    """The compound statements of a walk."""

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

    def narrowed(self, test: ast.expr) -> AbstractContextManager[None]:
        """Within a branch guarded by ``isinstance(x, T)``, ``x`` is a T."""
        tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else (test,)
        guards = [guard for part in tests if isinstance(part, ast.Call) and (guard := self._guard(part))]
        told = [guard for guard in guards if guard[1].kind != "unknown"]
        return self._narrowed(told) if told else nullcontext()

    @contextmanager
    def _narrowed(self, guards: Sequence[tuple[str, Value]]) -> Iterator[None]:
        names = self.scope.names
        outer = {name: names.get(name) for name, _ in guards}
        names.update(guards)
        yield
        for name, value in guards:
            before = outer[name]
            if self.scope.names.get(name) is value and before is not None:
                self.scope.names[name] = before
            elif self.scope.names.get(name) is value:
                self.scope.names.pop(name)

    def _guard(self, test: ast.expr) -> tuple[str, Value] | None:
        if not (
            isinstance(test, ast.Call)
            and getattr(test.func, "id", "") == "isinstance"
            and len(test.args) == 2
        ):
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
        changed = [n for n, v in before.items() if names[n] is not v and (names[n] != v or v.flows)]
        for name in changed:
            names[name] = join(before[name], names[name])
        if any(names[n] != before[n] for n in changed):
            self.body(statements)
            for name in changed:
                names[name] = join(before[name], names[name])
        self.optional -= 1

    def _try(self, node: ast.Try) -> None:
        self.analysis.tries.append(node)
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
