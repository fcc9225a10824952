"""Before and after side by side: which lines stay, and which line stands opposite which.

Only what differs is kept; a page that has the lines before can make those after from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_LINE_END = re.compile(r"\r\n|\r|\n")
_WORD = re.compile(r"\w+")
_ALIKE = 0.3  # share of words that two lines have in common to stand side by side
_MOST_CELLS = 10_000  # of the table that pairs the lines of one block: a tenth of a second


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that differ, from line ``start`` of the text before (0-based).

    ``rows`` is one sign a row: "=" a line on both sides, "-" before only, "+" after only.
    """

    start: int
    rows: str
    after: tuple[str, ...]


def lines(text: str) -> list[str]:
    """The lines as the findings count them, without their ends."""
    return _LINE_END.split(text)


def blocks(before: Sequence[str], after: Sequence[str]) -> Iterator[Block]:
    """What differs between two files' lines, from top to bottom."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, from_, to in matcher.get_opcodes():
        if tag != "equal":
            yield Block(start, _rows(before[start:end], after[from_:to]), tuple(after[from_:to]))


def _rows(before: Sequence[str], after: Sequence[str]) -> str:
    """The signs of a block: line by line where both sides are as long, else alike lines side by side."""
    if len(before) == len(after):
        return "=" * len(before)
    if len(before) * len(after) > _MOST_CELLS:
        both = min(len(before), len(after))
        return "=" * both + "-" * (len(before) - both) + "+" * (len(after) - both)
    return _paired([_words(line) for line in before], [_words(line) for line in after])


def _paired(before: Sequence[frozenset[str]], after: Sequence[frozenset[str]]) -> str:
    """The pairing in order with the most words in common, by dynamic programming from the end."""
    best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in reversed(range(len(before))):
        for j in reversed(range(len(after))):
            pair = best[i + 1][j + 1] + _gain(before[i], after[j])
            best[i][j] = max(best[i + 1][j], best[i][j + 1], pair)
    rows, i, j = "", 0, 0
    while i < len(before) and j < len(after):
        gain = _gain(before[i], after[j])
        if gain > 0 and best[i][j] == best[i + 1][j + 1] + gain:
            rows, i, j = rows + "=", i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            rows, i = rows + "-", i + 1
        else:
            rows, j = rows + "+", j + 1
    return rows + "-" * (len(before) - i) + "+" * (len(after) - j)


def _words(line: str) -> frozenset[str]:
    return frozenset(_WORD.findall(line))


def _gain(one: frozenset[str], other: frozenset[str]) -> float:
    """How alike two lines are (Dice), 0 where that is too little to show them as one."""
    alike = 2 * len(one & other) / ((len(one) + len(other)) or 1)
    return alike if alike >= _ALIKE else 0.0
