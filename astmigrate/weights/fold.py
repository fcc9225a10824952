"""weight_norm: magnitude and direction are folded into the weight that the layer computes with.

Old form: ``weight_g`` and ``weight_v`` (torch.nn.utils.weight_norm); new form:
``parametrizations.weight.original0`` and ``original1`` (torch.nn.utils.parametrizations.weight_norm).
w = g · v / ‖v‖, the norm over all axes along which g has one number:
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.weight_norm.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from astmigrate.weights.entries import Array, Entry, from_float32, to_float32
from astmigrate.weights.failures import framework
from astmigrate.weights.layers import Shape

_FLOATS = ("float64", "float32", "float16", "bfloat16")
_MAGNITUDES = (
    (re.compile(r"^(|.*\.)(weight\w*)_g$"), r"\1\2_v"),
    (re.compile(r"^(|.*\.)parametrizations\.(\w+)\.original0$"), r"\1parametrizations.\2.original1"),
)


def fold_weight_norm(
    entries: Mapping[str, Entry], keep: Callable[[str], bool]
) -> tuple[dict[str, Entry], list[str]]:
    """The entries with magnitudes and directions replaced by their weights, and the names of those.

    ``keep`` tells which names a class has set itself; they are no one's magnitude.
    """
    pairs: dict[str, tuple[str, str]] = {}
    for name in entries:
        for pattern, replacement in _MAGNITUDES:
            match = pattern.match(name)
            direction = match.expand(replacement) if match else ""
            if (
                match
                and direction in entries
                and not keep(name)
                and _together(entries[name], entries[direction])
            ):
                pairs[direction] = (name, match[1] + match[2])
    magnitudes = {magnitude for magnitude, _ in pairs.values()}
    folded: dict[str, Entry] = {}
    for name, entry in entries.items():
        if name in pairs:
            magnitude, weight = pairs[name]
            folded[weight] = _folded(weight, entries[magnitude], entry)
        elif name not in magnitudes:
            folded[name] = entry
    return folded, [weight for _, weight in pairs.values()]


def _together(magnitude: Entry, direction: Entry) -> bool:
    """Whether the magnitude is one number, or one for each index along one axis."""
    if direction.dtype not in _FLOATS or magnitude.dtype not in _FLOATS:
        return False
    if not magnitude.shape:
        return True
    if len(magnitude.shape) != len(direction.shape):
        return False
    kept = [size for size, full in zip(magnitude.shape, direction.shape, strict=True) if size != 1]
    fitting = all(size in (1, full) for size, full in zip(magnitude.shape, direction.shape, strict=True))
    return fitting and len(kept) <= 1


def _folded(name: str, magnitude: Entry, direction: Entry) -> Entry:
    def read() -> Array:
        np = framework("numpy")
        g = to_float32(magnitude.read(), magnitude.dtype)
        v = to_float32(direction.read(), direction.dtype)
        norm = np.sqrt(np.sum(np.square(v), axis=_axes(magnitude.shape, v.shape), keepdims=True))
        weight: Array = v * (g / norm)
        return from_float32(weight, direction.dtype)

    return Entry(name, direction.dtype, direction.shape, read)


def _axes(magnitude: Shape, shape: Shape) -> tuple[int, ...]:
    """The axes that the norm sums over: those along which there is one magnitude."""
    return tuple(axis for axis in range(len(shape)) if not magnitude or magnitude[axis] == 1)
