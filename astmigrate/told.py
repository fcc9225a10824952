"""What a run tells of its files, as reports by the stem of their files' names, and as texts.

A text is made when it is asked for, or known from an earlier run that had the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec.structs import replace

from astmigrate.layout import USUAL_REPORTS, printable
from astmigrate.project import Outcome, Project
from astmigrate.writers import terminal
from astmigrate.writers.report import FileReport, Report, united

if TYPE_CHECKING:
    from astmigrate.cache import Cache

_KEPT = (*USUAL_REPORTS, "weights", "summary")  # a page with all sources is too much to keep


class Told:
    """What became of the files so far, and what else there is to say; ``kinds`` are the reports wanted."""

    def __init__(self, stems: Sequence[str], kinds: Sequence[str]) -> None:
        self.reports = {stem: Report() for stem in stems}
        self.done: list[Outcome] = []
        self.cache: Cache | None = None
        self._kinds = kinds

    def take(self, outcome: Outcome) -> None:
        """Keeps of an outcome without problem what reports need."""
        self.done.append(outcome if "html" in self._kinds else replace(outcome, code=""))

    @cached_property
    def whole(self) -> Mapping[str, Report]:
        """The reports with all files, once all are done."""
        for outcome in self.done:
            item, source = outcome.item, outcome.source
            texts = (source.text, outcome.code) if source and "html" in self._kinds else None
            self.reports[item.report].files.append(
                FileReport(printable(item.target), outcome.said.findings, outcome.changed, item.shown, texts)
            )
        return self.reports

    @property
    def united(self) -> Report:
        """All reports as one."""
        return united(self.whole.values())

    @property
    def failed(self) -> bool:
        """Whether anything could not be migrated, read or written."""
        return any(report.failed for report in self.reports.values())

    def report(self, kind: str, stem: str) -> str:
        """One report as text."""
        return self._text(kind, stem, lambda: dumps(self.whole[stem], kind))

    def summary(self) -> str:
        """What is said at the end of a run, in plain lines."""
        return self._text("summary", "", lambda: terminal.summary(self.united))

    def weights(self, project: Project) -> Callable[[], str]:
        """What gives the weight rules of all files as text, once all are done."""
        make = project.weights([outcome.said for outcome in self.done])
        return cache(partial(self._text, "weights", "", make))

    def _text(self, kind: str, stem: str, make: Callable[[], str]) -> str:
        if self.cache is None or kind not in _KEPT:
            return make()
        beside = [
            ([(p.path, p.line, p.reason) for p in report.failed], report.notes, report.copied)
            for report in self.reports.values()
        ]
        return self.cache.text((self.cache.project, kind, stem, beside), make)


def dumps(report: Report, kind: str) -> str:
    """A report as ``kind``; each writer is a module of that name, loaded when it is wanted."""
    write: Callable[[Report], str] = import_module(f"astmigrate.writers.{kind}").dumps
    return write(report)
