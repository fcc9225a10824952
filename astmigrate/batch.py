"""Migrates the files of a project in several processes.

Each gets tasks (``schedule``) with what other processes have found of the modules that they see
(``analysis.views``). Results come back in any order and are the same as one process makes. A process that
dies costs the file it was at; another one takes over its rest. When all files are done, one of them makes
the text of the weight rules while the reports are made here.
"""

from __future__ import annotations

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

from astmigrate.analysis.module import imported_names
from astmigrate.model import SourceError, TableError
from astmigrate.order import places
from astmigrate.schedule import Task, nearly_done, schedule
from astmigrate.snippets import catalogue
from astmigrate.work import Result, Work, unpacked
from astmigrate.worker import Assignment, Message, encode, read_message, serve

_T = TypeVar("_T")

_USUAL = ("torch", "torch.nn", "torch.nn.functional", "torch.Tensor")  # tables that every process reads

FORKS = sys.platform == "linux"  # elsewhere, what a forked process may do is not certain


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
                if nearly_done(worker.tasks):
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
                yield from self._told(worker, read_message(data))

    def _start(self) -> _Worker:
        context = get_context("fork") if FORKS else get_context("spawn")
        ours, theirs = context.Pipe()
        inherited = [ours, *(worker.connection for worker in self.workers)] if FORKS else []
        work = self.work if FORKS else self.work.fresh()
        process = context.Process(target=serve, args=(theirs, inherited, work), daemon=True)
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
            for task in tasks:
                self.schedule.put_back(task)
            return
        assignment = Assignment(
            views,
            [[self.numbers[target] for target in task.targets] for task in tasks],
            [list(places(task.own)) if task.wanted else [] for task in tasks],
        )
        worker.tasks += tasks
        worker.seen |= lacking
        try:
            worker.connection.send_bytes(encode(assignment))
        except ConnectionError:
            return  # it is gone: reading from it says so

    def _told(self, worker: _Worker, message: Message) -> Iterator[tuple[str, Result | SourceError]]:
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
            chosen.connection.send_bytes(encode(Assignment(rules=[memoryview(rules) for rules in several])))
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
        _ = catalogue(), work.index  # all this takes as long as what is found meanwhile
        for namespace in _USUAL:
            work.index.tables.members(namespace)
        work.order, work.index.imported = found()
    _ = work.targets, work.place


def _text(worker: _Worker) -> str | None:
    """What a process has made of the rules that it was sent."""
    try:
        text = read_message(worker.connection.recv_bytes()).data.decode("utf-8", "surrogatepass")
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
