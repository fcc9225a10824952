"""A source file as bytes and as a tree whose positions are right, f-strings included."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import Any

from astmigrate.analysis.headers import Function, Header
from astmigrate.model import SourceError

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_BEFORE = re.compile(rb"\((?:[ \t\r\n\f]|#[^\r\n]*[\r\n])*\Z")  # a parenthesis just before the end
_HEADER = re.compile(r"[ \t\f]*(?:@|def\b|async\b)")
_IGNORE = re.compile(r"#\s*astmigrate:\s*ignore\b")


class Text:
    """The bytes, the tree, and the way from a node to its byte range."""

    def __init__(self, source: str, filename: str = "<source>") -> None:
        self.filename = filename
        source = source.removeprefix("\ufeff")  # ``migrate`` puts it back
        self.data = source.encode("utf-8")
        self._starts = _line_starts(self.data)
        self.tree = _parse(source, filename)
        self.ignored = _ignored_lines(source) if "astmigrate:" in source else frozenset[int]()

    def release(self) -> None:
        """Drops bytes and tree; for when nothing of the file will be asked any more."""
        self.data, self._starts, self.tree.body = b"", [], []

    def offset(self, line: int, column: int) -> int:
        """Byte offset of a 1-based line and a 0-based column in bytes, as ``ast`` counts them."""
        return self._starts[line - 1] + column

    def start(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg | ast.alias) -> int:
        """Where a node begins."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg | ast.alias) -> int:
        """Where a node ends."""
        return self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def slice(self, start: int, end: int) -> str:
        """The source between two byte offsets."""
        return self.data[start:end].decode("utf-8")

    def of(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """A node's source."""
        return self.slice(self.start(node), self.end(node))

    def column(self, line: int, column: int) -> int:
        """The column in characters of a column in bytes."""
        start = self._starts[line - 1]
        return len(self.data[start : start + column].decode("utf-8", "replace"))

    def header(self, node: Function) -> Header | None:
        """The definition up to its body; None where it begins in an unusual way."""
        first = node.decorator_list[0] if node.decorator_list else node
        start, end = self.line_start(self.start(first)), self.start(node.body[0])
        if decorators := getattr(node.body[0], "decorator_list", None):
            end = self.data.rfind(b"@", start, self.start(decorators[0]))
        source = self.slice(start, end) + "pass"
        return Header(first.lineno, source) if _HEADER.match(source) else None

    def line_start(self, offset: int) -> int:
        """The offset at which the line of ``offset`` begins."""
        cut = max(self.data.rfind(b"\n", 0, offset), self.data.rfind(b"\r", 0, offset))
        return cut + 1

    def line_end(self, offset: int) -> int:
        """The offset just behind the line end of the line of ``offset``."""
        match = _NEWLINE.search(self.data, offset)
        return match.end() if match else len(self.data)

    def statement_start(self, offset: int) -> int:
        """Where the statement of an expression begins: the expression, or the first parenthesis around it."""
        while True:
            before = _BEFORE.search(self.data, 0, offset)
            if before is None:
                return offset
            offset = before.start()

    @property
    def newline(self) -> str:
        """The file's own line end."""
        match = _NEWLINE.search(self.data)
        return match[0].decode() if match else "\n"

    def position(self, offset: int) -> tuple[int, int]:
        """1-based line and 0-based byte column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1]


def _line_starts(data: bytes) -> list[int]:
    """Where each line begins; behind the last line end there is one more, maybe empty."""
    starts = [0, *accumulate(map(len, data.splitlines(keepends=True)))]  # bytes: no other line ends
    if len(starts) > 1 and data[-1:] not in (b"\n", b"\r"):
        starts.pop()
    return starts


def _parse(source: str, filename: str) -> ast.Module:
    try:
        return ast.parse(source, filename)
    except SyntaxError as error:
        raise SourceError(filename, error.lineno or 1, f"syntax error: {error.msg}") from error
    except ValueError as error:
        raise SourceError(filename, 1, str(error)) from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(filename, 1, "nested too deeply to parse") from error


def _ignored_lines(source: str) -> frozenset[int]:
    """Lines with the comment ``# astmigrate: ignore``; a string that says so is none."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return frozenset(t.start[0] for t in tokens if t.type == tokenize.COMMENT and _IGNORE.search(t.string))


def place(text: Text, node: ast.JoinedStr) -> list[ast.JoinedStr]:
    """Before Python 3.12 ``ast`` misplaces what stands in f-strings: find the fields and parse them anew.

    An f-string whose fields cannot be told apart loses them: nothing in it is touched. Returns the
    format specifications, which are placed with it.
    """
    if sys.version_info >= (3, 12):
        return []
    fields = [value for value in node.values if isinstance(value, ast.FormattedValue)]
    if not fields:
        return []
    start = text.start(node)
    source = text.slice(start, text.end(node))
    spans = _fields(source)
    nested = [spec for value in fields if isinstance(spec := value.format_spec, ast.JoinedStr)]
    inner = [v for spec in nested for v in spec.values if isinstance(v, ast.FormattedValue)]
    ordered = sorted(spans, key=lambda span: span[2])  # those in a format specification last
    if len(spans) != len(fields) + len(inner):
        node.values = []
        return []
    for value, (begin, end, _) in zip([*fields, *inner], ordered, strict=True):
        expression = reparse(text, source[begin:end], start + len(source[:begin].encode()))
        if expression is None:
            node.values = []
            return []
        value.value = expression
    return nested


@lru_cache(maxsize=4096)
def parse_expression(source: str) -> ast.expr:
    """The tree of an expression of the tables; shared, so not to be changed."""
    return ast.parse(source, mode="eval").body


def reparse(text: Text, source: str, at: int) -> ast.expr | None:
    """The expression ``source`` that stands at byte ``at``, with positions in the file; None if none."""
    try:
        tree = ast.parse(f"(\n{source}\n)", mode="eval").body
    except SyntaxError:
        return None
    line, column = text.position(at)
    for node in ast.walk(tree):
        if isinstance(node, (ast.expr, ast.keyword, ast.arg)):
            first, last = node.lineno == 2, node.end_lineno == 2
            node.col_offset += column if first else 0
            node.end_col_offset = (node.end_col_offset or 0) + (column if last else 0)
            node.lineno += line - 2
            node.end_lineno = (node.end_lineno or 2) + line - 2
    return tree


_LITERAL = re.compile(r"(?P<prefix>[A-Za-z]*)(?P<quote>'''|\"\"\"|'|\")")


_Spans = list[tuple[int, int, bool]]  # start, end, whether in a format specification


def _fields(source: str) -> _Spans:
    """The ranges of the expressions in the fields of (concatenated) f-string literals."""
    spans: _Spans = []
    index = 0
    while index < len(source):
        match = _LITERAL.match(source, index)
        if match is None:
            index = source.find("\n", index) + 1 or len(source) if source[index] == "#" else index + 1
            continue
        index = _literal(source, match, spans)
    return spans


def quoted(source: str) -> list[tuple[int, int, str]]:
    """Start, end and quote of each of the (concatenated) literals of a string."""
    found: list[tuple[int, int, str]] = []
    index = 0
    while index < len(source):
        match = _LITERAL.match(source, index)
        if match is None:
            index = source.find("\n", index) + 1 or len(source) if source[index] == "#" else index + 1
            continue
        index = _literal(source, match, [])
        found.append((match.start(), index, match["quote"]))
    return found


def _literal(source: str, match: re.Match[str], spans: _Spans) -> int:
    """Appends the fields of one literal; returns where it ends."""
    quote, formatted = match["quote"], "f" in match["prefix"].lower()
    raw = "r" in match["prefix"].lower()
    index = match.end()
    while index < len(source) and not source.startswith(quote, index):
        if source[index] == "\\" and not raw:
            index += 2 if source[index + 1 : index + 3] != "N{" else source.index("}", index) - index + 1
        elif source[index] == "\\" or (formatted and source.startswith(("{{", "}}"), index)):
            index += 2
        elif formatted and source[index] == "{":
            end = _expression_end(source, index + 1)
            spans.append((index + 1, end, False))
            index = _field_end(source, end, spans)
        else:
            index += 1
    return index + len(quote)


def _expression_end(source: str, index: int) -> int:
    """Where the expression of a field ends: at its ``}``, ``:``, conversion or debug ``=``."""
    depth = 0
    while index < len(source):
        char = source[index]
        if char in "'\"":
            match = _LITERAL.match(source, index)
            assert match is not None
            close = source.find(match["quote"], match.end())
            index = close + len(match["quote"]) if close >= 0 else len(source)
            continue
        if not depth and (char in "}:" or re.match(r"![rsa]\s*[:}]|(?<![=!<>])=\s*[!:}]", source[index:])):
            return index
        depth += (char in "([{") - (char in ")]}")
        index += 1
    return index


def _field_end(source: str, index: int, spans: _Spans) -> int:
    """Just behind the ``}`` that closes a field; appends the fields of its format specification."""
    while index < len(source) and source[index] != "}":
        if source[index] == "{":
            end = _expression_end(source, index + 1)
            spans.append((index + 1, end, True))
            index = end
        index += 1
    return index + 1


def may_be_empty(index: ast.expr) -> bool:
    """Whether only the run tells the bounds of a slice before the last one: ``x[a:b, c:d]``."""
    slices = (
        [item for item in index.elts if isinstance(item, ast.Slice)] if isinstance(index, ast.Tuple) else []
    )
    bounds = [[bound for bound in (item.lower, item.upper) if bound is not None] for item in slices]
    bounded = [several for several in bounds if several]
    return any(not isinstance(bound, ast.Constant) for several in bounded[:-1] for bound in several)


def is_full(item: ast.expr) -> bool:
    """Whether a part of an index takes all there is: ``:`` or ``...``."""
    if isinstance(item, ast.Slice):
        return item.lower is item.upper is item.step is None
    return is_whole(item)


def is_whole(index: ast.expr) -> bool:
    """Whether an index is that of ``x[...]``."""
    return isinstance(index, ast.Constant) and index.value is ...


def last_name(node: ast.expr) -> str:
    """The name that a reference ends with: ``c`` of ``a.b.c``; "" of anything else."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def literal(node: ast.expr) -> tuple[Any, ...]:
    """The value of a literal as a 1-tuple; empty where the node is none. Nothing of the source is run."""
    try:
        return (ast.literal_eval(node),)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ()
