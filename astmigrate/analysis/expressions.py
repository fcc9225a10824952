"""Evaluates expressions to values and records each use of torch that it meets."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from typing import Any

from msgspec.structs import replace

from astmigrate.analysis import complexes, flows, kinds
from astmigrate.analysis.classes import Scope
from astmigrate.analysis.comparisons import Comparisons
from astmigrate.analysis.kinds import (
    ARRAY,
    DICT,
    NUMBER,
    STRING,
    TENSOR,
    UNKNOWN,
    Value,
    join,
)  # fmt: skip
from astmigrate.analysis.sites import Site
from astmigrate.analysis.text import is_full, place

_COPYING = {"tensor", "array", "sequence"}  # an index that gives a copy, no view


class Expressions(Comparisons):
    """The expression half of a walk; ``walk.Walk`` adds the statements."""

    def expr(self, node: ast.expr) -> Value:
        """The value of an expression; a torch name in it that stands for itself is a "value" site."""
        value = self.reference(node)
        return self.used(node, value) if value.direct else value

    def used(self, node: ast.expr, value: Value) -> Value:
        """Records that a reference is used as a value; returns what it is then."""
        if value.kind != "ref" or not self.is_torch(value.name):
            return value
        row = self.index.tables.row(value.name)
        self.record(Site("value", value.name, node))
        if row is not None and row.args is None and row.returns not in ("", "class", "function"):
            return kinds.from_returns(row.returns)
        return replace(value, direct=False)

    def reference(self, node: ast.expr) -> Value:
        """The value of an expression, a torch name in it not yet recorded."""
        method = _EXPRESSIONS.get(type(node))
        return method(self, node) if method else self.children(node)

    def children(self, node: ast.AST) -> Value:
        """Evaluates all parts of a node about whose value nothing is known."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expr(child)
        return UNKNOWN

    def constant(self, node: ast.Constant) -> Value:
        return kinds.from_constant(node.value)

    def sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        items: list[Value] = []
        element: Value | None = None
        for part in node.elts:
            if isinstance(part, ast.Starred):
                element = join(element, kinds.iterate(self.expr(part.value)))
            else:
                items.append(self.expr(part))
        if element is not None:
            for item in items:
                element = join(element, item)
            return kinds.sequence_of(element)
        return Value("sequence", items=tuple(items))

    def dictionary(self, node: ast.Dict) -> Value:
        keys: list[tuple[str, Value]] = []
        element: Value | None = None
        for key, part in zip(node.keys, node.values, strict=True):
            if key is not None:
                self.expr(key)
            value = self.expr(part)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                keys.append((key.value, value))
            else:
                element = join(element, kinds.any_element(value) if key is None else value)
        return replace(DICT, keys=tuple(keys), element=element)

    def operation(self, node: ast.BinOp) -> Value:
        left, right = self.expr(node.left), self.expr(node.right)
        if left.kind == "array" and right.kind == "tensor" and self.active:
            self.record(Site("operand", "torch.Tensor.__array_priority__", node.left))
        if isinstance(node.op, (ast.BitAnd, ast.BitOr)) and left == kinds.COMPARED == right:
            return left
        return combine(left, right)

    def unary(self, node: ast.UnaryOp) -> Value:
        value = self.expr(node.operand)
        if isinstance(node.op, ast.Invert) and value == kinds.COMPARED:
            return value
        return value if value.kind in ("tensor", "array") else NUMBER

    def choice(self, node: ast.BoolOp) -> Value:
        found: Value | None = None
        with ExitStack() as guards:
            for part in node.values:
                found = join(found, self.expr(part))
                if isinstance(node.op, ast.And):  # what follows runs only where this holds
                    guards.enter_context(self.narrowed(part))
        return found or UNKNOWN

    def conditional(self, node: ast.IfExp) -> Value:
        self.expr(node.test)
        with self.narrowed(node.test):
            body = self.expr(node.body)
        return join(body, self.expr(node.orelse))

    def subscript(self, node: ast.Subscript) -> Value:
        base = self.expr(node.value)
        index = self.indexed(base, node.slice)
        if isinstance(node.slice, ast.Slice):
            return _sliced(base)
        if isinstance(node.slice, ast.Tuple) and isinstance(node.ctx, ast.Load):
            self._after_mask(node, node.slice.elts, base)
        literal = _integer(node.slice)
        if base.kind == "tensor" or isinstance(node.slice, ast.Tuple):
            self.analysis.elements.discard(id(node))
        else:
            self.analysis.elements.add(id(node))
        if base.kind == "tensor":
            if index.kind in _COPYING:
                self.analysis.copies.add(id(node))
            return complexes.like(TENSOR, (base,))
        if base.items is not None and literal is not None and -len(base.items) <= literal < len(base.items):
            return base.items[literal]
        wanted = index.literal if index.kind == "string" else literal
        found = next((v for k, v in base.keys if wanted is not None and k == str(wanted)), None)
        if found is not None:
            return found
        content = ARRAY if base.kind == "array" else kinds.iterate(replace(base, literal=None))
        return flows.item(content, base, wanted) if base.flows else content

    def indexed(self, base: Value, node: ast.expr) -> Value:
        """The value of an index, a number if it has no tensor in it; numpy's are recorded.

        Numbers and arrays of numpy's are no index of a MindSpore tensor.
        """
        if isinstance(node, ast.Slice):
            for bound in (node.lower, node.upper, node.step):
                if bound is not None:
                    self._of_numpy("bound", bound, base)
            return NUMBER
        if isinstance(node, ast.Tuple) and base.kind == "tensor":
            items = {self.indexed(base, item).kind for item in node.elts}
            return kinds.SEQUENCE if items & _COPYING else UNKNOWN if items - {"number", "none"} else NUMBER
        value = self._of_numpy("index", node, base)
        return NUMBER if base.kind == "tensor" and isinstance(node, ast.Constant) else value

    def _after_mask(self, node: ast.Subscript, items: list[ast.expr], base: Value) -> None:
        """``x[mask, :]``: MindSpore takes what follows a mask of several dimensions from the second one."""
        if base.kind not in ("tensor", "unknown", "member") or not self.active:
            return
        first = next((n for n, item in enumerate(items) if self._may_be_mask(item)), len(items))
        rest = items[first + 1 :]
        if rest and all(map(is_full, rest)):
            self.record(Site("trailing", "torch.Tensor.__getitem__", node))
        elif base.kind == "tensor" and any(isinstance(item, ast.Slice) for item in rest):
            self.record(Site("masked", "torch.Tensor.__getitem__", node))

    def _may_be_mask(self, node: ast.expr) -> bool:
        if isinstance(node, (ast.Compare, ast.UnaryOp, ast.BinOp)):
            operator = getattr(node, "op", None)
            return operator is None or isinstance(operator, (ast.Invert, ast.BitAnd, ast.BitOr))
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return False
        value = self.reference(node)
        return value.kind in ("tensor", "unknown", "member") or value == kinds.COMPARED

    def _of_numpy(self, role: str, node: ast.expr, base: Value) -> Value:
        value = self.expr(node)
        if value.kind == "array" and base.kind == "tensor" and self.active:
            self.record(Site(role, "torch.Tensor.__getitem__", node))
        return value

    def scoped(self, node: Any) -> Value:
        """A comprehension or generator: its own scope, a sequence of what it yields."""
        self.scope = Scope(self.scope, "function")
        for generator in node.generators:
            self.bind(generator.target, kinds.iterate(self.expr(generator.iter)))
            for test in generator.ifs:
                self.expr(test)
        if isinstance(node, ast.DictComp):
            self.expr(node.key)
            result = replace(DICT, element=self.expr(node.value))
        else:
            result = kinds.sequence_of(self.expr(node.elt))
        assert self.scope.parent is not None
        self.scope = self.scope.parent
        return result

    def function(self, node: ast.Lambda, values: Sequence[Value] = ()) -> Value:
        """A lambda; ``values`` are what its first parameters are called with, where that is known."""
        self.defaults(node.args)
        self.scope = Scope(self.scope, "function")
        declared = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        name = f"{self.module.name}.lambda:{node.lineno}:{node.col_offset}"
        for arg, value in zip_longest(declared, values[: len(declared)], fillvalue=UNKNOWN):
            assert isinstance(arg, ast.arg)
            self.set_name(arg.arg, flows.from_parameter(value, name, arg.arg) if value is UNKNOWN else value)
        result = self.expr(node.body)
        assert self.scope.parent is not None
        self.scope = self.scope.parent
        self.lambdas[name] = (node.args, result)
        return Value("lambda", element=result, flows=(f"def:{name}",))

    def walrus(self, node: ast.NamedExpr) -> Value:
        value = self.expr(node.value)
        self.bind(node.target, value)
        return value

    def formatted(self, node: ast.JoinedStr) -> Value:
        if id(node) not in self.placed:  # a loop's body is walked twice
            self.analysis.formatted.append(node)
            self.placed.add(id(node))
            self.placed.update(map(id, place(self.text, node)))
        self.children(node)
        for part in node.values:  # MindSpore's tensors take no format, as in f"{loss:.3f}"
            if isinstance(part, ast.FormattedValue) and part.format_spec is not None and part.conversion < 0:
                self.spelled_out(part.value, self.expr(part.value))
        return STRING

    def starred(self, node: ast.Starred) -> Value:
        return self.expr(node.value)


