"""Migrates the files of a project in several processes.

Each gets tasks (``schedule``) with what other processes have found of the modules that they see
(``analysis.views``). Results come back in any order and are the same as one process makes. A process that
dies costs the file it was at; another one takes over its rest. When all files are done, one of them makes
the text of the weight rules while the reports are made here.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

import msgspec

from astmigrate.analysis.module import imported_names
from astmigrate.model import SourceError, TableError
from astmigrate.order import places
from astmigrate.schedule import LEAST, Task, schedule
from astmigrate.snippets import catalogue
from astmigrate.work import Result, Said, Work, unpacked

_T = TypeVar("_T")

FORKS = sys.platform == "linux"  # elsewhere, what a forked process may do is not certain


class _Order(msgspec.Struct, array_like=True):
    """What a process is to do: views with their places in the order, tasks as the numbers of their files.

    ``wanted`` has the places of each task of which a view is to be sent back. Or it is to make the text of
    ``rules``, those of one file each.
    """

    views: list[tuple[list[int], bytes]] = []
    tasks: list[list[int]] = []
    wanted: list[list[int]] = []
    rules: list[memoryview] = []


class _Message(msgspec.Struct, array_like=True):
    """What a process says of a file by its number: result, problem, or neither where that cannot be sent.

    Or, with a negative number, that a task is done, with the view that was wanted, or the text of rules.
    """

    number: int
    data: bytes = b""
    problem: tuple[str, int, str] | None = None
    broken_table: str = ""


_encode = msgspec.msgpack.Encoder().encode
_message = msgspec.msgpack.Decoder(_Message).decode
_order = msgspec.msgpack.Decoder(_Order).decode


@dataclass(slots=True)
class _Worker:
    """A process, the end of its pipe, the tasks it has, what it has sent of the first, what it has seen."""

    process: BaseProcess
    connection: Connection
    tasks: list[Task] = field(default_factory=list)
    seen: int = 0


class Pool:
    """``jobs`` processes for the targets in ``own``; they are there until they are stopped."""

    def __init__(self, work: Work, own: Sequence[str], jobs: int) -> None:
        _prepare(work)
        self.work, self.jobs = work, jobs
        self.schedule = schedule(work, own)
        self.workers: list[_Worker] = []
        self.views: list[tuple[int, bytes]] = []  # with the bits of their places
        self.unsent: list[str] = []  # left for this process
        self.targets = list(work.sources)
        self.numbers = {target: number for number, target in enumerate(self.targets)}

    def results(self) -> Iterator[tuple[str, Result | SourceError]]:
        """The results of all targets; ``TableError`` as from one process."""
        for _ in range(self.jobs):
            self._hand_out(self._start())
        yield from self._sent()
        yield from self.work.results(self.unsent)

    def _sent(self) -> Iterator[tuple[str, Result | SourceError]]:
        """What the processes send, until all is done."""
        while True:
            for worker in sorted(self.workers, key=lambda worker: len(worker.tasks)):
                if sum(task.cost for task in worker.tasks) < LEAST:
                    self._hand_out(worker)
            busy = [worker for worker in self.workers if worker.tasks]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in [worker for worker in busy if worker.connection in ready]:
                try:
                    data = worker.connection.recv_bytes()
                except (EOFError, ConnectionError):
                    yield from self._ended(worker)
                    continue
                yield from self._told(worker, _message(data))

    def _start(self) -> _Worker:
        context = get_context("fork") if FORKS else get_context("spawn")
        ours, theirs = context.Pipe()
        inherited = [ours, *(worker.connection for worker in self.workers)] if FORKS else []
        work = self.work if FORKS else self.work.fresh()
        process = context.Process(target=_serve, args=(theirs, inherited, work), daemon=True)
        with _no_interrupt():
            process.start()
            self.workers.append(_Worker(process, ours))
        theirs.close()
        return self.workers[-1]

    def _hand_out(self, worker: _Worker) -> None:
        """Gives a process that is idle, or soon will be, its next tasks, with the views that it lacks."""
        others = [other.seen for other in self.workers if other.tasks and other is not worker]
        mine = sum(task.own for task in worker.tasks)
        tasks = self.schedule.portion(self.jobs, worker.seen, others, mine)
        lacking = 0
        for task in tasks:
            lacking |= task.sees
            mine |= task.own
        lacking &= ~worker.seen
        views = [(list(places(own)), view) for own, view in self.views if own & lacking & ~mine]
        if not tasks or (views and worker.tasks):  # it could not take them: it sends and does not read
            self.schedule.tasks += tasks
            return
        order = _Order(
            views,
            [[self.numbers[target] for target in task.targets] for task in tasks],
            [list(places(task.own)) if task.wanted else [] for task in tasks],
        )
        worker.tasks += tasks
        worker.seen |= lacking
        try:
            worker.connection.send_bytes(_encode(order))
        except ConnectionError:
            return  # it is gone: reading from it says so

    def _told(self, worker: _Worker, message: _Message) -> Iterator[tuple[str, Result | SourceError]]:
        if message.broken_table:
            raise TableError(message.broken_table)
        if message.number < 0:
            task = worker.tasks.pop(0)
            if message.data:
                self.views.append((task.own, message.data))
            self.schedule.finish(task)
            return
        target = self.targets[message.number]
        worker.tasks[0].targets.remove(target)
        if message.problem is not None:
            yield target, SourceError(*message.problem)
        elif message.data:
            yield target, unpacked(message.data)
        else:
            self.unsent.append(target)

    def _ended(self, worker: _Worker) -> Iterator[tuple[str, Result | SourceError]]:
        """The process is gone, struck down at the first file that it still had."""
        worker.process.join()
        worker.connection.close()
        self.workers.remove(worker)
        first = worker.tasks[0]
        for task in worker.tasks[1:]:
            self.schedule.put_back(task)
        if first.targets:
            target = first.targets.pop(0)
            reason = f"the process that migrated it ended: {_ending(worker.process.exitcode or 0)}"
            yield target, SourceError(self.work.sources[target].path, 1, reason)
        if first.targets:
            self.schedule.put_back(first)
        else:
            self.schedule.finish(first)
        self._start()

    def rules(self, several: Sequence[bytes | memoryview]) -> Callable[[], str | None]:
        """Lets a process begin with the text of these weight rules, once all results are there.

        What comes waits for it; None where that process died.
        """
        chosen, *others = self.workers
        for worker in others:
            worker.process.kill()  # so that they are gone when all else is done
        with suppress(ConnectionError):
            chosen.connection.send_bytes(_encode(_Order(rules=[memoryview(rules) for rules in several])))
        return partial(_text, chosen)

    def stop(self) -> None:
        """Ends what still runs; nothing is lost by it, as only this process writes files."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.connection.close()
        self.workers.clear()


