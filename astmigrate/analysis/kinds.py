"""What a value is, as far as the source tells: the kinds, their union, and what annotations say."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import Any

TORCH_ROOTS = frozenset({"torch", "torchvision", "torchaudio", "torchtext"})
CONTAINERS = frozenset({"torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict"})

# Names that arrays, strings, containers, files or modules have too: no evidence for a tensor.
_OTHERS = (str, bytes, list, dict, set, tuple, int, float, complex, slice, range)
_NDARRAY = """all any argmax argmin argpartition argsort astype base byteswap choose clip compress conj
conjugate copy ctypes cumprod cumsum data diagonal dot dtype dump dumps fill flags flat flatten getfield
imag item itemset itemsize max mean min nbytes ndim newbyteorder nonzero partition prod ptp put ravel real
repeat reshape resize round searchsorted setfield setflags shape size sort squeeze std strides sum swapaxes
take tobytes tofile tolist tostring trace transpose var view T"""
_MODULE = """apply bfloat16 buffers children cpu cuda double eval float forward half modules name
parameters register_buffer register_parameter requires_grad_ share_memory state_dict to train type
zero_grad requires_grad device grad"""
_FRAMES = """abs add backward close div eq expand filter norm log mul ne new numpy pow read sub tile
unique where write"""
AMBIGUOUS = frozenset(name for kind in _OTHERS for name in dir(kind)).union(
    _NDARRAY.split(), _MODULE.split(), _FRAMES.split()
)


@dataclass(slots=True, eq=False)
class Origin:
    """The call that made a module; ``changed`` are the ways in which its children are changed later."""

    changed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression may be.

    ``name`` is the qualified name of a reference, class, function, or of an instance's class.
    ``items`` are the elements of a literal sequence, ``element`` stands for any other element.
    ``direct`` marks a reference through an import, as opposed to one through a variable.
    """

    kind: str = "unknown"
    name: str = ""
    items: tuple[Value, ...] | None = None
    element: Value | None = None
    keys: tuple[tuple[str, Value], ...] = ()
    direct: bool = False
    literal: Any = None
    alternatives: tuple[Value, ...] = ()
    origins: tuple[Origin, ...] = ()
    line: int = 0

    @property
    def each(self) -> tuple[Value, ...]:
        """The alternatives; the value itself where there is only one."""
        return self.alternatives or (self,)


UNKNOWN = Value()
TENSOR = Value("tensor")
SIZE = Value("size")
NUMBER = Value("number")
USUALLY_NUMBER = Value(
    "number", name="default"
)  # a parameter whose default is one; a caller may pass a tuple
STRING = Value("string")
NONE = Value("none")
MEMBER = Value("member")  # an attribute of a module about which nothing is known
SEQUENCE = Value("sequence")
DICT = Value("dict")
ARRAY = Value("array")
FOREIGN = Value("foreign")  # what another library made; a tensor's methods do not speak for one
_SIMPLE = {v.kind: v for v in (TENSOR, SIZE, NUMBER, STRING, NONE, SEQUENCE, DICT, ARRAY, FOREIGN, UNKNOWN)}


def join(first: Value | None, second: Value | None) -> Value:
    """The union of two values; of one kind if both are, Nones apart."""
    if first is second or second is None or first is None:
        return first or second or UNKNOWN
    if (
        first.kind == second.kind
        and first.kind in _SIMPLE
        and not first.alternatives
        and not second.alternatives
    ):
        if first.kind == "sequence":
            return replace(first, items=None, element=_elements(first, second))
        return _SIMPLE[first.kind] if first.literal != second.literal else first
    values: list[Value] = []
    for value in (*first.each, *second.each):
        twin = next((i for i, v in enumerate(values) if _same_container(v, value)), None)
        if twin is not None:
            values[twin] = _merged(values[twin], value)
        elif not any(value is v or value == v for v in values):
            values.append(value)
    if len(values) == 1:
        return values[0]
    if len(values) > 12:
        return UNKNOWN
    kinds = {v.kind for v in values if v.kind != "none"}
    kind = kinds.pop() if len(kinds) == 1 else "unknown"
    names = {v.name for v in values if v.kind != "none"}
    return Value(
        kind,
        name=names.pop() if len(names) == 1 else "",
        alternatives=tuple(values),
        origins=tuple(dict.fromkeys(o for v in values for o in v.origins)),
    )


def _same_container(first: Value, second: Value) -> bool:
    return first.kind == second.kind == "module" and first.name == second.name and first.name in CONTAINERS


def _merged(first: Value, second: Value) -> Value:
    """Two states of a container of modules as one."""
    keys = dict(first.keys)
    for key, value in second.keys:
        keys[key] = join(keys.get(key), value)
    origins = tuple(dict.fromkeys((*first.origins, *second.origins)))
    element = join(first.element, second.element) if first.element or second.element else None
    return replace(first, keys=tuple(keys.items()), element=element, origins=origins)


def _elements(first: Value, second: Value) -> Value | None:
    if first.items == () and first.element is None:
        return any_element(second)
    if second.items == () and second.element is None:
        return any_element(first)
    return join(any_element(first), any_element(second))


def any_element(value: Value) -> Value | None:
    """What iterating over a sequence or container of modules yields."""
    found = value.element
    for item in value.items or ():
        found = join(found, item)
    for _, item in value.keys:
        found = join(found, item)
    return found


def iterate(value: Value) -> Value:
    """The element that a ``for`` binds."""
    if value.kind in ("sequence", "module"):
        found = any_element(value)
        return found or (MEMBER if value.kind == "module" else UNKNOWN)
    if value.kind == "tensor":
        return TENSOR
    if value.kind == "size":
        return NUMBER
    return value if value.kind in ("member", "foreign", "array") else UNKNOWN


def sequence_of(element: Value | None) -> Value:
    """A list or tuple of any length."""
    return Value("sequence", element=element)


def from_returns(word: str) -> Value:
    """The value that a row's ``returns`` describes."""
    if not word:
        return UNKNOWN
    if "," in word:
        return Value("sequence", items=tuple(from_returns(part.strip()) for part in word.split(",")))
    if word.endswith("..."):
        return sequence_of(from_returns(word[:-3].strip()))
    return _SIMPLE.get(word) or Value(word)


def from_constant(value: object) -> Value:
    """The value of a literal."""
    if value is None:
        return NONE
    if isinstance(value, str):
        return Value("string", literal=value)
    if isinstance(value, (bool, int, float)):
        return NUMBER
    return UNKNOWN


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
