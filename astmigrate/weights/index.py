"""The names and shapes of a checkpoint as a tree, and where in it the model's own tensors are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from astmigrate.weights.layers import Shape, Shapes


@dataclass(frozen=True, slots=True)
class Root:
    """The class that the tensors below ``prefix`` belong to; "" where none is known."""

    name: str = ""
    prefix: str = ""


class Index:
    """The names and shapes of a checkpoint, and the tensors below each prefix."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.shapes = dict(shapes)
        self._below: dict[str, dict[str, Shape]] = {"": self.shapes}
        self._children: dict[str, dict[str, None]] = {}
        for name, shape in shapes.items():
            parts = name.split(".")
            for n in range(len(parts)):
                prefix = ".".join(parts[:n])
                self._children.setdefault(prefix, {})[parts[n]] = None
                if n:
                    self._below.setdefault(prefix, {})[".".join(parts[n:])] = shape

    def below(self, prefix: str) -> Shapes:
        """Names relative to ``prefix`` → shapes."""
        return self._below.get(prefix, {})

    def children(self, prefix: str) -> list[str]:
        """The names that follow ``prefix``, in order."""
        return list(self._children.get(prefix, ()))
