"""Which files one of several processes migrates next: none is analysed twice where that can be helped.

A *task* is the files that see the same modules, those of a cycle or one. It is ready when the tasks of all
that it sees are done. Of the ready ones that goes first on which the longest chain of others waits.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from astmigrate.order import places
from astmigrate.work import Work

WORTH = 200_000  # bytes of source for which another process pays, about 0.2 s
_STRANGE = 32  # how many times its own size a task may need to be told of: to load takes a fiftieth
LEAST = 12_000  # bytes of source for which a message more pays, about 15 ms
_PARTS = 6  # how many portions are made of what is left, for each process: few messages, an even end


class Task(msgspec.Struct, eq=False):
    """Files that go together, by target, in order; the places that they see and those that are theirs."""

    targets: list[str]
    sees: int
    own: int
    cost: int
    rest: int = 0  # what the longest chain that waits for this task costs
    wanted: bool = False  # whether any waits

    @property
    def urgency(self) -> int:
        """The cost of what cannot be done before this task is done, its own too."""
        return self.cost + self.rest


class Schedule(msgspec.Struct):
    """The tasks that are left, and the places whose tasks are done or not needed."""

    tasks: list[Task]
    sizes: Sequence[int]  # of the modules in order
    open: int = 0  # places whose tasks are not done

    def __post_init__(self) -> None:
        for task in self.tasks:
            self.open |= task.own

    def portion(self, processes: int, seen: int, others: Sequence[int], mine: int = 0) -> list[Task]:
        """The next tasks for one of so many processes; none where all that are left must wait.

        ``seen`` are the places that it knows already, ``others`` those that each other process knows: what
        needs much that is new to this one is left to one that knows it all. ``mine`` are the places of
        tasks that it will have done before.
        """
        limit = self._limit(processes)
        chosen: list[Task] = []
        cost = 0
        for task in sorted(self.tasks, key=lambda task: -task.urgency):
            if chosen and cost + task.cost > limit:
                break
            needs = task.sees & ~task.own
            if needs & self.open & ~mine or self._strange(task, needs, seen, others):
                continue
            chosen.append(task)
            mine |= task.own
            cost += task.cost
            seen |= task.sees
        self.tasks = [task for task in self.tasks if task not in chosen]
        return chosen

    def _limit(self, processes: int) -> float:
        """The most that a portion of several tasks may cost.

        What the longest task waits for is shared out at once: others find enough to do while that one runs.
        """
        limit = max(LEAST, sum(task.cost for task in self.tasks) / (_PARTS * processes))
        longest = max(self.tasks, key=lambda task: task.cost, default=None)
        if longest is None or longest.cost < limit:
            return limit
        before = sum(task.cost for task in self.tasks if task.own & longest.sees & ~longest.own)
        return min(limit, max(LEAST, before / processes)) if before else limit

    def _strange(self, task: Task, needs: int, seen: int, others: Sequence[int]) -> bool:
        """Whether a task is better left to a process to which nothing of it is new."""
        if all(needs & ~other for other in others):
            return False
        return sum(self.sizes[place] for place in places(needs & ~seen)) > _STRANGE * task.cost

    def finish(self, task: Task) -> None:
        """The task is done: others need not wait for it."""
        self.open &= ~task.own

    def put_back(self, task: Task) -> None:
        """The task was not done by the process that was to have it."""
        self.tasks.append(task)


def nearly_done(tasks: Sequence[Task]) -> bool:
    """Whether a process with these tasks left should have its next ones."""
    return sum(task.cost for task in tasks) < LEAST


def processes(work: Work, own: Sequence[str], jobs: int) -> int:
    """How many processes pay for these files, at most ``jobs``."""
    size = sum(len(work.sources[target].text) for target in own)
    return max(1, min(jobs, size // WORTH, len(own)))


def schedule(work: Work, own: Sequence[str]) -> Schedule:
    """The tasks of the targets in ``own``."""
    grouped: dict[int | str, list[str]] = {}
    wanted = set(own)
    for target in work.in_order():
        if target in wanted:
            grouped.setdefault(work.sees(target) or target, []).append(target)
    cycle = dict.fromkeys(work.order.reach, 0)
    for place, bits in enumerate(work.order.reach):
        cycle[bits] |= 1 << place
    tasks = []
    for targets in grouped.values():
        sees = work.sees(targets[0])
        cost = sum(len(work.sources[target].text) for target in targets)
        tasks.append(Task(targets, sees, cycle[sees] if sees else 0, cost + 1))
    _weigh(tasks)
    return Schedule(tasks, [len(work.modules[name].text) for name in work.order.names])


def _weigh(tasks: Sequence[Task]) -> None:
    """Sets what waits for each task; tasks come after those that they wait for."""
    by_place = {place: task for task in tasks for place in places(task.own)}
    for task in reversed(tasks):
        for place in places(task.sees & ~task.own):
            before = by_place.get(place)
            if before is not None:
                before.wanted = True
                before.rest = max(before.rest, task.urgency)
