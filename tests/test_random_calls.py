"""Random valid calls of every row obey the laws, and so do the arguments and the calls that come out."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from msgspec.structs import replace

from astmigrate import Level, Migration, migrate_source
from astmigrate.binding import parameters
from astmigrate.migrate import default_tables
from astmigrate.snippets import assemble
from tests import laws
from tests.random_calls import Drawn, Program, layers, programs

EXAMPLES = 300
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def broken(program: Program) -> list[str]:
    """Every law that the migration of the program breaks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the programs call constants and the like
        migration = migrate_source(program.source)
        found = laws.broken_laws(program.source, migration)
        if found:
            return found
        found += laws.stable(migration.code, migrate_source(migration.code))
        found += arguments_stay(program, migration)
        found += keywords_are_known(program, migration)
        found += snippets_bind(migration)
    return found


def arguments_stay(program: Program, migration: Migration) -> list[str]:
    """No argument is lost unless its row may drop it, and none with a call in it is computed twice."""
    had, has = _names(ast.parse(program.source)), _names(ast.parse(migration.code))
    told = any(f.level is Level.REVIEW and "the result is changed" in f.message for f in migration.findings)
    go = [drawn for drawn in program.drawn if _droppable(drawn) or (drawn.parameter == "out" and told)]
    may_go = {name for drawn in go for name in drawn.names}
    gone = [name for name in program.names if had[name] and not has[name]]
    lost = [f"argument lost: {name}" for name in gone if name not in may_go]
    calls = [_calls_of_h(ast.parse(text)) for text in (program.source, migration.code)]
    return lost + [f"computed twice: {text}" for text in calls[1] if calls[1][text] > calls[0][text] > 0]


def _names(tree: ast.AST) -> Counter[str]:
    return Counter(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))


def _calls_of_h(tree: ast.AST) -> Counter[str]:
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name))
    return Counter(ast.unparse(n) for n in calls if ast.unparse(n.func) == "h")


def _droppable(drawn: Drawn) -> bool:
    """Whether the row says so; torch itself ignores ``reduction`` where the legacy arguments are given."""
    name, forms = drawn.parameter, drawn.subject.forms
    legacy = name == "reduction" and any("reduce=None" in (form.args or ()) for form in forms)
    constant = name == "self" and any("{self}" not in (form.template or "{self}") for form in forms)
    return legacy or constant or any(form.drop.get(name) == "*" or name in form.review for form in forms)


def keywords_are_known(program: Program, migration: Migration) -> list[str]:
    """Keywords in the output are those of the rows' targets, or the source's where torch's call stays."""
    own = {"k"}  # of the surroundings
    rows = [default_tables().row(finding.api) for finding in migration.findings]
    for row in [*(subject.row for subject in program.subjects), *(row for row in rows if row is not None)]:
        for form in row.forms or (row,):
            if form.handler:
                return []  # what it adds is in no table
            own |= {form.rename.get(p.name, p.name) for p in parameters(form.args or ())} | set(form.add)
            own |= set(_keywords(re.sub(r"\{\*?\w+\}", "x", form.template or "")))
    stays = any(f.level is Level.MANUAL or f.target.startswith("ms_snippets.") for f in migration.findings)
    own |= set(_keywords(program.source)) if stays else set()
    return [f"keyword of no row: {name}" for name in _keywords(migration.code) if name not in own]


def _keywords(code: str) -> Iterator[str]:
    yield from (n.arg for n in ast.walk(ast.parse(code)) if isinstance(n, ast.keyword) and n.arg)


def snippets_bind(migration: Migration) -> list[str]:
    """Each call of a snippet binds to its own signature; the snippets are there and are valid Python."""
    text = assemble(migration.snippets)
    module = ast.parse(text)
    own = {n.name: n for n in module.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    tree = ast.parse(migration.code)
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "ms_snippets"
        for alias in node.names
    }
    found = [f"no such snippet: {name}" for name in imported.values() if name not in text]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in imported:
            signature = _signature(own.get(imported[node.func.id]), own)
            starred = any(isinstance(a, ast.Starred) for a in node.args) or any(
                k.arg is None for k in node.keywords
            )
            if signature is None or starred:
                continue
            try:
                signature.bind(*node.args, **{str(k.arg): k.value for k in node.keywords})
            except TypeError as error:
                found.append(f"{ast.unparse(node)} does not bind to its snippet: {error}")
    return found


