"""What of a row can be wrong without either framework at hand: words, expressions, what it refers to.

Used on the shipped tables by ``verify.check_tables``, which also looks whether MindSpore's names exist,
and on the user's (``--table``) before anything is migrated.
"""

from __future__ import annotations

import ast
import builtins
import re
import string
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from astmigrate.binding import parameters
from astmigrate.handlers import handler
from astmigrate.model import TableError
from astmigrate.rewrite.names import SPELLED
from astmigrate.snippets import catalogue
from astmigrate.tables import Form, Row, TableFile, Tables

KINDS = {"tensor", "complex", "size", "dtype", "device", "module", "number", "string", "array", "optimizer",
         "loader", "generator", "distribution", "function", "class", "none", "sequence"}  # fmt: skip
_TESTS = (KINDS - {"class", "module", "function"}) | {"sequence", "int", "given", "absent", "any"}
_BY_ARGUMENT = ("rename", "drop", "unsupported", "wrap", "review", "when")
_NAME = re.compile(r"\b(mindspore|snippets)(?:\.\w+)+")
_DOTTED_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def check_own(paths: Sequence[Path]) -> list[str]:
    """What is wrong with tables of the user's, each with file, line and row; nothing is imported."""
    errors: list[str] = []
    for path in paths:
        try:
            errors += _headers(path)
        except TableError as error:
            errors.append(str(error))
    if errors:  # what the loader does not see cannot be checked further
        return errors
    tables = Tables(own=paths)
    places: dict[str, Path] = {}
    for table in tables.own:
        for name in table.sections:
            if name in places:
                errors.append(str(table.error(name, f"stands in {places[name]} too")))
            places[name] = table.path
            errors += _row_errors(tables, table, name)
    return errors


def _row_errors(tables: Tables, table: TableFile, name: str) -> list[str]:
    errors: list[str] = []
    try:
        for message, field in _own_row(tables, table, name):
            errors.append(str(table.error(name, message, field)))
    except RecursionError:
        errors.append(str(table.error(name, "its alias leads back to itself", "alias")))
    except TableError as error:
        errors.append(str(error))
    return errors


def _headers(path: Path) -> Iterator[str]:
    """The file must be TOML, and hold what the loader sees of it."""
    table = TableFile(path)
    for name in table.sections:
        for kind in ("row", "form", "proof"):
            table.parse(name, kind)
    try:
        whole = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        yield f"{path}: {error}"
        return
    for name in [*whole, *(n for n in table.sections if n not in whole)]:
        if name not in table.sections or name not in whole:
            yield f'{path}: {name}: a row begins with ["NAME"] alone on its line, the full name in quotes'
    if not whole:
        yield f"{path}: has no row"


def _own_row(tables: Tables, table: TableFile, name: str) -> Iterator[tuple[str, str]]:
    """Messages about one row, each with the field it is about."""
    if not _DOTTED_NAME.fullmatch(name):
        yield "is no dotted name, such as mylib.ops.norm", ""
    row = tables.row(name)
    raw = {field for section in table.parse(name, "row") for field in section}
    if "alias" in raw:
        if row is None:
            yield "its alias leads nowhere", "alias"
        if raw - {"alias"}:
            yield "an alias stands alone; other fields belong to its row", "alias"
        return
    assert row is not None
    tables.proofs(name)
    for form in row.forms or (row,):
        for message in check_form(row, form, lambda _: True):
            yield message, message.partition(":")[0]
        yield from _own_target(form)
    for message in check_weights(row):
        yield message, "weights"


def _own_target(form: Form) -> Iterator[tuple[str, str]]:
    """A target of any library is a name to import; in an expression only some libraries' names are."""
    if form.target and not _DOTTED_NAME.fullmatch(form.target):
        yield f"target: {form.target!r} is no dotted name: a module and what to import from it", "target"
    expressions = {"template": form.template or ""}
    expressions.update({f"add.{name}": value for name, value in form.add.items()})
    expressions.update({f"wrap.{name}": value for name, value in form.wrap.items()})
    for field, expression in expressions.items():
        for name in _free_names(re.sub(r"\{\*?\w*\}", "x_", expression)) - {"x_"}:
            known = ", ".join(sorted(SPELLED))
            yield (
                f"{field}: nothing imports '{name}'; an expression may name {known}",
                field.partition(".")[0],
            )


def _free_names(expression: str) -> set[str]:
    try:
        nodes = list(ast.walk(ast.parse(expression or "None", mode="eval")))
    except SyntaxError:
        return set()  # told elsewhere
    names = [n for n in nodes if isinstance(n, ast.Name)]
    bound = {n.id for n in names if isinstance(n.ctx, ast.Store)} | {
        n.arg for n in nodes if isinstance(n, ast.arg)
    }
    return {n.id for n in names} - bound - SPELLED - set(dir(builtins))


def check_form(row: Row, form: Form, exists: Callable[[str], bool]) -> Iterator[str]:
    """What is wrong with what a row says of a call; ``exists`` tells it of MindSpore's names."""
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
        try:
            handler(form.handler)
        except TableError as error:
            yield f"handler: {error}"
    yield from _words(form)
    yield from _expressions(row, form, declared, exists)


def _words(form: Form) -> Iterator[str]:
    for word in (w.strip().removesuffix("...") for w in form.returns.split(",") if w.strip()):
        if word not in KINDS and word != "self":
            yield f"returns: {word!r} is no kind"
    for name, test in form.when.items():
        for word in (w.strip() for w in test.split("|")):
            if (
                word not in _TESTS
                and word[:1] not in tuple("'\"-0123456789")
                and word not in ("True", "False")
            ):
                yield f"when: {name} = {word!r} is no test"


def _expressions(row: Row, form: Form, declared: set[str], exists: Callable[[str], bool]) -> Iterator[str]:
    """Every expression parses, and every name of MindSpore or of a snippet in it exists."""
    expressions = [("target", form.target or ""), *(("add", value) for value in form.add.values())]
    expressions += [("wrap", value.replace("{}", "x_")) for value in form.wrap.values()]
    if form.template is not None:
        holes = {h.lstrip("*") for _, h, _, _ in string.Formatter().parse(form.template) if h is not None}
        yield from (f"template: '{hole}' is not in args" for hole in sorted(holes - declared - {"self"}))
        expressions.append(("template", re.sub(r"\{\*?\w*\}", "x_", form.template)))
    if row.adapter:
        expressions.append(("adapter", row.adapter))
    for field, expression in expressions:
        try:
            ast.parse(expression or "None", mode="eval")
        except SyntaxError:
            yield f"{field}: {expression!r} is no expression"
        for match in _NAME.finditer(re.sub(r"'[^']*'|\"[^\"]*\"", "''", expression)):
            known = match[0].split(".")[1] in catalogue() if match[1] == "snippets" else exists(match[0])
            if not known and not form.manual:
                yield f"{match[0]} does not exist"


def check_weights(row: Row) -> Iterator[str]:
    """What is wrong with a layer's ``weights``."""
    for name, rule in row.weights.items():
        if isinstance(rule, dict) and (
            set(rule) - {"name", "insert_axis"} or not isinstance(rule.get("name"), str)
        ):
            yield f"weights: {name} = {rule} is neither a name nor {{ name, insert_axis }}"
