"""Unified diffs that ``patch`` and ``git apply -p0`` take: the file's own bytes and line ends, no colour.

Colour is added where a person reads. Lines end at line feeds only: form feeds and the like are text.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator

from astmigrate.writers.terminal import put, wants_colour

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def unified(before: str, after: str, path: str) -> str:
    """The diff from ``before`` to ``after``; "" where they are equal."""
    if before == after:
        return ""
    return "".join(_lines(before, after, path))


def coloured(diff: str) -> str:
    """The diff for a terminal."""
    return "".join(_colour(line) for line in _split(diff))


def show(before: str, after: str, path: str, encoding: str) -> None:
    """Prints the diff: coloured on a terminal, the file's own bytes in a pipe."""
    lines = unified(before, after, path)
    if wants_colour(sys.stdout):
        sys.stdout.write(coloured(lines))
    else:
        put(lines.encode(encoding, "backslashreplace"))


def _lines(before: str, after: str, path: str) -> Iterator[str]:
    for line in difflib.unified_diff(_split(before), _split(after), path, path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _colour(line: str) -> str:
    bare = line.rstrip("\r\n")
    if line.startswith(("+++ ", "--- ")):
        return f"{_BOLD}{bare}{_PLAIN}\n"
    start = _COLOURS.get(line[:1])
    return f"{start}{bare}{_PLAIN}\n" if start else line