def _signature(
    node: ast.stmt | None, own: dict[str, ast.FunctionDef | ast.ClassDef]
) -> inspect.Signature | None:
    """The signature of a snippet without ``self``; None where MindSpore's constructor is inherited."""
    if isinstance(node, ast.ClassDef):
        init = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        if init:
            return _of_arguments(init[0].args, 1)
        bases = [own[b.id] for b in node.bases if isinstance(b, ast.Name) and b.id in own]
        return _signature(bases[0], own) if bases else None
    return _of_arguments(node.args, 0) if isinstance(node, ast.FunctionDef) else None


def _of_arguments(args: ast.arguments, skip: int) -> inspect.Signature:
    namespace: dict[str, object] = {}
    named = ast.FunctionDef("f", args, [ast.Pass()], [])
    for argument in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]:
        if argument is not None:
            argument.annotation = None
    args.defaults = [ast.Constant(None) for _ in args.defaults]
    args.kw_defaults = [None if d is None else ast.Constant(None) for d in args.kw_defaults]
    exec(compile(ast.fix_missing_locations(ast.Module([named], [])), "<snippet>", "exec"), namespace)
    signature = inspect.signature(namespace["f"])  # type: ignore[arg-type]
    return signature.replace(parameters=list(signature.parameters.values())[skip:])


CATEGORIES = {
    "torch": programs(("torch",)),
    "torch.nn.functional": programs(("torch.nn.functional",)),
    "torch.Tensor": programs(("torch.Tensor",)),
    "torch.nn": programs(("torch.nn",)),
    "others": programs(("*",)),
    "layers": layers(),
}


@pytest.mark.parametrize("category", CATEGORIES)
def test_random_calls_obey_the_laws(category: str) -> None:
    """A few hundred programs, the same in each run."""
    seen: Counter[Level] = Counter()

    @SETTINGS
    @given(CATEGORIES[category])
    def holds(program: Program) -> None:
        assume(not laws.compiles(program.source))  # a comment in an f-string
        found = broken(program)
        assert not found, "\n".join([*found, program.source])
        seen.update(finding.level for finding in migrate_source(program.source).findings)

    holds()
    assert seen[Level.CONVERTED] > EXAMPLES / 2, "most of the programs must have something to convert"


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("def f(a):\n    return torch.relu(a)\n", "def f(a):\n    return ops.relu(x)\n", "argument lost: a"),
        (
            "def f(a):\n    return torch.relu(h(a))\n",
            "def f(a):\n    return h(a) * h(a)\n",
            "computed twice: h(a)",
        ),
    ],
)
def test_a_lost_or_repeated_argument_is_noticed(source: str, code: str, words: str) -> None:
    """The law of arguments, on a migration that breaks it."""
    program = Program(names=["a"], source=source)
    assert arguments_stay(program, replace(migrate_source("x = 1\n"), code=code)) == [words]


def test_a_keyword_of_torchs_is_noticed() -> None:
    """The law of keywords: ``dim`` of a row that renames it."""
    program = Program(source="")
    converted = migrate_source("import torch\ny = torch.cat((a, b), dim=1)\n")
    assert keywords_are_known(program, converted) == []
    wrong = replace(converted, code=converted.code.replace("axis=", "dim="))
    assert keywords_are_known(program, wrong) == ["keyword of no row: dim"]


def test_a_call_that_does_not_bind_to_its_snippet_is_noticed() -> None:
    """The law of snippets: one argument too many."""
    converted = migrate_source("import torch\ny = torch.quantile(x, 0.5)\n")
    assert snippets_bind(converted) == []
    wrong = replace(converted, code=converted.code.replace("0.5", "0.5, k=1"))
    assert "got an unexpected keyword argument 'k'" in snippets_bind(wrong)[0]
