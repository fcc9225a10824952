"""The text report: one line a finding, in the form that MindSpore's own converter established.

https://www.mindspore.cn/mindinsight/docs/en/r1.9/migrate_3rd_scripts_mindconverter.html
"""

from __future__ import annotations

from collections.abc import Iterator

from astmigrate.layout import REPORT_TITLE
from astmigrate.model import Finding, Level
from astmigrate.writers.report import FileReport, Report

_TAGS = {
    Level.CONVERTED: "Convert",
    Level.INFO: "Insert",
    Level.REVIEW: "Review",
    Level.MANUAL: "UnConvert",
}


def line(finding: Finding) -> str:
    """The finding as one line; what is inserted has no place in the source."""
    place = "" if finding.level is Level.INFO else f"line {finding.line}:{finding.column}: "
    return f"{place}[{_TAGS[finding.level]}] {_one_line(finding.message)}"


def file_lines(file: FileReport) -> list[str]:
    """The lines of one file, its path first."""
    return [file.path, *(line(finding) for finding in file.findings)]


def dumps(report: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(report)) + "\n"


def counts(report: Report) -> str:
    """The counts of files and levels, in one line."""
    levels = ", ".join(f"{count} {level}" for level, count in report.levels().items())
    files = len(report.files)
    parts = [f"{files} file{'' if files == 1 else 's'}", f"{report.changed} changed"]
    parts += [f"{report.copied} copied"] if report.copied else []
    parts += [f"{len(report.failed)} not migrated"] if report.failed else []
    return f"{', '.join(parts)}: {levels}"


def _lines(report: Report) -> Iterator[str]:
    yield REPORT_TITLE
    for file in report.files:
        if file.findings:
            yield ""
            yield from file_lines(file)
    if report.failed:
        yield from ("", "Not migrated")
        yield from (str(problem) for problem in report.failed)
    if report.notes:
        yield from ("", "Left out")
        yield from report.notes
    yield from ("", "Summary", counts(report))
    for reason in report.reasons():
        yield f"{reason.count} x {reason.level}: {_one_line(reason.message)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
