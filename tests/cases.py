"""The cases of ``fixtures/``: what each has, how it is built and what it is given.

A folder has ``before.py`` or, where several files belong together, a folder ``before/``. ``case.toml``
says how to run it: ``root`` (the class, ``MODULE:CLASS`` where it is not in the module itself), ``args``
or ``build`` (an expression in the module's own names), ``inputs`` as in api_tables/README.md; several
runs are ``[[run]]`` tables. ``manual = true`` marks a case about code that has no counterpart.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent.parent / "fixtures"


@dataclass(frozen=True, slots=True)
class Run:
    """One model of a case, and its inputs."""

    name: str
    module: str
    root: str
    build: str
    inputs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One folder of ``fixtures/``."""

    folder: Path
    runs: tuple[Run, ...]
    manual: bool

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def before(self) -> Path:
        """The source: a file, or a folder of them."""
        folder = self.folder / "before"
        return folder if folder.is_dir() else self.folder / "before.py"

    @property
    def after(self) -> Path:
        """The expected output; where it is missing the source must not change."""
        return self.folder / ("after" if self.before.is_dir() else "after.py")

    @property
    def import_root(self) -> Path:
        """What must be on ``sys.path`` to import the source."""
        return self.before if self.before.is_dir() else self.folder

    def sources(self) -> dict[str, Path]:
        """The Python files of the source, by path relative to the import root."""
        files = self.before.rglob("*.py") if self.before.is_dir() else [self.before]
        return {path.relative_to(self.import_root).as_posix(): path for path in sorted(files)}

    def source_bytes(self) -> dict[str, bytes]:
        """All files of the source, Python or not, by path relative to the import root."""
        files = sorted(self.before.rglob("*")) if self.before.is_dir() else [self.before]
        return {p.relative_to(self.import_root).as_posix(): p.read_bytes() for p in files if p.is_file()}


def _run(name: str, settings: dict[str, Any]) -> Run:
    root = settings["root"]
    module = settings.get("module", "before")
    return Run(
        name=name,
        module=module,
        root=root if ":" in root else f"{module}:{root}",
        build=settings.get("build") or f"{root}({settings.get('args', '')})",
        inputs=settings["inputs"],
    )


def _case(folder: Path) -> Case:
    path = folder / "case.toml"
    settings = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    tables = settings.pop("run", None) or ([settings] if "root" in settings else [])
    names = [folder.name + (f"-{i}" if len(tables) > 1 else "") for i in range(len(tables))]
    runs = tuple(_run(name, {**settings, **table}) for name, table in zip(names, tables, strict=True))
    return Case(folder, runs, settings.get("manual", False))


CASES = tuple(
    _case(folder)
    for folder in sorted(FIXTURES.iterdir())
    if (folder / "before.py").exists() or (folder / "before").is_dir()
)
RUNS = tuple((case, run) for case in CASES for run in case.runs)
