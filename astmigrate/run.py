"""One run of ``astmigrate migrate``: lay out, migrate, write or show, report.

Every file is written as soon as it is done, what is said of it comes in the order of the layout; a run
that is cut off leaves whole files only.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec
from msgspec.structs import replace

from astmigrate.layout import USUAL_REPORTS, Input, Kind, lay_out, printable, report_names
from astmigrate.model import SourceError
from astmigrate.project import Outcome, Project
from astmigrate.told import Told, dumps
from astmigrate.work import our_fault
from astmigrate.writers import atomic, progress, terminal
from astmigrate.writers.report import Report

if TYPE_CHECKING:
    from astmigrate.cache import Cache

INTERRUPTED = 130  # as a shell says of a program that Ctrl-C has ended


class Options(msgspec.Struct, frozen=True):
    """What the command line and the settings ask for; ``reports`` is None where nobody has said.

    ``jobs`` is the most processes to use, ``cache`` says where results of earlier runs are, None: nowhere;
    ``tables`` are the user's own, already checked; ``ends`` tells that the process ends with the run.
    """

    sources: Sequence[str]
    out: Path | None = None
    diff: bool = False
    check: bool = False
    reports: Sequence[str] | None = None
    exclude: Sequence[str] = ()
    quiet: bool = False
    jobs: int = 1
    cache: Callable[[], Path] | None = None
    gitignore: bool = True
    tables: tuple[Path, ...] = ()
    ends: bool = False

    @property
    def place(self) -> Path | None:
        """The folder to write to; None where nothing is to be written."""
        return None if self.diff or self.check else self.out


def run(options: Options) -> int:
    """Does what ``options`` say and returns the exit code; ``LayoutError`` before anything is written."""
    _reuse_memory()
    with _no_collector(options.ends):
        return _Run(options).run()


class _Run:
    """A run and what it has to tell so far."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.out = options.place
        self.kinds = options.reports or USUAL_REPORTS
        self.layout = lay_out(options.sources, self.out, options.exclude, self.kinds, options.gitignore)
        self.told = Told(self.layout.reports, self.kinds)

    def run(self) -> int:
        if self.out is not None and (reason := _unwritable(self.out)):
            print(f"{self.out}: cannot be written: {reason}", file=sys.stderr)
            return 1
        self._take_remarks()
        with closing(Project(self.layout, sys.stdin.buffer.read, self.options.tables)) as project:
            try:
                return self._go_through(project)
            except KeyboardInterrupt:
                done = f"{len(self.told.done)} of {len(project.items)} files"
                print(f"interrupted after {done}", file=sys.stderr)
                return INTERRUPTED

    def _go_through(self, project: Project) -> int:
        if self.out is not None:
            self._clean(self.out)
        bar = progress.bar(len(project.items), sys.stderr, self.out is not None and not self.options.quiet)
        cache = self.told.cache = self._cache(project)
        with bar as advance, closing(project.migrate(self.options.jobs, cache)) as outcomes:
            for outcome in self._in_turn(project.items, outcomes, advance):
                self._take(outcome)
        weights = self._rules(project)
        if cache is not None:
            cache.keep()
        if self.out is not None:
            self._write_rest(self.out, project, cache)
            self._write_reports(self.out, weights)
        else:
            self._print_reports(project)
        if not self.options.quiet:
            self._print_summary()
        return self._exit_code()

    def _rules(self, project: Project) -> Callable[[], str]:
        """What gives the weight rules as text, which takes longest of all that is left: it may begin now."""
        return self.told.weights(project) if self.out is not None else lambda: ""

    @property
    def _stream(self) -> TextIO:
        """Where reports and summary go: code and diffs have standard output to themselves."""
        checks = self.options.check and not self.options.diff
        return sys.stdout if self.out is not None or checks else sys.stderr

    def _take_remarks(self) -> None:
        """Says what of the sources is no input."""
        first = self.told.reports[self.layout.reports[0]]
        for remark in self.layout.remarks:
            if remark.failed:
                self._fail(first, SourceError(remark.shown, 1, remark.text), remark.target)
            else:
                print(f"{remark.shown}: {remark.text}", file=sys.stderr)
                first.notes.append(f"{remark.target}: {remark.text}")

    def _cache(self, project: Project) -> Cache | None:
        """The results of earlier runs; of one file alone they would cost more than they save."""
        if self.options.cache is None or len(project.items) < 2:
            return None
        from astmigrate.cache import Cache

        return Cache(self.options.cache(), self.options.sources, project.work, self.options.tables)

    def _clean(self, out: Path) -> None:
        """Removes what killed runs had begun to write."""
        folders = dict.fromkeys(item.target.rpartition("/")[0] for item in self.layout.inputs)
        for folder in dict.fromkeys((out, *map(out.joinpath, folders))):
            try:
                atomic.clean(folder)
            except FileNotFoundError:
                continue  # not there yet
            except OSError as error:
                print(f"{folder}: cannot be cleaned: {error.strerror or error}", file=sys.stderr)

    def _in_turn(
        self, items: Sequence[Input], outcomes: Iterator[Outcome], advance: Callable[[], None]
    ) -> Iterator[Outcome]:
        """The outcomes in the order of their items, each written as soon as it comes."""
        done: dict[str, Outcome] = {}
        waiting = iter(items)
        turn = next(waiting, None)
        for outcome in outcomes:
            done[outcome.item.target] = outcome if self.out is None else self._put(self.out, outcome)
            advance()
            while turn is not None and turn.target in done:
                yield done.pop(turn.target)
                turn = next(waiting, None)

    def _put(self, out: Path, outcome: Outcome) -> Outcome:
        """Writes an outcome; what is left of it is what the reports need."""
        if outcome.problem is not None:
            return outcome
        item = outcome.item
        write = partial(atomic.write_bytes, out / item.target, outcome.data, item.source)
        return replace(outcome, data=b"", problem=self._problem(item, write))

    def _take(self, outcome: Outcome) -> None:
        """Shows one outcome where nothing is written, and keeps what the reports need."""
        item, report = outcome.item, self.told.reports[outcome.item.report]
        if outcome.problem is not None:
            self._fail(report, outcome.problem, printable(item.target))
            return
        if self.out is None:
            self._show(outcome)
        self.told.take(outcome)

    def _show(self, outcome: Outcome) -> None:
        if self.options.diff:
            assert outcome.source is not None  # only a file that was read has no problem
            from astmigrate.writers import diff

            source, bom = outcome.source, outcome.source.bom.decode("utf-8")
            diff.show(bom + source.text, bom + outcome.code, outcome.item.shown, source.encoding)
        elif not self.options.check:
            terminal.put(outcome.data)

    def _write_rest(self, out: Path, project: Project, cache: Cache | None) -> None:
        """What is not a migrated file: copies, links, snippets."""
        for item in self.layout.inputs:
            source, place = item.source, out / item.target
            if source is not None and item.kind is Kind.COPY:
                self.told.reports[item.report].copied += self._written(
                    item, partial(atomic.copy, source, place)
                )
            elif source is not None and item.kind is Kind.LINK:
                self._written(item, partial(atomic.link, source, place))
        for target, text in project.snippets(cache):
            item = Input(None, target, Kind.PYTHON, self.layout.reports[0])
            self._written(item, partial(atomic.write_text, out / target, text))

    def _write_reports(self, out: Path, weights: Callable[[], str]) -> None:
        for stem in self.told.reports:
            for kind, name in report_names(stem, self.kinds).items():
                try:
                    text = weights() if kind == "weights" else self.told.report(kind, stem)
                except Exception as error:  # a fault of ours must not cost the user the other reports
                    self._fail(self.told.reports[stem], SourceError(name, 1, our_fault(error)), name)
                    continue
                item = Input(None, Path(name).name, Kind.COPY, self.layout.reports[0])
                self._written(item, partial(atomic.write_text, out / name, text))

    def _written(self, item: Input, write: Callable[[], None]) -> bool:
        """Whether ``write`` went through; if not, that is said and the run goes on."""
        problem = self._problem(item, write)
        if problem is not None:
            self._fail(self.told.reports[item.report], problem, printable(item.target))
        return problem is None

    def _problem(self, item: Input, write: Callable[[], None]) -> SourceError | None:
        """Why ``write`` did not go through; None where it did."""
        try:
            write()
        except OSError as error:
            verb = "read" if item.source is not None and error.filename == str(item.source) else "written"
            reason = f"cannot be {verb}: {error.strerror or error}"
            return SourceError(item.shown if item.source is not None else item.target, 1, reason)
        return None

    def _fail(self, report: Report, problem: SourceError, path: str) -> None:
        """Says a problem now, with the user's path, and keeps it for the report, with the one below OUT."""
        print(problem, file=sys.stderr)
        report.failed.append(SourceError(path, problem.line, problem.reason))

    def _print_reports(self, project: Project) -> None:
        """What a run that writes nothing has to say instead."""
        whole = self.told.united
        for kind in self.options.reports or ():
            self._stream.write(dumps(whole, kind))
        if self.options.check:
            if not self.options.reports:
                self._stream.writelines(
                    f"{file.path}: to be migrated\n" for file in whole.files if file.pending
                )
            return
        for target, _ in project.snippets():
            print(f"the result needs {printable(target)}, which -o writes", file=sys.stderr)

    def _print_summary(self) -> None:
        if self._stream.isatty():
            terminal.print_table(self.told.united, self._stream)
        else:
            self._stream.write(self.told.summary())

    def _exit_code(self) -> int:
        if self.told.failed:
            return 1
        return int(self.options.check and any(file.pending for file in self.told.united.files))


def _reuse_memory() -> None:
    """Lets the C library keep what one file's tree took for that of the next one.

    glibc gives memory back and takes it again, page by page, until a large block has been freed for the first
    time (mallopt(3), M_MMAP_THRESHOLD). This one is never touched, so it costs nothing.
    """
    _ = bytes(16 << 20)


@contextmanager
def _no_collector(ends: bool) -> Iterator[None]:
    """The collector stays out of the way: a good part of the time otherwise, and the trees hold no cycles.

    Where the process ends, it stays so: to go through all there is once more would be for nothing.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting and not ends:
            gc.enable()


def _unwritable(out: Path) -> str:
    """Why nothing can be written to the folder, said once and not for each file; "" where it can."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return "" if os.access(out, os.W_OK | os.X_OK) else "no permission"
