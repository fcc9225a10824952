"""Which layer each tensor of a checkpoint belongs to, and so what becomes of it.

The rules say it where they can. Where they leave it open (a type known only at run time, several
alternatives, no rule), the names and shapes of the tensors beside it decide: ``running_mean`` makes a
BatchNorm. Where those fit two layers whose tensors change differently, nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from astmigrate.weights.evidence import Evidence
from astmigrate.weights.grammar import OWN, UNKNOWN, Grammar, Leaf
from astmigrate.weights.index import Root
from astmigrate.weights.layers import COUNTER, Shape, Shapes, kind_of
from astmigrate.weights.moves import Move


class Status(StrEnum):
    """What becomes of a tensor."""

    CONVERTED = "converted"
    DROPPED = "dropped"
    ADDED = "added"
    UNMATCHED = "unmatched"
    MISSHAPEN = "misshapen"


_NO_MOVE = Move("")
EVIDENCE = "evidence: "


@dataclass(frozen=True, slots=True)
class Decision:
    """One tensor: its status, its layer ("" for a class's own) and that layer's key, its move, and why.

    ``by_rule`` tells a decision of the rules from one by evidence.
    """

    status: Status
    why: str
    layer: str = ""
    prefix: str = ""
    move: Move = _NO_MOVE
    by_rule: bool = False

    @property
    def target(self) -> str:
        """The new name."""
        return f"{self.prefix}.{self.move.name}" if self.prefix else self.move.name


class Resolver:
    """Decides tensor by tensor."""

    def __init__(self, grammar: Grammar, root: Root, evidence: Evidence) -> None:
        self.grammar, self.root, self.evidence = grammar, root, evidence
        self.moves, self.index = evidence.moves, evidence.index

    def decide(self, key: str) -> Decision:
        """What becomes of the tensor ``key``."""
        leaves = derive(self.grammar, self.root, key)
        if not leaves:
            return Decision(Status.UNMATCHED, self._nowhere(key))
        explicit = [leaf for leaf in leaves if leaf.layer != UNKNOWN]
        if len(leaves) == 1 and explicit:
            return self._single(key, explicit[0])
        fitting = [leaf for leaf in explicit if self._fits(key, leaf)]
        if fitting:
            fitting = self._best(key, fitting)
            return self._agree(key, fitting, f"{fitting[0].where}, and the tensors beside it")
        unknown = [leaf for leaf in leaves if leaf.layer == UNKNOWN]
        if unknown:
            return self._by_evidence(key, unknown[0])
        names = ", ".join(f"{leaf.layer} ({leaf.where})" for leaf in explicit)
        return Decision(Status.MISSHAPEN, f"shape {self._shape(key)} fits none of {names}")

    def _shape(self, key: str) -> Shape:
        return self.index.shapes[key]

    def _nowhere(self, key: str) -> str:
        rule = self.grammar.classes[self.root.name]
        return f"no attribute of {self.root.name} ({rule.path}:{rule.line}) leads to this name"

    def _single(self, key: str, leaf: Leaf) -> Decision:
        """The rules leave one way; the shape must go with it."""
        kind, move = kind_of(leaf.layer), self.moves.move(leaf.layer, leaf.name)
        if move is None:
            return Decision(Status.UNMATCHED, f"{leaf.layer} ({leaf.where}) has no tensor of this name")
        if kind is None:
            return self._decision(key, leaf, move, leaf.where)
        torch_leaf = move.name if self.moves.reverse else leaf.name
        if not kind.has(torch_leaf):
            return Decision(Status.UNMATCHED, f"{leaf.layer} ({leaf.where}) has no tensor of this name")
        known = {n: s for n, s in self._beside(key, leaf).items() if self.moves.knows(leaf.layer, n)}
        shapes = self.moves.as_torch(leaf.layer, known)
        if shapes is None or not kind.rank_fits(torch_leaf, shapes[torch_leaf]):
            return Decision(
                Status.MISSHAPEN, f"shape {self._shape(key)} is not that of a {leaf.layer} ({leaf.where})"
            )
        ranked = {n: s for n, s in shapes.items() if kind.rank_fits(n, s)}
        if not kind.go_together(ranked):
            beside = ", ".join(f"{n} {s}" for n, s in known.items())
            return Decision(Status.MISSHAPEN, f"{beside} do not go together in a {leaf.layer} ({leaf.where})")
        return self._decision(key, leaf, move, leaf.where)

    def _beside(self, key: str, leaf: Leaf) -> Shapes:
        return self.index.below(".".join(key.split(".")[: leaf.depth]))

    def _fits(self, key: str, leaf: Leaf) -> bool:
        """Whether this tensor and those beside it can be those of the leaf's layer."""
        kind = kind_of(leaf.layer)
        if kind is None:
            if leaf.owner and any(self._foreign(leaf.owner, name) for name in self._beside(key, leaf)):
                return False
            return self.moves.move(leaf.layer, leaf.name) is not None
        shapes = self.moves.as_torch(leaf.layer, self._beside(key, leaf))
        return shapes is not None and kind.fits(shapes)

    def _foreign(self, owner: str, name: str) -> bool:
        """Whether a tensor beside is one that the class of the leaf does not have."""
        first = name.partition(".")[0]
        known = self.grammar.tensors(owner)
        if first in known or self.grammar.slots(owner, first) or self.grammar.outer_bases(owner):
            return False
        return not any("*" in pattern for pattern in known)

    def _best(self, key: str, leaves: list[Leaf]) -> list[Leaf]:
        """Of several layers that fit, those whose usual tensors these are; of norms the convolutions' kind.

        A lone weight of four dimensions may be a LayerNorm's, but is a convolution's where there may be one.
        """
        if len({leaf.layer for leaf in leaves}) < 2:
            return leaves
        leaves = [leaf for leaf in leaves if self._tells(key, leaf)] or leaves
        prefix = ".".join(key.split(".")[: leaves[0].depth])
        sizes = {leaf.layer[-2:] for leaf in leaves} & {"1d", "2d", "3d"}
        if len(sizes) < 2 or self.moves.reverse:
            return leaves
        near = self.evidence.dimensions(prefix)
        return [leaf for leaf in leaves if leaf.layer[-2:] not in sizes - near] if sizes & near else leaves

    def _tells(self, key: str, leaf: Leaf) -> bool:
        """Whether the tensors beside are all that the leaf's layer, or class, usually has."""
        kind = kind_of(leaf.layer)
        if kind is None:
            return not leaf.owner or self._beside(key, leaf).keys() >= self.grammar.tensors(leaf.owner).keys()
        shapes = self.moves.as_torch(leaf.layer, self._beside(key, leaf))
        # a frozen norm of the project's own has no counter, torch's BatchNorm has one
        counted = self.moves.reverse or COUNTER not in kind.tensors or COUNTER in (shapes or ())
        return shapes is not None and counted and kind.tells(shapes)

    def _agree(self, key: str, leaves: list[Leaf], why: str) -> Decision:
        """One decision if all derivations lead to the same change, none else."""
        found: dict[tuple[str, int | None, int | None], Decision] = {}
        for leaf in leaves:
            move = self.moves.move(leaf.layer, leaf.name)
            if move is not None:
                decision = self._decision(key, leaf, move, why)
                found.setdefault((decision.target, move.insert, move.remove), decision)
        if len(found) == 1:
            return next(iter(found.values()))
        names = " or ".join(
            dict.fromkeys(d.layer or "a parameter of the class itself" for d in found.values())
        )
        return Decision(Status.UNMATCHED, f"may be {names}; give its type in the rules")

    def _decision(self, key: str, leaf: Leaf, move: Move, why: str) -> Decision:
        prefix = ".".join(key.split(".")[: leaf.depth])
        if not move.name:
            return Decision(Status.DROPPED, f"{why}: MindSpore's layer has none", leaf.layer, prefix, move)
        return Decision(Status.CONVERTED, why, leaf.layer, prefix, move, not why.startswith(EVIDENCE))

    def _by_evidence(self, key: str, leaf: Leaf) -> Decision:
        """The rules do not tell the type; the tensors that lie together do, or nothing does."""
        decision = self._by_tensors(key, leaf)
        return self._by_names(key) or decision if decision.status is Status.UNMATCHED else decision

    def _by_tensors(self, key: str, leaf: Leaf) -> Decision:
        """By the tensors beside it; those one step further out if together they are one layer's.

        MultiheadAttention has ``out_proj.weight``, MindSpore's BatchNorm3d ``bn2d.gamma``.
        """
        parts = key.split(".")
        for depth in (len(parts) - 2, len(parts) - 1):
            prefix = ".".join(parts[: max(depth, 0)])
            layers = self.evidence.layers(prefix)
            if layers and depth >= 0:
                what = "a class of the project" if layers[0] == OWN else f"a {layers[0]}"
                shown = ", ".join(f"{n} {s}" for n, s in self.index.below(prefix).items())
                name = ".".join(parts[depth:])
                leaves = [Leaf(layer, name, depth, leaf.where) for layer in layers]
                return self._agree(key, leaves, f"{EVIDENCE}{shown} make {what}")
        prefix = ".".join(parts[:-1])
        if self.evidence.is_no_layer(prefix):
            own, why = replace(leaf, layer=OWN), f"{EVIDENCE}no torch layer has these names"
            return self._decision(key, own, Move(leaf.name), why)
        kinds = self.evidence.possible(prefix)
        which = f"may be {' or '.join(kinds)}" if kinds else "has the shape of no layer"
        return Decision(
            Status.UNMATCHED, f"{which}, and no tensor beside it tells; give its type in the rules"
        )

    def _by_names(self, key: str) -> Decision | None:
        """What the classes say that have all the names around the tensor, if they say the same."""
        parts = key.split(".")
        for depth in range(len(parts) - 2, 0, -1):
            prefix = ".".join(parts[:depth])
            found = [
                leaf for name in self.evidence.classes(prefix) for leaf in self._inside(name, prefix, key)
            ]
            if found:
                names = ", ".join(self.index.children(prefix))
                decision = self._agree(key, found, f"{EVIDENCE}{found[0].where}, for '{prefix}' has {names}")
                return None if decision.status is Status.UNMATCHED else decision
        return None

    def _inside(self, name: str, prefix: str, key: str) -> list[Leaf]:
        """The derivations of the key from a class at ``prefix`` that its tensors fit."""
        leaves = derive(self.grammar, Root(name, prefix), key)
        return [leaf for leaf in leaves if leaf.layer != UNKNOWN and self._fits(key, leaf)]


def derive(grammar: Grammar, root: Root, key: str) -> list[Leaf]:
    """All derivations of a key; unknown where it does not lie below the root."""
    parts = key.split(".")
    start = root.prefix.split(".") if root.prefix else []
    if not root.name or parts[: len(start)] != start:
        return [Leaf(UNKNOWN, parts[-1], len(parts) - 1, "")]
    leaves = grammar.leaves(root.name, parts[len(start) :])
    return [replace(leaf, depth=leaf.depth + len(start)) for leaf in leaves]
