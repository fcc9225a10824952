"""Whether a layer that writes into its input can be seen to do so.

``nn.ReLU(inplace=True)`` after a convolution is a matter of memory alone: nobody else has the tensor. Where
its input is a parameter, has another name, or is read again, what it writes is seen. Told from one class
and one function each, in the order of the text; what cannot be told counts as seen.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# What may give its argument, or a view of it, on.
_PASSES_ON = {
    "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "swapaxes",
    "movedim", "detach", "expand", "expand_as", "narrow", "select", "chunk", "split", "unbind", "contiguous",
    "to", "float", "half", "double", "type", "type_as", "view_as", "t", "dropout", "Identity", "Flatten",
    "Unflatten", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "Sequential",
}  # fmt: skip
_ADDS = ("add_module", "append")
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = ast.ClassDef | _Function
_MADE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp)


def is_new(node: ast.expr) -> bool:
    """Whether an expression makes a tensor that has no name yet."""
    if isinstance(node, ast.Call):
        name = _last(node.func)
        writes = any(k.arg == "inplace" and getattr(k.value, "value", True) for k in node.keywords)
        return name not in _PASSES_ON and not name.endswith("_") and not writes
    return isinstance(node, _MADE)


@dataclass(frozen=True, slots=True)
class _Step:
    """A statement of a function, without those inside it: the names that it binds, reads and gives on."""

    statement: ast.stmt
    nodes: list[ast.AST]
    binds: frozenset[str]
    reads: Counter[str]
    shares: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Use:
    """Where a class reads an attribute: the step, None outside of all, and the call that it is, if any."""

    function: _Function
    step: _Step | None
    call: ast.Call | None


class Freshness:
    """What can be seen of the changes that the functions of one file make in place."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._steps: dict[int, list[_Step]] = {}  # by function
        self._uses: dict[int, dict[str, list[_Use]]] = {}  # by class and attribute

    def change_is_unseen(self, statement: ast.stmt, name: str) -> bool:
        """Whether a statement may change the tensor called ``name`` in the function around it."""
        function = self._function(statement)
        return function is not None and self._name_is_unseen(function, statement, name)

    def layer_is_unseen(self, statement: ast.stmt | None, made: ast.Call) -> bool:
        """Whether all that the layer made by this call, a part of the statement, writes into is its own."""
        for parent in ast.walk(statement) if statement is not None else ():
            for children in _sequences(parent):
                if made in children:
                    return _follows(children, made)
            if isinstance(parent, ast.Call) and _last(parent.func) in _ADDS and made in parent.args:
                return self._is_added_later(parent)
            if isinstance(parent, ast.Assign) and parent.value is made and len(parent.targets) == 1:
                return self._attribute_is_unseen(parent)
        return False

    def _is_added_later(self, call: ast.Call) -> bool:
        """Whether the container that a layer is added to has a layer before it, in the same function."""
        assert isinstance(call.func, ast.Attribute)
        container = ast.dump(call.func.value)
        function = self._function(call)
        for node in ast.walk(function) if function is not None else ():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.lineno < call.lineno
            ):
                added = node.args[-1] if node.args and node.func.attr in _ADDS else None
                if added is not None and ast.dump(node.func.value) == container and is_new(added):
                    return True
        return False

    def _attribute_is_unseen(self, assigned: ast.Assign) -> bool:
        """``self.relu = nn.ReLU(inplace=True)``: each use in the class is a call with a tensor of its own."""
        target = assigned.targets[0]
        if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
            return False
        owner = next((s for s in self._around(assigned) if isinstance(s, ast.ClassDef)), None)
        uses = self._uses_in(owner).get(target.attr, []) if owner is not None else []
        return bool(uses) and all(self._use_is_unseen(use) for use in uses)

    def _use_is_unseen(self, use: _Use) -> bool:
        if use.step is None or use.call is None or len(use.call.args) != 1:
            return False
        argument = use.call.args[0]
        if not isinstance(argument, ast.Name):
            return is_new(argument)
        return self._name_is_unseen(use.function, use.step.statement, argument.id)

    def _name_is_unseen(self, function: _Function, statement: ast.stmt, name: str) -> bool:
        """Whether the statement may change the tensor called ``name`` and no other name of it is read later.

        The name was bound to something new before and got no second name since; behind the statement it is
        bound anew, by the statement itself or another, before it is read.
        """
        fresh = seen = rebound = after = False
        for step in self._steps_of(function):
            if step.statement is statement:
                after, rebound, seen = True, name in step.binds, step.reads[name] > 1
            elif after and not rebound:
                seen = seen or step.reads[name] > 0
                rebound = name in step.binds
            elif not after and name in step.binds and not isinstance(step.statement, ast.AugAssign):
                fresh = isinstance(step.statement, ast.Assign) and is_new(step.statement.value)
            elif not after and name in step.shares:
                fresh = False
        return fresh and not seen

    def _around(self, node: ast.stmt | ast.expr) -> list[_Scope]:
        """The classes and functions that hold a node, the outermost first."""
        found: list[_Scope] = []
        waiting: list[ast.AST] = [self._tree]
        while waiting:
            for child in _inner_statements(waiting.pop()):
                if child.lineno <= node.lineno <= (child.end_lineno or child.lineno):
                    waiting.append(child)
                    if isinstance(child, _Scope):
                        found.append(child)
        return found

    def _function(self, node: ast.stmt | ast.expr) -> _Function | None:
        return next((s for s in reversed(self._around(node)) if isinstance(s, _Function)), None)

    def _steps_of(self, function: _Function) -> list[_Step]:
        if id(function) not in self._steps:
            self._steps[id(function)] = [_step(statement) for statement in _statements(function)]
        return self._steps[id(function)]

    def _uses_in(self, owner: ast.ClassDef) -> dict[str, list[_Use]]:
        if id(owner) not in self._uses:
            uses = self._uses[id(owner)] = dict[str, list[_Use]]()
            for function in (node for node in owner.body if isinstance(node, _Function)):
                for step, nodes in [
                    (None, list(_own(function))),
                    *((s, s.nodes) for s in self._steps_of(function)),
                ]:
                    calls = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
                    for node in nodes:
                        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                            use = _Use(function, step, calls.get(id(node)))
                            uses.setdefault(node.attr, []).append(use)
        return self._uses[id(owner)]


