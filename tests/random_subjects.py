"""The rows as subjects of random calls: under each of their names, with what their proofs pass."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from astmigrate.analysis.kinds import UNKNOWN
from astmigrate.binding import Arguments, bind
from astmigrate.migrate import default_tables
from astmigrate.model import NeedsAdapter
from astmigrate.tables import Form, Row


@dataclass(frozen=True, slots=True)
class Subject:
    """A row under one of its names, and what its proofs pass for each parameter."""

    name: str
    row: Row
    values: dict[str, tuple[str, ...]]

    @property
    def namespace(self) -> str:
        """The name without its last part."""
        return self.name.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def of_instance(self) -> bool:
        """Whether it is called on an object: its namespace is a class."""
        return self.namespace.rpartition(".")[2][:1].isupper()

    @property
    def forms(self) -> tuple[Form, ...]:
        """The row's forms, or the row as the only one."""
        return self.row.forms or (self.row,)


@cache
def subjects(namespaces: tuple[str, ...]) -> tuple[Subject, ...]:
    """The rows of these namespaces ("*": of all others than torch, torch.nn, functional and Tensor)."""
    tables = default_tables()
    large = ("torch", "torch.nn", "torch.nn.functional", "torch.Tensor")
    found = []
    for name in tables.names():
        namespace, _, leaf = name.rpartition(".")
        row = tables.row(name)
        if row is None or not leaf.isidentifier() or keyword.iskeyword(leaf) or leaf.startswith("__"):
            continue
        if namespace in namespaces or ("*" in namespaces and namespace not in large):
            found.append(Subject(name, row, _passed(name, row)))
    return tuple(found)


def _passed(name: str, row: Row) -> dict[str, tuple[str, ...]]:
    """What the proofs of a row pass for each parameter, where it has no names but torch's and the inputs."""
    found: dict[str, dict[str, None]] = {}
    for proof in default_tables().proofs(row.name):
        for node in ast.walk(ast.parse(proof.code)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(row.name.rpartition(".")[2]):
                for parameter, value in _bound(row, node):
                    text = _renamed(value, frozenset(proof.inputs))
                    if text:
                        found.setdefault(parameter, {})[text] = None
    return {parameter: tuple(texts) for parameter, texts in found.items()}


def _bound(row: Row, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    arguments = Arguments(call, (UNKNOWN,) * len(call.args), (UNKNOWN,) * len(call.keywords))
    for form in row.forms or (row,):
        try:
            bound = bind(form, arguments)
        except NeedsAdapter:
            continue
        if not isinstance(bound, str):
            yield from ((b.parameter.name, b.node) for b in bound if not isinstance(b.node, ast.Starred))
            return


def _renamed(value: ast.expr, inputs: frozenset[str]) -> str:
    """The expression with its proof's inputs called x; "" where other names are in it."""
    text = ast.unparse(value)
    tree = ast.parse(text, mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if node.id not in inputs | {"torch", "F", "nn"}:
                return ""
            node.id = "x" if node.id in inputs else node.id
    return ast.unparse(tree)
