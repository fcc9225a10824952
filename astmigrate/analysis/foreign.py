"""What functions that are neither torch's nor the project's return: builtins, numpy, the standard library."""

from __future__ import annotations

from msgspec.structs import replace

from astmigrate.analysis import kinds
from astmigrate.analysis.kinds import ARRAY, DICT, FOREIGN, NUMBER, STRING, UNKNOWN, Value, join
from astmigrate.binding import Arguments

_NUMBERS = frozenset({"len", "int", "float", "bool", "round", "ord", "hash", "divmod", "id", "callable"})
_STRINGS = frozenset({"str", "repr", "format", "chr", "input", "string.join", "string.format", "string.lower",
                      "string.upper", "string.replace", "string.strip"})  # fmt: skip
_SEQUENCES = frozenset({"list", "tuple", "sorted", "reversed", "set", "frozenset", "iter"})


def external_result(name: str, arguments: Arguments) -> Value:
    """The value of a call of a foreign function."""
    leaf = name.removeprefix("builtins.")
    first = arguments.positional[0] if arguments.positional else None
    if leaf in _NUMBERS or name.startswith("math."):
        return NUMBER
    if leaf in _STRINGS:
        return STRING
    if leaf == "range":
        return kinds.sequence_of(NUMBER)
    if leaf in ("abs", "max", "min", "sum", "pow"):
        return _folded(arguments)
    if leaf in _SEQUENCES:
        return _sequence(first)
    if leaf in ("zip", "enumerate", "map", "filter"):
        return _paired(leaf, arguments)
    if name.startswith("numpy."):
        return ARRAY
    if leaf in ("dict", "collections.OrderedDict"):
        return mapping(arguments)
    if leaf in ("copy.deepcopy", "copy.copy", "typing.cast", "functools.partial", "next"):
        return _passed(leaf, arguments)
    if name.endswith(".MissingTorch"):  # what an earlier run put in the place of torch
        return kinds.NONE
    if name.startswith("builtins.") or "." not in name or (first is not None and first.kind == "tensor"):
        return UNKNOWN
    return FOREIGN


def _passed(name: str, arguments: Arguments) -> Value:
    values = arguments.positional
    if not values:
        return UNKNOWN
    if name == "next":
        return kinds.iterate(values[0])
    return values[1] if name == "typing.cast" and len(values) > 1 else values[0]


def _sequence(first: Value | None) -> Value:
    if first is None:
        return Value("sequence", items=())
    if first.kind == "sequence":
        return first
    element = kinds.iterate(first)
    return kinds.sequence_of(element if element is not UNKNOWN else None)


def _folded(arguments: Arguments) -> Value:
    found: Value | None = None
    for value in arguments.positional:
        found = join(found, kinds.iterate(value) if len(arguments.positional) == 1 else value)
    if found is not None and any(v.kind == "tensor" for v in found.each):
        return kinds.TENSOR
    return NUMBER if found is not None and found.kind == "number" else UNKNOWN


def _paired(name: str, arguments: Arguments) -> Value:
    elements = tuple(kinds.iterate(v) for v in arguments.positional)
    if name == "zip":
        return kinds.sequence_of(Value("sequence", items=elements))
    if name == "enumerate":
        return kinds.sequence_of(Value("sequence", items=(NUMBER, *elements[:1])))
    return kinds.sequence_of(elements[-1]) if name == "filter" and elements else kinds.sequence_of(None)


def mapping(arguments: Arguments) -> Value:
    """``dict(...)`` or ``OrderedDict(...)``; keys that are literals are kept."""
    keys: list[tuple[str, Value]] = []
    element: Value | None = None
    for keyword, value in zip(arguments.call.keywords, arguments.keywords, strict=True):
        if keyword.arg is not None:
            keys.append((keyword.arg, value))
    for value in arguments.positional[:1]:
        if value.kind == "dict":
            return value
        for pair in value.items or ():
            name = pair.items[0].literal if pair.items and len(pair.items) == 2 else None
            if pair.items and isinstance(name, str):
                keys.append((name, pair.items[1]))
        pair_element = value.element
        if pair_element is not None and pair_element.items and len(pair_element.items) == 2:
            element = join(element, pair_element.items[1])
    return replace(DICT, keys=tuple(keys), element=element)
