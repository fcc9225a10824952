"""What happens to one tensor of a layer: its other name, its other shape, in both directions.

The rules file says it for the layers it names, the rows of ``api_tables/`` for all others; what neither
names stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from astmigrate.tables import Tables
from astmigrate.weights.layers import Shape, Shapes, kind_of

_KEPT = "_orig"


@dataclass(frozen=True, slots=True)
class Move:
    """The new name of a tensor below its layer ("": dropped) and the axis that comes in or goes."""

    name: str
    insert: int | None = None
    remove: int | None = None

    def shape(self, shape: Shape) -> Shape:
        """The shape afterwards."""
        if self.insert is not None:
            return (*shape[: self.insert], 1, *shape[self.insert :])
        if self.remove is not None:
            return (*shape[: self.remove], *shape[self.remove + 1 :])
        return shape


@dataclass
class Moves:
    """The moves of all layers, from torch to MindSpore (``forward``) or back."""

    layers: dict[str, dict[str, Any]]
    reverse: bool = False
    _known: dict[str, dict[str, Move]] = field(default_factory=dict)

    @cached_property
    def _tables(self) -> Tables:
        return Tables()

    def changes(self, layer: str) -> dict[str, Move]:
        """torch's tensor names → what becomes of them; those left out stay."""
        if layer not in self._known:
            self._known[layer] = {leaf: _move(value) for leaf, value in self._raw(layer).items()}
        return self._known[layer]

    def _raw(self, layer: str) -> dict[str, Any]:
        if layer in self.layers:
            return self.layers[layer]
        if not layer.startswith("torch."):
            return {}
        row = self._tables.row(layer)
        return row.weights if row is not None else {}

    def move(self, layer: str, leaf: str) -> Move | None:
        """What becomes of the tensor ``leaf`` of ``layer``; None where it cannot have one of that name."""
        return self._back(layer, leaf) if self.reverse else self._forth(layer, leaf)

    def _forth(self, layer: str, leaf: str) -> Move:
        changes = self.changes(layer)
        for start, tail, end in _cuts(leaf):
            if tail in changes:
                move = changes[tail]
                return Move(start + move.name + end if move.name else "", move.insert)
        return Move(leaf)

    def _back(self, layer: str, leaf: str) -> Move | None:
        changes = self.changes(layer)
        for start, tail, end in _cuts(leaf):
            for torch_leaf, move in changes.items():
                if move.name == tail:
                    return Move(start + torch_leaf + end, remove=move.insert)
        return None if leaf in changes else Move(leaf)

    def knows(self, layer: str, leaf: str) -> bool:
        """Whether the layer is one of a known kind that has a tensor of that name."""
        kind, move = kind_of(layer), self.move(layer, leaf)
        return kind is not None and move is not None and kind.has(move.name if self.reverse else leaf)

    def as_torch(self, layer: str, shapes: Shapes) -> Shapes | None:
        """Tensors of one layer as torch has them; None where ``layer`` cannot have them."""
        if not self.reverse:
            return shapes
        found: dict[str, Shape] = {}
        for leaf, shape in shapes.items():
            move = self._back(layer, leaf)
            if move is None or (move.remove is not None and not _removable(shape, move.remove)):
                return None
            found[move.name] = move.shape(shape)
        return found


def _cuts(leaf: str) -> list[tuple[str, str, str]]:
    """The ways to cut a name into start, what a row may name, and end.

    ("", "a.b", ""), ("a.", "b", ""); what spectral_norm keeps as ``weight_orig`` is ``weight`` to a row.
    """
    parts = leaf.split(".")
    starts = ["".join(part + "." for part in parts[:n]) for n in range(len(parts))]
    cuts = [(start, leaf.removeprefix(start), "") for start in starts]
    kept = [(start, tail[: -len(_KEPT)], _KEPT) for start, tail, _ in cuts if tail.endswith(_KEPT)]
    return cuts + kept


def _move(value: str | dict[str, Any]) -> Move:
    return Move(value) if isinstance(value, str) else Move(value["name"], value.get("insert_axis"))


def _removable(shape: Shape, axis: int) -> bool:
    return len(shape) > axis and shape[axis] == 1
