"""What a file tells of the values that flow through parameters: its signatures, results and calls.

``closure`` joins what all files tell. A value is written as the ``type`` of a ``LayerSpec``: a layer or class
of which it is an instance (``object:X`` where that is no module), ``class:X`` for a class itself, ``def:F``
for a function, ``None``, "?" for anything, or a term of ``analysis.flows``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from astmigrate.analysis.classes import ClassInfo, FunctionInfo
from astmigrate.analysis.kinds import Value, is_open
from astmigrate.analysis.walk import Walk
from astmigrate.binding import Arguments
from astmigrate.model import FlowCall, Flows, LayerSpec

Specs = tuple[LayerSpec, ...]
ANY, NOTHING = LayerSpec("?", 0), LayerSpec("None", 0)
_SILENT = frozenset({"number", "string", "tensor", "size", "array", "dtype", "device"})
_DEEPEST = 6  # lists in lists
_MOST = 64  # what one argument may be


def export(walk: Walk, layers: Callable[[Value], Specs], seen: dict[str, dict[str, Any]]) -> Flows:
    """The flows of a walked file; ``layers`` gives the layers that a module may be, ``seen`` their rules."""
    return _Exporter(walk, layers).flows(seen)


class _Exporter:
    def __init__(self, walk: Walk, layers: Callable[[Value], Specs]) -> None:
        self.walk, self.layers, self.classes = walk, layers, walk.index.classes
        self.signatures: dict[str, tuple[str, ...]] = {}
        self.values: dict[str, Specs] = {}
        self.made: dict[str, LayerSpec] = {}
        self.plain: dict[str, Specs] = {}

    def flows(self, layers: dict[str, dict[str, Any]]) -> Flows:
        for info in self.walk.later:
            self._function(info)
        for name, (arguments, result) in self.walk.lambdas.items():
            self._signature(name, arguments, False)
            self._keep(f"{name}()", result)
        for owner in self.walk.classes:
            self._attributes(owner)
        inits = {info.name: init for info in self.walk.classes if (init := self._init(info))}
        bases = {i.name: names for i in self.walk.classes if (names := self._bases(i))}
        calls = (self._call(callee, arguments) for callee, arguments in self.walk.handed.values())
        handed = tuple(call for call in calls if call is not None)
        return Flows(self.signatures, self.values, inits, bases, handed, layers)

    def _function(self, info: FunctionInfo) -> None:
        method = info.owner is not None and info.scope.kind == "class"
        if method and info.node.name == "forward":
            return
        self._signature(info.name, info.node.args, method and "staticmethod" not in info.decorators)
        if info.result is not None and not method:
            self._keep(f"{info.name}()", info.result)

    def _signature(self, name: str, arguments: ast.arguments, bound: bool) -> None:
        """The parameters and what they are where no one gives them."""
        positional = [*arguments.posonlyargs, *arguments.args]
        names = [a.arg for a in positional][int(bound) :]
        names.append("*" if arguments.vararg is not None else "/")
        names += [a.arg for a in arguments.kwonlyargs]
        self.signatures[name] = (*names, "**") if arguments.kwarg is not None else tuple(names)
        pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults))
        for arg, default in (*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults)):
            value = self.walk.given.get(id(default)) if default is not None else None
            if value is not None:
                self._keep(f"{name}({arg.arg})", value)

    def _keep(self, term: str, value: Value) -> None:
        specs = self.specs(value)
        if specs:
            self.values[term] = specs

    def _attributes(self, info: ClassInfo) -> None:
        """What is no module of a class's attributes: its modules are in the class's rule."""
        plain = not self.walk.is_module(info)
        for name, attribute in info.attributes.items():
            specs = self.specs(attribute.value)
            if any(spec.type not in ("?", "None") and (plain or ":" in spec.type or "(" in spec.type)
                   for spec in specs):  # fmt: skip
                self.values[f"{info.name}.{name}"] = specs

    def _init(self, info: ClassInfo) -> str:
        """The function that takes the arguments of a call of the class, "" where it is not the project's."""
        lineage = list(info.lineage(self.classes))
        if info.is_dataclass and "__init__" not in info.methods:
            fields = dict.fromkeys(n for i in reversed(lineage) if i.is_dataclass for n in i.attributes)
            self.signatures[f"{info.name}.__init__"] = (*fields, "/")
            for base in lineage[1:]:
                for name in base.attributes if base.is_dataclass else ():
                    given = LayerSpec(f"{info.name}.__init__({name})", 0)
                    term = f"{base.name}.__init__({name})"
                    self.values[term] = (*self.values.get(term, ()), given)
            return f"{info.name}.__init__"
        for owner in lineage:
            if "__init__" in owner.methods:
                return owner.methods["__init__"].name
            if owner.is_dataclass:
                return f"{owner.name}.__init__"
        return ""

    def _bases(self, info: ClassInfo) -> tuple[str, ...]:
        return tuple(dict.fromkeys(v.name for b in info.bases for v in b.each if v.name in self.classes))

    def _call(self, callee: str, arguments: Arguments) -> FlowCall | None:
        """The arguments of a call, None where they are of no interest."""
        if not any(v.kind not in _SILENT or v.flows or v.alternatives
                   for v in (*arguments.positional[arguments.skip :], *arguments.keywords)):  # fmt: skip
            return None
        call = arguments.call
        positional = tuple(self.specs(v) for v in arguments.positional[arguments.skip :])
        starred = (i for i, a in enumerate(call.args[arguments.skip :]) if isinstance(a, ast.Starred))
        keywords: dict[str, Specs] = {}
        for keyword, value in zip(call.keywords, arguments.keywords, strict=True):
            if keyword.arg is None:
                keywords.update((key, specs) for key, inner in value.keys if (specs := self.specs(inner)))
                keywords["**"] = self._distinct(self._of_dict(value))
            elif specs := self.specs(value):
                keywords[keyword.arg] = specs
        if not any(positional) and not any(keywords.values()):
            return None
        return FlowCall(callee, positional, keywords, next(starred, -1))

    def _of_dict(self, value: Value) -> Iterator[LayerSpec]:
        if value.element is not None:
            yield from self.specs(value.element)
        for term in value.flows:
            if isinstance(term, str):
                yield LayerSpec(term, 0)

    def specs(self, value: Value) -> Specs:
        """What a value may be; nothing where it is a number, a tensor or the like."""
        if value.alternatives:
            return self._distinct(self._specs(value, _DEEPEST))
        if not value.flows and value.kind in _SILENT:
            return ()
        if value.kind == "unknown":
            return self._distinct(self._terms(value)) if value.flows else (ANY,)
        if value.kind == "none":
            return (NOTHING,)
        return self._distinct(self._specs(value, _DEEPEST))

    def _modules(self, value: Value) -> Specs:
        """The layers of a module; found once where it has no children of its own."""
        if value.keys or value.element is not None or value.flows:
            return self.layers(value)
        found = self.plain.get(value.name)
        if found is None:
            found = self.plain[value.name] = self.layers(replace(value, line=0))
        return found

    def _one(self, kind: str) -> LayerSpec:
        spec = self.made.get(kind)
        if spec is None:
            spec = self.made[kind] = LayerSpec(kind, 0)
        return spec

    def _distinct(self, specs: Iterable[LayerSpec]) -> Specs:
        found: list[LayerSpec] = []
        for spec in specs:
            if not found or spec not in found:
                found.append(spec)
        return tuple(found) if len(found) <= _MOST else (*found[:_MOST], ANY)

    def _specs(self, value: Value, depth: int) -> Iterator[LayerSpec]:
        for each in value.each:
            yield from self._of_kind(each, depth)
            if each.kind != "module" or is_open(each):  # else they are of what it holds
                yield from self._terms(each)
        if value.alternatives:
            yield from self._terms(value)

    def _of_kind(self, value: Value, depth: int) -> Iterator[LayerSpec]:
        if is_open(value):
            if not value.flows:
                yield ANY
        elif value.kind == "module":
            yield from self._modules(value)
        elif value.kind in ("class", "ref"):
            if value.kind == "class" or value.name.startswith("torch.nn."):
                self.layers(value)
                yield self._one(f"class:{value.name}")
        elif value.kind in ("function", "object") and value.name:
            yield self._one(f"{'def' if value.kind == 'function' else 'object'}:{value.name}")
        elif value.kind == "none":
            yield NOTHING
        elif value.kind in ("sequence", "dict") and depth:
            inner = [*(value.items or ()), *(v for _, v in value.keys)]
            for item in inner if value.element is None else (*inner, value.element):
                yield from self._specs(item, depth - 1)

    def _terms(self, value: Value) -> Iterator[LayerSpec]:
        for term in value.flows:
            if isinstance(term, str) and term:
                yield ANY if term == "?" else self._one(term)
            elif isinstance(term, Value):
                yield from self._of_kind(term, _DEEPEST)
