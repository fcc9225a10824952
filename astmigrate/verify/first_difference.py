"""Finds where two runs of a model part: the first call of a submodule whose tensors differ, and its lines.

A call's result may differ though what it was given agrees: then the fault is in that submodule, or, where
submodules inside it agree to the last, in its forward behind the last of them. Or what it is given differs
though all before agreed: then the fault is in the forward that calls it, in front of this call. A local
variable of a forward that differs, though all before agrees, tells the very line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from astmigrate.verify.model_jobs import (
    BEGINS,
    ENDS,
    Event,
    EventGap,
    Gap,
    MindSporeAnswer,
    ModuleInfo,
    Place,
    TorchAnswer,
)

_NOWHERE = ModuleInfo("", Place(), Place())
_JUMP = 10.0  # a fault differs by so many times what was there before; rounding grows more slowly
_FLOOR = 1e-7  # below is the rounding of one operation


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One call of a submodule that both sides made, by what it gave.

    ``kind`` and ``target_kind`` are its classes, ``source`` and ``output`` the lines that made it;
    ``gap`` is that of the tensor of its result that differs most.
    """

    path: str
    number: int
    kind: str
    target_kind: str
    gap: Gap
    differs: bool
    source: Place
    output: Place


class Where(StrEnum):
    """Which part of the code makes the difference."""

    LAYER = "layer"  # the submodule itself
    FORWARD = "forward"  # statements of its forward
    DRIFT = "drift"  # nothing in particular


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one file, first and last."""

    file: str = ""
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        if not self.file:
            return "?"
        return f"{self.file}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first call that differs. ``path`` is the submodule whose code is at fault, ``what`` says how.

    ``source_made`` and ``output_made`` are the line that made it and those that led there; ``source`` and
    ``output`` are the lines of its forward that come into question, empty for a layer of the framework's.
    """

    path: str
    kind: str
    where: Where
    what: str
    gap: Gap
    source_made: tuple[Place, ...]
    output_made: tuple[Place, ...]
    source: Lines
    output: Lines


def layer_rows(torch: TorchAnswer, mindspore: MindSporeAnswer, tolerance: float) -> list[LayerRow]:
    """The calls that both sides made, in the order in which torch's ended."""
    seen = {event.key: event for event in mindspore.events if event.gaps}
    rows = []
    for event in torch.events:
        same = seen.get(event.key)
        if event.what == ENDS and same is not None:
            here = torch.modules.get(event.path, _NOWHERE)
            there = mindspore.modules.get(event.path, _NOWHERE)
            differs = same.worst.relative > tolerance
            made = here.made, there.made
            rows.append(LayerRow(event.path, event.number, here.kind, there.kind, same.worst, differs, *made))
    return rows


def locate(torch: TorchAnswer, mindspore: MindSporeAnswer, tolerance: float) -> FirstDifference | None:
    """The first event, in torch's order, whose tensors differ; None where all agree.

    One that exceeds the tolerance by little more than those before it only carries on what rounding has
    grown to: it counts where there is no other.
    """
    seen = _comparable(torch, mindspore)
    drift, most = None, _FLOOR
    for at, event in enumerate(torch.events):
        same = seen.get(event.key)
        if same is None or event.what not in (BEGINS, ENDS):
            continue
        relative = same.worst.relative
        if relative > tolerance and relative > _JUMP * most:
            return _Search(torch, mindspore, seen, tolerance).describe(at, same)
        if relative > tolerance and drift is None:
            drift = at, same
        most = max(most, relative)
    if drift is None:
        return None
    found = _Search(torch, mindspore, seen, tolerance).describe(*drift)
    what = "small differences have grown past the tolerance here; no single line makes them"
    return replace(found, where=Where.DRIFT, what=what)


def _comparable(torch: TorchAnswer, mindspore: MindSporeAnswer) -> dict[tuple[str, int, str], EventGap]:
    """MindSpore's events by key, without variables that the sides bind a different number of times."""
    bound = [Counter(_variable(event.key) for event in side.events) for side in (torch, mindspore)]
    return {
        event.key: event
        for event in mindspore.events
        if event.gaps
        and (event.what in (BEGINS, ENDS) or len({count[_variable(event.key)] for count in bound}) == 1)
    }


def _variable(key: tuple[str, int, str]) -> tuple[str, int, str]:
    path, number, what = key
    return path, number, what.partition("#")[0]


