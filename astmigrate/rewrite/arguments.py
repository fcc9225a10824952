"""Edits the arguments of a call in place: keywords, order, additions; what stays is not re-emitted."""

from __future__ import annotations

import ast
import re

import msgspec

from astmigrate.analysis.text import Text
from astmigrate.model import Edit, Piece, Span

_BLANK = re.compile(rb"(?:[ \t\f\r\n]|\\\r?\n|#[^\r\n]*)*")


class Extent(msgspec.Struct, frozen=True):
    """One argument in the source, its own parentheses and keyword included."""

    start: int
    value: int  # where the value begins
    end: int


class CallText:
    """Where the parts of a call are."""

    def __init__(self, text: Text, call: ast.Call) -> None:
        self.text, self.call = text, call
        data = text.data
        position = text.end(call.func)
        while data[position : position + 1] != b"(":
            position = _BLANK.match(data, position).end()  # type: ignore[union-attr]  # it matches emptiness
            if data[position : position + 1] == b")":
                position += 1
        self.open = position
        self.close = text.end(call) - 1
        self.extents = self._extents()

    def _extents(self) -> dict[int, Extent]:
        nodes: list[tuple[ast.AST, int, int, int]] = []
        for argument in self.call.args:
            start = self.text.start(argument)
            nodes.append((argument, start, start, self.text.end(argument)))
        for keyword in self.call.keywords:
            given = keyword.value  # the keyword's own end lies behind the parentheses of its value
            nodes.append((keyword, self.text.start(keyword), self.text.start(given), self.text.end(given)))
        nodes.sort(key=lambda n: n[1])
        found: dict[int, Extent] = {}
        before = self.open + 1
        for node, start, value, end in nodes:
            first = self._skip(before)
            if isinstance(node, ast.keyword) and node.arg is not None:
                equals = self.text.data.index(b"=", start)
                outer, value = self._parenthesised(self._skip(equals + 1), value, end)
                found[id(node)] = Extent(start, value, outer)
            else:
                outer, value = self._parenthesised(first, min(start, value), end)
                found[id(node)] = Extent(value, value, outer)
            before = self._comma(outer)
        return found

    def _skip(self, position: int) -> int:
        match = _BLANK.match(self.text.data, position)
        return match.end() if match else position

    def _parenthesised(self, first: int, start: int, end: int) -> tuple[int, int]:
        """The end and start of a value with the parentheses around it."""
        opening = first
        while opening < start:  # comments between them may have parentheses too
            end = self._skip(end) + 1
            opening = self._skip(opening + 1)
        return min(end, self.close), min(first, start)

    def _comma(self, end: int) -> int:
        position = self._skip(end)
        return position + 1 if self.text.data[position : position + 1] == b"," else end

    def delete(self, dropped: list[Extent]) -> list[Edit]:
        """Removes arguments, each with one comma; comments beside them stay."""
        edits: list[Edit] = []
        ordered = sorted(self.extents.values(), key=lambda e: e.start)
        last = len(ordered)
        if ordered and self._comma(ordered[-1].end) == ordered[-1].end:
            while last and ordered[last - 1] in dropped:
                last -= 1
            if last < len(ordered):
                edits.append(self._tail(ordered[last].start, ordered[-1].end))
        edits += [self._with_comma(extent) for extent in ordered[:last] if extent in dropped]
        return edits

    def _tail(self, start: int, end: int) -> Edit:
        """Removes the last arguments and the comma before them."""
        data = self.text.data
        before = start
        while before > self.open + 1 and data[before - 1 : before] in (b" ", b"\t", b"\r", b"\n", b","):
            before -= 1
        commented = b"#" in data[max(self.text.line_start(before), self.open) : before]
        return Edit(start if commented else before, end, ())

    def _with_comma(self, extent: Extent) -> Edit:
        data = self.text.data
        end = self._comma(extent.end)
        while data[end : end + 1] in (b" ", b"\t"):
            end += 1
        line = self.text.line_start(extent.start)
        if data[end : end + 1] in (b"\r", b"\n", b"") and not data[line : extent.start].strip():
            return Edit(line, self.text.line_end(end), ())
        start = extent.start
        if data[end : end + 1] in (b"\r", b"\n"):  # nothing stays behind it on its line
            start = line + len(data[line:start].rstrip())
        return Edit(start, end, ())

    def insert(self, keep: list[Extent], additions: list[str]) -> Edit:
        """Adds keyword arguments behind the last one that stays."""
        at = max((e.end for e in keep), default=self.open + 1)
        separator = ", " if keep else ""
        return Edit(at, at, (separator + ", ".join(additions),))


ATOMIC = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Dict, ast.Tuple,
          ast.JoinedStr, ast.ListComp)  # fmt: skip


def operand(text: Text, node: ast.expr, extent: Extent | None = None) -> tuple[Piece, ...]:
    """A value as part of a larger expression: in parentheses unless it is one thing already."""
    start, end = (extent.value, extent.end) if extent else (text.start(node), text.end(node))
    source = text.slice(start, end)
    if stands_alone(node, source) or (source.startswith("(") and extent is not None):
        return (Span(start, end),)
    return ("(", Span(start, end), ")")


def stands_alone(node: ast.expr, source: str) -> bool:
    """Whether an expression, written so, is one thing that needs no parentheses."""
    bare = isinstance(node, ast.Tuple) and not source.startswith("(")
    return isinstance(node, ATOMIC) and not bare and not ends_early(source)


def ends_early(source: str) -> bool:
    """Whether an expression would end with one of its lines if it did not stand in brackets."""
    if "\n" not in source and "\r" not in source:
        return False
    try:
        return not isinstance(ast.parse(source).body[0], ast.Expr)
    except SyntaxError:
        return True


def simple(node: ast.expr) -> bool:
    """Whether repeating an expression is harmless: no call in it."""
    return not any(isinstance(n, (ast.Call, ast.Await, ast.NamedExpr, ast.Yield)) for n in ast.walk(node))
