"""Weight rules from the classes of a file: which attribute holds which layer, and on which line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from astmigrate.analysis.classes import ClassInfo
from astmigrate.analysis.index import ProjectIndex
from astmigrate.analysis.kinds import Value, is_open
from astmigrate.analysis.walk import Walk
from astmigrate.model import ClassRule, LayerSpec, WeightRules
from astmigrate.weights.exported import export

_DEPTH = 12  # containers nested deeper than this hold "?"


def derive(walk: Walk, index: ProjectIndex) -> WeightRules:
    """The rules of the module classes that a file defines."""
    classes: dict[str, ClassRule] = {}
    layers: dict[str, dict[str, Any]] = {}
    for info in walk.classes:
        if walk.is_module(info):
            rule = _Deriver(index, layers).rule(info)
            classes[rule.name] = rule
    seen: dict[str, dict[str, Any]] = {}
    return WeightRules(classes, layers, export(walk, _Deriver(index, seen).layers_of, seen))


class _Deriver:
    def __init__(self, index: ProjectIndex, layers: dict[str, dict[str, Any]]) -> None:
        self.index, self.layers = index, layers

    def rule(self, info: ClassInfo) -> ClassRule:
        """The rule of one class."""
        bases = tuple(dict.fromkeys(v.name for b in info.bases for v in b.each if v.name))
        for base in bases:
            self._layer(base)
        children: dict[str, tuple[LayerSpec, ...]] = {}
        for name, attribute in info.attributes.items():
            specs = self._specs(attribute.value, attribute.line, attribute.optional, _DEPTH)
            if specs and name not in info.parameters and name not in info.buffers:
                children[name] = specs
        for name, (value, line) in info.children.items():
            children[name] = self._specs(value, line, name == "*", _DEPTH) or (LayerSpec("?", line),)
        if "*" in children:  # names that are computed: an attribute that is but declared may be one of them
            for name, specs in children.items():
                if all(spec.type == "?" for spec in specs):
                    children[name] = (*(s for s in children["*"] if s not in specs), *specs)
        return ClassRule(info.name, info.path, info.node.lineno, bases, children, dict(info.parameters),
                         dict(info.buffers))  # fmt: skip

    def _specs(self, value: Value, line: int, optional: bool, depth: int) -> tuple[LayerSpec, ...]:
        """The layers that a value may be; nothing where it is no module for certain."""
        optional = optional or any(v.kind == "none" or "None" in v.flows for v in (*value.each, value))
        if value.kind == "none" and all(v.kind == "none" for v in value.each):
            return ()
        found: list[LayerSpec] = []
        for each in value.each:
            if each.kind == "module" and not is_open(each) and depth:
                self._layer(each.name)
                items = self._items(each, line, depth)
                found.append(LayerSpec(each.name, each.line or line, items, optional))
                continue
            if is_open(each) and not each.flows:
                found.append(LayerSpec("?", line, {}, optional))
            found += self._flows(each, line, optional, depth)
        if value.alternatives:
            found += self._flows(value, line, optional, depth)
        if not found and is_open(value):
            found.append(LayerSpec("?", line, {}, optional))
        return tuple(self._distinct(found))

    def _flows(self, value: Value, line: int, optional: bool, depth: int) -> list[LayerSpec]:
        """What a value may be besides: terms that ``closure`` resolves."""
        found: list[LayerSpec] = []
        for flow in value.flows:
            if isinstance(flow, Value):
                found += self._specs(flow, line, optional, depth - 1) if depth else ()
            elif flow not in ("", "None") and not flow.startswith("def:"):
                found.append(LayerSpec(flow, line, {}, optional))
        return found

    def layers_of(self, value: Value) -> tuple[LayerSpec, ...]:
        """The layers that a module or class may be, wherever it is used."""
        if value.kind != "module":
            self._layer(value.name)
            return ()
        return self._specs(value, 0, False, _DEPTH)

    def _distinct(self, specs: Iterable[LayerSpec]) -> list[LayerSpec]:
        found: list[LayerSpec] = []
        for spec in specs:
            if spec not in found:
                found.append(spec)
        return found

    def _items(self, value: Value, line: int, depth: int) -> dict[str, tuple[LayerSpec, ...]]:
        items = {key: self._specs(item, value.line or line, False, depth - 1) for key, item in value.keys}
        if value.element is not None:
            items["*"] = self._specs(value.element, value.line or line, True, depth - 1)
        if value.flows:
            terms = self._flows(value, value.line or line, True, depth - 1)
            items["*"] = tuple(self._distinct((*items.get("*", ()), *terms)))
        return {key: specs for key, specs in items.items() if specs}

    def _layer(self, name: str) -> None:
        row = self.index.tables.row(name)
        if row is not None and row.weights:
            self.layers[name] = dict(row.weights)
