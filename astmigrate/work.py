"""Migrates files of a project one after another, in this process: all of them, or some and what they see.

A file's result depends on nothing but the project's text: not on which other files are migrated beside
it, nor on the depth of the caller's stack. So it may be made in any process, and kept (``batch``, ``cache``).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from astmigrate.analysis.module import Module
from astmigrate.layout import printable
from astmigrate.model import Finding, SourceError, TableError, WeightRules
from astmigrate.order import Order, order_of
from astmigrate.source import Source, failure

if TYPE_CHECKING:
    from astmigrate.analysis.index import ProjectIndex
    from astmigrate.model import Migration

_STACK = 1000  # frames that the analysis of one file may take


_Bytes = bytes | memoryview


class Said:
    """The findings and the weight rules of a file, which are read when they are asked for.

    They come as they are or as bytes: a run whose reports are known from an earlier one never asks.
    """

    __slots__ = ("_findings", "_weights")

    def __init__(
        self, findings: tuple[Finding, ...] | _Bytes = (), weights: WeightRules | _Bytes | None = None
    ) -> None:
        self._findings, self._weights = findings, WeightRules() if weights is None else weights

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the report says of the file."""
        if isinstance(self._findings, _Bytes):
            self._findings = _findings(self._findings)
        return self._findings

    @property
    def weights(self) -> WeightRules:
        """How a checkpoint's names change for the classes of the file."""
        if isinstance(self._weights, _Bytes):
            self._weights = _weights(self._weights)
        return self._weights

    def packed(self) -> tuple[_Bytes, _Bytes]:
        """Both as bytes; ``UnicodeEncodeError`` where they hold text that is not valid Unicode."""
        findings, weights = self._findings, self._weights
        return (
            findings if isinstance(findings, _Bytes) else _encode(findings),
            weights if isinstance(weights, _Bytes) else _encode(weights),
        )


class Result(msgspec.Struct, frozen=True):
    """What a file's migration yields, in a form that can be sent and kept."""

    code: str
    snippets: dict[str, str]
    said: Said

    def packed(self) -> bytes:
        """The result as bytes; none where it holds text that is not valid Unicode."""
        try:
            return _encode((self.code, self.snippets, *self.said.packed()))
        except UnicodeEncodeError:
            return b""


class _Packed(msgspec.Struct, array_like=True):
    code: str
    snippets: dict[str, str]
    findings: memoryview
    weights: memoryview


_encode = msgspec.msgpack.Encoder().encode
_packed = msgspec.msgpack.Decoder(_Packed).decode
_findings = msgspec.msgpack.Decoder(tuple[Finding, ...]).decode
_weights = msgspec.msgpack.Decoder(WeightRules).decode


def unpacked(data: bytes | msgspec.Raw) -> Result:
    """The result that ``packed`` made bytes of."""
    packed = _packed(data)
    return Result(packed.code, packed.snippets, Said(packed.findings, packed.weights))


@dataclass
class Work:
    """The readable Python files of a project by target, and their modules.

    ``names`` has the module name of every file that has one; ``modules`` every name that imports may use;
    ``tables`` are the user's own.
    """

    sources: Mapping[str, Source]
    names: Mapping[str, str]
    modules: Mapping[str, Module]
    tables: tuple[Path, ...] = ()
    past: set[str] = field(default_factory=set)  # modules of which only what others need is left

    def fresh(self) -> Work:
        """The same work without what has been found."""
        return Work(self.sources, self.names, self.modules, self.tables)

    @cached_property
    def order(self) -> Order:
        """The modules, imported ones first, and what each may see."""
        return order_of([self.names[target] for target in self.sources if target in self.names], self.modules)

    @cached_property
    def index(self) -> ProjectIndex:
        """The analysis of the modules; empty at first."""
        from astmigrate.analysis.index import ProjectIndex
        from astmigrate.migrate import tables_with

        return ProjectIndex(self.modules, tables_with(self.tables))

    @cached_property
    def targets(self) -> dict[str, str]:
        """Module name → target."""
        return {name: target for target, name in self.names.items() if target in self.sources}

    def sees(self, target: str) -> int:
        """The places in ``order`` of the modules that a file may see, its own too; 0 if it has no name."""
        name = self.names.get(target)
        return 0 if name is None else self.order.reach[self.place[name]]

    @cached_property
    def place(self) -> dict[str, int]:
        """Module name → place in ``order``."""
        return {name: place for place, name in enumerate(self.order.names)}

    def in_order(self) -> list[str]:
        """All targets, imported files first; what has no name stands alone and goes last."""
        named = [self.targets[name] for name in self.order.names]
        return named + [target for target in self.sources if target not in self.names]

    def results(self, own: Collection[str]) -> Iterator[tuple[str, Result | SourceError]]:
        """The results of the targets in ``own``, imported files first; ``TableError`` if a row is broken."""
        wanted = set(own)
        if not wanted:
            return  # not even the order is needed then
        needed = 0
        for target in wanted:
            needed |= self.sees(target)
        limit = sys.getrecursionlimit()
        try:
            for name in self.order.within(needed):
                target = self.targets[name]
                if name in self.past:
                    continue
                fault = self._analysed(name)
                if target in wanted:
                    yield target, self._result(target, fault)
                self.index.release(name)
                self.past.add(name)
            for target in self.sources:
                if target in wanted and target not in self.names:
                    yield target, self._result(target, None)
        finally:
            sys.setrecursionlimit(limit)

    def _analysed(self, name: str) -> Exception | None:
        """Analyses a module; what stopped that matters to its own result alone."""
        _give_stack()
        try:
            self.index.parsed(name)
        except TableError:
            raise  # every file would fail alike
        except Exception as error:
            return error
        return None

    def _result(self, target: str, fault: Exception | None) -> Result | SourceError:
        """The result of one file, whatever it holds."""
        source = self.sources[target]
        _give_stack()
        try:
            if fault is not None:
                raise fault
            found = self._migration(target, source.text)
            return Result(found.code, found.snippets, Said(found.findings, found.weights))
        except TableError:
            raise
        except (SourceError, RecursionError, MemoryError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            return failure(cause, source.text, source.path)
        except Exception as error:  # a fault of ours in one file must not cost the user the others
            return SourceError(source.path, 1, our_fault(error))

    def _migration(self, target: str, text: str) -> Migration:
        from astmigrate import migrate

        name = self.names.get(target)
        if name is None:
            return migrate.migrate_source(text, printable(target), tables=self.index.tables)
        return migrate.migrate_module(self.index, name)


def _give_stack() -> None:
    """Every file gets the same room, however deep the caller stands."""
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + _STACK)


def our_fault(error: Exception) -> str:
    """What is said of an error that is astmigrate's own."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{PurePosixPath(last.filename).name}:{last.lineno}"
    return f"internal error in astmigrate ({type(error).__name__}: {error}, {place}); please report it"
