"""The laws on all files of three real packages, as text: whether they run is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from astmigrate.verify.registry import VERSIONS, site, sources
from tests import laws
from tests.migrating import ROOT, migrate, migrate_texts

FILES = 358


def package_breaks(package: str) -> tuple[int, list[str]]:
    """How many files a package has, and each law that is broken in one of them."""
    texts = sources(package)
    results = dict(migrate_texts(texts))
    broken = []
    own = frozenset({package})
    for path, migration in results.items():
        broken += [f"{path}: {law}" for law in laws.broken_laws(texts[path], migration, own)]
    for path, again in migrate_texts({path: m.code for path, m in results.items()}):
        broken += [f"{path}: {law}" for law in laws.stable(results[path].code, again)]
    return len(results), broken


def test_laws_hold_on_packages() -> None:
    """Every law, every file; two processes."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        counts, broken = zip(*pool.map(package_breaks, sorted(VERSIONS, reverse=True)), strict=True)
    found = [line for lines in broken for line in lines]
    assert sum(counts) == FILES
    assert not found, f"{len(found)} broken laws\n" + "\n".join(found[:100])


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """All three packages in one command, watched by an audit hook: the output folder, and what it saw."""
    folder = tmp_path_factory.mktemp("packages")
    record = folder / "seen.json"
    packages = [str(site() / name) for name in VERSIONS]
    arguments = [str(record), str(site()), *packages, "-o", str(folder / "out")]
    command = [sys.executable, "-m", "tests.audited_run", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr + done.stdout
    seen: dict[str, list[str]] = json.loads(record.read_text(encoding="utf-8"))
    return folder / "out", seen


def test_migrating_never_imports_or_runs_the_source(audited: tuple[Path, dict[str, list[str]]]) -> None:
    """Nothing of the packages, of torch or of MindSpore is imported or runs; no process is started."""
    _, seen = audited
    assert seen == {"imported": [], "executed": [], "spawned": [], "written": []}


def test_command_migrates_every_file(audited: tuple[Path, dict[str, list[str]]]) -> None:
    """Each source file has its output, and the report has each file."""
    out, _ = audited
    paths = [path for name in VERSIONS for path in sources(name)]
    assert len(paths) == FILES
    assert [path for path in paths if not (out / path).is_file()] == []
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert {file["path"] for file in report["files"]} >= set(paths)


def test_second_command_changes_nothing(audited: tuple[Path, dict[str, list[str]]], tmp_path: Path) -> None:
    """Migrating the output by command leaves every Python file as it is."""
    out, _ = audited
    done = migrate(*(out / name for name in VERSIONS), out=tmp_path / "again")
    assert done.returncode == 0, done.stderr[-2000:]
    changed = [path for name in VERSIONS for path in sources(name)
               if (out / path).read_bytes() != (tmp_path / "again" / path).read_bytes()]  # fmt: skip
    assert changed == []