def combine(left: Value, right: Value) -> Value:
    """The kind of an arithmetic operation."""
    kind = {left.kind, right.kind}
    if "tensor" in kind:
        return complexes.like(TENSOR, (left, right))
    if "array" in kind:
        return ARRAY
    if left.flows or right.flows:
        return flows.united(_combined(left, right, kind), left, right)
    return _combined(left, right, kind)


def _combined(left: Value, right: Value, kind: set[str]) -> Value:
    if left.kind == "sequence" and right.kind == "sequence":
        if left.items is not None and right.items is not None:
            return Value("sequence", items=left.items + right.items)
        return kinds.sequence_of(join(kinds.any_element(left), kinds.any_element(right)))
    if kind & {"sequence", "size"}:
        return kinds.sequence_of(kinds.any_element(left) or kinds.any_element(right))
    if "string" in kind:
        return STRING
    return NUMBER if kind == {"number"} else UNKNOWN


def _sliced(base: Value) -> Value:
    if base.kind == "sequence" and base.items is not None:
        return kinds.sequence_of(kinds.any_element(base))
    if base.kind == "module":
        return replace(base, keys=(), items=None, element=kinds.any_element(base))
    if base.kind == "unknown" and base.flows:
        return replace(UNKNOWN, flows=base.flows)
    return base if base.kind in ("tensor", "size", "string", "sequence", "array", "foreign") else UNKNOWN


def _integer(node: ast.expr) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _integer(node.operand)
        return None if inner is None else -inner
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


_EXPRESSIONS: dict[type, Callable[[Any, Any], Value]] = {
    ast.Name: Expressions.name, ast.Attribute: Expressions.attribute, ast.Constant: Expressions.constant,
    ast.Call: Expressions.call, ast.List: Expressions.sequence, ast.Tuple: Expressions.sequence,
    ast.Set: Expressions.sequence, ast.Dict: Expressions.dictionary, ast.BinOp: Expressions.operation,
    ast.UnaryOp: Expressions.unary, ast.BoolOp: Expressions.choice, ast.Compare: Expressions.compare,
    ast.IfExp: Expressions.conditional, ast.Subscript: Expressions.subscript,
    ast.ListComp: Expressions.scoped, ast.SetComp: Expressions.scoped,
    ast.GeneratorExp: Expressions.scoped, ast.DictComp: Expressions.scoped,
    ast.Lambda: Expressions.function, ast.NamedExpr: Expressions.walrus, ast.JoinedStr: Expressions.formatted,
    ast.Starred: Expressions.starred,
}  # fmt: skip