class _Search:
    """What lies around the first event that differs."""

    def __init__(
        self,
        torch: TorchAnswer,
        mindspore: MindSporeAnswer,
        seen: Mapping[tuple[str, int, str], EventGap],
        tolerance: float,
    ) -> None:
        self.torch, self.mindspore, self.seen, self.tolerance = torch, mindspore, seen, tolerance

    def describe(self, at: int, same: EventGap) -> FirstDifference:
        """The difference at an event of torch's, with the lines that come into question on both sides."""
        event = self.torch.events[at]
        path, number = self._caller(at) if event.what == BEGINS else (event.path, event.number)
        variable = self._variable(at, path, number)
        if variable is not None:
            other = self.seen[variable.key]
            what = f"its forward's variable '{variable.what.partition('#')[0]}' differs; all before agrees"
            lines = _single(variable.place), _single(other.place)
            return self._described(path, Where.FORWARD, what, other.worst, lines)
        before = self._before(at)
        if event.what == BEGINS:
            what = f"what its forward gives to {event.path} differs; all before agrees"
            lines = self._between(path, before, (event.place, same.place))
            return self._described(path, Where.FORWARD, what, same.worst, lines)
        inside = before is not None and before.what == ENDS
        given = "all that is called in it agrees" if inside else "what it is given agrees"
        lines = self._between(path, before, None)
        where = Where.FORWARD if inside else Where.LAYER
        return self._described(path, where, f"its result differs; {given}", same.worst, lines)

    def _variable(self, at: int, path: str, number: int) -> Event | None:
        """The first variable of a call's forward that differs before the event does.

        Only in the call that is at fault: elsewhere the calls that follow agree, so the sides' variables
        do not correspond.
        """
        for event in self.torch.events[:at]:
            same = self.seen.get(event.key)
            inside = (event.path, event.number) == (path, number) and event.what not in (BEGINS, ENDS)
            if inside and same is not None and same.worst.relative > self.tolerance:
                return event
        return None

    def _described(
        self, path: str, where: Where, what: str, worst: Gap, lines: tuple[Lines, Lines]
    ) -> FirstDifference:
        here, there = self._infos(path)
        made, target_made = ((info.made, *info.callers) for info in (here, there))
        return FirstDifference(path, here.kind, where, what, worst, made, target_made, *lines)

    def _between(
        self, path: str, before: Event | None, until: tuple[Place, Place] | None
    ) -> tuple[Lines, Lines]:
        """The lines of both forwards behind ``before``, up to ``until`` or their end."""
        after = (before.place, self.seen[before.key].place) if before is not None else (Place(), Place())
        bound = before is not None and before.what not in (BEGINS, ENDS)
        first, second = zip(self._infos(path), after, until or (Place(), Place()), strict=True)
        return _lines(*first, bound), _lines(*second, bound)

    def _infos(self, path: str) -> tuple[ModuleInfo, ModuleInfo]:
        return self.torch.modules.get(path, _NOWHERE), self.mindspore.modules.get(path, _NOWHERE)

    def _before(self, at: int) -> Event | None:
        """The last event in front that both sides have, within the same forward: a call's end, a variable."""
        depth = 0
        for event in reversed(self.torch.events[:at]):
            if event.what == BEGINS:
                if depth == 0:
                    return None  # the forward begins here
                depth -= 1
                continue
            if depth == 0 and event.key in self.seen:
                return event
            depth += event.what == ENDS
        return None

    def _caller(self, at: int) -> tuple[str, int]:
        """The call in whose forward another begins: the innermost that has begun and not ended."""
        depth = 0
        for event in reversed(self.torch.events[:at]):
            if event.what == ENDS:
                depth += 1
            elif event.what == BEGINS:
                if depth == 0:
                    return event.path, event.number
                depth -= 1
        return "", 0


def _single(place: Place) -> Lines:
    return Lines(place.file, place.line, place.line)


def _lines(info: ModuleInfo, after: Place, until: Place, bound: bool) -> Lines:
    """The lines of a forward behind ``after`` up to ``until``; a call's line may hold more than the call."""
    file = info.forward.file or after.file or until.file
    last = until.line if until.file == file and until.line else info.forward_end
    first = after.line if after.file == file and after.line else info.forward.line
    if bound and after.file == file and first < last:
        first += 1
    return Lines(file, first or last, max(first, last)) if file else Lines()
