"""What the tensors of a checkpoint tell by themselves: which layers have just these names and shapes."""

from __future__ import annotations

from astmigrate.weights.demands import Demands
from astmigrate.weights.grammar import OWN, Grammar
from astmigrate.weights.index import Index, Root
from astmigrate.weights.layers import KINDS, Shapes, is_leaf_name, kind_of
from astmigrate.weights.moves import Moves


class Evidence:
    """Layers by the tensors that lie below one prefix; the same for whatever class the checkpoint is of."""

    def __init__(self, grammar: Grammar, moves: Moves, index: Index) -> None:
        self.grammar, self.moves, self.index = grammar, moves, index
        # Classes of the project that have tensors of their own and nothing else: they look like a layer.
        plain = (n for n in grammar.classes if not grammar.outer_bases(n) and not grammar.has_children(n))
        self._project = {frozenset(grammar.tensors(name)) for name in plain}
        self._used = grammar.types() | set(moves.layers)
        self._known: dict[str, list[str]] = {}
        self._classes: dict[str, list[str]] = {}

    def layers(self, prefix: str) -> list[str]:
        """The layers whose tensors these are, as far as that is plain; ``OWN`` for a class of the project."""
        if prefix not in self._known:
            self._known[prefix] = self._layers(self.index.below(prefix))
        return self._known[prefix]

    def _layers(self, shapes: Shapes) -> list[str]:
        """What is plain; of a lone vector, the layer that has one, if the project uses one such layer only."""
        own = [OWN] if frozenset(shapes) in self._project else []
        found = []
        for kind in KINDS:
            layer = self.moves.preferred(f"torch.nn.{kind.names[0]}")
            as_torch = self.moves.as_torch(layer, shapes)
            if as_torch is not None and kind.fits(as_torch) and kind.evident(as_torch):
                found.append(layer)
        if not own and not found:
            possible = [layer for layer in _REPRESENTATIVES if self._fits(layer, shapes)]
            used = [layer for layer in possible if layer in self._used]
            return used if len(used) == 1 and shapes.keys() == {"weight"} else []
        return own + [layer for layer in found if not own or self.moves.named(layer)]

    def classes(self, prefix: str) -> list[str]:
        """The classes of the project that name all that lies below the prefix, and lack nothing there."""
        if prefix not in self._classes:
            names, demands = self.index.children(prefix), Demands(self.grammar, self.moves, self.index)
            naming = [c for c in self.grammar.classes if all(self.grammar.names(c, name) for name in names)]
            self._classes[prefix] = [name for name in naming if not demands.missing(Root(name, prefix))]
        return self._classes[prefix]

    def possible(self, prefix: str) -> list[str]:
        """All layers that could have these tensors."""
        return [layer for layer in _REPRESENTATIVES if self._fits(layer, self.index.below(prefix))]

    def _fits(self, layer: str, shapes: Shapes) -> bool:
        kind, as_torch = kind_of(layer), self.moves.as_torch(layer, shapes)
        return kind is not None and as_torch is not None and kind.fits(as_torch)

    def is_no_layer(self, prefix: str) -> bool:
        """Whether no layer has these tensors because some have names, or modules below, that no layer has."""
        return any("." in name or not self._is_layers(name) for name in self.index.below(prefix))

    def _is_layers(self, name: str) -> bool:
        """Whether a layer has a tensor of that name: torch's, or in reverse MindSpore's."""
        if not self.moves.reverse:
            return is_leaf_name(name)
        return any(self.moves.knows(layer, name) for layer in _REPRESENTATIVES)


_REPRESENTATIVES = [f"torch.nn.{kind.names[0]}" for kind in KINDS]
