"""Source in, ``Migration`` out: the one way through analysis, plan and rewrite."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from msgspec.structs import replace

from astmigrate.analysis.index import Module, ProjectIndex
from astmigrate.model import Migration
from astmigrate.plan.planner import Planner
from astmigrate.rewrite.names import SNIPPETS
from astmigrate.rewrite.splice import splice
from astmigrate.tables import Tables
from astmigrate.weights.closure import closed
from astmigrate.weights.derive import derive

_BOM = "\ufeff"


@cache
def default_tables() -> Tables:
    """The tables that travel with astmigrate."""
    return Tables()


def tables_with(own: tuple[Path, ...]) -> Tables:
    """The same, and tables of the user's."""
    return Tables(own=own) if own else default_tables()


def migrate_source(text: str, filename: str = "<source>", *, tables: Tables | None = None) -> Migration:
    """Migrates one file that stands for itself; ``SourceError`` where it cannot be parsed."""
    name = filename.rpartition("/")[2].removesuffix(".py") or "source"
    index = ProjectIndex({name: Module(name, text, filename)}, tables or default_tables())
    migration = migrate_module(index, name)
    return replace(migration, weights=closed(migration.weights))


def migrate_module(index: ProjectIndex, name: str) -> Migration:
    """Migrates one file of a project; what it imports of the project is analysed first."""
    module = index.modules[name]
    walk = index.parsed(name)
    package = module.package
    snippets = (
        f"{'.' * (package.count('.') + 1)}{SNIPPETS}" if package and index.is_package(package) else SNIPPETS
    )
    planned = Planner(walk, index, snippets).run()
    data = splice(walk.text.data, planned.edits)
    code = data.decode("utf-8")
    weights = derive(walk, index)
    migration = Migration(
        (_BOM if module.text.startswith(_BOM) else "") + code,
        tuple(planned.findings), weights, planned.snippets, tuple(planned.edits),
    )  # fmt: skip
    index.release(name)
    return migration
