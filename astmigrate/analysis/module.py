"""One source file of a project and how its relative imports are named; cheap to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: dotted name, text, the path that findings and errors show."""

    name: str
    text: str
    path: str
    is_package: bool = False

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


def absolute(module: str, package: str) -> str:
    """The absolute name of a module named relatively, ``..layers`` seen from ``package``."""
    rest = module.lstrip(".")
    level = len(module) - len(rest)
    if not level:
        return module
    if not package:
        return module  # beside a file that is in no package: not one of the project's modules, nor torch
    parts = package.split(".")
    parts = parts[: len(parts) - level + 1]
    return ".".join([*parts, rest] if rest else parts)
