"""The summary at the end of a run: a table on a terminal, two or three plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from astmigrate.model import Level
from astmigrate.writers.report import Reason, Report
from astmigrate.writers.text import counts

if TYPE_CHECKING:
    from rich.console import Console

_MEANING = {
    Level.CONVERTED: ("green", "rewritten, same behaviour"),
    Level.INFO: ("blue", "added for the output's sake"),
    Level.REVIEW: ("yellow", "rewritten; behaves differently under a stated condition"),
    Level.MANUAL: ("red", "left as it is, with the reason"),
}


def wants_colour(stream: TextIO) -> bool:
    """Whether colour may go to ``stream``: a terminal that can, and a user who has not said no.

    https://no-color.org
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def put(data: bytes) -> None:
    """Puts bytes on standard output, behind the text that is there already."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def summary(report: Report) -> str:
    """Counts per level and the most frequent reasons, as plain lines."""
    return "".join(f"{line}\n" for line in (counts(report), *(f"  {_reason(r)}" for r in report.reasons())))


def _reason(reason: Reason) -> str:
    return f"{reason.count} x {reason.level}: {reason.message}"


def print_table(report: Report, stream: TextIO) -> None:
    """The same as a table, with the levels' meanings and their colours."""
    from rich.console import Console  # only a terminal pays for it
    from rich.table import Table
    from rich.text import Text

    console: Console = Console(file=stream, no_color=not wants_colour(stream), highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    for level, count in report.levels().items():
        colour, meaning = _MEANING[level]
        style = colour if count else "dim"
        table.add_row(Text(str(count), style=style, justify="right"), Text(level, style=style), Text(meaning))
    console.print(Text(counts(report).partition(":")[0], style="bold"))
    console.print(table)
    for reason in report.reasons():
        console.print(Text(_reason(reason)), soft_wrap=True)
