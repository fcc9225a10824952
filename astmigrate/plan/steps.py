"""What the statements of a function do with the names of tensors: bind, read, view, give on."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from astmigrate.analysis.headers import Function
from astmigrate.analysis.text import last_name

# What gives a view of its argument; and what may give that, or its argument itself, on.
_VIEWS = {
    "view", "view_as", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute",
    "swapaxes", "swapdims", "movedim", "moveaxis", "t", "detach", "expand", "expand_as", "narrow", "select",
    "chunk", "split", "tensor_split", "hsplit", "vsplit", "dsplit", "unbind", "diagonal", "unfold",
    "as_strided", "ravel", "broadcast_to", "atleast_1d", "atleast_2d", "atleast_3d", "adjoint", "as_tensor",
    "asarray", "from_numpy", "view_as_real", "view_as_complex",
}  # fmt: skip
_PASSES_ON = _VIEWS | {
    "contiguous", "to", "cpu", "cuda", "float", "half", "double", "bfloat16", "long", "int", "short", "bool",
    "type", "type_as", "numpy", "dropout", "Identity", "Flatten", "Unflatten", "Dropout", "Dropout1d",
    "Dropout2d", "Dropout3d", "AlphaDropout", "Sequential",
}  # fmt: skip
_VIEWED = ("T", "mT", "H", "mH", "data")  # attributes
_DIVIDES = ("chunk", "split", "unbind", "tensor_split")
_MADE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp)


class Step(msgspec.Struct, frozen=True):
    """A statement of a function, without those inside it: the names that it binds, reads and gives on."""

    statement: ast.stmt
    nodes: list[ast.AST]
    binds: frozenset[str]
    reads: Counter[str]
    shares: frozenset[str]


def is_new(node: ast.expr) -> bool:
    """Whether an expression makes a tensor that has no name yet."""
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        same = name in _PASSES_ON or name.endswith("_")
        if same and isinstance(node.func, ast.Attribute) and is_new(node.func.value):
            return True
        writes = any(k.arg == "inplace" and getattr(k.value, "value", True) for k in node.keywords)
        return not same and not writes
    return isinstance(node, _MADE)


def inner_statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements directly inside one, those of its branches included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def end_of(node: ast.stmt) -> int:
    """The last line of a statement."""
    return node.end_lineno or node.lineno


def fresh_after(step: Step, name: str, fresh: bool, since: int) -> tuple[bool, int]:
    """Whether a name stands for a tensor of its own after a step, and the line where that was made."""
    statement = step.statement
    if name not in step.binds or isinstance(statement, ast.AugAssign):
        return fresh and name not in step.shares, since
    if not isinstance(statement, ast.Assign) or len(statement.targets) > 1:
        return False, since
    if isinstance(statement.targets[0], ast.Name) and _is_part_of(statement.value, name):
        return fresh, since
    return is_new(statement.value), statement.lineno


def divided(statement: ast.stmt, name: str) -> str:
    """The tensor that is taken apart to bind a name: ``a, b = y.chunk(2)``, ``a = y[0]``; "" if none is."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) > 1:
        return ""
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        value = next((v for t, v in pairs if isinstance(t, ast.Name) and t.id == name), value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Call) and last_name(value.func) in _DIVIDES:
        owners = set(_owners(value)) - {"torch"}
        return owners.pop() if len(owners) == 1 else ""
    return _whole(value)


def _whole(node: ast.AST) -> str:
    """``y`` of ``y[0]``; "" of anything else."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        return ""
    constant = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)
    return node.value.id if constant else ""


def reads_parts(step: Step, name: str) -> bool:
    """Whether a step reads no more than parts of a tensor."""
    return step.reads[name] == sum(_whole(node) == name for node in step.nodes)


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


def makes_view(node: ast.expr) -> bool:
    """Whether an expression is a view made by a call or an attribute, or a part of what such a call gives."""
    if isinstance(node, ast.Subscript):
        return makes_view(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr in _VIEWED
    return isinstance(node, ast.Call) and last_name(node.func) in _VIEWS and not is_new(node)


def is_view_of(node: ast.expr, name: str) -> bool:
    """Whether an expression is a view of the tensor called ``name``: a slice, or made by a call."""
    if isinstance(node, ast.Subscript):
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        sliced = all(isinstance(item, ast.Slice | ast.Constant) for item in items)
        return sliced and isinstance(node.value, ast.Name) and node.value.id == name
    return makes_view(node) and name in _owners(node)


def _owners(node: ast.expr | None) -> Iterator[str]:
    """The names whose tensors an expression may give on: itself, a view of it, a part, one of several."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Subscript | ast.Starred):
        yield from _owners(node.value)
    elif isinstance(node, ast.Attribute):
        yield from _owners(node.value) if node.attr in _VIEWED else ()
    elif isinstance(node, ast.Call) and last_name(node.func) in _PASSES_ON:
        for argument in (getattr(node.func, "value", None), *node.args):
            yield from _owners(argument)
    elif isinstance(node, ast.IfExp):
        yield from (*_owners(node.body), *_owners(node.orelse))
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for item in node.elts:
            yield from _owners(item)


def statements_of(function: Function) -> list[ast.stmt]:
    """All statements of a function in the order of the text."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = [function]
    while waiting:
        inner = list(inner_statements(waiting.pop()))
        found += inner
        waiting += inner
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]


def step_of(statement: ast.stmt) -> Step:
    """What one statement does."""
    nodes = list(own_nodes(statement))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    binds = frozenset(node.id for node in names if isinstance(node.ctx, ast.Store))
    reads = Counter(node.id for node in names if isinstance(node.ctx, ast.Load))
    return Step(statement, nodes, binds, reads, frozenset(_shared(nodes)))


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
        elif isinstance(node, ast.Call) and last_name(node.func) in ("append", "insert", "extend", "add"):
            inside = node.args
        for item in inside:
            yield from _owners(item)


def _is_read(node: ast.List | ast.Tuple | ast.Set) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
