"""Definitions without their bodies, as text that gives back their trees."""

from __future__ import annotations

import ast
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Header(NamedTuple):
    """The source of a definition from its line on, with nothing in its body."""

    line: int
    source: str

    def parsed(self) -> Function:
        """The definition's tree, without a body; positions are those in its file, ends apart."""
        inside = self.source[0] in " \t\f"
        node = ast.parse("class _:\n" + self.source if inside else self.source).body[0]
        found = node.body[0] if isinstance(node, ast.ClassDef) else node
        assert isinstance(found, Function)
        ast.increment_lineno(found, self.line - 1 - inside)
        found.body = []
        return found
