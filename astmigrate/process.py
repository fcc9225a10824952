"""astmigrate as a process of its own: its standard streams, and how it ends."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import NoReturn, TextIO

from astmigrate.cli import main


def start() -> NoReturn:
    """The program: the process ends with the command.

    It ends at once, as mypy does: to take the trees of a large project apart first, object by object, takes
    a sixteenth of the time.
    """
    sys.stdin, sys.stdout, sys.stderr = (
        stream or _nothing() for stream in (sys.stdin, sys.stdout, sys.stderr)
    )
    if isinstance(sys.stdout.buffer, io.RawIOBase):
        sys.stdout = _whole(sys.stdout)
    try:
        code = _exit_code()
        sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error)
    with suppress(OSError):  # there is nowhere left to say so
        sys.stderr.flush()
    os._exit(code)


def _exit_code() -> int:
    """Runs the command."""
    try:
        main(prog_name="astmigrate", obj=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _nothing() -> TextIO:
    """In place of a stream that whoever has started the process has closed."""
    return open(os.devnull, "r+", encoding="utf-8")


def _whole(stream: TextIO) -> TextIO:
    """A stream that writes all or fails; where Python runs unbuffered, its own may write a part and go on."""
    return open(
        stream.fileno(), "w", buffering=1, encoding=stream.encoding, errors=stream.errors, closefd=False
    )


def _unwritten(error: OSError) -> int:
    """Says that standard output, or what else is named, failed; who has closed it wants to hear nothing."""
    if not isinstance(error, BrokenPipeError):
        print(f"{error.filename or 'standard output'}: {error.strerror or error}", file=sys.stderr)
    return 1
