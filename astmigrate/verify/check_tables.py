"""``python -m astmigrate.verify.check_tables``: everything in the tables that can be wrong without running.

Says file and row of each error; exit code 1 if there is one. Signatures that neither framework tells
are counted, not guessed.
"""

from __future__ import annotations

import ast
import re
import string
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from astmigrate.binding import parameters
from astmigrate.handlers import handler
from astmigrate.model import TableError
from astmigrate.snippets import catalogue
from astmigrate.tables import Form, Proof, Row, Tables
from astmigrate.verify.check_signatures import against_mindspore, against_torch
from astmigrate.verify.inputs import make_inputs
from astmigrate.verify.results import is_loosened
from astmigrate.verify.signatures import MISSING, is_method, resolve
from astmigrate.verify.tasks import of_alias
from astmigrate.verify.wrapping import mentions, wrap

_KINDS = {"tensor", "size", "dtype", "device", "module", "number", "string", "array", "optimizer", "loader",
          "function", "class", "none"}  # fmt: skip
_TESTS = (_KINDS - {"class", "module", "function"}) | {"sequence", "int", "given", "absent", "any"}
_BY_ARGUMENT = ("rename", "drop", "unsupported", "wrap", "review", "when")
_NAME = re.compile(r"\b(mindspore|snippets)(?:\.\w+)+")


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
    namespace = tables._open(name.rpartition(".")[0])
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
        for message in _form(row, form):
            report.error(name, message)
        _signatures(report, row, form)
    for message in _layer(row):
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


def _form(row: Row, form: Form) -> Iterator[str]:
    declared = {p.name for p in parameters(form.args or ())}
    anywhere = {p.name for other in (row, *row.forms) for p in parameters(other.args or ())}
    for field in _BY_ARGUMENT:
        for name in getattr(form, field):
            if name not in anywhere:  # a form inherits what the row says of other forms' arguments
                yield f"{field}: '{name}' is not in args"
    if form.target is None and form.template is None and not form.manual and not form.handler:
        yield "neither a target nor a template, nor the reason why there is none (manual)"
    if form.level not in ("converted", "review"):
        yield f"level = {form.level!r} is neither converted nor review"
    if form.level == "review" and not form.note:
        yield "a review needs a note: under which condition does the result differ?"
    if form.inplace and form.inplace != "self" and form.inplace not in declared:
        yield f"inplace: '{form.inplace}' is not in args"
    if form.handler:
        handler(form.handler)
    yield from _words(form)
    yield from _expressions(row, form, declared)


def _words(form: Form) -> Iterator[str]:
    for word in (w.strip().removesuffix("...") for w in form.returns.split(",") if w.strip()):
        if word not in _KINDS and word != "self":
            yield f"returns: {word!r} is no kind"
    for name, test in form.when.items():
        for word in (w.strip() for w in test.split("|")):
            if (
                word not in _TESTS
                and word[:1] not in tuple("'\"-0123456789")
                and word not in ("True", "False")
            ):
                yield f"when: {name} = {word!r} is no test"


def _expressions(row: Row, form: Form, declared: set[str]) -> Iterator[str]:
    """Every expression parses, and every name of MindSpore or of a snippet in it exists."""
    target = [form.target] if form.target else []
    if form.args is None and form.template is None and is_method(form.target or ""):
        target = []  # an attribute may exist on instances only; its proof shows
    expressions = [*target, *form.add.values(), *(w.replace("{}", "x_") for w in form.wrap.values())]
    if form.template is not None:
        holes = {h.lstrip("*") for _, h, _, _ in string.Formatter().parse(form.template) if h is not None}
        yield from (f"template: '{hole}' is not in args" for hole in sorted(holes - declared - {"self"}))
        expressions.append(re.sub(r"\{\*?\w*\}", "x_", form.template))
    if isinstance(row, Row) and row.adapter:
        expressions.append(row.adapter)
    for expression in expressions:
        try:
            ast.parse(expression or "None", mode="eval")
        except SyntaxError:
            yield f"{expression!r} is no expression"
        for match in _NAME.finditer(re.sub(r"'[^']*'|\"[^\"]*\"", "''", expression)):
            known = (
                match[0].split(".")[1] in catalogue()
                if match[1] == "snippets"
                else resolve(match[0]) is not MISSING
            )
            if not known and not form.manual:
                yield f"{match[0]} does not exist"


def _layer(row: Row) -> Iterator[str]:
    for name, rule in row.weights.items():
        if isinstance(rule, dict) and (
            set(rule) - {"name", "insert_axis"} or not isinstance(rule.get("name"), str)
        ):
            yield f"weights: {name} = {rule} is neither a name nor {{ name, insert_axis }}"


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
