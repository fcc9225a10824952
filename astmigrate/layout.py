"""Which files a run reads, in which order, and where each lands below the output folder.

A folder with an ``__init__.py`` is a package and lands in OUT/<its name>/, of any other folder the contents
land in OUT, a file lands in OUT. So a target's path is also the module's name once OUT is an import root.
Nothing is read here but names, and the first bytes of scripts and of reports.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import msgspec

from astmigrate.ignored import IGNORE_FILE, Ignored
from astmigrate.writers.atomic import is_temporary

STDIN = "-"
REPORTS = {"text": "report.txt", "json": "report.json", "html": "report.html", "sarif": "report.sarif"}
USUAL_REPORTS = ("text", "json")
WEIGHTS = "weights.json"
REPORT_TITLE = "astmigrate report"

# Nobody's source: what version control, interpreters and tools keep beside it.
_NOT_SOURCE = frozenset(
    [
        *(".git", ".hg", ".svn", ".eggs", ".tox", ".nox", ".ipynb_checkpoints", "node_modules"),
        *("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
    ]
)


_REPORT_STARTS = (
    ("report.txt", REPORT_TITLE.encode()),
    ("report.json", b'{"version": 1, "files": ['),
    ("report.html", f"<!doctype html>\n<!-- {REPORT_TITLE} -->".encode()),
    ("report.sarif", b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"astmigrate"'),
)


class LayoutError(Exception):
    """The sources and the output folder do not go together; nothing has been written."""


class Kind(StrEnum):
    """What becomes of an input."""

    PYTHON = "migrated"
    COPY = "copied as it is"
    LINK = "a link to a folder of the same source, made again"


class Input(msgspec.Struct, frozen=True):
    """One file: where it is (None: standard input), its path below OUT, whose report it is in ("": OUT's)."""

    source: Path | None
    target: str
    kind: Kind
    report: str = ""

    @property
    def shown(self) -> str:
        """The path for messages, as the user gave it."""
        return "<stdin>" if self.source is None else printable(str(self.source))


class Remark(msgspec.Struct, frozen=True):
    """Something of a source that is no input, and why; ``failed`` where it should have been one."""

    shown: str
    target: str
    text: str
    failed: bool = False


class Layout(msgspec.Struct):
    """All inputs in order, and what is none."""

    inputs: list[Input] = []
    remarks: list[Remark] = []

    @property
    def reports(self) -> list[str]:
        """The stems of the reports, "" for those of the whole output folder."""
        return list(dict.fromkeys(item.report for item in self.inputs)) or [""]


def lay_out(
    sources: Sequence[str],
    out: Path | None = None,
    exclude: Sequence[str] = (),
    reports: Sequence[str] = USUAL_REPORTS,
    gitignore: bool = True,
) -> Layout:
    """The layout of ``sources``; raises ``LayoutError`` where outputs would collide or overwrite a source."""
    layout = Layout()
    for source in dict.fromkeys(sources):
        if source == STDIN:
            layout.inputs.append(Input(None, "stdin.py", Kind.PYTHON, "stdin"))
        elif os.path.isdir(source):
            ignored = Ignored(Path(source)) if gitignore else None
            _Folder(Path(source), out, exclude, layout, ignored).collect()
        else:
            path = Path(source)
            layout.inputs.append(Input(path, path.name, Kind.PYTHON, path.stem))
    if out is not None:
        own = [name for stem in layout.reports for name in report_names(stem, reports).values()]
        _check_claims(layout, own)
        _check_places(layout, out, own)
    return layout


def report_names(stem: str, kinds: Sequence[str] = USUAL_REPORTS) -> dict[str, str]:
    """Path below OUT of each kind of report, and of the weight rules as "weights"."""
    names = {kind: name for kind, name in REPORTS.items() if kind in kinds} | {"weights": WEIGHTS}
    return {kind: f"{stem}.{name}" if stem else name for kind, name in names.items()}


def printable(path: str) -> str:
    """A path as text that can be printed and encoded; names need not be valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


class _Folder(msgspec.Struct):
    """One source folder on its way into the layout."""

    root: Path
    out: Path | None
    exclude: Sequence[str]
    layout: Layout
    ignored: Ignored | None = None
    prefix: str = ""
    real_root: str = ""
    real_out: str = ""

    def collect(self) -> None:
        self.real_root = os.path.realpath(self.root)
        self.real_out = os.path.realpath(self.out) if self.out is not None else ""
        if self.real_root == self.real_out:
            raise LayoutError(f"the output folder is the source folder {self.root} itself; choose another")
        package = os.path.exists(self.root / "__init__.py")
        self.prefix = f"{Path(os.path.abspath(self.root)).name}/" if package else ""
        own = not self.prefix and _has_own_reports(self.root)
        for path, inside, kind in self._walk(self.root, ""):
            if not (own and inside in (*REPORTS.values(), WEIGHTS)):
                self.layout.inputs.append(Input(path, self.prefix + inside, kind))

    def _walk(self, folder: Path, above: str) -> Iterator[tuple[Path, str, Kind]]:
        """Files below ``folder`` by name, with their paths below the root; links to folders not followed."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._remark(folder, f"cannot be read: {error.strerror or error}", failed=True)
            return
        if self.ignored is not None and any(entry.name == IGNORE_FILE for entry in found):
            self.ignored.enter(folder)
        for entry in found:
            path = Path(entry.path)
            if self._excluded(path, entry):
                continue
            if entry.is_dir(follow_symlinks=False):
                if not self._skipped(path, entry.name):
                    yield from self._walk(path, f"{above}{entry.name}/")
                continue
            link = entry.is_symlink() and os.path.isdir(path)
            if kind := self._link(path) if link else self._kind(path, entry):
                yield path, above + entry.name, kind

    def _excluded(self, path: Path, entry: os.DirEntry[str]) -> bool:
        if is_temporary(entry.name):
            return True
        if self.exclude:
            inside = path.relative_to(self.root).as_posix()
            if any(fnmatch(entry.name, pattern) or fnmatch(inside, pattern) for pattern in self.exclude):
                return True
        return self.ignored is not None and self.ignored.has(path, entry.is_dir(follow_symlinks=False))

    def _skipped(self, path: Path, name: str) -> bool:
        if name in _NOT_SOURCE or os.path.exists(path / "pyvenv.cfg"):
            return True
        if self.real_out and os.path.realpath(path) == self.real_out:
            return True
        own = _has_own_reports(path)
        if own:
            self._remark(path, "the output of an earlier run is left out")
        return own

    def _link(self, path: Path) -> Kind | None:
        """A link to a folder: made again where it stays inside the source, else left out and said."""
        target = os.path.realpath(path)
        if target != self.real_out and _inside(target, self.real_root):
            return Kind.LINK
        self._remark(path, "a link to a folder outside of the source is left out; give that folder too")
        return None

    def _kind(self, path: Path, entry: os.DirEntry[str]) -> Kind | None:
        if not _is_file(entry):
            broken = not os.path.exists(path)
            what = "a broken or circular link is" if broken else "neither a file nor a folder;"
            self._remark(path, f"{what} left out")
            return None
        if path.suffix == ".pyc":
            return None
        return Kind.PYTHON if path.suffix in (".py", ".pyi", ".pyw") or _is_script(path) else Kind.COPY

    def _remark(self, path: Path, text: str, failed: bool = False) -> None:
        target = printable(self.prefix + path.relative_to(self.root).as_posix())
        self.layout.remarks.append(Remark(printable(str(path)), target, text, failed))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False  # a circular link


def _is_script(path: Path) -> bool:
    """Whether a file without suffix begins as a Python script."""
    if path.suffix:
        return False
    try:
        with path.open("rb") as file:
            first = file.read(80).partition(b"\n")[0]
    except OSError:
        return False  # copying it says what is wrong
    return first.startswith(b"#!") and b"python" in first


def _has_own_reports(folder: Path) -> bool:
    """Whether the folder is the output of an earlier run: its reports are not source, and made again."""
    for name, start in _REPORT_STARTS:
        try:
            with (folder / name).open("rb") as file:
                if file.read(len(start)) == start:
                    return True
        except OSError:
            continue  # no such report
    return False


def _check_claims(layout: Layout, own: Sequence[str]) -> None:
    """No two inputs, and no input and report, may have one place."""
    claims: dict[str, str] = {}

    def claim(target: str, who: str) -> None:
        other = claims.setdefault(target, who)
        if other is not who:
            raise LayoutError(f"{other} and {who} would both be written to {printable(target)}")

    for item in layout.inputs:
        claim(item.target, item.shown)
    for name in own:
        claim(name, f"astmigrate's own {name}")


def _check_places(layout: Layout, out: Path, own: Sequence[str]) -> None:
    """No output may land on a source, nor outside of OUT through a link that OUT holds."""
    if os.path.exists(out) and not os.path.isdir(out):
        raise LayoutError(f"the output folder {out} is a file")
    folder = cache(os.path.realpath)  # files share theirs
    sources = {}
    for item in layout.inputs:
        if item.source is not None:
            above, name = os.path.split(item.source)
            link = os.path.islink(item.source)
            real = os.path.realpath(item.source) if link else os.path.join(folder(above), name)
            sources[real] = item.shown
    real_out = os.path.realpath(out)
    targets = [item.target for item in layout.inputs]
    for target in (*targets, *own):
        place = os.path.join(out, target)
        above, name = os.path.split(place)
        if not _inside(folder(above), real_out):
            raise LayoutError(f"{printable(place)} would land outside of {out}, through a link in it")
        overwritten = sources.get(os.path.join(folder(above), name))
        if overwritten is not None:
            raise LayoutError(f"the source {overwritten} would be overwritten; choose another output folder")


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
