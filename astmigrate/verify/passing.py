"""What a row's proofs pass, and the same calls spelled otherwise.

Every argument that a row converts must be passed by a proof with a value other than its default, by
position and by keyword. A proof need only be written once: its calls are respelled, all by keyword or
all in their places, and run as proofs of their own where that reaches a spelling no other proof has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from keyword import iskeyword

from astmigrate.analysis.index import Module, ProjectIndex
from astmigrate.analysis.text import parse_expression
from astmigrate.binding import Bound, parameters, select
from astmigrate.model import NeedsAdapter, SourceError, Unsupported
from astmigrate.rewrite.settle import same
from astmigrate.tables import NO_OUT, Form, Row, Tables
from astmigrate.verify.signatures import documented

POSITION, KEYWORD, OUT = "position", "keyword", "out"
SPELLINGS = (KEYWORD, POSITION, OUT)
Spelled = tuple[str, str]  # an argument's name and how it is passed


@dataclass(frozen=True, slots=True)
class RowCall:
    """A call of the row in a proof, the form it takes and its arguments."""

    node: ast.Call
    form: Form
    bound: tuple[Bound, ...]
    skip: int

    def passed(self) -> Iterator[Spelled]:
        """The arguments passed with another value than their default."""
        for item in self.bound:
            default = item.parameter.default
            if default is None or not same(item.node, default):
                yield item.parameter.name, KEYWORD if item.keyword is not None else POSITION

    def respell(self, how: str) -> bool:
        """Spells the call's arguments by keyword or in their places; whether that changed anything."""
        items = {b.parameter.name: b for b in self.bound if not b.parameter.star}
        if len(items) < len(self.bound):
            return False  # starred arguments have one spelling
        before = ast.dump(self.node)
        head = self.node.args[: self.skip]
        if how == KEYWORD:
            self.node.args = head
            self.node.keywords = [ast.keyword(name, item.node) for name, item in items.items()]
        else:
            placed = self._placed(set(items))
            self.node.args = head + [
                items[p].node if p in items else parse_expression(d or "None") for p, d in placed
            ]
            in_place = {name for name, _ in placed}
            self.node.keywords = [
                ast.keyword(name, item.node) for name, item in items.items() if name not in in_place
            ]
        return ast.dump(self.node) != before

    def _placed(self, given: set[str]) -> list[tuple[str, str | None]]:
        """The parameters up to the last given one, if all before it have a default to stand there."""
        places = [p for p in parameters(self.form.args or ()) if not p.keyword_only and not p.star]
        last = max((i for i, p in enumerate(places) if p.name in given), default=-1)
        return [(p.name, p.default) for p in places[: last + 1]]


def calls_in(source: str, name: str, tables: Tables) -> tuple[ast.Module, list[RowCall]]:
    """The tree of a proof's module and the calls in it that the row ``name`` converts."""
    row = tables.row(name)
    index = ProjectIndex({"proof": Module("proof", source, "proof.py")}, tables)
    walk = index.parsed("proof")
    found: list[RowCall] = []
    for site in walk.analysis.sites:
        own = tables.row(site.name)
        if site.arguments is None or own is None or row is None or own.name != row.name:
            continue
        try:
            form, bound = select(own, site.arguments)
        except (Unsupported, NeedsAdapter):
            continue
        found.append(RowCall(site.arguments.call, form, tuple(bound), site.arguments.skip))
    return walk.text.tree, found


def respelled(source: str, name: str, how: str, tables: Tables) -> tuple[str, set[Spelled]]:
    """The module with the row's calls spelled ``how``, and what they then pass; "" where that is the same."""
    tree, calls = calls_in(source, name, tables)
    if how == OUT:
        if not _writes_out(tree, [call.node for call in calls if takes_out(call.form)]):
            return "", set()
    elif not [call for call in calls if call.respell(how)]:
        return "", set()
    text = ast.unparse(ast.fix_missing_locations(tree))
    return text, set(passed(text, name, tables))


def takes_out(form: Form) -> bool:
    """Whether ``out=`` becomes an assignment."""
    return form.unsupported.get("out") == NO_OUT


def _writes_out(tree: ast.Module, calls: Sequence[ast.Call]) -> bool:
    """``y = f(x)`` is followed by ``f(x, out=y)`` into zeros; whether any was.

    They have a second name, by which it is seen that they, and no others, are filled.
    """
    found = False
    for body in [n.body for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]:
        for statement in list(body):
            if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
                continue
            if statement.value not in calls:
                continue
            if len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
                name = statement.targets[0].id
                again = deepcopy(statement.value)
                again.keywords.append(ast.keyword("out", ast.Name(name)))
                cleared = ast.parse(f"{name}_out = {name} = torch.zeros_like({name})").body
                at = body.index(statement) + 1
                body[at:at] = [*cleared, ast.Expr(again)]
                found = True
    if found and not any(isinstance(n, ast.Import) and n.names[0].name == "torch" for n in tree.body):
        tree.body.insert(0, ast.Import([ast.alias("torch")]))
    return found


def passed(source: str, name: str, tables: Tables) -> Iterator[Spelled]:
    """What the row's calls in a proof's module pass."""
    try:
        _, calls = calls_in(source, name, tables)
    except SourceError:
        return
    for call in calls:
        yield from call.passed()


def wanted(row: Row) -> set[Spelled]:
    """What the row's proofs must pass: each argument it converts, in its place and by its name."""
    found: set[Spelled] = set()
    for form in row.forms or (row,):
        if form.manual:
            continue
        for parameter in parameters(form.args or ()):
            name = parameter.name
            declared = name in form.unsupported or name in form.drop or form.when.get(name) == "absent"
            if name == "out" and takes_out(form) and one_tensor(form):
                declared = False
            if declared or parameter.star == "**":
                continue
            if parameter.star:
                found.add((name, POSITION))
                continue
            if not iskeyword(name):  # uniform_'s "from"
                found.add((name, KEYWORD))
            if not parameter.keyword_only:
                found.add((name, POSITION))
    return found


def one_tensor(form: Form) -> bool:
    """Whether the result is a single tensor, that ``out`` could be."""
    return form.returns in ("tensor", "self")


def undeclared(row: Row) -> list[str]:
    """Documented arguments of a builtin that no form of the row has; of the others the table check tells."""
    forms = [form for form in (row.forms or (row,)) if form.args is not None]
    own = {p.name for form in forms for p in parameters(form.args or ())}
    return sorted(documented(row.name) - own) if forms else []


@dataclass(frozen=True, slots=True)
class Coverage:
    """The respelled proofs that a row needs, as (number of the proof, spelling, module), and what stays."""

    respelled: tuple[tuple[int, str, str], ...]
    uncovered: tuple[str, ...]


def cover(name: str, sources: Sequence[str], tables: Tables) -> Coverage:
    """Chooses respellings of the proofs' modules until every argument that can be passed is passed."""
    row = tables.row(name)
    assert row is not None
    missing = wanted(row)
    for source in sources:
        missing -= set(passed(source, name, tables))
    chosen: list[tuple[int, str, str]] = []
    for number, source in enumerate(sources, 1):
        for how in SPELLINGS if missing else ():
            text, reached = respelled(source, name, how, tables)
            if reached & missing:
                chosen.append((number, how, text))
                missing -= reached
    stay = sorted({f"{argument} by {how}" for argument, how in missing} | set(undeclared(row)))
    return Coverage(tuple(chosen), tuple(stay))
