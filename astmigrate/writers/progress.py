"""How far a run is: a bar on a terminal, nothing in a pipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from astmigrate.writers.terminal import wants_colour

_WORTH = 20  # files; fewer are done before a bar has been read


@contextmanager
def bar(total: int, stream: TextIO, wanted: bool) -> Iterator[Callable[[], None]]:
    """Yields what to call after each file."""
    if not wanted or total < _WORTH or not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda: None
        return
    from rich.console import Console  # only a terminal pays for it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=stream, no_color=not wants_colour(stream))
    columns = (TextColumn("migrating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # No thread of its own: processes are forked while the bar stands.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as shown:
        task = shown.add_task("", total=total)
        step = max(1, total // 100)
        count = 0

        def advance() -> None:
            nonlocal count
            count += 1
            shown.update(task, completed=count, refresh=count % step == 0)

        shown.refresh()
        yield advance
