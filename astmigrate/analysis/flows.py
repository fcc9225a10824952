"""Where a value comes from that only callers tell: terms for parameters and for what is made of them.

A term is text. ``F(p)`` is what parameter ``p`` of function ``F`` is given, ``T()`` what calling ``T``
yields, ``T.a`` its attribute; ``def:F`` is a function itself, ``?`` is anything, "" is nothing. A list,
and what
stands in it, have the same terms. ``astmigrate.weights.closure`` finds out what terms stand for.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from astmigrate.analysis.kinds import MOST_FLOWS, UNKNOWN, Flow, Value, is_open, sources

_LONGEST = 300  # characters of a term; what is made in a recursion would grow without end
_CLOSED = frozenset({"number", "string", "tensor", "self", "none"})
_CONTENT = frozenset({"items", "values", "copy", "get", "pop", "popitem", "setdefault", "__getitem__"})


def from_parameter(value: Value, function: str, name: str) -> Value:
    """What a parameter may be: as far as its declaration leaves that open, what callers give it."""
    if value.kind in _CLOSED and not value.alternatives:
        return value
    terms = (f"{function}({name})",)
    return Value(flows=terms) if value is UNKNOWN else _opened(value, terms)


def is_parameter(value: Value, name: str) -> bool:
    """Whether a value may be what callers give as ``name``."""
    return any(isinstance(term, str) and term.endswith(f"({name})") for term in value.flows)


def _opened(value: Value, terms: tuple[Flow, ...]) -> Value:
    if value.alternatives:
        return replace(value, alternatives=tuple(_opened(each, terms) for each in value.alternatives))
    if is_open(value):
        return replace(value, flows=terms)
    if value.kind not in ("sequence", "dict"):
        return value
    if value.items:
        return replace(value, items=tuple(_opened(item, terms) for item in value.items))
    if value.element is not None:
        return replace(value, element=_opened(value.element, terms))
    return replace(value, flows=terms)


def of(value: Value) -> tuple[Flow, ...]:
    """The terms of a value and of its alternatives; "?" where one of several has none."""
    if not value.alternatives:
        return value.flows
    found = [*value.flows, *(f for each in value.alternatives for f in sources(each))]
    return tuple(f for i, f in enumerate(found) if f not in found[:i]) if any(f != "?" for f in found) else ()


def declared(value: Value, found: Value) -> Value:
    """What is declared, where the code tells terms or layers only: those are what it leaves open."""
    terms = [*of(found), *(v for v in found.alternatives if v.kind == "module" and not is_open(v))]
    return _opened(value, tuple(terms)) if terms else value


def called(callee: Value) -> Value:
    """What calling a value yields about whose kind nothing is known."""
    if callee.kind in ("string", "number", "none"):
        return replace(UNKNOWN, flows=("",))  # is not called
    return _made(UNKNOWN, of(callee), "()")


def attribute(found: Value, base: Value, name: str) -> Value:
    """``base.name``, which is ``found`` as far as the kinds tell."""
    terms = of(base)
    return _made(found, terms, f".{name}") if terms and _tells_nothing(found) else found


def method(found: Value, receiver: Value, name: str) -> Value:
    """``receiver.name(...)``, which is ``found`` as far as the kinds tell."""
    terms = of(receiver)
    if not terms or not _tells_nothing(found):
        return found
    return replace(found, flows=terms) if name in _CONTENT else _made(found, terms, f".{name}()")


def item(found: Value, base: Value, key: object) -> Value:
    """``base[key]``; of ``**kwargs`` the argument of that name."""
    terms = base.flows
    if not isinstance(key, str) or not any(isinstance(t, str) and t.endswith("(**)") for t in terms):
        return found
    named = tuple(f"{t[:-1]}{key})" if isinstance(t, str) and t.endswith("(**)") else t for t in terms)
    return replace(found, flows=named)


def content(element: Value | None, container: Value) -> Value | None:
    """What stands in a list or dictionary, its own terms too."""
    if not container.flows:
        return element
    found = element or UNKNOWN
    return replace(found, flows=tuple(dict.fromkeys((*found.flows, *container.flows))))


def holding(container: Value, values: Sequence[Value]) -> Value:
    """A container of modules made of lists: their terms are what it holds."""
    terms = tuple(
        dict.fromkeys(f for v in values if v.kind in ("sequence", "dict", "unknown") for f in of(v))
    )
    return replace(container, flows=terms) if terms else container


def children(modules: Value, terms: tuple[Flow, ...]) -> Value:
    """What ``named_children`` or the like yields of a module about which only terms are known."""
    if is_open(modules):
        return _made(modules, terms, ".*")
    items = tuple(children(item, terms) for item in modules.items) if modules.items else modules.items
    element = children(modules.element, terms) if modules.element is not None else None
    return replace(modules, items=items, element=element)


def either(found: Value, defaults: Sequence[Value]) -> Value:
    """What is taken from ``**kwargs``: the argument of that name, or the default."""
    terms = [f"class:{v.name}" for v in defaults if v.kind in ("ref", "class")]
    return replace(found, flows=(*found.flows, *terms, *(f for v in defaults for f in of(v))))


def united(found: Value, left: Value, right: Value) -> Value:
    """The sum of two lists, or a list repeated: what either has."""
    if found.kind != "sequence":
        return found
    return replace(found, flows=tuple(dict.fromkeys((*found.flows, *of(left), *of(right)))))


def _tells_nothing(value: Value) -> bool:
    return value.kind in ("unknown", "member") and not value.alternatives and not value.flows


def _made(value: Value, terms: tuple[Flow, ...], how: str) -> Value:
    long = (t if t == "?" or not isinstance(t, str) else t + how for t in terms if t not in ("", "None"))
    made = dict.fromkeys(t if isinstance(t, str) and len(t) < _LONGEST else "?" for t in long)
    return replace(value, flows=tuple(made)[:MOST_FLOWS]) if made else value
