"""Quotes of what is put into f-strings: before Python 3.12 not those of the f-string itself."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from msgspec.structs import replace

from astmigrate.analysis.text import Text, quoted
from astmigrate.model import Edit, Piece


def requoted(text: Text, formatted: Sequence[ast.JoinedStr], edits: Sequence[Edit]) -> list[Edit]:
    """The edits, with the other quotes where they put a string into an f-string: ``f'{f(a="b")}'``."""
    literals: list[tuple[int, int, str]] = []
    for node in formatted:
        at = text.start(node)
        source = text.of(node)
        literals += [
            (at + len(source[:start].encode()), at + len(source[:end].encode()), quote)
            for start, end, quote in quoted(source)
        ]
    if not literals:
        return list(edits)
    return [replace(edit, pieces=_swapped(edit, literals)) for edit in edits]


def _swapped(edit: Edit, literals: Sequence[tuple[int, int, str]]) -> tuple[Piece, ...]:
    around = {quote for start, end, quote in literals if start < edit.start and edit.end < end}
    pieces = edit.pieces
    for quote, other in (("'", '"'), ('"', "'")):
        if quote in around and other not in around:
            pieces = tuple(
                p.replace(quote, other) if isinstance(p, str) and other not in p else p for p in pieces
            )
    return pieces