def _prepare(work: Work) -> None:
    """Finds and loads what all processes need, once, before there are several."""
    with beside(lambda: (work.order, imported_names(work.modules))) as found:
        catalogue()  # these take as long as what is found meanwhile
        work.order, work.index.imported = found()
    _ = work.targets, work.place


def _text(worker: _Worker) -> str | None:
    """What a process has made of the rules that it was sent."""
    try:
        text = _message(worker.connection.recv_bytes()).data.decode("utf-8", "surrogatepass")
    except (EOFError, ConnectionError):
        return None
    worker.process.kill()
    return text


@contextmanager
def beside(make: Callable[[], _T]) -> Iterator[Callable[[], _T]]:
    """Lets a process of its own begin with ``make`` now; what comes waits for its value.

    Where no process can be forked, or where that one dies, ``make`` is called instead.
    """
    if not FORKS:
        yield make
        return
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_make, args=(make, theirs, ours), daemon=True)
    with _no_interrupt():
        process.start()
    theirs.close()

    def value() -> _T:
        try:
            made: _T = ours.recv()
        except (EOFError, ConnectionError):
            return make()
        return made

    try:
        yield value
    finally:
        process.kill()
        process.join()
        ours.close()


def _make(make: Callable[[], object], connection: Connection, parents: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it too, and ends this process
    parents.close()
    with suppress(Exception):  # the parent makes it then, and says what is wrong; or was killed
        connection.send(make())


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """An interrupt waits until a process that starts has come so far as to leave it to its parent."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, inherited: Sequence[Connection], work: Work) -> None:
    """What a process does: one order after another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it too, and ends this process
    for other in inherited:  # else a pipe whose reader is gone would seem to have one
        other.close()
    parent = os.getppid()
    try:
        while os.getppid() == parent:
            _follow(_order(connection.recv_bytes()), connection, work)
    except TableError as error:
        connection.send_bytes(_encode(_Message(0, broken_table=str(error))))
    except (EOFError, ConnectionError):
        return  # the parent was killed
    except Exception as error:  # outside of any file's work: the parent names the file it was at
        raise SystemExit(1) from error


def _follow(order: _Order, connection: Connection, work: Work) -> None:
    """Does the tasks of one order, and says so file by file."""
    if order.rules:
        from astmigrate.weights.whole import text_of

        text = text_of(Said(weights=rules).weights for rules in order.rules)
        connection.send_bytes(_encode(_Message(-1, text.encode("utf-8", "surrogatepass"))))
        return
    from astmigrate.analysis import views

    names = work.order.names
    targets = list(work.sources)
    number = {target: n for n, target in enumerate(targets)}
    for own, view in order.views:
        modules = [names[place] for place in own]
        if work.past.isdisjoint(modules):
            views.load(work.index, modules, view)
            work.past.update(modules)
    for files, wanted in zip(order.tasks, order.wanted, strict=True):
        for target, result in work.results([targets[n] for n in files]):
            connection.send_bytes(_told(number[target], result))
        modules = [names[place] for place in wanted]
        view = views.dump(work.index, modules) if modules and work.past.issuperset(modules) else b""
        connection.send_bytes(_encode(_Message(-1, view)))


def _told(number: int, result: Result | SourceError) -> bytes:
    """A result as a message, an empty one where it holds text that is not valid Unicode."""
    if not isinstance(result, SourceError):
        return _encode(_Message(number, result.packed()))
    try:
        return _encode(_Message(number, problem=(result.path, result.line, result.reason)))
    except UnicodeEncodeError:
        return _encode(_Message(number))
