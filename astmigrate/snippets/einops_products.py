"""einops' sums of products, and its packing of tensors of several shapes into one.

https://einops.rocks/api/einsum/, https://einops.rocks/api/pack_unpack/
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import ops

if TYPE_CHECKING:
    from astmigrate.snippets.contraction import einsum
    from astmigrate.snippets.einops import EinopsError


def einops_einsum(*tensors_and_pattern: Any) -> Any:
    """``einops.einsum``: tensors first, then their axes by name, ``"b i k, b k j -> b i j"``."""
    *tensors, pattern = tensors_and_pattern
    if not tensors or not isinstance(pattern, str):
        raise ValueError("einsum takes tensors, then a pattern")
    equation = einsum_equation(pattern)
    if isinstance(tensors[0], np.ndarray):
        return np.einsum(equation, *tensors)
    return einsum(equation, *tensors)


@lru_cache(maxsize=256)
def einsum_equation(pattern: str) -> str:
    """The pattern with a letter for each axis."""
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError("the pattern of einsum must contain '->'")
    letters: dict[str, str] = {"...": "..."}
    terms = []
    for term in left.split(","):
        names = re.findall(r"\.\.\.|\w+|[^\s]", term)
        for name in names:
            if name not in letters:
                if not name.isidentifier():
                    raise NotImplementedError(f"'{name}' is no axis that einsum can have")
                letters[name] = string.ascii_letters[len(letters) - 1]
        terms.append("".join(letters[name] for name in names))
    output = re.findall(r"\.\.\.|\w+|[^\s]", right)
    unknown = [name for name in output if name not in letters]
    if unknown:
        raise EinopsError(f"unknown axis {unknown[0]} on the right side of einsum {pattern}")
    return ",".join(terms) + "->" + "".join(letters[name] for name in output)


def star_axis(pattern: str, function: str) -> tuple[int, int]:
    """How many axes stand before and after the ``*`` of a pattern of pack or unpack."""
    names = pattern.split()
    if names.count("*") != 1 or len(set(names)) != len(names):
        raise EinopsError(f"{function} wants names that differ and one '*', not '{pattern}'")
    wrong = [name for name in names if name != "*" and not name.isidentifier()]
    if wrong:
        raise EinopsError(f"invalid axis name {wrong[0]} in {function}(..., '{pattern}')")
    return names.index("*"), len(names) - names.index("*") - 1


def einops_pack(tensors: Sequence[Any], pattern: str) -> tuple[Any, list[tuple[int, ...]]]:
    """``einops.pack``: tensors side by side along the ``*``, and what shapes they had there."""
    before, after = star_axis(pattern, "pack")
    flat, shapes = [], []
    for number, tensor in enumerate(tensors):
        shape = tuple(tensor.shape)
        if len(shape) < before + after:
            raise EinopsError(f"tensor {number} of shape {shape} has too few dimensions for '{pattern}'")
        stop = len(shape) - after
        shapes.append(shape[before:stop])
        flat.append(tensor.reshape((*shape[:before], math.prod(shape[before:stop]), *shape[stop:])))
    join = np.concatenate if isinstance(flat[0], np.ndarray) else ops.cat
    return join(flat, before), shapes


def einops_unpack(tensor: Any, packed_shapes: Sequence[Sequence[int]], pattern: str) -> list[Any]:
    """``einops.unpack``: the tensors that were packed; one of the shapes may hold a -1."""
    before, after = star_axis(pattern, "unpack")
    shape = tuple(tensor.shape)
    if len(shape) != before + 1 + after:
        raise EinopsError(f"unpack(..., '{pattern}') of a tensor of shape {shape}")
    lengths = [-1 if -1 in packed else math.prod(packed) for packed in packed_shapes]
    if lengths.count(-1) > 1:
        raise EinopsError(f"unpack cannot infer more than one -1 in {list(packed_shapes)}")
    rest = shape[before] - sum(length for length in lengths if length >= 0)
    lengths = [rest if length < 0 else length for length in lengths]
    start, found = 0, []
    for packed, length in zip(packed_shapes, lengths):
        part = tensor[(*[slice(None)] * before, slice(start, start + length))]
        known = math.prod(size for size in packed if size >= 0)
        if part.shape[before] != length or (-1 in packed and (known == 0 or length % known)):
            raise EinopsError(f"cannot split an axis of {shape[before]} into {list(packed_shapes)}")
        sizes = [length // known if size < 0 else size for size in packed]
        found.append(part.reshape((*shape[:before], *sizes, *shape[before + 1 :])))
        start += length
    return found
