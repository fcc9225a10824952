"""What one of several processes does, and how it and the one that has started it speak (``batch``)."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection

import msgspec

from astmigrate.model import SourceError, TableError
from astmigrate.work import Result, Said, Work


class Assignment(msgspec.Struct, array_like=True):
    """What a process is to do: views with their places in the order, tasks as the numbers of their files.

    ``wanted`` has the places of each task of which a view is to be sent back. Or it is to make the text of
    ``rules``, those of one file each.
    """

    views: list[tuple[list[int], bytes]] = []
    tasks: list[list[int]] = []
    wanted: list[list[int]] = []
    rules: list[memoryview] = []


class Message(msgspec.Struct, array_like=True):
    """What a process says of a file by its number: result, problem, or neither where that cannot be sent.

    Or, with a negative number, that a task is done, with the view that was wanted, or the text of rules.
    """

    number: int
    data: bytes = b""
    problem: tuple[str, int, str] | None = None
    broken_table: str = ""


encode = msgspec.msgpack.Encoder().encode
read_message = msgspec.msgpack.Decoder(Message).decode
_assignment = msgspec.msgpack.Decoder(Assignment).decode


def serve(connection: Connection, inherited: Sequence[Connection], work: Work) -> None:
    """What a process does: one assignment after another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it too, and ends this process
    for other in inherited:  # else a pipe whose reader is gone would seem to have one
        other.close()
    parent = os.getppid()
    try:
        while os.getppid() == parent:
            _follow(_assignment(connection.recv_bytes()), connection, work)
    except TableError as error:
        connection.send_bytes(encode(Message(0, broken_table=str(error))))
    except (EOFError, ConnectionError):
        return  # the parent was killed
    except Exception as error:  # outside of any file's work: the parent names the file it was at
        raise SystemExit(1) from error


def _follow(assignment: Assignment, connection: Connection, work: Work) -> None:
    """Does the tasks of one assignment, and says so file by file."""
    if assignment.rules:
        from astmigrate.weights.whole import text_of

        text = text_of(Said(weights=rules).weights for rules in assignment.rules)
        connection.send_bytes(encode(Message(-1, text.encode("utf-8", "surrogatepass"))))
        return
    from astmigrate.analysis import views

    names = work.order.names
    targets = list(work.sources)
    for own, view in assignment.views:
        modules = [names[place] for place in own]
        if work.past.isdisjoint(modules):
            views.load(work.index, modules, view)
            work.past.update(modules)
    for files, wanted in zip(assignment.tasks, assignment.wanted, strict=True):
        numbers = {targets[number]: number for number in files}
        for target, result in work.results(numbers):
            connection.send_bytes(_told(numbers[target], result))
        modules = [names[place] for place in wanted]
        view = views.dump(work.index, modules) if modules and work.past.issuperset(modules) else b""
        connection.send_bytes(encode(Message(-1, view)))


def _told(number: int, result: Result | SourceError) -> bytes:
    """A result as a message, an empty one where it holds text that is not valid Unicode."""
    if not isinstance(result, SourceError):
        return encode(Message(number, result.packed()))
    try:
        return encode(Message(number, problem=(result.path, result.line, result.reason)))
    except UnicodeEncodeError:
        return encode(Message(number))
