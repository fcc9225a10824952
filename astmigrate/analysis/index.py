"""The files of one project: modules by name, walked in the order in which Python would import them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from astmigrate.analysis.classes import ClassInfo, FunctionInfo
from astmigrate.analysis.kinds import TORCH_ROOTS, Value
from astmigrate.analysis.module import Module as Module
from astmigrate.analysis.module import absolute as absolute
from astmigrate.analysis.module import imported_names
from astmigrate.analysis.walk import Walk
from astmigrate.model import SourceError
from astmigrate.tables import Tables


@dataclass
class ProjectIndex:
    """All modules of a project and what is known of them so far."""

    modules: Mapping[str, Module]
    tables: Tables
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    functions: dict[str, FunctionInfo] = field(default_factory=dict)
    _walks: dict[str, Walk | None] = field(default_factory=dict)
    _errors: dict[str, SourceError] = field(default_factory=dict)

    def walk(self, name: str) -> Walk | None:
        """The walk of a module; None where it cannot be parsed. A cycle yields the walk as far as it is."""
        name = self.modules[name].name  # it may have several
        if name not in self._walks:
            self._walks[name] = None
            try:
                walk = Walk(self.modules[name], self)
                self._walks[name] = walk
                walk.run()
            except SourceError as error:
                self._errors[name] = error
            except RecursionError:
                self._walks[name] = None
                self._errors[name] = SourceError(self.modules[name].path, 1, "nested too deeply to analyse")
        return self._walks[name]

    def parsed(self, name: str) -> Walk:
        """The walk of a module; ``SourceError`` where it cannot be parsed."""
        walk = self.walk(name)
        if walk is None or name in self._errors:
            raise self._errors[name]
        return walk

    def is_package(self, name: str) -> bool:
        """Whether a dotted name is a package of the project."""
        return name in self.modules and self.modules[name].is_package

    def error(self, name: str) -> SourceError | None:
        """Why a module could not be walked to its end."""
        return self._errors.get(name)

    def accept(self, name: str, walk: Walk | None, error: SourceError | None) -> None:
        """Takes over what another process has found of a module."""
        self._walks[name] = walk
        if error is not None:
            self._errors[name] = error

    def release(self, name: str) -> None:
        """Drops what a file's migration needed, names and results apart, to bound memory."""
        walk = self._walks.get(name)
        if walk is not None:
            walk.release()

    def member(self, module: str, name: str) -> Value | None:
        """What ``name`` is in ``module`` of the project; None if it is not bound there."""
        if module in self.modules:
            walk = self.walk(module)
            found = walk.scope.names.get(name) if walk else None
            if found is not None:
                return found
        if f"{module}.{name}" in self.modules:
            return Value("ref", f"{module}.{name}", direct=True)
        return None

    def is_project(self, name: str) -> bool:
        """Whether a dotted name begins with a module or package of the project."""
        return name in self.modules or name.partition(".")[0] in self._roots

    def is_mapped(self, name: str) -> bool:
        """Whether a qualified name is PyTorch's, or one of another library that the tables map.

        The project's own names are not, unless a table of the user's names them. Of other libraries only
        the names that have rows are meant: the rest of them needs no migration.
        """
        if name in self.tables.own_names:
            return True
        root = name.partition(".")[0]
        if root not in TORCH_ROOTS and root not in self.tables.packages:
            return False
        return not self.is_project(name) and (root in TORCH_ROOTS or self.tables.maps(name))

    @cached_property
    def _roots(self) -> set[str]:
        return {name.partition(".")[0] for name in self.modules}

    @cached_property
    def imported(self) -> Mapping[str, set[str]]:
        """Module → the names that files of the project import from it; "*" where one takes all."""
        return imported_names(self.modules)

    def imported_from(self, module: str) -> set[str]:
        """Names that files of the project import from a module."""
        return self.imported.get(module, set())
