"""Which tensors may be complex: MindSpore's ``abs`` of one is complex too, torch's is real."""

from __future__ import annotations

from collections.abc import Iterable

from astmigrate.analysis.kinds import COMPLEX, TENSOR, Value

# What makes real tensors of complex ones.
_REAL = frozenset({"abs", "absolute", "real", "imag", "angle", "irfft", "irfft2", "irfftn", "hfft", "istft",
                   "view_as_real", "is_complex"})  # fmt: skip


def is_complex(value: Value) -> bool:
    """Whether a value may be a complex tensor, or a list of such."""
    given = (*value.each, *(value.items or ()))
    return any(v.kind == "tensor" and v.name == "complex" for v in given)


def like(found: Value, sources: Iterable[Value], function: str = "") -> Value:
    """What torch's ``function`` gives: complex if one of its sources is, and it makes them no real ones."""
    kept = found is TENSOR and function not in _REAL
    return COMPLEX if kept and any(map(is_complex, sources)) else found
