"""Whether it can be seen that a tensor is changed in place.

``nn.ReLU(inplace=True)`` or ``y += x`` after a convolution is a matter of memory alone: nobody else has the
tensor. Where it is a parameter, has another name or a view, or is read again, the change is seen. Told from
one class and one function each, in the order of the text; what cannot be told counts as seen.
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
_VIEWS = _PASSES_ON & {
    "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "swapaxes",
    "movedim", "detach", "expand", "expand_as", "narrow", "select", "chunk", "split", "unbind", "view_as",
    "t",
} | {"diagonal", "swapdims", "moveaxis", "unfold", "as_strided"}  # fmt: skip
_VIEWED = ("T", "mT", "H", "mH", "data")  # attributes
_ADDS = ("add_module", "append")
_Loop = ast.For | ast.AsyncFor | ast.While
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = ast.ClassDef | _Function
_MADE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp)


def is_new(node: ast.expr) -> bool:
    """Whether an expression makes a tensor that has no name yet."""
    if isinstance(node, ast.Call):
        name = _last(node.func)
        if name in _PASSES_ON and isinstance(node.func, ast.Attribute) and is_new(node.func.value):
            return True
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

    def change_is_unseen(self, statement: ast.stmt, name: str, *, rebinds: bool = False) -> bool:
        """Whether a statement may change the tensor called ``name`` in the function around it.

        ``rebinds`` tells that what comes of the statement will be bound to the same name.
        """
        function = self._function(statement)
        return function is not None and self._name_is_unseen(function, statement, name, rebinds)

    def is_view(self, statement: ast.stmt, node: ast.expr) -> bool:
        """Whether a tensor is a view that ``[...] =`` does not write through: no slice, but ``x.view(6)``."""
        if not isinstance(node, ast.Name):
            return _makes_view(node)
        bound = self._bound(statement, node.id)
        return bound is not None and _makes_view(bound)

    def _bound(self, statement: ast.stmt, name: str) -> ast.expr | None:
        """What a name was assigned before a statement; None if nothing, or not by ``=``."""
        function, bound = self._function(statement), None
        for step in self._steps_of(function) if function is not None else ():
            if step.statement is statement:
                break
            if name in step.binds and not isinstance(step.statement, ast.AugAssign):
                bound = step.statement.value if isinstance(step.statement, ast.Assign) else None
        return bound

    def has_views(self, statement: ast.stmt, name: str) -> bool:
        """Whether views of the tensor called ``name`` were made before a statement and are read later."""
        function, views, after = self._function(statement), set[str](), False
        for step in self._steps_of(function) if function is not None else ():
            value = step.statement.value if isinstance(step.statement, ast.Assign) else None
            if step.statement is statement:
                after = True
            elif after and any(step.reads[view] for view in views):
                return True
            elif not after and value is not None and _is_view_of(value, name):
                views |= step.binds - {name}
        return False

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

    def _name_is_unseen(
        self, function: _Function, statement: ast.stmt, name: str, rebinds: bool = False
    ) -> bool:
        """Whether the statement may change the tensor called ``name`` and no other name of it is read later.

        The name was bound to something new before and got no second name since; behind the statement it is
        bound anew, by the statement itself or another, before it is read.
        """
        fresh = seen = rebound = after = False
        since = 0  # the line where the tensor was made
        loop: _Loop | None = None
        for step in self._steps_of(function):
            if step.statement is statement:
                loop = self._loop(function, statement, since)
                after, rebound = True, rebinds or name in step.binds
                seen = step.reads[name] > 1 or (loop is not None and not rebound)
            elif not after:
                fresh, since = _freshness(step, name, fresh, since)
            elif loop is not None and name in step.shares and _end(step.statement) <= _end(loop):
                seen = True  # by the next round
            elif not rebound:
                seen = seen or step.reads[name] > 0
                rebound = name in step.binds
        return fresh and not seen

    def _loop(self, function: _Function, statement: ast.stmt, since: int) -> _Loop | None:
        """The outermost loop around a statement that begins behind a line."""
        loops = [step.statement for step in self._steps_of(function) if isinstance(step.statement, _Loop)]
        return next((loop for loop in loops if since < loop.lineno <= statement.lineno <= _end(loop)), None)

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


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _freshness(step: _Step, name: str, fresh: bool, since: int) -> tuple[bool, int]:
    """Whether a name stands for a tensor of its own after a step, and the line where that was made."""
    statement = step.statement
    if name not in step.binds or isinstance(statement, ast.AugAssign):
        return fresh and name not in step.shares, since
    if not isinstance(statement, ast.Assign) or len(statement.targets) > 1:
        return False, since
    if isinstance(statement.targets[0], ast.Name) and _is_part_of(statement.value, name):
        return fresh, since
    return is_new(statement.value), statement.lineno


def _is_part_of(node: ast.expr, name: str) -> bool:
    """Whether an expression is a view of one tensor alone: ``y.view(-1)``, ``y[0]``, ``y.T``."""
    while not isinstance(node, ast.Name):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _PASSES_ON
        ):
            node = node.func.value
        elif isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        else:
            return False
    return node.id == name


def _makes_view(node: ast.expr) -> bool:
    """Whether an expression is a view made by a call or an attribute, or a part of what such a call gives."""
    if isinstance(node, ast.Subscript):
        return _makes_view(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr in _VIEWED
    return isinstance(node, ast.Call) and _last(node.func) in _VIEWS and not is_new(node)


def _is_view_of(node: ast.expr, name: str) -> bool:
    """Whether an expression is a view of the tensor called ``name``: a slice, or made by a call."""
    if isinstance(node, ast.Subscript):
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        sliced = all(isinstance(item, ast.Slice | ast.Constant) for item in items)
        return sliced and isinstance(node.value, ast.Name) and node.value.id == name
    return _makes_view(node) and name in _owners(node)


def _owners(node: ast.expr | None) -> Iterator[str]:
    """The names whose tensors an expression may give on: itself, a view of it, a part, one of several."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Subscript | ast.Starred):
        yield from _owners(node.value)
    elif isinstance(node, ast.Attribute):
        yield from _owners(node.value) if node.attr in _VIEWED else ()
    elif isinstance(node, ast.Call) and _last(node.func) in _PASSES_ON:
        for argument in (getattr(node.func, "value", None), *node.args):
            yield from _owners(argument)
    elif isinstance(node, ast.IfExp):
        yield from (*_owners(node.body), *_owners(node.orelse))
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for item in node.elts:
            yield from _owners(item)


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
    """Tensors that get another name or a place elsewhere: ``y = x[0]``, ``[x, y]``, ``all.append(x)``."""
    for node in nodes:
        inside: Sequence[ast.expr | None] = ()
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            inside = (node.value,)
        elif isinstance(node, ast.List | ast.Tuple | ast.Set) and _is_read(node):
            inside = node.elts
        elif isinstance(node, ast.Dict):
            inside = node.values
        elif isinstance(node, ast.For | ast.AsyncFor):
            inside = (node.iter,)
        elif isinstance(node, ast.Yield):
            inside = (node.value,)
        elif isinstance(node, ast.Call) and _last(node.func) in ("append", "insert", "extend", "add"):
            inside = node.args
        for item in inside:
            yield from _owners(item)


def _is_read(node: ast.List | ast.Tuple | ast.Set) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
