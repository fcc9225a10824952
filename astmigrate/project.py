"""Migrates a set of files as one project: what one file says about another's classes is known to all.

A file that cannot be read or migrated becomes an outcome with a problem; the others go on.
"""

from __future__ import annotations

import ast
import gc
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from astmigrate.analysis.index import ProjectIndex
from astmigrate.layout import Input, Kind, Layout, printable
from astmigrate.migrate import default_tables, migrate_module, migrate_source
from astmigrate.model import Finding, SourceError, TableError, WeightRules
from astmigrate.modules import module_names, modules_of, snippet_folders
from astmigrate.order import imports_first
from astmigrate.rewrite.names import SNIPPETS
from astmigrate.snippets import assemble
from astmigrate.source import Source, decode, failure, parse


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one Python file; without code and findings where there is a problem."""

    item: Input
    source: Source | None = None
    code: str = ""
    data: bytes = b""
    findings: tuple[Finding, ...] = ()
    weights: WeightRules = field(default_factory=WeightRules)
    problem: SourceError | None = None

    @property
    def changed(self) -> bool:
        """Whether the migration alters the file."""
        return self.source is not None and self.problem is None and self.code != self.source.text


class Project:
    """The Python files of a layout, read and indexed."""

    def __init__(self, layout: Layout, read_stdin: Callable[[], bytes]) -> None:
        self._items = [item for item in layout.inputs if item.kind is Kind.PYTHON]
        self._read = {item.target: _read(item, read_stdin) for item in self._items}
        texts = {target: read.text for target, read in self._read.items() if isinstance(read, Source)}
        self._names = module_names(texts)
        self._index = ProjectIndex(modules_of(self._names, texts), default_tables())
        self._wanted: dict[str, dict[str, str]] = {}

    def migrate(self) -> Iterator[Outcome]:
        """The outcome of every Python file, in the layout's order."""
        done: dict[str, Outcome] = {}  # out of their turn: imported files go first
        waiting = iter(self._items)
        turn = next(waiting, None)
        with _undisturbed():
            for item in self._in_order():
                done[item.target] = self._one(item)
                while turn is not None and turn.target in done:
                    yield done.pop(turn.target)
                    turn = next(waiting, None)

    def snippets(self) -> Iterator[tuple[str, str]]:
        """Path below OUT and text of each ``ms_snippets.py`` that the outcomes so far need."""
        for folder, wanted in sorted(self._wanted.items()):
            target = f"{folder}{SNIPPETS}.py"
            own = self._read.get(target)
            held = _held(own.text) if isinstance(own, Source) else {}
            if not wanted.keys() <= held.keys():  # else it is an earlier run's file and has them all
                yield target, assemble({**held, **wanted})

    def _in_order(self) -> list[Input]:
        """The files, imported ones first; what has no name stands alone and goes last."""
        by_name = {self._names[item.target]: item for item in self._items if item.target in self._names}
        ordered = [by_name[name] for name in imports_first(list(by_name), self._index.modules)]
        return ordered + [item for item in self._items if item.target not in self._names]

    def _one(self, item: Input) -> Outcome:
        """The outcome of one file, whatever it holds."""
        source = self._read[item.target]
        if isinstance(source, SourceError):
            return Outcome(item, problem=source)
        try:
            return self._migrated(item, source)
        except TableError:
            raise  # every file would fail alike
        except (SourceError, RecursionError, MemoryError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            return Outcome(item, source, problem=failure(cause, source.text, item.shown))
        except Exception as error:  # a fault of ours in one file must not cost the user the others
            return Outcome(item, source, problem=SourceError(item.shown, 1, _our_fault(error)))

    def _migrated(self, item: Input, source: Source) -> Outcome:
        name = self._names.get(item.target)
        if name is None:
            folders = [_folder(item.target)]
            migration = migrate_source(source.text, printable(item.target))
        else:
            modules = self._index.modules
            folders = snippet_folders(item.target, modules[name], modules)
            migration = migrate_module(self._index, name)
        data = source.encode(migration.code)
        if migration.snippets:
            for folder in folders:
                self._want(folder, migration.snippets, item)
        return Outcome(item, source, migration.code, data, migration.findings, migration.weights)

    def _want(self, folder: str, snippets: Mapping[str, str], item: Input) -> None:
        """Keeps what a file needs beside it; a file of the user's with that name is in the way."""
        own = self._read.get(f"{folder}{SNIPPETS}.py")
        if own is not None and not (isinstance(own, Source) and _is_ours(own.text)):
            reason = f"needs {folder}{SNIPPETS}.py, but the source has a file of that name; rename that"
            raise SourceError(item.shown, 1, reason)
        self._wanted.setdefault(folder, {}).update(snippets)


def _is_ours(text: str) -> bool:
    """Whether a file of the snippets' name was written by an earlier run."""
    return text.startswith(assemble({}).partition("\n")[0])


def _held(text: str) -> dict[str, str]:
    """What an earlier run's file holds: name → source."""
    held = {}
    for node in parse(text, SNIPPETS).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            held[node.name] = ast.get_source_segment(text, node) or ""
    return held


def _our_fault(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{PurePosixPath(frame.filename).name}:{frame.lineno}"
    return f"internal error in astmigrate ({type(error).__name__}: {error}, {place}); please report it"


def _read(item: Input, read_stdin: Callable[[], bytes]) -> Source | SourceError:
    try:
        data = read_stdin() if item.source is None else item.source.read_bytes()
        return decode(data, item.shown)
    except OSError as error:
        return SourceError(item.shown, 1, f"cannot be read: {error.strerror or error}")
    except SourceError as error:
        return error


def _folder(target: str) -> str:
    head, slash, _ = target.rpartition("/")
    return head + slash


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Python's warnings about the user's code stay out of the output, and the collector out of the way."""
    collecting = gc.isenabled()
    gc.disable()  # a good part of the time otherwise; the trees hold no cycles
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if collecting:
            gc.enable()
