"""Applies edits: the only place where the output's bytes are put together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from astmigrate.model import Edit


class Overlap(ValueError):
    """Two edits overlap without one holding the other: a fault of the plan."""


def splice(data: bytes, edits: Sequence[Edit]) -> bytes:
    """``data`` with the edits applied; an edit inside a span that another one keeps is applied too.

    An edit inside a part that an outer one replaces goes with that part. Insertions at one place
    come in the order given, before an edit that begins there.
    """
    ordered = sorted(dict.fromkeys(edits), key=lambda e: (e.start, e.start != e.end, -e.end))
    return b"".join(_Splice(data, ordered).render(0, len(data), 0, strict=True))


class _Splice:
    def __init__(self, data: bytes, edits: list[Edit]) -> None:
        self.data, self.edits = data, edits
        self.starts = [e.start for e in edits]

    def render(self, start: int, end: int, index: int, *, strict: bool) -> list[bytes]:
        """The bytes ``start:end`` with the edits from ``index`` on that lie inside them.

        ``strict`` refuses edits that lie across the end; a copy of a part (``x = `` before ``x.add(1)``)
        passes them over, as they are applied where the part itself stands.
        """
        pieces: list[bytes] = []
        position = start
        while index < len(self.edits) and self.edits[index].start <= end:
            edit = self.edits[index]
            index += 1
            inside = edit.end <= end and (edit.start < end or end == len(self.data))
            if edit.start < position or not inside:
                if strict and (edit.start < end < edit.end or edit.start < position < edit.end):
                    raise Overlap(f"edits overlap at byte {edit.start}")
                continue
            pieces.append(self.data[position : edit.start])
            for piece in edit.pieces:
                if isinstance(piece, str):
                    pieces.append(piece.encode("utf-8"))
                else:
                    first = bisect_left(self.starts, piece.start, lo=index)
                    own = edit.start <= piece.start and piece.end <= edit.end
                    pieces += self.render(piece.start, piece.end, first, strict=own)
            position = edit.end
        pieces.append(self.data[position:end])
        return pieces
