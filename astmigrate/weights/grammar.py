"""Walks a checkpoint key along the classes of the rules: attribute, layer, items, class, …, parameter.

The classes are a grammar of names; it may be recursive, and a name may have several derivations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from astmigrate.model import ClassRule, LayerSpec, WeightRules
from astmigrate.weights.composites import COMPOSITES
from astmigrate.weights.layers import CONTAINERS, is_empty

UNKNOWN = "?"
OWN = ""
_NO_LAYER = ("torch.nn.Module", "object", "abc.ABC", "typing.Generic", "typing.Protocol")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One derivation of a key: the tensor ``name`` of the ``layer`` whose own name has ``depth`` parts.

    The layer is ``OWN`` for a class's own parameter or buffer, ``UNKNOWN`` where the rules do not tell.
    ``where`` is the line of the source that says so, ``owner`` the class of its own parameter.
    """

    layer: str
    name: str
    depth: int
    where: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """A child of a module as the rules have it; ``path`` is the file of its line."""

    spec: LayerSpec
    path: str

    @property
    def where(self) -> str:
        """The line that sets the child."""
        return (f"{self.path}:{self.spec.line}" if self.spec.line else self.path) or "the rules"


class Grammar:
    """The classes of the rules as derivations of names."""

    def __init__(self, rules: WeightRules) -> None:
        self.project = rules.classes
        # A composite for whose tensors the rules have words of their own is a layer like any other.
        composites = {name: rule for name, rule in COMPOSITES.items() if name not in rules.layers}
        self.classes = {**composites, **rules.classes}
        self._lineages: dict[str, tuple[ClassRule, ...]] = {}
        self._tensors: dict[str, dict[str, str]] = {}
        self._slots: dict[tuple[str, str], list[Slot]] = {}

    def types(self) -> set[str]:
        """Every type that the rules mention."""
        found = {base for rule in self.project.values() for base in rule.bases}
        queue = [spec for rule in self.project.values() for specs in rule.children.values() for spec in specs]
        while queue:
            spec = queue.pop()
            found.add(spec.type)
            queue += [inner for specs in spec.items.values() for inner in specs]
        return found

    def lineage(self, name: str) -> tuple[ClassRule, ...]:
        """The class and its bases among the rules, nearest first."""
        if name not in self._lineages:
            found: dict[str, ClassRule] = {}
            queue = [name]
            while queue:
                current = queue.pop(0)
                if current in self.classes and current not in found:
                    found[current] = self.classes[current]
                    queue += found[current].bases
            self._lineages[name] = tuple(found.values())
        return self._lineages[name]

    def outer_bases(self, name: str) -> list[tuple[str, ClassRule]]:
        """Bases that are no class of the rules, with the class that names them."""
        pairs = [(base, rule) for rule in self.lineage(name) for base in rule.bases]
        return [(b, rule) for b, rule in pairs if b not in self.classes and b not in _NO_LAYER]

    def tensors(self, name: str) -> dict[str, str]:
        """The class's own parameters and buffers, those of its bases too, each with its line."""
        if name not in self._tensors:
            found: dict[str, str] = {}
            for rule in self.lineage(name):
                for leaf, line in (*rule.parameters.items(), *rule.buffers.items()):
                    found.setdefault(leaf, f"{rule.path}:{line}")
            self._tensors[name] = found
        return self._tensors[name]

    def has_children(self, name: str) -> bool:
        """Whether the class has modules below it."""
        return any(rule.children for rule in self.lineage(name))

    def slots(self, name: str, key: str) -> list[Slot]:
        """What the attribute ``key`` of the class may hold; bases count where the class may not set it."""
        if (name, key) not in self._slots:
            found: list[Slot] = []
            for rule in self.lineage(name):
                specs = _matching(rule.children, key)
                found += [Slot(spec, rule.path) for spec in specs]
                if any(not spec.optional for spec in specs):
                    break
            self._slots[name, key] = found
        return self._slots[name, key]

    def names(self, name: str, key: str) -> bool:
        """Whether the class has an attribute of just this name, not only a pattern or a base that may."""
        return key in self.tensors(name) or any(key in rule.children for rule in self.lineage(name))

    def leaves(self, name: str, parts: Sequence[str]) -> list[Leaf]:
        """All derivations of the key ``parts`` from the class ``name``."""
        return list(dict.fromkeys(self._in_class(name, parts, 0)))

    def _in_class(self, name: str, parts: Sequence[str], depth: int) -> Iterator[Leaf]:
        rest = parts[depth:]
        if not rest:
            return
        slots = self.slots(name, rest[0])
        for slot in slots:
            yield from self._in_slot(slot, parts, depth + 1)
        if slots and not self.names(name, rest[0]) and len(rest) > 1:
            # A name that the class computes: what it is set to here need not be all that it is set to.
            yield Leaf(UNKNOWN, rest[-1], len(parts) - 1, slots[0].where)
        tensors = self.tensors(name)
        patterns = tensors if len(rest) == 1 or not slots else ()
        own = rest[0] if rest[0] in tensors else next((p for p in patterns if _is_match(rest[0], p)), None)
        if own is not None:
            yield Leaf(OWN, ".".join(rest), depth, tensors[own], name)
        elif not slots:
            for base, rule in self.outer_bases(name):
                yield from self._in_slot(Slot(LayerSpec(base, rule.line), rule.path), parts, depth)

    def _in_slot(self, slot: Slot, parts: Sequence[str], depth: int) -> Iterator[Leaf]:
        """Derivations of ``parts`` from ``depth`` on, inside of what the slot holds."""
        spec, rest = slot.spec, parts[depth:]
        if not rest or is_empty(spec.type):
            return
        if spec.items:
            for inner in _matching(spec.items, rest[0]):
                yield from self._in_slot(Slot(inner, slot.path), parts, depth + 1)
        if spec.type in self.classes:
            yield from self._in_class(spec.type, parts, depth)
        elif spec.type in CONTAINERS:
            if not spec.items and len(rest) > 1:
                yield Leaf(UNKNOWN, rest[-1], len(parts) - 1, slot.where)
        elif _is_layer(spec.type):
            yield Leaf(spec.type, ".".join(rest), depth, slot.where)
        else:
            yield Leaf(UNKNOWN, rest[-1], len(parts) - 1, slot.where)


def _is_layer(name: str) -> bool:
    """Whether this names a class of torch; a function such as ``spectral_norm`` gives any layer."""
    return name.startswith("torch.") and name.rpartition(".")[2][:1].isupper()


def _is_match(key: str, pattern: str) -> bool:
    return "*" in pattern and fnmatchcase(key, pattern.replace("[", "[[]"))


def _matching(children: dict[str, tuple[LayerSpec, ...]], key: str) -> list[LayerSpec]:
    """Alternatives of a name: those given for it, else those of patterns such as ``*`` or ``layer*``."""
    if key in children:
        return list(children[key])
    return [spec for pattern, specs in children.items() if _is_match(key, pattern) for spec in specs]
