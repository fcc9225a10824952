"""Packages out of reach, as if they were not installed: a migrated model must do without PyTorch.

``sys.modules[name] = None`` would not do: scipy takes what it finds there for the package.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from typing import Any


class _Without:
    """A finder of modules that finds none of some packages."""

    def __init__(self, finder: Any, packages: frozenset[str]) -> None:
        self._finder, self._packages = finder, packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As the finder's, or None."""
        if name.partition(".")[0] in self._packages:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


def block(*packages: str) -> None:
    """From now on this process cannot import the packages; none of them may have been imported yet."""
    for name in packages:
        sys.modules.pop(name, None)
    sys.meta_path[:] = [_Without(finder, frozenset(packages)) for finder in sys.meta_path]
