"""Comments that an edit would drop: those between the parts of a call that is composed anew."""

from __future__ import annotations

import ast
import re

from astmigrate.analysis.text import Text
from astmigrate.model import Edit, Span

# strings are passed over, for they may hold a #
_COMMENT = re.compile(
    r"""'''(?:\\.|[^\\])*?'''|\"{3}(?:\\.|[^\\])*?\"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?P<comment>\#[^\r\n]*)""",
    re.DOTALL,
)


def saved(text: Text, edit: Edit, statement: ast.stmt | None) -> list[Edit]:
    """Edits that put the comments which ``edit`` drops above the statement that it is a part of."""
    if statement is None or edit.start == edit.end:
        return []
    lost = _lost(text, edit)
    if not lost:
        return []
    start, indent = _line_of(text, statement)
    return [Edit(start, start, (f"{indent}{comment.rstrip()}{text.newline}",)) for comment in lost]


def _lost(text: Text, edit: Edit) -> list[str]:
    lost: list[str] = []
    position = edit.start
    kept = sorted((p for p in edit.pieces if isinstance(p, Span)), key=lambda p: p.start)
    for piece in (*kept, Span(edit.end, edit.end)):
        if piece.start > position:
            gap = text.slice(position, piece.start)
            lost += [m["comment"] for m in _COMMENT.finditer(gap) if m["comment"]]
        position = max(position, piece.end)
    return lost


def _line_of(text: Text, statement: ast.stmt) -> tuple[int, str]:
    """Where the line of a statement begins, and its indent: of one that is first on its line."""
    while True:
        at = text.start(statement)
        start = text.line_start(at)
        indent = text.slice(start, at)
        if not indent.strip():
            return start, indent
        nodes = (n for n in ast.walk(text.tree) if isinstance(n, ast.stmt) and text.start(n) < at)
        statement = max(nodes, key=text.start)
