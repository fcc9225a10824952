"""Loads rows from ``api_tables/``: one namespace at a time, and of it only the rows that are asked for.

A table file is cut at its headers by one regular expression; a row's TOML is parsed when it is first
looked up, and its proofs only by ``make prove``. What a row may say is in ``api_tables/README.md``.
"""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from astmigrate.model import TableError

_HEADER = re.compile(r'^\[{1,2}"([^"\n]+)"(?:\.(proof|form))?\]{1,2}[ \t]*(?:#.*)?$', re.MULTILINE)
_SPELLINGS = ("torch.nn.modules.", "torch.nn.parameter.", "torch.optim.optimizer.")


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Torch code whose migration must leave the same ``y``."""

    code: str
    inputs: dict[str, str] = {}
    rtol: float = 1e-4
    atol: float = 1e-5
    compare: str = "value"
    reason: str = ""
    train: bool = False


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a call becomes; a row is a form with a name, an overloaded row has several."""

    target: str | None = None
    template: str | None = None
    args: tuple[str, ...] | None = None
    rename: dict[str, str] = {}
    positional: int | None = None
    add: dict[str, str] = {}
    drop: dict[str, str | list[str]] = {}
    unsupported: dict[str, str] = {}
    wrap: dict[str, str] = {}
    review: dict[str, str] = {}
    note: str = ""
    level: str = "converted"
    manual: str = ""
    inplace: str = ""
    rebind: bool = False
    returns: str = ""
    handler: str = ""
    when: dict[str, str] = {}


class Row(Form, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One torch API."""

    name: str = ""
    forms: tuple[Form, ...] = ()
    weights: dict[str, str | dict[str, Any]] = {}
    attributes: dict[str, str] = {}
    alias: str = ""
    adapter: str = ""
    adapter_if: tuple[str, ...] = ()
    result: str = ""


class _Namespace:
    """The text of one table file, cut at its headers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = path.read_text(encoding="utf-8")

    @cached_property
    def sections(self) -> dict[str, list[tuple[str, int, int]]]:
        """Row name → its sections as (kind, start, end), kind being "row", "form" or "proof"."""
        sections: dict[str, list[tuple[str, int, int]]] = {}
        found = list(_HEADER.finditer(self._text))
        ends = [*(m.start() for m in found[1:]), *([len(self._text)] if found else [])]
        for match, end in zip(found, ends, strict=True):
            kind = match[2] or "row"
            own = sections.setdefault(match[1], [])
            if kind == "row" and own:
                raise TableError(f"{self.path}: row {match[1]}: stands twice, or after its own form or proof")
            own.append((kind, match.end(), end))
        return sections

    @cached_property
    def members(self) -> frozenset[str]:
        """Last names of the rows."""
        return frozenset(name.rpartition(".")[2] for name in self.sections)

    def parse(self, name: str, kind: str) -> list[dict[str, Any]]:
        """The sections of that kind of the row ``name``, parsed."""
        try:
            return [tomllib.loads(self._text[s:e]) for k, s, e in self.sections.get(name, ()) if k == kind]
        except tomllib.TOMLDecodeError as error:
            raise TableError(f"{self.path}: row {name}: {error}") from error

    def convert(self, name: str, value: dict[str, Any], kind: type[Any]) -> Any:
        """``value`` as ``kind``; an unknown field or a wrong type names file and row."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise TableError(f"{self.path}: row {name}: {error}") from error


def default_folder() -> Path:
    """Where the tables are: in the wheel beside the modules, in a checkout beside the package."""
    package = Path(__file__).parent
    inside = package / "api_tables"
    return inside if inside.is_dir() else package.parent / "api_tables"


class Tables:
    """All rows, by qualified torch name."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self._namespaces: dict[str, _Namespace | None] = {}
        self._rows: dict[str, Row | None] = {}

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """The namespaces that have a table, such as ``torch.nn.functional``."""
        return frozenset(path.stem for path in self.folder.glob("*.toml"))

    def row(self, name: str) -> Row | None:
        """The row of a qualified torch name, aliases followed; None where there is none."""
        try:
            return self._rows[name]
        except KeyError:
            row = self._rows[name] = self._load(name)
            return row

    def proofs(self, name: str) -> tuple[Proof, ...]:
        """The proofs of the row of exactly this name."""
        namespace = self._namespace(name.rpartition(".")[0])
        if namespace is None:
            return ()
        return tuple(namespace.convert(name, value, Proof) for value in namespace.parse(name, "proof"))

    def members(self, namespace: str) -> frozenset[str]:
        """Last names of the rows of one namespace."""
        found = self._namespace(namespace)
        return found.members if found else frozenset()

    def names(self) -> list[str]:
        """Every row's name, all tables loaded."""
        found: list[str] = []
        for stem in sorted(self.namespaces):
            namespace = self._open(stem)
            assert namespace is not None
            found += namespace.sections
        return found

    def _load(self, name: str) -> Row | None:
        parent, _, leaf = name.rpartition(".")
        namespace = self._namespace(parent)
        if namespace is None or name not in namespace.sections:
            for prefix in _SPELLINGS:
                if name.startswith(prefix):
                    return self.row(f"{prefix[: prefix.rstrip('.').rindex('.')]}.{leaf}")
            return None
        values = namespace.parse(name, "row")
        if len(values) != 1:
            raise TableError(f"{namespace.path}: row {name}: has a form or proof but no row")
        alias = values[0].get("alias")
        if alias:
            return self.row(alias)
        base: Row = namespace.convert(name, {**values[0], "name": name}, Row)
        inherited = {k: v for k, v in values[0].items() if k in Form.__struct_fields__}
        forms = [
            namespace.convert(name, {**inherited, **form}, Form) for form in namespace.parse(name, "form")
        ]
        return msgspec.structs.replace(base, forms=tuple(forms)) if forms else base

    def _namespace(self, stem: str) -> _Namespace | None:
        return self._open(stem) if stem in self.namespaces else None

    def _open(self, stem: str) -> _Namespace | None:
        if stem not in self._namespaces:
            self._namespaces[stem] = _Namespace(self.folder / f"{stem}.toml")
        return self._namespaces[stem]
