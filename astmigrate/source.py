"""Reads a Python file's bytes exactly, writes them back exactly, and says why a file cannot be read.

The engine sees text with the line ends the file has; BOM and encoding are put back when it is written.
How Python finds the encoding: https://docs.python.org/3/reference/lexical_analysis.html#encoding-declarations
"""

from __future__ import annotations

import ast
import re
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from tokenize import detect_encoding

import msgspec

from astmigrate.model import SourceError

_TOO_DEEP = "the code is nested too deeply for Python's parser; split the expression or the elif chain"

# What Python 2 has and Python 3 lacks, by the line that the parser stumbles over.
_PYTHON2 = (
    ("print statement", re.compile(r"^\s*(?:.*[;:]\s*)?print\b(?!\s*[=(.,)\]])")),
    ("exec statement", re.compile(r"^\s*(?:.*[;:]\s*)?exec\b(?!\s*[=(.,)\]])")),
    ("'except E, name'", re.compile(r"^\s*except\b[^:#]*,\s*\w+\s*:")),
    ("'raise E, value'", re.compile(r"^\s*raise\s+[\w.]+\s*,")),
    ("backquotes", re.compile(r"^[^'\"#]*`")),
    ("'<>'", re.compile(r"^[^'\"#]*<>")),
    ("ur'' string", re.compile(r"\b[uU][rR]['\"]")),
    ("tuple parameter", re.compile(r"^\s*def\s+\w+\s*\([^)]*\(")),
)
_OLD_NUMBER = re.compile(r"leading zeros in decimal integer|invalid (?:decimal|hexadecimal) literal")
_LONG_OR_OCTAL = re.compile(r"(?<![\w.])(?:0[0-7]+|\d+[lL]|0[xX][\da-fA-F]+[lL])\b")
_PYTHON2_REASON = "this is Python 2 ({}); bring it to Python 3 first, e.g. with 2to3"


class Source(msgspec.Struct, frozen=True):
    """A decoded file: its text without BOM, and what is needed to write it back."""

    path: str
    text: str
    encoding: str = "utf-8"
    bom: bytes = b""

    def encode(self, code: str) -> bytes:
        """``code`` as bytes of this file; equal text gives equal bytes."""
        try:
            return self.bom + code.encode(self.encoding)
        except UnicodeEncodeError as error:
            line = code.count("\n", 0, error.start) + 1
            raise SourceError(self.path, line, f"the result cannot be written as {self.encoding}") from error


def decode(data: bytes, path: str) -> Source:
    """The text of a file's bytes; raises ``SourceError`` where Python could not read them either."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise SourceError(path, 1, "UTF-16; Python reads UTF-8, or what a coding line names")
    null = data.find(b"\0")
    if null >= 0:
        raise SourceError(path, _line(data, null), "null byte; Python cannot read this file")
    bom = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
    body = data[len(bom) :]
    encoding = _encoding(data, path)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        reason = f"byte 0x{body[error.start]:02x} is not valid {encoding}; the file needs a coding line"
        raise SourceError(path, _line(body, error.start), reason) from error
    source = Source(path, text, encoding, bom)
    if encoding != "utf-8" and source.encode(text) != data:
        raise SourceError(path, 1, f"{encoding} does not give the same bytes back; save the file as UTF-8")
    return source


def parse(text: str, path: str) -> ast.Module:
    """The syntax tree of ``text``; raises ``SourceError`` with a line and a reason where there is none."""
    try:
        return ast.parse(text, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise failure(error, text, path) from error


def failure(error: Exception, text: str, path: str) -> SourceError:
    """What stopped the reading of ``text``, in words for its author."""
    if isinstance(error, SourceError):
        return SourceError(path, error.line, error.reason)
    if isinstance(error, SyntaxError):
        line = error.lineno or 1
        return SourceError(path, line, _python2(error, text) or f"{error.msg} ({_grammar()})")
    if isinstance(error, RecursionError | MemoryError):
        return SourceError(path, 1, _TOO_DEEP)
    return SourceError(path, 1, str(error))


def _python2(error: SyntaxError, text: str) -> str:
    """The reason where the parser stumbled over Python 2, else ""."""
    lines = re.split(r"\r\n|\r|\n", text)
    if _OLD_NUMBER.match(error.msg) and (error.text is None or _LONG_OR_OCTAL.search(error.text)):
        return _PYTHON2_REASON.format("long or octal number")
    for number in (error.lineno, error.end_lineno):
        if number and number <= len(lines):
            for word, pattern in _PYTHON2:
                if pattern.search(lines[number - 1]):
                    return _PYTHON2_REASON.format(word)
    return ""


def _grammar() -> str:
    return f"read as Python {sys.version_info.major}.{sys.version_info.minor}"


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _encoding(data: bytes, path: str) -> str:
    """The encoding by BOM or coding line, UTF-8 otherwise."""
    lines = iter(data.split(b"\n", 2)[:2])
    try:
        name, _ = detect_encoding(lambda: next(lines, b"") + b"\n")
        "".encode(name)
    except (SyntaxError, LookupError) as error:
        # The detector also tries to decode the two lines: where that fails, the byte's own line is said.
        if "invalid or missing encoding" in str(error):
            return "utf-8"
        raise SourceError(path, 1, f"{error}; the coding line names no encoding that can be used") from error
    return "utf-8" if name == "utf-8-sig" else name
