"""What the tensors of a checkpoint tell by themselves: which layers have just these names and shapes."""

from __future__ import annotations

from astmigrate.weights.demands import Demands
from astmigrate.weights.grammar import OWN, Grammar
from astmigrate.weights.index import Index, Root
from astmigrate.weights.layers import KINDS, Kind, is_leaf_name
from astmigrate.weights.moves import Moves


class Evidence:
    """Layers by the tensors that lie below one prefix; the same for whatever class the checkpoint is of."""

    def __init__(self, grammar: Grammar, moves: Moves, index: Index) -> None:
        self.grammar, self.moves, self.index = grammar, moves, index
        # Classes of the project that have tensors of their own and nothing else: they look like a layer.
        plain = (n for n in grammar.project if not grammar.outer_bases(n) and not grammar.has_children(n))
        self._project = {frozenset(grammar.tensors(name)) for name in plain}
        self._used = grammar.types() | set(moves.layers)
        self._known: dict[str, list[str]] = {}
        self._classes: dict[str, list[str]] = {}

    def layers(self, prefix: str) -> list[str]:
        """The layers whose tensors these are, as far as that is plain; ``OWN`` for a class of the project."""
        if prefix not in self._known:
            self._known[prefix] = self._layers(prefix)
        return self._known[prefix]

    def _layers(self, prefix: str) -> list[str]:
        """What is plain; of a lone vector, the layer that has one, if the project uses only one such."""
        shapes = self.index.below(prefix)
        own = [OWN] if frozenset(shapes) in self._project else []
        found = [layer for kind in KINDS for layer in self._of_kind(kind, prefix, evident=True)]
        if not own and not found and shapes.keys() == {"weight"}:
            used = [layer for layer in self.possible(prefix) if layer in self._used]
            return used if len(used) == 1 else []
        return own + [layer for layer in found if not own or layer in self._used]

    def possible(self, prefix: str) -> list[str]:
        """All layers that could have these tensors."""
        return [layer for kind in KINDS for layer in self._of_kind(kind, prefix, evident=False)]

    def _of_kind(self, kind: Kind, prefix: str, evident: bool) -> list[str]:
        """The layers of a kind that fit; one stands for all whose tensors change alike."""
        found = []
        for layer in self._in_use(kind, prefix):
            shapes = self.moves.as_torch(layer, self.index.below(prefix))
            if shapes is not None and (kind.tells(shapes) if evident else kind.fits(shapes)):
                found.append(layer)
        alike = all(self.moves.changes(layer) == self.moves.changes(found[0]) for layer in found)
        return found[:1] if alike else found

    def _in_use(self, kind: Kind, prefix: str) -> list[str]:
        """The layers of a kind that the project uses; of BatchNorm1d, 2d and 3d those of its convolutions.

        In reverse no convolution is needed: names and shapes differ where it matters.
        """
        layers = [f"torch.nn.{name}" for name in kind.names]
        sizes = self.dimensions(prefix) if len(layers) > 1 and not self.moves.reverse else set()
        sized = [layer for layer in layers if layer[-2:] in sizes] or layers
        return [layer for layer in sized if layer in self._used] or sized

    def dimensions(self, prefix: str) -> set[str]:
        """The dimensions of the convolutions that are nearest: "2d" where weights around are 4-D."""
        parts = prefix.split(".")
        for depth in range(len(parts) - 1, -1, -1):
            below = self.index.below(".".join(parts[:depth])).items()
            ranks = {len(shape) for name, shape in below if name.endswith("weight") and len(shape) > 2}
            if ranks:
                return {f"{rank - 2}d" for rank in ranks}
        return {"1d"}

    def classes(self, prefix: str) -> list[str]:
        """The classes of the project that name all that lies below the prefix, and lack nothing there."""
        if prefix not in self._classes:
            names, demands = self.index.children(prefix), Demands(self.grammar, self.moves, self.index)
            naming = [c for c in self.grammar.classes if all(self.grammar.names(c, name) for name in names)]
            self._classes[prefix] = [name for name in naming if not demands.missing(Root(name, prefix))]
        return self._classes[prefix]

    def is_no_layer(self, prefix: str) -> bool:
        """Whether no layer has these tensors because some have names, or modules below, that no layer has."""
        return any("." in name or not self._is_layers(name) for name in self.index.below(prefix))

    def _is_layers(self, name: str) -> bool:
        """Whether a layer has a tensor of that name: torch's, or in reverse MindSpore's."""
        if not self.moves.reverse:
            return is_leaf_name(name)
        return any(self.moves.knows(f"torch.nn.{kind.names[0]}", name) for kind in KINDS)
