"""Migrates by the library and by the command line; both are used by tests of the same files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from astmigrate.analysis.index import Module, ProjectIndex
from astmigrate.migrate import default_tables, migrate_module
from astmigrate.model import Migration
from tests.cases import Case

ROOT = Path(__file__).parent.parent
SNIPPETS = "ms_snippets.py"


def migrate_texts(files: Mapping[str, str]) -> Iterator[tuple[str, Migration]]:
    """Each file, by its path from the import root, migrated as part of one project with the others."""
    names = {path: module_name(path) for path in files}
    modules = {
        name: Module(name, files[path], path, path.endswith("__init__.py")) for path, name in names.items()
    }
    index = ProjectIndex(modules, default_tables())
    for path, name in names.items():
        yield path, migrate_module(index, name)


def module_name(path: str) -> str:
    """``pkg/sub/__init__.py`` → ``pkg.sub``."""
    pure = PurePosixPath(path)
    parts = pure.parent.parts if pure.stem == "__init__" else pure.with_suffix("").parts
    return ".".join(parts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What migrating a case by command leaves: its files by path, and where the reports are."""

    folder: Path
    files: dict[str, bytes]
    report: Path
    json: Path
    weights: Path


def migrate(*sources: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """``astmigrate SOURCE... -o OUT``, in the folder of the first source, as a user would call it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    folder = sources[0].parent
    names = [os.path.relpath(source, folder) for source in sources]
    command = [sys.executable, "-m", "astmigrate", *names, "-o", str(out)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=600)


def migrate_case(case: Case, out: Path) -> Outcome:
    """Migrates a case; the command must succeed and say nothing of a traceback."""
    done = migrate(case.before, out=out)
    if done.returncode != 0 or "Traceback" in done.stderr:
        raise AssertionError(f"astmigrate exits {done.returncode}:\n{done.stdout}\n{done.stderr}")
    stem = "" if case.before.is_dir() else f"{case.before.stem}."
    report, json, weights = (out / f"{stem}{name}" for name in ("report.txt", "report.json", "weights.json"))
    apart = {report, json, weights}
    files = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path not in apart and path.name != SNIPPETS
    }
    return Outcome(out, files, report, json, weights)
