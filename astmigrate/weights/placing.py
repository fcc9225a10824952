"""Layers in the place of terms: what ``closure`` has found, put into the rules of classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from astmigrate.model import ClassRule, LayerSpec
from astmigrate.weights.exported import Specs

_NO_MODULES = ("class:", "def:", "object:", "None")
_DEEPEST = 4  # containers that came through parameters, one in the other

Key = tuple[object, ...]


def key_of(spec: LayerSpec) -> Key:
    """What two specs of the same layers share, wherever they stand."""
    if not spec.items:
        return (spec.type, ())
    items = tuple((key, tuple(map(key_of, specs))) for key, specs in spec.items.items())
    return (spec.type, items)


class Placing:
    """Puts what each term stands for into rules; ``used`` are the types of layers that came so."""

    def __init__(self, found: Mapping[str, Mapping[Key, LayerSpec]]) -> None:
        self.found = found
        self.used: set[str] = set()

    def rule(self, rule: ClassRule) -> ClassRule:
        """The rule of a class without terms."""
        children = {key: self._resolved(specs, _DEEPEST) for key, specs in rule.children.items()}
        return replace(rule, children=children)

    def _resolved(self, specs: Specs, depth: int) -> Specs:
        found: list[LayerSpec] = []
        terms = [spec for spec in specs if "(" in spec.type]
        for spec in specs:
            one = self._inside(spec, depth)
            if spec not in terms and one not in found:
                found.append(one)
        if not terms:
            return tuple(found)
        known = set(map(key_of, found))
        for one in (one for term in terms for one in self._layers(term, depth)):
            if key_of(one) not in known:
                known.add(key_of(one))
                found.append(one)
        return tuple(sorted(found, key=lambda spec: spec.type == "?"))

    def _inside(self, spec: LayerSpec, depth: int) -> LayerSpec:
        if not spec.items:
            return spec
        return replace(spec, items={key: self._resolved(inner, depth) for key, inner in spec.items.items()})

    def _layers(self, term: LayerSpec, depth: int) -> Iterable[LayerSpec]:
        """The layers that a term may be, on the line where it is used."""
        values = list(self.found[term.type].values())
        optional = term.optional or any(v.type == "None" for v in values)
        layers = [v for v in values if not v.type.startswith(_NO_MODULES) and v.type != "?"]
        found = [self._moved(v, term.line, optional, depth - 1) for v in layers] if depth else []
        if not found or any(v.type == "?" for v in values):
            found.append(LayerSpec("?", term.line, {}, optional))
        return found

    def _moved(self, spec: LayerSpec, line: int, optional: bool, depth: int) -> LayerSpec:
        items = {
            key: tuple(self._moved(s, line, s.optional, depth) if "(" not in s.type else replace(s, line=line)
                       for s in inner)
            for key, inner in spec.items.items()
        }  # fmt: skip
        self.used.add(spec.type)
        return self._inside(LayerSpec(spec.type, line, items, optional), depth)
