"""What the model needs and the checkpoint lacks: layers that are always there and have no tensor.

Only what the rules are sure of is demanded: one alternative, not set under a condition (or else with some
tensor in the checkpoint), of a kind that never lacks the tensor. A norm without affine parameters, for one,
has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from astmigrate.weights.grammar import Grammar, Slot
from astmigrate.weights.index import Index, Root
from astmigrate.weights.layers import kind_of, plain_shapes
from astmigrate.weights.moves import Moves


@dataclass(frozen=True, slots=True)
class Demand:
    """A parameter of the result that nothing in the checkpoint gives."""

    name: str
    layer: str
    where: str


class Demands:
    """Walks the model from its root class, as far as the rules and the checkpoint lead."""

    def __init__(self, grammar: Grammar, moves: Moves, index: Index) -> None:
        self.grammar, self.moves, self.index = grammar, moves, index
        self._inside: list[str] = []

    def missing(self, root: Root) -> list[Demand]:
        """The demands of ``root`` that are not met."""
        return list(dict.fromkeys(self._of_class(root.name, root.prefix))) if root.name else []

    def _of_class(self, name: str, path: str) -> Iterator[Demand]:
        if name in self._inside and not self.index.below(path):
            return  # a class that holds itself ends somewhere
        self._inside.append(name)
        keys = dict.fromkeys(key for rule in self.grammar.lineage(name) for key in rule.children)
        for key in keys:
            for child in self._named(key, path, keys):
                yield from self._of_slots(self.grammar.slots(name, child), _join(path, child))
        for base, rule in self.grammar.outer_bases(name):
            yield from self._of_layer(base, path, f"{rule.path}:{rule.line}")
        self._inside.pop()

    def _named(self, key: str, path: str, keys: dict[str, None]) -> list[str]:
        """The children that a key stands for: itself, or of a pattern those that the checkpoint has."""
        if "*" not in key:
            return [key]
        return [child for child in self.index.children(path) if child not in keys]

    def _of_slots(self, slots: list[Slot], path: str) -> Iterator[Demand]:
        if len(slots) != 1:
            return
        slot, spec = slots[0], slots[0].spec
        if spec.optional and not self.index.below(path):
            return
        keys = dict.fromkeys(spec.items)
        for key in keys:
            for child in self._named(key, path, keys):
                yield from self._of_slots([Slot(s, slot.path) for s in spec.items[key]], _join(path, child))
        if spec.type in self.grammar.classes:
            yield from self._of_class(spec.type, path)
        else:
            yield from self._of_layer(spec.type, path, slot.where)

    def _of_layer(self, layer: str, path: str, where: str) -> Iterator[Demand]:
        kind = kind_of(layer)
        if kind is None:
            return
        present = self.index.below(path)
        if self.moves.reverse:
            moved = (self.moves.move(layer, leaf) for leaf in present)
            present = {move.name: () for move in moved if move is not None}
        present = plain_shapes(present)
        for leaf in kind.needs:
            if leaf not in present:
                yield Demand(_join(path, self._target(layer, leaf)), layer, where)

    def _target(self, layer: str, leaf: str) -> str:
        if self.moves.reverse:
            return leaf
        move = self.moves.move(layer, leaf)
        return move.name if move is not None else leaf


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
