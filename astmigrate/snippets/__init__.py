"""Small MindSpore functions and classes that a migrated file may need, and how they are put into one file.

The other files of this folder hold the snippets; none of them is imported. ``assemble`` copies the
wanted ones, and what they use, into the text of ``ms_snippets.py``.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

_HEADER = '''"""Functions and classes that the migrated code needs beside MindSpore's own."""

from __future__ import annotations
'''
_GENERATED = ("from mindspore import nn", "from mindspore import ops", "from mindspore import Tensor",
              "import mindspore as ms", "import numpy as np", "from mindspore import mint")  # fmt: skip


# All but the statements of a snippet file is indented, or closes a bracket: cutting there takes a seventh of
# the time that parsing does.
_STATEMENT = re.compile(r"^(?=[^\s)\]}])", re.MULTILINE)
_DEFINED = re.compile(r"(?:@.*\n)*(?:(?:async )?def |class )?(\w+)(?: =|:|\(|\[)")
_CLASS = re.compile(r"(?:@.*\n)*class \w+(?:\([^:]*\))?:")


@cache
def _read() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Name → source of every snippet written by hand, and name → import statement of what they import."""
    found: dict[str, str] = {}
    imports = {line.rpartition(" ")[2]: line for line in _GENERATED}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name == "__init__.py":
            continue
        for statement in statements(path.read_text(encoding="utf-8")):
            if statement.startswith(("import ", "from ")):
                imports.update(_imported(statement))
            elif match := _DEFINED.match(statement):
                found[match[1]] = statement
    return found, imports


def statements(source: str) -> Iterator[str]:
    """The statements of a snippet file below its docstring, decorators included; comments are such, too."""
    decorators = ""
    for part in _STATEMENT.split(source.split('"""', 2)[-1]):
        if part.startswith("@"):
            decorators += part
        elif part.strip():
            yield decorators + part.rstrip() + "\n"
            decorators = ""


def catalogue() -> Mapping[str, str]:
    """Name → source of every snippet written by hand."""
    return _read()[0]


def imported() -> Mapping[str, str]:
    """Name → import statement of what snippets import."""
    return _read()[1]


@cache
def _imported(statement: str) -> Mapping[str, str]:
    """The same of a statement's text: many files begin alike."""
    return _imports(ast.parse(statement).body[0])


def _imports(node: ast.stmt) -> dict[str, str]:
    """The names that an import statement binds, each with a statement of its own."""
    if isinstance(node, ast.Import):
        prefix = ""
    elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
        prefix = f"from {node.module} "
    else:
        return {}
    clauses = {a.asname or a.name: f"{a.name} as {a.asname}" if a.asname else a.name for a in node.names}
    return {local: f"{prefix}import {clause}" for local, clause in clauses.items()}


def assemble(wanted: Mapping[str, str]) -> str:
    """The text of ``ms_snippets.py`` with these snippets and all that they use.

    ``wanted`` is what migrations carry: name → source of an adapter made from a row, "" for a snippet. An
    adapter of another library's class begins with its import.
    """
    known = dict(imported())
    sources = {**catalogue(), **{name: _cut(source, known) for name, source in wanted.items() if source}}
    order: list[str] = []
    names: set[str] = set()
    started: set[str] = set()

    def visit(name: str) -> None:
        if name in started:
            return
        started.add(name)
        used, _ = _used(sources[name])
        names.update(used)
        derived = {other for other in used & sources.keys() if name in _used(sources[other])[1]}
        for other in sorted((used & sources.keys()) - derived):
            visit(other)
        order.append(name)
        for other in sorted(derived):  # a class whose methods make one of its subclasses
            visit(other)

    for name in sorted(wanted):
        if name in sources:
            visit(name)
    parts = ["" if sources[name].startswith("_") else "\n\n" for name in order]
    code = "".join(part + sources[name].rstrip() + "\n" for part, name in zip(parts, order, strict=True))
    imports = _merged(known[name] for name in names if name in known)
    return _HEADER + "".join(f"{line}\n" for line in ["", *imports] if imports) + code


def _cut(source: str, known: dict[str, str]) -> str:
    """A source without the imports that it begins with, which are noted in ``known``."""
    body = ast.parse(source).body
    own = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in own:
        known.update(_imports(node))
    return source if not own else "".join(source.splitlines(keepends=True)[body[len(own)].lineno - 1 :])


@cache
def _used(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a snippet takes from its module, and those of its bases, if it is a class."""
    head = _CLASS.match(source)
    node = ast.parse(f"{head[0]} ...").body[0] if head else None
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    table = symtable.symtable(source, "<snippet>", "exec")
    taken = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    return frozenset(taken | _globals(table)), frozenset(n.id for n in bases if isinstance(n, ast.Name))


def _globals(table: symtable.SymbolTable) -> set[str]:
    """What the scopes in one take from the module."""
    taken = set[str]()
    for inner in table.get_children():
        taken |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        taken |= _globals(inner)
    return taken


def _merged(lines: Iterable[str]) -> list[str]:
    """Import statements in the usual order, those from one module in one line."""
    plain, members = set[str](), dict[str, set[str]]()
    for line in lines:
        if line.startswith("import "):
            plain.add(line)
        else:
            module, _, name = line.removeprefix("from ").partition(" import ")
            members.setdefault(module, set()).add(name)
    froms = [f"from {m} import {', '.join(sorted(n, key=str.lower))}" for m, n in members.items()]
    third = ("mindspore", "numpy")
    grouped: tuple[list[str], list[str]] = ([], [])
    for line in sorted((*plain, *froms), key=lambda text: (text.startswith("from"), text)):
        grouped[line.split()[1].partition(".")[0] in third].append(line)
    standard, others = grouped
    return [*standard, *([""] if standard and others else []), *others]
