"""Turns the weights of a proof's torch module into MindSpore's, by the rows of the layers in it.

The layers are those of the living module, so that a proof tests what a row says about weights and not
what the analysis makes of classes; fixtures test that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from astmigrate.tables import Tables
from astmigrate.verify.compare import TensorValue
from astmigrate.weights.entries import Entry
from astmigrate.weights.fold import fold_weight_norm
from astmigrate.weights.moves import Moves


def converted(
    state: Mapping[str, TensorValue], modules: Mapping[str, str], tables: Tables
) -> dict[str, TensorValue]:
    """MindSpore's path → value; ``modules`` has the class of every submodule by its path."""
    names = {path: row.name for path, kind in modules.items() if (row := tables.row(kind)) is not None}
    layers = {row.name: row.weights for name in names.values() if (row := tables.row(name)) is not None}
    moves = Moves({name: dict(weights) for name, weights in layers.items()})
    found: dict[str, TensorValue] = {}
    for name, value in _folded(state).items():
        prefix, layer = _owner(name, names, moves)
        leaf = name[len(prefix) :]
        move = moves.move(layer, leaf) if layer else None
        if move is None:
            found[name] = value
        elif move.name:
            found[prefix + move.name] = TensorValue(
                value.dtype, value.values.reshape(move.shape(value.values.shape))
            )
    return found


def _owner(name: str, names: Mapping[str, str], moves: Moves) -> tuple[str, str]:
    """The outermost layer around the tensor whose row says something about it, with its path."""
    parts = name.split(".")
    for count in range(len(parts)):
        path = ".".join(parts[:count])
        layer = names.get(path, "")
        leaf = ".".join(parts[count:])
        changes = moves.changes(layer) if layer else {}
        if any(leaf == known or leaf.endswith(f".{known}") for known in changes):
            return (f"{path}." if path else ""), layer
    return "", ""


def _folded(state: Mapping[str, TensorValue]) -> dict[str, TensorValue]:
    """Magnitude and direction of weight_norm become the weight, as ``astmigrate weights`` does it."""
    entries = {name: _entry(name, value) for name, value in state.items()}
    folded, _ = fold_weight_norm(entries, lambda _: False)
    return {
        name: state[name]
        if entry is entries.get(name)
        else TensorValue(entry.dtype, np.asarray(entry.read()))
        for name, entry in folded.items()
    }


def _entry(name: str, value: TensorValue) -> Entry:
    return Entry(name, value.dtype, value.values.shape, lambda: value.values)
