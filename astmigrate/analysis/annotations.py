"""What annotations say of values."""

from __future__ import annotations

import ast
from typing import Any

from astmigrate.analysis.kinds import (
    ARRAY,
    DICT,
    NONE,
    NUMBER,
    SEQUENCE,
    SIZE,
    STRING,
    TENSOR,
    UNKNOWN,
    Value,
    join,
    sequence_of,
)

_ANNOTATIONS = {
    "int": NUMBER, "float": NUMBER, "bool": NUMBER, "str": STRING, "None": NONE,
    "torch.Tensor": TENSOR, "torch.nn.Parameter": TENSOR, "torch.FloatTensor": TENSOR,
    "torch.LongTensor": TENSOR, "torch.autograd.Variable": TENSOR, "torch.Size": SIZE,
    "torch.dtype": Value("dtype"), "mindspore.Type": Value("dtype"), "torch.device": Value("device"),
    "numpy.ndarray": ARRAY,
    "torch.nn.Module": Value("module", "torch.nn.Module"), "list": SEQUENCE, "tuple": SEQUENCE, "dict": DICT,
    "torch.optim.Optimizer": Value("optimizer"), "torch.utils.data.DataLoader": Value("loader"),
    "torch.Generator": Value("generator"), "torch.distributions.Distribution": Value("distribution"),
}  # fmt: skip
_SEQUENCES = frozenset({"list", "tuple", "List", "Tuple", "Sequence", "Iterable", "Set", "set"})


def from_annotation(node: ast.expr | None, qualify: Any) -> Value:
    """What an annotation says; ``qualify`` gives the qualified name of a Name or Attribute."""
    if node is None:
        return UNKNOWN
    if isinstance(node, ast.Constant):
        return _from_string(node, qualify)
    if isinstance(node, ast.BinOp):  # X | None
        return join(from_annotation(node.left, qualify), from_annotation(node.right, qualify))
    if isinstance(node, ast.Subscript):
        return _from_subscript(node, qualify)
    name: str = qualify(node)
    return _ANNOTATIONS.get(name, UNKNOWN)


def _from_string(node: ast.Constant, qualify: Any) -> Value:
    if node.value is None:
        return NONE
    if not isinstance(node.value, str):
        return UNKNOWN
    try:
        return from_annotation(ast.parse(node.value.strip(), mode="eval").body, qualify)
    except SyntaxError:
        return UNKNOWN


def _from_subscript(node: ast.Subscript, qualify: Any) -> Value:
    name = qualify(node.value).rpartition(".")[2]
    inner = node.slice
    if name == "Optional":
        return join(from_annotation(inner, qualify), NONE)
    if name == "Union" and isinstance(inner, ast.Tuple):
        found: Value | None = None
        for part in inner.elts:
            found = join(found, from_annotation(part, qualify))
        return found or UNKNOWN
    if name in _SEQUENCES:
        if isinstance(inner, ast.Tuple) and name in ("tuple", "Tuple"):
            parts = [p for p in inner.elts if not (isinstance(p, ast.Constant) and p.value is Ellipsis)]
            if len(parts) == len(inner.elts):
                return Value("sequence", items=tuple(from_annotation(p, qualify) for p in parts))
            return sequence_of(from_annotation(parts[0], qualify))
        return sequence_of(from_annotation(inner, qualify))
    return DICT if name in ("Dict", "dict", "OrderedDict") else UNKNOWN