def _sequences(node: ast.AST) -> Iterator[Sequence[ast.expr]]:
    """The layers that a node puts in a row; an ``OrderedDict``'s without their names."""
    items: Sequence[ast.expr] = ()
    if isinstance(node, ast.Call) and _last(node.func) in ("Sequential", "__init__"):
        items = node.args
    elif isinstance(node, ast.List | ast.Tuple):
        items = node.elts
    yield items
    pairs = [item.elts[1] for item in items if isinstance(item, ast.Tuple) and len(item.elts) == 2]
    if pairs and len(pairs) == len(items):
        yield pairs


def _follows(items: Sequence[ast.expr], made: ast.Call) -> bool:
    at = items.index(made)
    return at > 0 and (is_new(items[at - 1]) or isinstance(items[at - 1], ast.Name))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _inner_statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements directly inside one, those of its branches included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _statements(function: _Function) -> list[ast.stmt]:
    """All statements of a function in the order of the text."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = [function]
    while waiting:
        inner = list(_inner_statements(waiting.pop()))
        found += inner
        waiting += inner
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]


def _step(statement: ast.stmt) -> _Step:
    nodes = list(_own(statement))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    binds = frozenset(node.id for node in names if isinstance(node.ctx, ast.Store))
    reads = Counter(node.id for node in names if isinstance(node.ctx, ast.Load))
    return _Step(statement, nodes, binds, reads, frozenset(_shared(nodes)))


def _shared(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Tensors that get another name or a place elsewhere: ``y = x``, ``[x, y]``, ``all.append(x)``."""
    for node in nodes:
        inside: Sequence[ast.AST | None] = ()
        if isinstance(node, ast.Assign | ast.Return):
            inside = (node.value,)
        elif isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
            inside = node.elts
        elif isinstance(node, ast.Dict):
            inside = node.values
        elif isinstance(node, ast.Call) and _last(node.func) in ("append", "insert", "extend", "add"):
            inside = node.args
        yield from (item.id for item in inside if isinstance(item, ast.Name))
