"""Loads rows from ``api_tables/``: one namespace at a time, and of it only the rows that are asked for.

A table file is cut at its headers by one regular expression; a row's TOML is parsed when it is first
looked up, and its proofs only by ``make prove``. What a row may say is in ``api_tables/README.md``.
A user's own tables (``--table``) are such files too, with rows of any namespaces; their rows go first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from astmigrate.model import TableError
from astmigrate.places import tables_folder

_HEADER = re.compile(r'^\[{1,2}"([^"\n]+)"(?:\.(proof|form))?\]{1,2}[ \t]*(?:#.*)?$', re.MULTILINE)
_SPELLINGS = ("torch.nn.modules.", "torch.nn.parameter.", "torch.optim.optimizer.", "einops.einops.")

NO_OUT = "MindSpore's functions return their result; assign it instead"  # what each row would say of out
FLOATS_ONLY = "Integers must be cast to float first."


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
    saves: bool = False
    returns: str = ""
    handler: str = ""
    floats_only: bool = False
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
    mutates: str = ""
    result: str = ""


def is_manual(row: Row) -> bool:
    """Whether nothing is converted by this row."""
    return all(form.manual for form in (row.forms or (row,)))


_WHERE = re.compile(r"unknown field `(\w+)`|`\$\.(\w+)")  # the field that msgspec complains of
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)")


class TableFile:
    """The text of one table file, cut at its headers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TableError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error

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
                told = f"row {match[1]}: stands twice, or after its own form or proof"
                raise TableError(f"{self.path}:{self._line(match.start())}: {told}")
            own.append((kind, match.end(), end))
        return sections

    @cached_property
    def members(self) -> frozenset[str]:
        """Last names of the rows."""
        return frozenset(name.rpartition(".")[2] for name in self.sections)

    def parse(self, name: str, kind: str) -> list[dict[str, Any]]:
        """The sections of that kind of the row ``name``, parsed."""
        own = [(start, end) for k, start, end in self.sections.get(name, ()) if k == kind]
        return [self._parsed(name, start, end) for start, end in own]

    def _parsed(self, name: str, start: int, end: int) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text[start:end])
        except tomllib.TOMLDecodeError as error:
            told = _AT_LINE.search(str(error))
            line = self._line(start) + (int(told[1]) - 1 if told else 0)
            raise TableError(f"{self.path}:{line}: row {name}: {_AT_LINE.sub('', str(error))}") from error

    def convert(self, name: str, value: dict[str, Any], kind: type[Any]) -> Any:
        """``value`` as ``kind``; an unknown field or a wrong type names file, line and row."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            told = _WHERE.search(str(error))
            raise self.error(name, str(error), (told[1] or told[2]) if told else "") from error

    def error(self, name: str, message: str, field: str = "") -> TableError:
        """What is wrong with a row, with file and line: the field's where the row has it."""
        sections = self.sections.get(name, [])
        at = sections[0][1] if sections else 0
        for _, start, end in sections:
            found = re.search(rf"^[ \t]*{re.escape(field)}[ \t]*[=.]", self._text[start:end], re.MULTILINE)
            if field and found:
                at = start + found.end()
                break
        return TableError(f"{self.path}:{self._line(at)}: row {name}: {message}")

    def _line(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1


def _completed(fields: dict[str, Any]) -> dict[str, Any]:
    """A row's fields with what follows from them: MindSpore's functions have no ``out``."""
    if fields.get("floats_only") and fields.get("returns") != "module":  # a layer's input is not at its call
        fields = {**fields, "note": f"{fields.get('note', '')} {FLOATS_ONLY}".strip()}
    if "out=None" not in fields.get("args", ()) or "out" in {
        **fields.get("rename", {}),
        **fields.get("drop", {}),
    }:
        return fields
    return {**fields, "unsupported": {"out": NO_OUT, **fields.get("unsupported", {})}}


class Tables:
    """All rows, by the qualified name of what they map.

    ``own`` are tables of the user's: their rows stand for the shipped ones of the same name, and for names
    of the user's project too.
    """

    def __init__(self, folder: Path | None = None, own: Sequence[Path] = ()) -> None:
        self.folder = folder or tables_folder()
        self.own = tuple(TableFile(path) for path in own)
        self._namespaces: dict[str, TableFile | None] = {}
        self._rows: dict[str, Row | None] = {}
        self._members: dict[str, frozenset[str]] = {}

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """The namespaces that have rows, such as ``torch.nn.functional``."""
        own = {name.rpartition(".")[0] for name in self.own_names}
        return self._shipped | own

    @cached_property
    def _shipped(self) -> frozenset[str]:
        return frozenset(path.stem for path in self.folder.glob("*.toml"))

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The rows of the user's tables."""
        return frozenset(name for table in self.own for name in table.sections)

    @cached_property
    def packages(self) -> frozenset[str]:
        """The namespaces that have rows, and the packages that they are in."""
        parts = [namespace.split(".") for namespace in self.namespaces]
        return frozenset(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1))

    def maps(self, name: str) -> bool:
        """Whether the name has a row, or leads to names that have one."""
        return name in self.packages or self.row(name) is not None

    def source(self, name: str) -> TableFile | None:
        """The file with the row of exactly this name; of several the last one of the user's."""
        for table in reversed(self.own):
            if name in table.sections:
                return table
        namespace = self._namespace(name.rpartition(".")[0])
        return namespace if namespace is not None and name in namespace.sections else None

    def row(self, name: str) -> Row | None:
        """The row of a qualified torch name, aliases followed; None where there is none."""
        try:
            return self._rows[name]
        except KeyError:
            row = self._rows[name] = self._load(name)
            return row

    def proofs(self, name: str) -> tuple[Proof, ...]:
        """The proofs of the row of exactly this name."""
        namespace = self.source(name)
        if namespace is None:
            return ()
        return tuple(namespace.convert(name, value, Proof) for value in namespace.parse(name, "proof"))

    def members(self, namespace: str) -> frozenset[str]:
        """Last names of the rows of one namespace."""
        if namespace not in self._members:
            found = self._namespace(namespace)
            own = {n.rpartition(".")[2] for n in self.own_names if n.rpartition(".")[0] == namespace}
            self._members[namespace] = (found.members if found else frozenset()) | own
        return self._members[namespace]

    def names(self) -> list[str]:
        """Every row's name, all tables loaded."""
        found: dict[str, None] = {}
        for stem in sorted(self._shipped):
            namespace = self._open(stem)
            assert namespace is not None
            found.update(dict.fromkeys(namespace.sections))
        for table in self.own:
            found.update(dict.fromkeys(table.sections))
        return list(found)

    def _load(self, name: str) -> Row | None:
        leaf = name.rpartition(".")[2]
        namespace = self.source(name)
        if namespace is None:
            for prefix in _SPELLINGS:
                if name.startswith(prefix):
                    return self.row(f"{prefix[: prefix.rstrip('.').rindex('.')]}.{leaf}")
            return None
        values = namespace.parse(name, "row")
        if len(values) != 1:
            raise namespace.error(name, "has a form or proof but no row")
        alias = values[0].get("alias")
        if alias:
            return self.row(alias)
        own = _completed(values[0])
        base: Row = namespace.convert(name, {**own, "name": name}, Row)
        inherited = {k: v for k, v in values[0].items() if k in Form.__struct_fields__}
        forms = [
            namespace.convert(name, _completed({**inherited, **form}), Form)
            for form in namespace.parse(name, "form")
        ]
        return msgspec.structs.replace(base, forms=tuple(forms)) if forms else base

    def _namespace(self, stem: str) -> TableFile | None:
        return self._open(stem) if stem in self._shipped else None

    def _open(self, stem: str) -> TableFile | None:
        if stem not in self._namespaces:
            self._namespaces[stem] = TableFile(self.folder / f"{stem}.toml")
        return self._namespaces[stem]
