"""Migrates a set of files as one project: what one file says about another's classes is known to all.

A file that cannot be read or migrated becomes an outcome with a problem; the others go on.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from astmigrate import schedule
from astmigrate.layout import Input, Kind, Layout
from astmigrate.model import SourceError
from astmigrate.modules import module_names, modules_of, snippet_folders
from astmigrate.rewrite.names import SNIPPETS
from astmigrate.snippets import assemble
from astmigrate.source import Source, decode, parse
from astmigrate.work import Result, Said, Work

if TYPE_CHECKING:
    from astmigrate.batch import Pool
    from astmigrate.cache import Cache


class Outcome(msgspec.Struct, frozen=True):
    """What became of one Python file; without code and what is said of it where there is a problem."""

    item: Input
    source: Source | None = None
    code: str = ""
    data: bytes = b""
    said: Said = msgspec.field(default_factory=Said)
    changed: bool = False  # whether the migration alters the file
    problem: SourceError | None = None


class Project:
    """The Python files of a layout, read and named; ``close`` ends the processes that it has started."""

    def __init__(
        self, layout: Layout, read_stdin: Callable[[], bytes], tables: tuple[Path, ...] = ()
    ) -> None:
        self.items = [item for item in layout.inputs if item.kind is Kind.PYTHON]
        self._read = {item.target: _read(item, read_stdin) for item in self.items}
        sources = {target: read for target, read in self._read.items() if isinstance(read, Source)}
        texts = {target: source.text for target, source in sources.items()}
        names = module_names(texts)
        self.work = Work(sources, names, modules_of(names, texts), tables)
        self._pool: Pool | None = None  # the processes that migrate it, where several pay
        self._wanted: dict[str, dict[str, str]] = {}

    def migrate(self, jobs: int = 1, cache: Cache | None = None) -> Generator[Outcome, None, None]:
        """The outcome of every Python file, each as soon as it is known: that order tells nothing."""
        known: dict[str, Result | SourceError] = {
            target: read for target, read in self._read.items() if isinstance(read, SourceError)
        }
        known.update(cache.found() if cache is not None else {})
        for item in self.items:
            if item.target in known:
                yield self._outcome(item, known[item.target])
        items = {item.target: item for item in self.items if item.target not in known}
        with _unwarned(), closing(self._results(list(items), jobs)) as results:
            for target, result in results:
                if cache is not None and isinstance(result, Result):
                    cache.add(target, result)
                yield self._outcome(items[target], result)

    def _results(
        self, own: Sequence[str], jobs: int
    ) -> Generator[tuple[str, Result | SourceError], None, None]:
        """The results of files, from as many processes as pay."""
        processes = schedule.processes(self.work, own, jobs)
        if processes > 1:
            from astmigrate.batch import Pool  # with all that processes need

            self._pool = Pool(self.work, own, processes)
            yield from self._pool.results()
        else:
            yield from self.work.results(own)

    def weights(self, several: Sequence[Said]) -> Callable[[], str]:
        """What gives these files' weight rules as text; a process that is idle begins with it now."""
        if self._pool is not None and several:
            with suppress(UnicodeEncodeError):  # text that is not valid Unicode cannot be sent
                made = self._pool.rules([said.packed()[1] for said in several])
                return lambda: made() or _weights(several)
        return partial(_weights, several)

    def close(self) -> None:
        """Ends the processes that are still there."""
        if self._pool is not None:
            self._pool.stop()

    def snippets(self, cache: Cache | None = None) -> Iterator[tuple[str, str]]:
        """Path below OUT and text of each ``ms_snippets.py`` that the outcomes so far need."""
        for folder, wanted in sorted(self._wanted.items()):
            target = f"{folder}{SNIPPETS}.py"
            own = self._read.get(target)
            held = _held(own) if isinstance(own, Source) else {}
            if not wanted.keys() <= held.keys():  # else it is an earlier run's file and has them all
                needed = {**held, **wanted}
                make = partial(assemble, needed)
                yield target, make() if cache is None else cache.text(sorted(needed.items()), make)

    def _outcome(self, item: Input, result: Result | SourceError) -> Outcome:
        """What a result means for a file and for the snippets beside it."""
        source = self._read[item.target]
        if isinstance(result, SourceError) or isinstance(source, SourceError):
            problem = result if isinstance(result, SourceError) else None
            return Outcome(item, source if isinstance(source, Source) else None, problem=problem)
        try:
            data = source.encode(result.code)
            if result.snippets:
                for folder in self._folders(item):
                    self._want(folder, result.snippets, item)
        except SourceError as error:
            return Outcome(item, source, problem=error)
        return Outcome(item, source, result.code, data, result.said, result.code != source.text)

    def _folders(self, item: Input) -> list[str]:
        """The folders below OUT that need a file's snippets."""
        name = self.work.names.get(item.target)
        if name is None:
            return [_folder(item.target)]
        return snippet_folders(item.target, self.work.modules[name], self.work.modules)

    def _want(self, folder: str, snippets: Mapping[str, str], item: Input) -> None:
        """Keeps what a file needs beside it; a file of the user's with that name is in the way."""
        own = self._read.get(f"{folder}{SNIPPETS}.py")
        if own is not None and not (isinstance(own, Source) and _is_ours(own.text)):
            reason = f"needs {folder}{SNIPPETS}.py, but the source has a file of that name; rename that"
            raise SourceError(item.shown, 1, reason)
        self._wanted.setdefault(folder, {}).update(snippets)


def _weights(several: Sequence[Said]) -> str:
    from astmigrate.weights.whole import text_of  # with the analysis, which known results spare

    return text_of(said.weights for said in several)


def _is_ours(text: str) -> bool:
    """Whether a file of the snippets' name was written by an earlier run."""
    return text.startswith(assemble({}).partition("\n")[0])


def _held(own: Source) -> dict[str, str]:
    """What an earlier run's file holds: name → source; nothing where it is broken, which its outcome says."""
    try:
        tree = parse(own.text, own.path)
    except SourceError:
        return {}
    kept = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    head = "".join(f"{ast.unparse(node)}\n" for node in imports)
    return {node.name: head + (ast.get_source_segment(own.text, node) or "") for node in kept}


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
def _unwarned() -> Iterator[None]:
    """Python's warnings about the user's code stay out of the output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
