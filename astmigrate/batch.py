"""Migrates the files of a project in several processes.

Each gets tasks (``schedule``) with what other processes have found of the modules that they see
(``analysis.views``). Results come back in any order and are the same as one process makes. A process that
dies costs the file it was at; another one takes over its rest.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import msgspec

from astmigrate.model import SourceError, TableError
from astmigrate.order import places
from astmigrate.schedule import Schedule, Task, schedule
from astmigrate.work import Result, Work, unpacked

FORKS = sys.platform == "linux"  # elsewhere, what a forked process may do is not certain


class _Order(msgspec.Struct, array_like=True):
    """What a process is to do: views by place in the order, then tasks as the numbers of their files.

    ``wanted`` has the places of each task whose views are to be sent back.
    """

    views: list[tuple[int, bytes]]
    tasks: list[list[int]]
    wanted: list[list[int]]


class _Message(msgspec.Struct, array_like=True):
    """What a process says of a file by its number: result, problem, or neither where that cannot be sent.

    Or, with a negative number, that a task is done, with the views that were wanted.
    """

    number: int
    data: bytes = b""
    problem: tuple[str, int, str] | None = None
    views: list[tuple[int, bytes]] = []
    broken_table: str = ""


_encode = msgspec.msgpack.Encoder().encode
_message = msgspec.msgpack.Decoder(_Message).decode
_order = msgspec.msgpack.Decoder(_Order).decode


def results(work: Work, own: Sequence[str], jobs: int) -> Iterator[tuple[str, Result | SourceError]]:
    """The results of the targets in ``own``, from ``jobs`` processes; ``TableError`` as from one."""
    _ = work.place, work.targets, work.index.imported_from("")  # once, before there are several
    pool = _Pool(work, schedule(work, own), jobs)
    try:
        yield from pool.results()
    finally:
        pool.stop()
    yield from work.results(pool.unsent)


@dataclass(slots=True)
class _Worker:
    """A process, the end of its pipe, the tasks it has, what it has sent of the first, what it has seen."""

    process: BaseProcess
    connection: Connection
    tasks: list[Task] = field(default_factory=list)
    seen: int = 0


@dataclass(slots=True)
class _Pool:
    work: Work
    schedule: Schedule
    jobs: int
    workers: list[_Worker] = field(default_factory=list)
    views: dict[int, bytes] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)  # left for this process
    targets: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.targets = list(self.work.sources)

    def results(self) -> Iterator[tuple[str, Result | SourceError]]:
        """What the processes send, until all is done."""
        for _ in range(self.jobs):
            self._start()
        while True:
            for worker in self.workers:
                if not worker.tasks:
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

    def _start(self) -> None:
        context = get_context("fork") if FORKS else get_context("spawn")
        ours, theirs = context.Pipe()
        inherited = [ours, *(worker.connection for worker in self.workers)] if FORKS else []
        work = self.work if FORKS else self.work.fresh()
        process = context.Process(target=_serve, args=(theirs, inherited, work), daemon=True)
        with _no_interrupt():
            process.start()
            self.workers.append(_Worker(process, ours))
        theirs.close()

    def _hand_out(self, worker: _Worker) -> None:
        """Gives an idle process its next tasks, with the views that it lacks."""
        others = [other.seen for other in self.workers if other.tasks]
        tasks = self.schedule.portion(self.jobs, worker.seen, others)
        if not tasks:
            return
        lacking = mine = 0
        for task in tasks:
            lacking |= task.sees
            mine |= task.own
        views = [(p, self.views[p]) for p in places(lacking & ~worker.seen & ~mine) if p in self.views]
        number = {target: n for n, target in enumerate(self.targets)}
        order = _Order(
            views,
            [[number[target] for target in task.targets] for task in tasks],
            [list(places(task.own)) if task.wanted else [] for task in tasks],
        )
        worker.tasks = tasks
        worker.seen |= lacking
        try:
            worker.connection.send_bytes(_encode(order))
        except ConnectionError:
            return  # it is gone: reading from it says so

    def _told(self, worker: _Worker, message: _Message) -> Iterator[tuple[str, Result | SourceError]]:
        if message.broken_table:
            raise TableError(message.broken_table)
        if message.number < 0:
            self.views.update((place, view) for place, view in message.views if view)
            self.schedule.finish(worker.tasks.pop(0))
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

    def stop(self) -> None:
        """Ends what still runs; nothing is lost by it, as only this process writes files."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.connection.close()
        self.workers.clear()


@contextmanager
def beside(make: Callable[[], str]) -> Iterator[Callable[[], str]]:
    """Lets a process of its own begin with ``make`` now; what comes waits for its text.

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

    def text() -> str:
        try:
            return ours.recv_bytes().decode("utf-8", "surrogatepass")
        except (EOFError, ConnectionError):
            return make()

    try:
        yield text
    finally:
        process.kill()
        process.join()
        ours.close()


def _make(make: Callable[[], str], connection: Connection, parents: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it too, and ends this process
    parents.close()
    with suppress(Exception):  # the parent makes it then, and says what is wrong; or was killed
        connection.send_bytes(make().encode("utf-8", "surrogatepass"))


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
    from astmigrate.analysis import views

    names = work.order.names
    targets = list(work.sources)
    number = {target: n for n, target in enumerate(targets)}
    for place, view in order.views:
        if names[place] not in work.past:
            views.load(work.index, names[place], view)
            work.past.add(names[place])
    for files, wanted in zip(order.tasks, order.wanted, strict=True):
        for target, result in work.results([targets[n] for n in files]):
            connection.send_bytes(_told(number[target], result))
        known = [place for place in wanted if names[place] in work.past]
        found = [(place, views.dump(work.index, names[place])) for place in known]
        connection.send_bytes(_encode(_Message(-1, views=found)))


def _told(number: int, result: Result | SourceError) -> bytes:
    """A result as a message, an empty one where it holds text that is not valid Unicode."""
    if not isinstance(result, SourceError):
        return _encode(_Message(number, result.packed()))
    try:
        return _encode(_Message(number, problem=(result.path, result.line, result.reason)))
    except UnicodeEncodeError:
        return _encode(_Message(number))
