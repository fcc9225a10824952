"""What a run has to say, once; the text, JSON and terminal writers only set it.

Counts go by level; a *reason* is the message of a finding that leaves something to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from astmigrate.model import Finding, Level, SourceError

_TO_DO = (Level.MANUAL, Level.REVIEW)


class FileReport(msgspec.Struct, frozen=True):
    """The findings of one migrated file; ``path`` is relative to the output folder.

    ``source`` is the path as the user gave it. ``texts`` are the file before and after, kept only for the
    reports that show them.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    changed: bool = False
    source: str = ""
    texts: tuple[str, str] | None = None

    @property
    def pending(self) -> bool:
        """Whether the file holds something to migrate, by astmigrate or by hand."""
        return self.changed or any(finding.level is Level.MANUAL for finding in self.findings)


class Reason(msgspec.Struct, frozen=True):
    """One reason and how often it stands."""

    count: int
    level: Level
    message: str


class Report(msgspec.Struct):
    """Everything about the files that share one report."""

    files: list[FileReport] = []
    failed: list[SourceError] = []
    notes: list[str] = []
    copied: int = 0

    @property
    def changed(self) -> int:
        """How many files the migration alters."""
        return sum(file.changed for file in self.files)

    def levels(self) -> dict[Level, int]:
        """How many findings there are of each level."""
        counts = Counter(finding.level for file in self.files for finding in file.findings)
        return {level: counts[level] for level in Level}

    def reasons(self, most: int = 3) -> list[Reason]:
        """The most frequent reasons, those that leave code as it was first."""
        counts: Counter[tuple[Level, str]] = Counter()
        for file in self.files:
            counts.update((f.level, reason(f)) for f in file.findings if f.level in _TO_DO)
        # Counter keeps the order of first sight, and sorting is stable: equal input, equal report.
        ordered = sorted(counts.items(), key=lambda entry: (-entry[1], _TO_DO.index(entry[0][0])))
        return [Reason(count, level, text) for (level, text), count in ordered[:most]]


def reason(finding: Finding) -> str:
    """What counts as one reason: the message, which names the API."""
    return finding.message


def united(reports: Iterable[Report]) -> Report:
    """Several reports as one."""
    whole = Report()
    for report in reports:
        whole.files += report.files
        whole.failed += report.failed
        whole.notes += report.notes
        whole.copied += report.copied
    return whole
