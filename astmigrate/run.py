"""One run of ``astmigrate migrate``: lay out, migrate, write or show, report.

Every file is written as soon as it is done; a run that is cut off leaves whole files only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from astmigrate.layout import Input, Kind, lay_out, printable, report_names
from astmigrate.model import SourceError, WeightRules
from astmigrate.project import Outcome, Project
from astmigrate.source import Source
from astmigrate.writers import atomic, terminal
from astmigrate.writers.report import FileReport, Report, united

BOTH = ("text", "json")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the settings ask for; ``reports`` is None where nobody has said."""

    sources: Sequence[str]
    out: Path | None = None
    diff: bool = False
    check: bool = False
    reports: Sequence[str] | None = None
    exclude: Sequence[str] = ()
    quiet: bool = False

    @property
    def place(self) -> Path | None:
        """The folder to write to; None where nothing is to be written."""
        return None if self.diff or self.check else self.out


def run(options: Options) -> int:
    """Does what ``options`` say and returns the exit code; ``LayoutError`` before anything is written."""
    return _Run(options).run()


class _Run:
    """A run and what it has gathered so far: reports and weight rules by the stem of their files."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.out = options.place
        self.layout = lay_out(options.sources, self.out, options.exclude)
        self.reports = {stem: Report() for stem in self.layout.reports}
        self.rules: list[WeightRules] = []

    def run(self) -> int:
        if self.out is not None and (reason := _unwritable(self.out)):
            print(f"{self.out}: cannot be written: {reason}", file=sys.stderr)
            return 1
        self._take_remarks()
        project = Project(self.layout, sys.stdin.buffer.read)
        for outcome in project.migrate():
            self._take(outcome)
        if self.out is not None:
            self._write_rest(self.out, project)
            self._write_reports(self.out)
        else:
            self._print_reports(project)
        if not self.options.quiet:
            terminal.print_summary(united(self.reports.values()), self._stream)
        return self._exit_code()

    @property
    def _stream(self) -> TextIO:
        """Where reports and summary go: code and diffs have standard output to themselves."""
        checks = self.options.check and not self.options.diff
        return sys.stdout if self.out is not None or checks else sys.stderr

    def _take_remarks(self) -> None:
        """Says what of the sources is no input."""
        first = self.reports[self.layout.reports[0]]
        for remark in self.layout.remarks:
            if remark.failed:
                self._fail(first, SourceError(remark.shown, 1, remark.text), remark.target)
            else:
                print(f"{remark.shown}: {remark.text}", file=sys.stderr)
                first.notes.append(f"{remark.target}: {remark.text}")

    def _take(self, outcome: Outcome) -> None:
        """Writes or shows one outcome and keeps what the reports need."""
        item, report = outcome.item, self.reports[outcome.item.report]
        if outcome.problem is not None:
            self._fail(report, outcome.problem, printable(item.target))
            return
        if self.out is not None:
            place = self.out / item.target
            if not self._written(item, partial(atomic.write_bytes, place, outcome.data, item.source)):
                return
        else:
            self._show(outcome)
        report.files.append(FileReport(printable(item.target), outcome.findings, outcome.changed))
        self.rules.append(outcome.weights)

    def _show(self, outcome: Outcome) -> None:
        if self.options.diff:
            assert outcome.source is not None  # only a file that was read has no problem
            _print_diff(outcome, outcome.source)
        elif not self.options.check:
            sys.stdout.flush()
            sys.stdout.buffer.write(outcome.data)

    def _write_rest(self, out: Path, project: Project) -> None:
        """What is not a migrated file: copies, links, snippets."""
        for item in self.layout.inputs:
            source, place = item.source, out / item.target
            if source is not None and item.kind is Kind.COPY:
                self.reports[item.report].copied += self._written(item, partial(atomic.copy, source, place))
            elif source is not None and item.kind is Kind.LINK:
                self._written(item, partial(atomic.link, source, place))
        for target, text in project.snippets():
            item = Input(None, target, Kind.PYTHON, self.layout.reports[0])
            self._written(item, partial(atomic.write_text, out / target, text))

    def _write_reports(self, out: Path) -> None:
        from astmigrate.weights.rules import dumps, merge

        rules = dumps(merge(*self.rules))
        for stem, report in self.reports.items():
            names = report_names(stem)
            for kind, name in zip(BOTH, names, strict=False):
                if kind in (self.options.reports or BOTH):
                    self._report_written(out / name, _dumps(report, kind))
            self._report_written(out / names[2], rules)

    def _report_written(self, place: Path, text: str) -> None:
        item = Input(None, place.name, Kind.COPY, self.layout.reports[0])
        self._written(item, partial(atomic.write_text, place, text))

    def _written(self, item: Input, write: Callable[[], None]) -> bool:
        """Whether ``write`` went through; if not, that is said and the run goes on."""
        try:
            write()
        except OSError as error:
            verb = "read" if item.source is not None and error.filename == str(item.source) else "written"
            reason = f"cannot be {verb}: {error.strerror or error}"
            shown = item.shown if item.source is not None else item.target
            self._fail(self.reports[item.report], SourceError(shown, 1, reason), printable(item.target))
            return False
        return True

    def _fail(self, report: Report, problem: SourceError, path: str) -> None:
        """Says a problem now, with the user's path, and keeps it for the report, with the one below OUT."""
        print(problem, file=sys.stderr)
        report.failed.append(SourceError(path, problem.line, problem.reason))

    def _print_reports(self, project: Project) -> None:
        """What a run that writes nothing has to say instead."""
        whole = united(self.reports.values())
        for kind in self.options.reports or ():
            self._stream.write(_dumps(whole, kind))
        if self.options.check:
            if not self.options.reports:
                self._stream.writelines(
                    f"{file.path}: to be migrated\n" for file in whole.files if file.pending
                )
            return
        for target, _ in project.snippets():
            print(f"the result needs {printable(target)}, which -o writes", file=sys.stderr)

    def _exit_code(self) -> int:
        reports = self.reports.values()
        if any(report.failed for report in reports):
            return 1
        pending = any(file.pending for report in reports for file in report.files)
        return int(self.options.check and pending)


def _unwritable(out: Path) -> str:
    """Why nothing can be written to the folder, said once and not for each file; "" where it can."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return "" if os.access(out, os.W_OK | os.X_OK) else "no permission"


def _dumps(report: Report, kind: str) -> str:
    if kind == "json":
        from astmigrate.writers import json

        return json.dumps(report)
    from astmigrate.writers import text

    return text.dumps(report)


def _print_diff(outcome: Outcome, source: Source) -> None:
    """The file's diff: coloured on a terminal, the file's own bytes in a pipe."""
    from astmigrate.writers import diff

    bom = source.bom.decode("utf-8")
    lines = diff.unified(bom + source.text, bom + outcome.code, outcome.item.shown)
    if terminal.wants_colour(sys.stdout):
        sys.stdout.write(diff.coloured(lines))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(lines.encode(source.encoding, "backslashreplace"))
