"""Writes ``after.py``, ``report.txt`` and ``weights.json`` of the fixtures anew.

Read the diff before committing it.

python -m tests.fixtures_update [CASE...]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.cases import CASES, Case
from tests.migrating import Outcome, migrate_case


def expected(case: Case, outcome: Outcome) -> dict[str, bytes]:
    """The files that a case's folder has besides its source, by path; none where nothing changes."""
    if outcome.files == case.source_bytes():
        return {}
    if case.before.is_dir():
        files = {f"after/{name}": data for name, data in outcome.files.items()}
    else:
        files = {"after.py": outcome.files["before.py"]}
    return {**files, "report.txt": outcome.report.read_bytes(), "weights.json": outcome.weights.read_bytes()}


def present(case: Case) -> dict[str, bytes]:
    """What the case's folder has of these now."""
    names = ["after.py", "report.txt", "weights.json"]
    paths = [case.folder / name for name in names] + sorted((case.folder / "after").rglob("*"))
    return {path.relative_to(case.folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def update(case: Case) -> str:
    """Brings one case up to date; says what happened."""
    with tempfile.TemporaryDirectory() as folder:
        files = expected(case, migrate_case(case, Path(folder) / "out"))
    if files == present(case):
        return "is up to date"
    shutil.rmtree(case.folder / "after", ignore_errors=True)
    for name in present(case):
        (case.folder / name).unlink()
    for name, data in files.items():
        path = case.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return "written" if files else "must not change: nothing is kept"


def main(names: list[str]) -> int:
    """Updates the named cases, or all."""
    failed = 0
    for case in CASES:
        if not names or case.name in names:
            try:
                print(f"{case.name}: {update(case)}")
            except AssertionError as error:
                failed += 1
                print(f"{case.name}: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
