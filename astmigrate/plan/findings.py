"""Collects the findings of one file, in the positions and words of the report."""

from __future__ import annotations

import ast

from astmigrate.analysis.sites import Site
from astmigrate.analysis.text import Text
from astmigrate.model import Finding, Level
from astmigrate.rewrite.names import SNIPPETS

_AT_THE_NAME = (
    "method",
    "attribute",
    "member",
    "leaf",
    "unclear",
)  # the finding points at the name behind the dot


class Findings:
    """The findings of a file while it is planned."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.found: list[Finding] = []

    def at(self, start: int, end: int, level: Level, code: str, api: str, target: str, message: str) -> None:
        """A finding on the bytes ``start:end``."""
        line, column = self.text.position(start)
        end_line, end_column = self.text.position(end)
        column, end_column = self.text.column(line, column), self.text.column(end_line, end_column)
        self.found.append(Finding(line, column, end_line, end_column, level, code, api, target, message))

    def forget(self, site: Site) -> None:
        """Drops what was told of a site that goes with an argument that MindSpore needs not."""
        line, column = self.text.position(self._place(site)[0])
        column = self.text.column(line, column)
        self.found = [f for f in self.found if (f.line, f.column, f.api) != (line, column, site.name)]

    def of(self, site: Site, level: Level, code: str, target: str, message: str) -> None:
        """A finding on a site."""
        start, end = self._place(site)
        self.at(start, end, level, code, site.name, target, message)

    def _place(self, site: Site) -> tuple[int, int]:
        node = site.node
        start, end = self.text.start(node), self.text.end(node)
        if site.role in _AT_THE_NAME and isinstance(node, ast.Attribute):
            start = end - len(node.attr.encode())
        return start, end

    def converted(
        self, site: Site, code: str, api: str, target: str, *notes: str, review: bool = False
    ) -> None:
        """A site is rewritten; with ``review`` the notes state when it behaves differently."""
        level = Level.REVIEW if review else Level.CONVERTED
        target = target.replace("snippets.", f"{SNIPPETS}.") if target.startswith("snippets.") else target
        text = " ".join([f"'{api}' is converted to '{target}'.", *(n for n in notes if n)])
        self.of(site, level, "AM301" if review else code, target, text)

    def manual(self, site: Site, reason: str, nearest: str, code: str = "AM401") -> None:
        """A site stays as it is, with the reason and, where there is one, the nearest target."""
        nearest = nearest.replace("snippets.", f"{SNIPPETS}.")
        maybe = f" Maybe could convert to '{nearest}'." if nearest else ""
        message = f"'{site.name}' didn't convert.{maybe} Reason: {reason.rstrip('.')}."
        self.of(site, Level.MANUAL, code, nearest, message)
