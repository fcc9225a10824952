"""What other files of the project need of analysed ones, as bytes for another process of this run.

A *view* is all that is left of the walks of a task's files when they have been released: names, classes,
functions and their results. Parts of other modules are named, not copied. The bytes are one pickle, as many
would take twice as long, made and read by processes of one run only; they are never kept.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from astmigrate.analysis.classes import ClassInfo, FunctionInfo
from astmigrate.analysis.index import ProjectIndex
from astmigrate.analysis.module import Module
from astmigrate.analysis.walk import Walk
from astmigrate.model import SourceError
from astmigrate.tables import Tables

_Reduced = tuple[Any, ...]


def dump(index: ProjectIndex, names: Sequence[str]) -> bytes:
    """What is known of modules that have been released; nothing where that cannot be sent."""
    walks = [index.walk(name) for name in names]
    known = [walk for walk in walks if walk is not None]
    classes = {info.name: info for walk in known for info in walk.classes}
    functions = {info.name: info for walk in known for info in walk.later}
    errors = map(index.error, names)
    problems = [(error.path, error.line, error.reason) if error is not None else None for error in errors]
    file = io.BytesIO()
    try:
        _Writer(file, known).dump((walks, classes, functions, problems))
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError):
        return b""  # who needs the modules analyses them again
    return file.getvalue()


def load(index: ProjectIndex, names: Sequence[str], data: bytes) -> None:
    """Puts what ``dump`` gave into another index of the same project; what it refers to must be there."""
    walks, classes, functions, problems = _Reader(io.BytesIO(data), index).load()
    for name, walk, problem in zip(names, walks, problems, strict=True):
        index.accept(name, walk, SourceError(*problem) if problem is not None else None)
    index.classes.update(classes)
    index.functions.update(functions)


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, own: Iterable[Walk]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._own = set[object](own)
        self.dispatch_table: dict[type, Callable[[Any], _Reduced]] = {
            ProjectIndex: lambda _: (part, ("index",)),
            Tables: lambda _: (part, ("tables",)),
            Module: lambda module: (part, ("module", module.name)),
            Walk: lambda walk: self._reduced(walk, walk, walk.module.name),
            ClassInfo: lambda info: self._reduced(info, info.walk, info.name),
            FunctionInfo: lambda info: self._reduced(info, info.walk, info.name),
        }

    def _reduced(self, value: Any, walk: object, name: str) -> _Reduced:
        """The whole of what is the modules' own, the name of another's."""
        if walk in self._own:
            return value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)  # type: ignore[no-any-return]
        return part, (type(value).__name__, name)


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, index: ProjectIndex) -> None:
        super().__init__(file)
        self._index = index

    def find_class(self, module: str, name: str) -> Any:
        """``part`` is looked up in the index that is read into."""
        if (module, name) == (__name__, part.__name__):
            return self._part
        return super().find_class(module, name)

    def _part(self, kind: str, name: str = "") -> Any:
        index = self._index
        found: dict[str, Callable[[], Any]] = {
            "index": lambda: index, "tables": lambda: index.tables, "module": lambda: index.modules[name],
            "Walk": lambda: index.walk(name), "ClassInfo": lambda: index.classes[name],
            "FunctionInfo": lambda: index.functions[name],
        }  # fmt: skip
        return found[kind]()


def part(kind: str, name: str = "") -> Any:
    """Stands in a pickle for a part of the index; only ``load`` can read it."""
    raise pickle.UnpicklingError(f"{kind} {name} is known to an index only")
