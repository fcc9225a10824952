"""Classes and functions of the project: their bases, attributes, methods and results."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from astmigrate.analysis.headers import Function, Header
from astmigrate.analysis.kinds import Value, join
from astmigrate.analysis.text import Text, last_name

if TYPE_CHECKING:
    from astmigrate.analysis.state import State


class Scope:
    """The names of a module, class or function while it is walked."""

    def __init__(self, parent: Scope | None, kind: str) -> None:
        self.parent, self.kind = parent, kind
        self.names: dict[str, Value] = {}
        self.stars: list[str] = []
        self.outer: set[str] = set()

    def find(self, name: str) -> Value | None:
        """The innermost binding; class scopes are seen only from their own statements."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or scope.kind != "class"):
                return scope.names[name]
            scope = scope.parent
        return None

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    nodes = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return {last_name(n) for n in nodes}


@dataclass(eq=False)
class FunctionInfo:
    """A function of the project; walked once, on demand or at the end of its module.

    Once it is released it has no body, and goes to other processes as text: few of them ask for its tree.
    """

    name: str
    tree: Function | None
    scope: Scope
    walk: State
    owner: ClassInfo | None = None
    result: Value | None = None
    state: str = "new"
    header: Header | None = None

    @property
    def node(self) -> Function:
        """The definition."""
        if self.tree is None:
            assert self.header is not None  # else the tree has come along
            self.tree = self.header.parsed()
        return self.tree

    def release(self, text: Text) -> None:
        """Drops the body, if another pass over the same definition has not done so."""
        if self.node.body:
            self.header = text.header(self.node)
            self.node.body = []

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) if self.header is None else {**vars(self), "tree": None}

    @property
    def decorators(self) -> set[str]:
        """Last names of the decorators."""
        return _decorators(self.node)


@dataclass(eq=False)
class Attribute:
    """What is assigned to ``self.NAME``: the union of the values and where each comes from."""

    value: Value
    line: int
    optional: bool = False


@dataclass(eq=False)
class ClassInfo:
    """A class of the project."""

    name: str
    node: ast.ClassDef
    path: str
    walk: State
    bases: tuple[Value, ...] = ()
    methods: dict[str, FunctionInfo] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    buffers: dict[str, int] = field(default_factory=dict)
    children: dict[str, tuple[Value, int]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)  # ways in which children are added to itself
    late: bool = False  # a container is filled after it was assigned to self
    mixed_into_module: bool = False
    initialised: bool = False  # the ``__init__`` of it and of its bases have been walked, for good

    @property
    def is_dataclass(self) -> bool:
        """Whether a decorator makes its ``__init__`` from its fields."""
        return "dataclass" in _decorators(self.node)

    def lineage(self, classes: dict[str, ClassInfo]) -> Iterator[ClassInfo]:
        """The class and its bases in the project, nearest first."""
        seen: set[str] = set()
        queue = [self]
        while queue:
            info = queue.pop(0)
            if info.name not in seen:
                seen.add(info.name)
                yield info
                queue += [classes[v.name] for b in info.bases for v in b.each if v.name in classes]

    def torch_bases(self, classes: dict[str, ClassInfo]) -> list[str]:
        """Qualified names of the bases that are not the project's, nearest first."""
        return [v.name for i in self.lineage(classes) for b in i.bases for v in b.each if v.kind == "ref"]

    def set(self, name: str, value: Value, line: int, optional: bool) -> None:
        """Records an assignment to ``self.name``."""
        known = self.attributes.get(name)
        if known is None:
            self.attributes[name] = Attribute(value, line, optional)
        else:
            known.value = join(known.value, value)
            known.optional = known.optional and optional
