"""The text pairs of ``fixtures/``, and the laws on every one of them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astmigrate.source import decode
from tests import laws
from tests.cases import CASES, Case
from tests.fixtures_update import expected, present
from tests.migrating import Outcome, migrate_case, migrate_texts, module_name
from tests.parity.both_sides import python

Migrated = Callable[[Case], Outcome]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """The outcome of the command line for a case, run once."""
    done: dict[str, Outcome] = {}

    def run(case: Case) -> Outcome:
        if case.name not in done:
            done[case.name] = migrate_case(case, tmp_path_factory.mktemp(case.name) / "out")
        return done[case.name]

    return run


def findings(outcome: Outcome) -> list[dict[str, Any]]:
    """All findings of report.json, each with its path."""
    report = json.loads(outcome.json.read_text(encoding="utf-8"))
    return [{"path": file["path"], **finding} for file in report["files"] for finding in file["findings"]]


@each_case
def test_texts_are_as_kept(case: Case, migrated: Migrated) -> None:
    """Output, report and rules equal the kept ones; ``make fixtures`` brings them up to date."""
    want, have = present(case), expected(case, migrated(case))
    changes = []
    for name in sorted(want.keys() | have.keys()):
        kept, now = (side.get(name, b"").decode("utf-8", "replace").splitlines() for side in (want, have))
        if want.get(name) != have.get(name):
            changes += [f"{name}:", *difflib.unified_diff(kept, now, "kept", "now", lineterm="", n=1)]
    assert not changes, "\n".join(changes)


@each_case
def test_laws_hold(case: Case, migrated: Migrated) -> None:
    """Each file obeys the laws, and the library gives what the command line wrote."""
    sources = {path: decode(file.read_bytes(), path) for path, file in case.sources().items()}
    broken: list[str] = []
    results = dict(migrate_texts({path: source.text for path, source in sources.items()}))
    for path, migration in results.items():
        broken += [f"{path}: {law}" for law in laws.broken_laws(sources[path].text, migration)]
        if sources[path].encode(migration.code) != migrated(case).files[path]:
            broken.append(f"{path}: the command line writes something else than the library returns")
    for path, again in migrate_texts({path: m.code for path, m in results.items()}):
        broken += [f"{path}: {law}" for law in laws.stable(results[path].code, again)]
    assert not broken, "\n".join(broken)


@each_case
def test_manual_findings_are_where_they_belong(case: Case, migrated: Migrated) -> None:
    """A case that is meant to be converted whole leaves nothing to do by hand, the others leave something."""
    manual = [f"line {f['line']}: {f['message']}" for f in findings(migrated(case)) if f["level"] == "manual"]
    assert bool(manual) == case.manual, "\n".join(manual) or "a manual finding is what this case is about"


@pytest.mark.parametrize("case", [c for c in CASES if c.name.startswith("noop_")], ids=lambda case: case.name)
def test_twins_without_torch_stay(case: Case, migrated: Migrated) -> None:
    """What only looks like torch keeps every byte and gets no finding."""
    assert migrated(case).files == case.source_bytes()
    assert findings(migrated(case)) == []
    assert present(case) == {}


def test_outputs_import_without_torch(migrated: Migrated, tmp_path: Path) -> None:
    """Whatever had to stay, every output can be imported where torch is not installed."""
    cases = [case for case in CASES if not case.name.startswith("noop_")]
    modules = [(migrated(case), path) for case in cases for path in case.sources()]
    jobs = [(str(outcome.folder), module_name(path)) for outcome, path in modules]
    (tmp_path / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    done = python("tests.parity.import_side", str(tmp_path / "jobs.json"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_line_ends_tabs_and_bom_stay(migrated: Migrated) -> None:
    """The output has the source's line ends, its BOM and its tabs, also in what was inserted."""
    case = next(c for c in CASES if c.name == "crlf_tabs_bom")
    code = migrated(case).files["before.py"]
    assert code.startswith(b"\xef\xbb\xbf")
    assert code.count(b"\n") == code.count(b"\r\n") > 20
    assert b"\n    " not in code
    assert b"# \xe2\x86\x90 trailing blanks  \r\n" in code


def test_coding_line_is_kept(migrated: Migrated) -> None:
    """A latin-1 file stays one."""
    case = next(c for c in CASES if c.name == "latin1")
    code = migrated(case).files["before.py"]
    assert code.startswith(b"# -*- coding: latin-1 -*-")
    assert "Café" in code.decode("latin-1")
