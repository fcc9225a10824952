"""Where a class stands in a comparison: ``type(m) is nn.ReLU``, ``type(m) in (nn.ReLU, nn.ReLU6)``."""

from __future__ import annotations

import ast

import msgspec

from astmigrate.analysis.text import Text

_MEMBERSHIP = {"is": "in", "==": "in", "is not": "not in", "!=": "not in"}


class Place(msgspec.Struct, frozen=True):
    """A class in a comparison: the bytes of the operator before it, and what asks for membership instead.

    Without an operator it is an element of the tuple or list that is searched.
    """

    operator: tuple[int, int] | None = None
    membership: str = ""


def comparison(text: Text, within: ast.stmt | None, node: ast.expr) -> Place | None:
    """The place of ``node`` in a comparison of its statement; None where a second class cannot stand."""
    for compare in ast.walk(within) if within is not None else ():
        if not isinstance(compare, ast.Compare):
            continue
        lefts = [compare.left, *compare.comparators]
        for left, right in zip(lefts, compare.comparators, strict=False):
            if right is node:
                return _beside(text, left, right)
            if isinstance(right, ast.Tuple | ast.List | ast.Set) and node in right.elts:
                return Place()
    return None


def _beside(text: Text, left: ast.expr, right: ast.expr) -> Place | None:
    start, end = text.end(left), text.start(right)
    between = text.slice(start, end)
    membership = _MEMBERSHIP.get(" ".join(between.split()))
    if membership is None:  # parentheses or a comment
        return None
    before, after = between[: len(between) - len(between.lstrip())], between[len(between.rstrip()) :]
    return Place((start, end), f"{before or ' '}{membership}{after or ' '}")
