"""Lists, dictionaries and module containers: what they hold and how they grow."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from msgspec.structs import replace

from astmigrate.analysis import flows, kinds
from astmigrate.analysis.kinds import NUMBER, STRING, UNKNOWN, Value, join
from astmigrate.binding import Arguments

if TYPE_CHECKING:
    from astmigrate.analysis.state import State


def build(module: Value, arguments: Arguments) -> Value:
    """A new ``Sequential``, ``ModuleList`` or ``ModuleDict`` with its children."""
    if module.name not in kinds.CONTAINERS:
        return module
    values = arguments.positional
    if module.name == "torch.nn.Sequential" and not (len(values) == 1 and values[0].kind == "dict"):
        starred = [isinstance(a, ast.Starred) for a in arguments.call.args]
        if not any(starred):
            return replace(module, keys=tuple((str(i), v) for i, v in enumerate(values)))
        element: Value | None = None
        for value, star in zip(values, starred, strict=True):
            element = join(element, kinds.iterate(value) if star else value)
        return flows.holding(replace(module, element=element), values)
    if not values:
        return module
    content = values[0]
    if content.kind == "dict":
        return flows.holding(replace(module, keys=content.keys, element=content.element), values[:1])
    if content.items is not None:
        return replace(module, keys=tuple((str(i), v) for i, v in enumerate(content.items)))
    return flows.holding(replace(module, element=kinds.any_element(content)), values[:1])


def grown(container: Value, method: str, arguments: Arguments) -> Value:
    """The container after ``method`` has added children to it."""
    named = [(k.arg or "", v) for k, v in zip(arguments.call.keywords, arguments.keywords, strict=True)]
    named.sort(key=lambda pair: pair[0] not in ("name", "key", "index"))  # what a child is called comes first
    values = (*arguments.positional, *(value for _, value in named))
    if not values:
        return container
    if container.alternatives:
        each = tuple(grown(v, method, arguments) if v.kind == "module" else v for v in container.alternatives)
        container = replace(container, alternatives=each)
    if method in ("add_module", "register_module", "__setitem__") and len(values) > 1:
        if isinstance(values[0].literal, str):
            return replace(container, keys=(*container.keys, (values[0].literal, values[1])))
        return replace(container, element=join(container.element, values[1]))
    if method in ("extend", "update"):
        element: Value | None = kinds.any_element(values[0])
    else:
        element = values[-1]
    base = container
    if container.kind == "sequence" and container.items is not None:
        base = replace(container, items=None, element=kinds.any_element(container))
    return replace(base, element=join(base.element, element) if element else base.element)


def method(walk: State, func: ast.Attribute, receiver: Value, arguments: Arguments) -> Value:
    """A method of a list or dictionary."""
    name = func.attr
    if name in ("append", "extend", "insert", "update", "add"):
        new = _appended(receiver, arguments) if name == "append" else grown(receiver, name, arguments)
        if isinstance(func.value, (ast.Name, ast.Attribute)):
            walk.bind(func.value, new)
        return kinds.NONE
    element = flows.content(kinds.any_element(receiver), receiver)
    if name in ("values", "copy"):
        return kinds.sequence_of(element) if name == "values" else receiver
    if name == "keys":
        return kinds.sequence_of(STRING)
    if name == "items":
        return kinds.sequence_of(Value("sequence", items=(STRING, element or UNKNOWN)))
    if name in ("pop", "get", "setdefault") and receiver.flows and not receiver.keys:
        key = arguments.positional[0].literal if arguments.positional else None
        found = flows.item(kinds.iterate(receiver), receiver, key)
        return flows.either(found, arguments.positional[1:])
    if name in ("pop", "get", "setdefault") and element is not None:
        first = arguments.positional[0] if arguments.positional else UNKNOWN
        return next((v for k, v in receiver.keys if k == first.literal), element)
    return NUMBER if name in ("index", "count") else UNKNOWN


def _appended(receiver: Value, arguments: Arguments) -> Value:
    """Keeps the positions of a list that is filled by straight-line code."""
    if not arguments.positional:
        return receiver
    if receiver.kind == "sequence" and receiver.items is not None and receiver.element is None:
        return replace(receiver, items=(*receiver.items, arguments.positional[0]))
    return grown(receiver, "append", arguments)
