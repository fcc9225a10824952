"""Finds what a file's names say about torch, with a resolver of its own.

Scopes are gathered first and names looked up afterwards, so a name counts as torch's where any binding of
it in the scope it belongs to is an import of torch. Attributes of such a name, stars, decorators,
annotations as text and the imports themselves count too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

ROOTS = frozenset({"torch", "torchvision", "torchaudio", "torchtext"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that is torch's: 1-based line, 0-based column in bytes, qualified name."""

    line: int
    column: int
    name: str
    is_import: bool = False


@dataclass(eq=False)
class _Scope:
    parent: _Scope | None
    is_class: bool = False
    bound: dict[str, set[str]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)

    def bind(self, name: str, origin: str = "") -> None:
        target: _Scope = self
        if name in self.outer and self.parent is not None:
            target = self.parent
            while target.parent is not None and (target.is_class or name not in target.bound):
                target = target.parent
        target.bound.setdefault(name, set()).add(origin)

    def torch_name(self, name: str) -> str:
        """The qualified torch name that ``name`` may stand for; "" if none."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.bound and (scope is self or not scope.is_class) and name not in scope.outer:
                return next((o for o in sorted(scope.bound[name]) if o), "")
            scope = scope.parent
        return ""


def torch_references(code: str, project: frozenset[str] = frozenset()) -> list[Reference]:
    """All references to torch and its family in ``code``, those to the project's own modules left out."""
    tree = ast.parse(code.removeprefix("\ufeff"))
    finder = _Finder(ROOTS - project)
    outermost = _Scope(None)
    finder.gather(tree, outermost)
    return sorted(set(finder.references(tree, outermost)), key=lambda r: (r.line, r.column))


class _Finder:
    def __init__(self, roots: frozenset[str]) -> None:
        self.roots = roots
        self.scopes: dict[ast.AST, _Scope] = {}
        self.first_generators: set[ast.AST] = set()

    def is_torch(self, name: str | None) -> bool:
        return bool(name) and str(name).partition(".")[0] in self.roots

    # first walk: what each scope binds -----------------------------------------------------------

    def gather(self, node: ast.AST, scope: _Scope) -> None:
        """Binds the names of ``node``'s children in ``scope``, or in the scopes that they open."""
        for child in ast.iter_child_nodes(node):
            self._bind(child, scope)
            if isinstance(child, (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)):
                inner = self.scopes[child] = _Scope(scope, isinstance(child, ast.ClassDef))
                if isinstance(child, _COMPREHENSIONS):
                    self.first_generators.add(child.generators[0])
                for statement in ast.walk(child):
                    if isinstance(statement, ast.Global | ast.Nonlocal) and _owner(child, statement):
                        inner.outer.update(statement.names)
                self.gather(child, inner)
            else:
                self.gather(child, scope)

    def _bind(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                origin = alias.name if alias.asname else bound
                scope.bind(bound, origin if self.is_torch(origin) else "")
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                torch = not node.level and self.is_torch(node.module)
                scope.bind(alias.asname or alias.name, f"{node.module}.{alias.name}" if torch else "")
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            scope.bind(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope.bind(node.name)
        elif isinstance(node, ast.arg):
            scope.bind(node.arg)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            scope.bind(node.name)

    # second walk: what refers to torch -----------------------------------------------------------

    def references(self, node: ast.AST, scope: _Scope) -> Iterator[Reference]:
        """The references below ``node``."""
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if self.is_torch(alias.name)]
            yield from (Reference(node.lineno, node.col_offset, name, True) for name in names)
        elif isinstance(node, ast.ImportFrom) and not node.level and self.is_torch(node.module):
            for alias in node.names:
                yield Reference(node.lineno, node.col_offset, f"{node.module}.{alias.name}", True)
        found = self._chain(node, scope)
        if found is not None:
            yield found
            return
        for text in _annotations(node):
            yield from self._text(text, scope)
        for child in ast.iter_child_nodes(node):
            inner = self._scope_of(node, child, scope)
            placed = self.references(child, self.scopes.get(child, inner))
            if isinstance(node, ast.JoinedStr):  # positions inside are wrong before Python 3.12
                placed = (Reference(node.lineno, node.col_offset, r.name) for r in placed)
            yield from placed

    def _scope_of(self, node: ast.AST, child: ast.AST, scope: _Scope) -> _Scope:
        """Decorators, defaults, bases, annotations, what a comprehension runs over: the scope around."""
        inside = isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and isinstance(child, ast.stmt)
        lambda_body = isinstance(node, ast.Lambda) and child is node.body
        outer = scope.parent if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) else scope
        if isinstance(node, ast.comprehension) and child is node.iter and node in self.first_generators:
            outer = scope.parent
        return scope if inside or lambda_body else (outer or scope)

    def _chain(self, node: ast.AST, scope: _Scope) -> Reference | None:
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            origin = scope.torch_name(inner.id)
            if origin:
                return Reference(inner.lineno, inner.col_offset, ".".join([origin, *reversed(parts)]))
        return None

    def _text(self, node: ast.Constant, scope: _Scope) -> Iterator[Reference]:
        try:
            tree = ast.parse(str(node.value).strip(), mode="eval")
        except SyntaxError:
            return
        for found in self.references(tree, scope):
            yield Reference(node.lineno, node.col_offset, found.name)


def _owner(scope: ast.AST, statement: ast.AST) -> bool:
    """Whether ``statement`` stands in ``scope`` itself and not in a function within it."""
    for child in ast.iter_child_nodes(scope):
        if child is statement:
            return True
        if not isinstance(child, (*_FUNCTIONS, ast.ClassDef)) and _owner(child, statement):
            return True
    return False


def _annotations(node: ast.AST) -> Iterator[ast.Constant]:
    """Text in the annotations of a node."""
    found: list[ast.expr | None] = []
    if isinstance(node, ast.arg | ast.AnnAssign):
        found.append(node.annotation)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        found.append(node.returns)
    for annotation in found:
        for part in ast.walk(annotation) if annotation is not None else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part
