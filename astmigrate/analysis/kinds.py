"""What a value is, as far as the source tells: the kinds and their union."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Union

import msgspec
from msgspec.structs import replace

TORCH_ROOTS = frozenset({"torch", "torchvision", "torchaudio", "torchtext"})
CONTAINERS = frozenset({"torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict"})


class Origin(msgspec.Struct, eq=False):
    """The call that made a module; ``changed`` are the ways in which its children are changed later."""

    changed: set[str] = set()


Flow = Union[str, "Value"]
MOST_FLOWS = 48
_PLACES = 4  # lists and tuples of so many elements are compared place by place


class Value(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What an expression may be.

    ``name`` is the qualified name of a reference, class, function, or of an instance's class.
    ``items`` are the elements of a literal sequence, ``element`` stands for any other element.
    ``direct`` marks a reference through an import, as opposed to one through a variable.
    ``flows`` are terms (see ``flows.py``) and values that it may be too; no kind depends on them, and
    values that differ in them alone are equal. A struct, as there are hundreds of thousands.
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
    flows: tuple[Flow, ...] = ()

    @property
    def each(self) -> tuple[Value, ...]:
        """The alternatives; the value itself where there is only one."""
        return self.alternatives or (self,)

    def __eq__(self, other: object) -> bool:
        """Whether both may be the same, wherever they flow from."""
        return (
            other.__class__ is Value
            and self.kind == other.kind
            and self.name == other.name
            and _compared(self) == _compared(other)
        )

    def __hash__(self) -> int:
        """As ``__eq__`` has it."""
        return hash(_compared(self))


_compared: Callable[[Value], tuple[Any, ...]] = attrgetter(*Value.__struct_fields__[:-1])


UNKNOWN = Value()
TENSOR = Value("tensor")
COMPLEX = Value("tensor", name="complex")  # it may be complex; a plain tensor is not known to be
PARAMETER = Value("tensor", name="torch.nn.Parameter")
SIZE = Value("size")
NUMBER = Value("number")
USUALLY_NUMBER = Value(
    "number", name="default"
)  # a parameter whose default is one; a caller may pass a tuple
COMPARED = Value("number", name="compared")  # of unknown values: a bool, or a mask
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
        if first.kind in ("sequence", "dict"):
            return _one_list(first, second) if first.kind == "sequence" else _merged(first, second)
        simple = _SIMPLE[first.kind] if first.literal != second.literal else first
        return _flowing(simple, sources(first) + sources(second)) if first.flows or second.flows else simple
    values: list[Value] = []
    for value in (*first.each, *second.each):
        twin = next((i for i, v in enumerate(values) if _same_container(v, value)), None)
        if twin is not None:
            values[twin] = _merged(values[twin], value)
            continue
        at = next((i for i, v in enumerate(values) if value is v or value == v), None)
        if at is None:
            values.append(value)
        elif value.flows or values[at].flows:
            values[at] = _flowing(values[at], sources(values[at]) + sources(value))
    flows = (first.flows if first.alternatives else ()) + (second.flows if second.alternatives else ())
    if len(values) == 1:
        return _flowing(values[0], values[0].flows + flows) if flows else values[0]
    if len(values) > 12:
        return _flowing(UNKNOWN, (*(f for v in values for f in sources(v, itself=True)), *flows))
    kinds = {v.kind for v in values if v.kind != "none"}
    kind = kinds.pop() if len(kinds) == 1 else "unknown"
    names = {v.name for v in values if v.kind != "none"}
    return Value(
        kind,
        name=names.pop() if len(names) == 1 else "",
        alternatives=tuple(values),
        origins=tuple(dict.fromkeys(o for v in values for o in v.origins)),
        flows=tuple(dict.fromkeys(flows)) if flows else (),
    )


def is_open(value: Value) -> bool:
    """Whether a value may be a module of any class."""
    return (
        value.kind in ("unknown", "member")
        or (value.kind == "module" and value.name in ("", "torch.nn.Module"))
    ) and not value.alternatives


def sources(value: Value, itself: bool = False) -> tuple[Flow, ...]:
    """The terms of a value that becomes one with another: what is open without any may be anything."""
    if is_open(value):
        return value.flows or ("?",)
    if not itself or value.kind in ("none", "number", "string"):
        return value.flows
    if value.kind in ("class", "ref", "function"):
        return (f"{'def' if value.kind == 'function' else 'class'}:{value.name}", *value.flows)
    return (value, *value.flows) if value.kind == "module" else value.flows


def _flowing(value: Value, flows: tuple[Flow, ...]) -> Value:
    distinct = [f for i, f in enumerate(flows) if f not in flows[:i]]
    if len(distinct) > MOST_FLOWS:
        distinct = [*distinct[: MOST_FLOWS - 1], "?"]
    return replace(value, flows=tuple(distinct))


def _same_container(first: Value, second: Value) -> bool:
    if not first.kind == second.kind == "module" or first.name != second.name:
        return False
    return first.name in CONTAINERS or bool(
        first.name and (first.keys or first.element or second.keys or second.element)
    )


def _one_list(first: Value, second: Value) -> Value:
    """Two states of a list as one; its places are kept where both are the same."""
    flows = first.flows + second.flows
    if first.items is not None and len(first.items) <= _PLACES and first == second:
        items = tuple(join(a, b) for a, b in zip(first.items, second.items or (), strict=True))
        return _flowing(replace(first, items=items), flows)
    return _flowing(replace(first, items=None, element=_elements(first, second)), flows)


def _has_grown(first: Value, second: Value) -> bool:
    """Whether the second may be the first after more has been added."""
    known = [key for key, _ in first.keys]
    whole = second.element is not None or first.element is None
    return whole and [key for key, _ in second.keys[: len(known)]] == known


def _merged(first: Value, second: Value) -> Value:
    """Two states of a dictionary or container of modules as one."""
    own, others = dict(first.keys), dict(second.keys)
    keys: dict[str, Value] = {}
    grown = _has_grown(first, second) or _has_grown(second, first)
    for key in {**own, **others}:
        value = join(own.get(key), others.get(key))
        if not grown and (key not in own or key not in others):  # it may be missing, or have no certain name
            element = first.element if key not in own else second.element
            value = join(value, element) if element is not None else value
            value = _flowing(value, (*sources(value), "None"))
        keys[key] = value
    origins = tuple(dict.fromkeys((*first.origins, *second.origins)))
    element = join(first.element, second.element) if first.element or second.element else None
    merged = replace(first, keys=tuple(keys.items()), element=element, origins=origins)
    return _flowing(merged, first.flows + second.flows) if second.flows else merged


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


_ITERATED = frozenset({"tensor", "size", "member", "foreign", "array"})


def iterate(value: Value) -> Value:
    """The element that a ``for`` binds."""
    element = any_element(value)
    if element is None and value.alternatives and value.kind not in _ITERATED:
        return _iterate_any(value)
    if value.kind in ("sequence", "module"):
        found = element or (MEMBER if value.kind == "module" else UNKNOWN)
        if not value.flows:
            return found
        if is_open(value):
            return replace(
                found, flows=tuple(f"{t}.*" if isinstance(t, str) and "(" in t else "?" for t in value.flows)
            )
        return _flowing(found, found.flows + value.flows)
    if value.kind == "tensor":
        return TENSOR
    if value.kind == "size":
        return NUMBER
    if value.kind in ("member", "foreign", "array"):
        return value
    return replace(UNKNOWN, flows=value.flows) if value.flows else UNKNOWN


def _iterate_any(value: Value) -> Value:
    """The element of one of several values: its kind is open, its terms are those of each."""
    found = MEMBER if value.kind == "module" else UNKNOWN
    inner = [iterate(each) for each in value.alternatives if each.kind in ("sequence", "module", "unknown")]
    terms = tuple(f for v in inner for each in v.each for f in sources(each, itself=True))
    return _flowing(found, terms) if terms else found


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
    return COMPLEX if word == "complex" else _SIMPLE.get(word) or Value(word)


def from_constant(value: object) -> Value:
    """The value of a literal."""
    if value is None:
        return NONE
    if isinstance(value, str):
        return Value("string", literal=value)
    if isinstance(value, (bool, int, float)):
        return NUMBER
    return UNKNOWN


def is_learned(value: Value) -> bool:
    """Whether a value is an ``nn.Parameter``."""
    return PARAMETER in value.each
