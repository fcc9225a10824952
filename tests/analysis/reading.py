"""Reads text with the analysis and says in short what it found."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from astmigrate.analysis.index import Module, ProjectIndex
from astmigrate.analysis.kinds import Value
from astmigrate.tables import Tables
from tests.migrating import module_name

TABLES = Path(__file__).parent / "api_tables"


def project(files: Mapping[str, str]) -> ProjectIndex:
    """A project of files by path."""
    modules = {}
    for path, text in files.items():
        name = module_name(path)
        modules[name] = Module(name, textwrap.dedent(text).lstrip("\n"), path, path.endswith("__init__.py"))
    return ProjectIndex(modules, Tables(TABLES))


def sites(text: str, files: Mapping[str, str] | None = None, module: str = "m") -> list[str]:
    """``LINE ROLE NAME`` of every site of a module, in the order of the text; lines count from 1."""
    walk = project({"m.py": text, **(files or {})}).walk(module)
    assert walk is not None
    return [f"{site.node.lineno} {site.role} {site.name}" for site in walk.analysis.sites]


def renames(text: str) -> list[str]:
    """``LINE NEW`` of every renamed name."""
    walk = project({"m.py": text}).walk("m")
    assert walk is not None
    found = sorted(walk.analysis.renames, key=lambda r: r.start)
    return [f"{walk.text.position(r.start)[0]} {r.new}" for r in found]


def kind(text: str, name: str = "found") -> Value:
    """What a module-level name is at the end."""
    walk = project({"m.py": text}).walk("m")
    assert walk is not None
    return walk.scope.names[name]


def attribute(text: str, owner: str, name: str) -> Value:
    """What ``self.NAME`` of a class is."""
    index = project({"m.py": text})
    walk = index.walk("m")
    assert walk is not None
    return index.classes[f"m.{owner}"].attributes[name].value
