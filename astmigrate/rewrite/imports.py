"""Rewrites the import statements: what is used is imported once, torch goes where nothing needs it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

import msgspec

from astmigrate.analysis.sites import ImportSite
from astmigrate.analysis.text import Text
from astmigrate.model import Edit
from astmigrate.rewrite.names import SNIPPETS, Names


class Wanted(msgspec.Struct):
    """What the rest of the plan wants of the imports.

    ``needs`` are import keys by the name through which they were needed ("" for methods),
    ``kept`` the bound names that unconverted code still uses, ``values`` the bound names that stand
    for an adapter, ``torch`` whether ``torch`` itself must be importable, ``stand_in`` the expression that
    stands for torch where it is missing and None is not enough, ``staying`` the bound names of other
    libraries of which something is used that no row maps.
    """

    needs: dict[str, set[str]] = {}
    kept: set[str] = set()
    values: dict[str, str] = {}
    staying: set[str] = set()
    torch: bool = False
    stand_in: str = ""


class ImportEdit(msgspec.Struct, frozen=True):
    """One import statement's edit, with the lines it gained and the names that torch keeps."""

    edit: Edit
    added: tuple[str, ...]
    kept: tuple[str, ...]
    statement: ast.stmt | None = None


class ImportWriter:
    """Plans the edits of all import statements of a file."""

    def __init__(self, text: Text, sites: Sequence[ImportSite], names: Names, wanted: Wanted) -> None:
        self.text, self.names, self.wanted = text, names, wanted
        self.by_statement: dict[ast.stmt, list[ImportSite]] = {}
        for site in sites:
            self.by_statement.setdefault(site.statement, []).append(site)

    def edits(self) -> list[ImportEdit]:
        """The edits; the first torch import of the module takes what the whole file needs."""
        top = [s for s in self.by_statement if self.by_statement[s][0].top]
        inner = [s for s in self.by_statement if not self.by_statement[s][0].top]
        local = {s: self._local(s, top) for s in inner}
        everywhere = set().union(*self.wanted.needs.values()) if self.wanted.needs else set()
        needs = everywhere - set().union(*local.values()) if local else everywhere
        found = [self._rewritten(s, self.names.import_lines(local[s] - needs)) for s in inner]
        lines = self.names.import_lines(needs - self._present())
        for number, statement in enumerate(top):
            found.append(self._rewritten(statement, lines if number == 0 else [], anchor=number == 0))
        if not top and self.wanted.torch:
            lines += self._guard("import torch", ["torch"])
        if not top and lines:
            found.append(self._inserted(lines))
        return [f for f in found if f.kept or f.edit.pieces or f.edit.start != f.edit.end]

    def _local(self, statement: ast.stmt, top: Sequence[ast.stmt]) -> set[str]:
        """What only the names of a nested import need."""
        outer = {site.bound for s in top for site in self.by_statement[s]}
        bound = {site.bound for site in self.by_statement[statement]} - outer
        mine = set().union(*(self.wanted.needs.get(b, set()) for b in bound)) if bound else set()
        others = [v for k, v in self.wanted.needs.items() if k not in bound]
        return mine - set().union(*others) if others else mine

    def _present(self) -> set[str]:
        """The import keys that the module has already, from an earlier run or by its author."""
        found: set[str] = set()
        for statement in self.text.tree.body:
            if isinstance(statement, ast.Import):
                names = {a.name: a.asname for a in statement.names}
                found |= {"mindspore"} if names.get("mindspore") == self.names.free("ms") else set()
                found |= {"numpy"} if names.get("numpy") == "np" else set()
                found |= {name for name, local in names.items() if local is None}
            elif isinstance(statement, ast.ImportFrom):
                source = {"mindspore": "mindspore", SNIPPETS: "snippets"}.get(
                    (statement.module or "").rpartition(".")[2]
                )
                found |= {
                    f"{source}.{a.name}" for a in statement.names if source and a.asname in (None, a.name)
                }
        return found

    def _rewritten(self, statement: ast.stmt, added: list[str], *, anchor: bool = False) -> ImportEdit:
        assert isinstance(statement, (ast.Import, ast.ImportFrom))
        sites = {id(site.alias): site for site in self.by_statement[statement]}
        staying = self.wanted.staying
        stays = [a for a in statement.names if id(a) not in sites or sites[id(a)].bound in staying]
        keeps = [s for s in sites.values() if s.bound in self.wanted.kept - staying]
        values = [self.wanted.values[s.bound] for s in sites.values() if s.bound in self.wanted.values]
        added = [*added, *values]
        if len(stays) == len(statement.names) and not added and not (anchor and self.wanted.torch):
            return ImportEdit(Edit(0, 0, ()), (), (), statement)
        indent = self._indent(statement)
        lines = list(added)
        if stays:
            lines.insert(0, _statement(statement, stays))
        if keeps and self._guarded(statement):
            lines.append(_statement(statement, [s.alias for s in keeps]))
        elif keeps:
            lines += self._guard(_statement(statement, [s.alias for s in keeps]), [s.bound for s in keeps])
        kept = tuple(s.bound for s in keeps)
        if anchor and self.wanted.torch and "torch" not in kept:
            lines += self._guard("import torch", ["torch"])
            kept = (*kept, "torch")
        if keeps and self._guarded(statement) and not added and len(keeps) == len(sites):
            return ImportEdit(Edit(0, 0, ()), (), kept, statement)
        return ImportEdit(self._replace(statement, lines, indent), tuple(added), kept, statement)

    def _guard(self, statement: str, bound: Sequence[str]) -> list[str]:
        """An import that may fail where torch is not installed; its names stand for nothing then."""
        lines = ["try:", f"    {statement}", "except ImportError:"]
        missing = self.names.expression(self.wanted.stand_in)[0] if self.wanted.stand_in else "None"
        names = [name for name in bound if name != "*"]
        return [*lines, *(f"    {name} = {missing}" for name in names)] if names else [*lines, "    pass"]

    def _replace(self, statement: ast.stmt, lines: list[str], indent: str) -> Edit:
        start, end = self.text.start(statement), self.text.end(statement)
        if lines:
            return Edit(start, end, ((self.text.newline + indent).join(lines),))
        if self._alone(statement):
            return Edit(start, end, ("pass",))
        line = self.text.line_start(start)
        stop = self.text.line_end(end)
        rest = self.text.data[end:stop].strip()
        if self.text.data[line:start].strip() or (rest and not rest.startswith(b"#")):
            return Edit(start, end, ("pass",))
        comment = self.text.data.find(b"#", end, stop)  # a comment beside it stays, where the import began
        return Edit(start, comment, ()) if rest else Edit(line, stop, ())

    def _alone(self, statement: ast.stmt) -> bool:
        """Whether nothing else stays in the statement's block."""
        block = self.by_statement[statement][0].block
        removed = [s for s in block if s in self.by_statement and self._vanishes(s)]
        everything = len(removed) == len(block) and removed[-1] is statement
        return everything and block is not self.text.tree.body

    def _vanishes(self, statement: ast.stmt) -> bool:
        assert isinstance(statement, (ast.Import, ast.ImportFrom))
        sites = self.by_statement[statement]
        wanted = self.wanted.kept | self.wanted.staying | self.wanted.values.keys()
        used = any(s.bound in wanted for s in sites)
        return not used and len(sites) == len(statement.names)

    def _guarded(self, statement: ast.stmt) -> bool:
        """Whether the import's failing does not keep the file from being imported."""
        return self.by_statement[statement][0].guarded

    def _indent(self, statement: ast.stmt) -> str:
        start = self.text.start(statement)
        before = self.text.slice(self.text.line_start(start), start)
        return before if not before.strip() else " " * len(before)

    def _inserted(self, lines: list[str]) -> ImportEdit:
        """Imports for a file that imports no torch itself: behind its docstring and future imports."""
        newline = self.text.newline
        after: ast.stmt | None = None
        for statement in self.text.tree.body:
            docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not (docstring or isinstance(statement, (ast.Import, ast.ImportFrom))):
                break
            after = statement
        if after is None:
            first = self.text.tree.body[0] if self.text.tree.body else None
            at = self.text.line_start(self.text.start(first)) if first else len(self.text.data)
            return ImportEdit(Edit(at, at, (newline.join(lines) + newline,)), tuple(lines), ())
        at = self.text.end(after)
        return ImportEdit(Edit(at, at, (newline + newline.join(lines),)), tuple(lines), ())


def _statement(statement: ast.Import | ast.ImportFrom, aliases: Iterable[ast.alias]) -> str:
    names = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in aliases)
    if isinstance(statement, ast.Import):
        return f"import {names}"
    return f"from {'.' * statement.level}{statement.module or ''} import {names}"
