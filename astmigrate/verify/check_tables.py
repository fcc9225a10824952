"""``python -m astmigrate.verify.check_tables``: everything in the tables that can be wrong without running.

Says file and row of each error; exit code 1 if there is one. Signatures that neither framework tells
are counted, not guessed.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from astmigrate.model import TableError
from astmigrate.table_checks import check_form, check_weights
from astmigrate.tables import Form, Proof, Row, Tables
from astmigrate.verify.check_signatures import against_mindspore, against_torch
from astmigrate.verify.inputs import make_inputs
from astmigrate.verify.results import is_loosened
from astmigrate.verify.signatures import MISSING, is_method, resolve
from astmigrate.verify.tasks import of_alias
from astmigrate.verify.wrapping import mentions, wrap


class Report:
    """The errors found, and how much could not be checked."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.errors: list[str] = []
        self.counts: Counter[str] = Counter()

    def error(self, name: str, message: str) -> None:
        """One error of one row."""
        stem = name.rpartition(".")[0]
        self.errors.append(f"{self.tables.folder / stem}.toml: row {name}: {message}")


def check(tables: Tables) -> Report:
    """Checks every row of every table."""
    report = Report(tables)
    for stem in sorted(tables.namespaces):
        report.errors += _file(tables, tables.folder / f"{stem}.toml", stem)
    if report.errors:
        return report  # what the loader does not see cannot be checked further
    report.errors += _twice(Path(__file__).parents[1] / "snippets")
    for name in tables.names():
        report.counts["rows"] += 1
        try:
            _row(report, name)
        except TableError as error:
            report.error(name, str(error))
    return report


def _file(tables: Tables, path: Path, stem: str) -> Iterator[str]:
    """The whole file must be TOML, and hold what the lazy loader sees of it, row by row."""
    try:
        whole = tomllib.loads(path.read_text(encoding="utf-8"))
        own = [name for name in tables.names() if name.rpartition(".")[0] == stem]
    except (tomllib.TOMLDecodeError, TableError) as error:
        yield f"{path}: {error}"
        return
    for name in {*whole, *own}:
        if name not in whole or name not in own:
            yield f"{path}: row {name}: its header does not stand alone on its line, or in the wrong file"
            continue
        try:
            if _raw(tables, name) != whole[name]:
                yield f"{path}: row {name}: fields do not stand directly below their own header"
        except TableError as error:
            yield str(error)


def _raw(tables: Tables, name: str) -> dict[str, Any]:
    """The row as the lazy loader cuts it out of its file."""
    namespace = tables.source(name)
    assert namespace is not None
    sections = {kind: namespace.parse(name, kind) for kind in ("row", "form", "proof")}
    if len(sections["row"]) != 1:
        raise TableError(f"{namespace.path}: row {name}: has a form or proof but no row")
    lists = {kind: sections[kind] for kind in ("form", "proof") if sections[kind]}
    return {**sections["row"][0], **lists}


def _twice(folder: Path) -> Iterator[str]:
    """Snippet names must be unique over all files."""
    places: dict[str, Path] = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if path.name != "__init__.py" and isinstance(node, ast.FunctionDef | ast.ClassDef):
                if node.name in places:
                    yield f"{path}: snippet {node.name} stands in {places[node.name]} too"
                places[node.name] = path


def _row(report: Report, name: str) -> None:
    row, raw = report.tables.row(name), _raw(report.tables, name)
    proofs = report.tables.proofs(name)
    if resolve(name) is MISSING:
        report.counts["not in this torch"] += 1
    if raw.get("alias"):
        if row is None or row.alias:
            report.error(name, f"alias {raw['alias']} leads nowhere")
        elif set(raw) - {"alias", "proof"}:
            report.error(name, "an alias stands alone; other fields belong to its row")
        elif not proofs and not of_alias(name, row.name, report.tables.proofs(row.name)):
            report.counts["aliases without a proof"] += 1
        return
    assert row is not None
    for number, proof in enumerate(proofs, 1):
        for message in _proof(name, proof):
            report.error(name, f"proof {number}: {message}")
    for form in row.forms or (row,):
        for message in check_form(row, form, _exists(form)):
            report.error(name, message)
        _signatures(report, row, form)
    for message in check_weights(row):
        report.error(name, message)


def _proof(name: str, proof: Proof) -> Iterator[str]:
    wrap(proof)
    make_inputs(proof, 0)
    if (is_loosened(proof) or proof.compare != "value") and not proof.reason:
        yield "loosened, but gives no reason"
    if proof.compare not in ("value", "shape", "signature"):
        yield f"compare = {proof.compare!r} is unknown"
    if not mentions(proof.code, name):
        yield "does not use its row"


def _exists(form: Form) -> Callable[[str], bool]:
    """Whether MindSpore has a name; what is an attribute may exist on instances only: its proof shows."""
    attribute = form.args is None and form.template is None and is_method(form.target or "")
    return lambda name: (attribute and name == form.target) or resolve(name) is not MISSING


def _signatures(report: Report, row: Row, form: Form) -> None:
    checks: dict[str, Callable[[Row, Form], list[str] | None]] = {
        "torch's signature unknown": against_torch,
        "target's signature unknown, or none": against_mindspore,
    }
    for word, against in checks.items():
        found = against(row, form)
        if found is None:
            report.counts[word] += 1
        for message in found or ():
            report.error(row.name, message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the errors and the counts."""
    folders = list(sys.argv[1:] if arguments is None else arguments)
    report = check(Tables(Path(folders[0]) if folders else None))
    print("\n".join(report.errors + [f"{count} {word}" for word, count in report.counts.items()]))
    print(f"{len(report.errors)} errors")
    return int(bool(report.errors))


if __name__ == "__main__":
    sys.exit(main())
