"""Whether it can be seen that a tensor is changed in place.

``nn.ReLU(inplace=True)`` or ``y += x`` after a convolution is a matter of memory alone: nobody else has the
tensor. Where it is a parameter, has another name or a view, or is read again, the change is seen. Told from
one class and one function each, in the order of the text; what cannot be told counts as seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import msgspec

from astmigrate.analysis.headers import Function
from astmigrate.analysis.text import last_name
from astmigrate.plan.steps import (
    Step,
    divided,
    end_of,
    fresh_after,
    inner_statements,
    is_new,
    is_view_of,
    makes_view,
    own_nodes,
    reads_parts,
    statements_of,
    step_of,
)

_ADDS = ("add_module", "append")
_Loop = ast.For | ast.AsyncFor | ast.While
_Scope = ast.ClassDef | Function


class _Use(msgspec.Struct, frozen=True):
    """Where a class reads an attribute: the step, None outside of all, and the call that it is, if any."""

    function: Function
    step: Step | None
    call: ast.Call | None


class Freshness:
    """What can be seen of the changes that the functions of one file make in place."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._steps: dict[int, list[Step]] = {}  # by function
        self._uses: dict[int, dict[str, list[_Use]]] = {}  # by class and attribute

    def change_is_unseen(self, statement: ast.stmt, name: str, *, rebinds: bool = False) -> bool:
        """Whether a statement may change the tensor called ``name`` in the function around it.

        ``rebinds`` tells that what comes of the statement will be bound to the same name.
        """
        function = self._function(statement)
        return function is not None and self._name_is_unseen(function, statement, name, rebinds)

    def is_view(self, statement: ast.stmt, node: ast.expr) -> bool:
        """Whether a tensor is a view that no gradient is written through: no slice, but ``x.view(6)``."""
        if not isinstance(node, ast.Name):
            return makes_view(node)
        bound = self._bound(statement, node.id)
        return bound is not None and makes_view(bound)

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
            elif not after and value is not None and is_view_of(value, name):
                views |= step.binds - {name}
        return False

    def layer_is_unseen(self, statement: ast.stmt | None, made: ast.Call) -> bool:
        """Whether all that the layer made by this call, a part of the statement, writes into is its own."""
        for parent in ast.walk(statement) if statement is not None else ():
            for children in _sequences(parent):
                if made in children:
                    return _follows(children, made)
            if isinstance(parent, ast.Call) and last_name(parent.func) in _ADDS and made in parent.args:
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
        self, function: Function, statement: ast.stmt, name: str, rebinds: bool = False
    ) -> bool:
        """Whether the statement may change the tensor called ``name`` and no other name of it is read later.

        The name was bound to something new before and got no second name since; behind the statement it is
        bound anew, by the statement itself or another, before it is read.
        """
        fresh, since = self._made(function, statement, name)
        loop = self._loop(function, statement, since)
        seen = rebound = after = False
        for step in self._steps_of(function):
            if step.statement is statement:
                after, rebound = True, rebinds or name in step.binds
                seen = step.reads[name] > 1 or (loop is not None and not rebound)
            elif not after:
                continue
            elif loop is not None and name in step.shares and end_of(step.statement) <= end_of(loop):
                seen = True  # by the next round
            elif not rebound:
                seen = seen or step.reads[name] > 0
                rebound = name in step.binds
        return fresh and not seen

    def _made(
        self, function: Function, statement: ast.stmt, name: str, parts: bool = False
    ) -> tuple[bool, int]:
        """Whether before a statement a name stands for a tensor of its own, and the line where that was made.

        With ``parts`` others may have parts of it that do not overlap: ``y[0]``, ``y[1]``.
        """
        fresh, since = False, 0
        for step in self._steps_of(function):
            if step.statement is statement:
                break
            if parts and name not in step.binds and reads_parts(step, name):
                continue
            fresh, since = fresh_after(step, name, fresh, since)
            if not fresh and name in step.binds and self._is_own_part(function, step, name):
                fresh, since = True, step.statement.lineno
        return fresh, since

    def _is_own_part(self, function: Function, step: Step, name: str) -> bool:
        """Whether a name gets a part, which no other gets, of a tensor that is read by parts alone."""
        whole = divided(step.statement, name)
        if not whole or not self._made(function, step.statement, whole, parts=True)[0]:
            return False
        steps = self._steps_of(function)
        return all(reads_parts(later, whole) for later in steps[steps.index(step) + 1 :])

    def _loop(self, function: Function, statement: ast.stmt, since: int) -> _Loop | None:
        """The outermost loop around a statement that begins behind a line."""
        loops = [step.statement for step in self._steps_of(function) if isinstance(step.statement, _Loop)]
        return next((loop for loop in loops if since < loop.lineno <= statement.lineno <= end_of(loop)), None)

    def _around(self, node: ast.stmt | ast.expr) -> list[_Scope]:
        """The classes and functions that hold a node, the outermost first."""
        found: list[_Scope] = []
        waiting: list[ast.AST] = [self._tree]
        while waiting:
            for child in inner_statements(waiting.pop()):
                if child.lineno <= node.lineno <= end_of(child):
                    waiting.append(child)
                    if isinstance(child, _Scope):
                        found.append(child)
        return found

    def _function(self, node: ast.stmt | ast.expr) -> Function | None:
        return next((s for s in reversed(self._around(node)) if isinstance(s, Function)), None)

    def _steps_of(self, function: Function) -> list[Step]:
        if id(function) not in self._steps:
            self._steps[id(function)] = [step_of(statement) for statement in statements_of(function)]
        return self._steps[id(function)]

    def _uses_in(self, owner: ast.ClassDef) -> dict[str, list[_Use]]:
        if id(owner) not in self._uses:
            uses = self._uses[id(owner)] = dict[str, list[_Use]]()
            for function in (node for node in owner.body if isinstance(node, Function)):
                for step, nodes in [
                    (None, list(own_nodes(function))),
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
    if isinstance(node, ast.Call) and last_name(node.func) in ("Sequential", "__init__"):
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
