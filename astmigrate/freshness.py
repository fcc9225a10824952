"""Whether a layer that writes into its input can be seen to do so.

``nn.ReLU(inplace=True)`` after a convolution is a matter of memory alone: nobody else has the tensor. Where
its input is a parameter, has another name, or is read again, what it writes is seen. Told from one class
and one function each, in the order of the text; what cannot be told counts as seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

# What may give its argument, or a view of it, on.
_PASSES_ON = {
    "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "swapaxes",
    "movedim", "detach", "expand", "expand_as", "narrow", "select", "chunk", "split", "unbind", "contiguous",
    "to", "float", "half", "double", "type", "type_as", "view_as", "t", "dropout", "Identity", "Flatten",
    "Unflatten", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "Sequential",
}  # fmt: skip
_ADDS = ("add_module", "append")
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_MADE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp)


def is_new(node: ast.expr) -> bool:
    """Whether an expression makes a tensor that has no name yet."""
    if isinstance(node, ast.Call):
        name = _last(node.func)
        writes = any(k.arg == "inplace" and getattr(k.value, "value", True) for k in node.keywords)
        return name not in _PASSES_ON and not name.endswith("_") and not writes
    return isinstance(node, _MADE)


def change_is_unseen(tree: ast.Module, statement: ast.stmt, name: str) -> bool:
    """Whether a statement may change the tensor called ``name`` in the function around it."""
    around = [f for f in ast.walk(tree) if isinstance(f, _Function) and _holds(f, statement)]
    return bool(around) and name_is_unseen(around[-1], statement, name)


def layer_is_unseen(tree: ast.Module, made: ast.Call) -> bool:
    """Whether all that the layer made by this call writes into is its own."""
    for parent in ast.walk(tree):
        for children in _sequences(parent):
            if made in children:
                return _follows(children, made)
        if isinstance(parent, ast.Call) and _last(parent.func) in _ADDS and made in parent.args:
            return _is_added_later(tree, parent)
        if isinstance(parent, ast.Assign) and parent.value is made and len(parent.targets) == 1:
            return _attribute_is_unseen(tree, parent)
    return False


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


def _is_added_later(tree: ast.Module, call: ast.Call) -> bool:
    """Whether the container that a layer is added to has a layer before it, in the same function."""
    assert isinstance(call.func, ast.Attribute)
    container = ast.dump(call.func.value)
    around = [f for f in ast.walk(tree) if isinstance(f, _Function) and f.lineno <= call.lineno <= _end(f)]
    for node in ast.walk(around[-1]) if around else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.lineno < call.lineno:
            added = node.args[-1] if node.args and node.func.attr in _ADDS else None
            if added is not None and ast.dump(node.func.value) == container and is_new(added):
                return True
    return False


def _follows(items: Sequence[ast.expr], made: ast.Call) -> bool:
    at = items.index(made)
    return at > 0 and (is_new(items[at - 1]) or isinstance(items[at - 1], ast.Name))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _attribute_is_unseen(tree: ast.Module, assigned: ast.Assign) -> bool:
    """``self.relu = nn.ReLU(inplace=True)``: every use in the class is a call with a tensor of its own."""
    target = assigned.targets[0]
    if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
        return False
    owner = next((c for c in ast.walk(tree) if isinstance(c, ast.ClassDef) and _holds(c, assigned)), None)
    if owner is None:
        return False
    uses = [
        (function, node)
        for function in owner.body
        if isinstance(function, _Function)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr == target.attr and isinstance(node.ctx, ast.Load)
    ]
    return bool(uses) and all(_use_is_unseen(function, node) for function, node in uses)


def _holds(owner: ast.ClassDef | _Function, node: ast.stmt) -> bool:
    return owner.lineno <= node.lineno <= _end(owner)


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _use_is_unseen(function: _Function, used: ast.Attribute) -> bool:
    for statement in _statements(function):
        for node in _own(statement):
            if isinstance(node, ast.Call) and node.func is used and len(node.args) == 1:
                argument = node.args[0]
                if not isinstance(argument, ast.Name):
                    return is_new(argument)
                return name_is_unseen(function, statement, argument.id)
    return False


def name_is_unseen(function: _Function, statement: ast.stmt, name: str) -> bool:
    """Whether the statement may change the tensor called ``name`` and no other name of it is read later.

    The name was bound to something new before and got no second name since; behind the statement it is
    bound anew, by the statement itself or another, before it is read.
    """
    fresh = False
    seen = (
        sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for n in _own(statement))
        > 1
    )
    rebound = name in _bound(statement)
    after = False
    for other in _statements(function):
        if other is statement:
            after = True
            continue
        if after and not rebound:
            seen = seen or _reads(other, name)
            rebound = name in _bound(other)
        elif not after and name in _bound(other) and not isinstance(other, ast.AugAssign):
            fresh = isinstance(other, ast.Assign) and is_new(other.value)
        elif not after and _shares(other, name):
            fresh = False
    return fresh and not seen


def _statements(function: _Function) -> list[ast.stmt]:
    """All statements of a function in the order of the text."""
    found = [node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]


def _bound(statement: ast.stmt) -> set[str]:
    return {n.id for n in _own(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _reads(statement: ast.stmt, name: str) -> bool:
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for n in _own(statement)
    )


def _shares(statement: ast.stmt, name: str) -> bool:
    """Whether the tensor gets another name or a place elsewhere: ``y = x``, ``[x, y]``, ``all.append(x)``."""
    for node in _own(statement):
        inside: Sequence[ast.AST | None] = ()
        if isinstance(node, ast.Assign | ast.Return):
            inside = (node.value,)
        elif isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
            inside = node.elts
        elif isinstance(node, ast.Dict):
            inside = node.values
        elif isinstance(node, ast.Call) and _last(node.func) in ("append", "insert", "extend", "add"):
            inside = node.args
        if any(isinstance(item, ast.Name) and item.id == name for item in inside):
            return True
    return False
