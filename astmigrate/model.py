"""The values that flow through astmigrate: what is read, decided and reported.

Everything here is immutable. Analysis makes sites, ``plan`` turns sites into edits, findings and
weight rules, ``rewrite`` applies the edits, ``writers`` print the findings.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Level(StrEnum):
    """How much of the source's meaning the output keeps."""

    CONVERTED = "converted"
    INFO = "info"
    REVIEW = "review"
    MANUAL = "manual"


class Finding(msgspec.Struct, frozen=True):
    """One statement about one place of the source.

    Lines are 1-based, columns are 0-based characters; both are those of the source.
    ``api`` is the qualified torch name, ``target`` the MindSpore one ("" where there is none).
    """

    line: int
    column: int
    end_line: int
    end_column: int
    level: Level
    code: str
    api: str
    target: str
    message: str


class Span(msgspec.Struct, frozen=True):
    """A byte range of the source that an edit keeps; edits inside it are applied."""

    start: int
    end: int


Piece = str | Span


class Edit(msgspec.Struct, frozen=True):
    """Replace bytes ``start:end`` of the source by ``pieces``, in order."""

    start: int
    end: int
    pieces: tuple[Piece, ...]


class LayerSpec(msgspec.Struct, frozen=True, array_like=True):
    """What an attribute of a module class may hold, as far as the source tells.

    ``type`` is a torch layer, a class of the project, or "?" where only the checkpoint can tell.
    ``items`` are the children of a container: key or "*" → alternatives.
    ``optional`` marks an attribute that is set under a condition.
    """

    type: str
    line: int
    items: dict[str, tuple[LayerSpec, ...]] = {}
    optional: bool = False


class ClassRule(msgspec.Struct, frozen=True, array_like=True):
    """The children, parameters and buffers of one module class, each with its line."""

    name: str
    path: str
    line: int
    bases: tuple[str, ...]
    children: dict[str, tuple[LayerSpec, ...]]
    parameters: dict[str, int]
    buffers: dict[str, int]


class FlowCall(msgspec.Struct, frozen=True, array_like=True):
    """What a call hands over: ``class:X``, ``def:F`` or a term; keyword "**" is a dictionary's content.

    ``star`` is the first argument that may be several, -1 where there is none.
    """

    callee: str
    positional: tuple[tuple[LayerSpec, ...], ...]
    keywords: dict[str, tuple[LayerSpec, ...]]
    star: int = -1


class Flows(msgspec.Struct, frozen=True, array_like=True):
    """What a file tells of the values of parameters: ``weights.exported`` makes it, ``closure`` uses it.

    ``signatures`` are the parameters of functions ("/" or, of ``*args``, "*" after the positional ones,
    "**" at the end), ``values`` defaults, results and attributes by their terms, ``inits`` what takes a
    class's arguments.
    """

    signatures: dict[str, tuple[str, ...]] = {}
    values: dict[str, tuple[LayerSpec, ...]] = {}
    inits: dict[str, str] = {}
    bases: dict[str, tuple[str, ...]] = {}
    calls: tuple[FlowCall, ...] = ()
    layers: dict[str, dict[str, Any]] = {}


class WeightRules(msgspec.Struct, frozen=True, array_like=True):
    """How a checkpoint's names and shapes change: classes by qualified name, layers by torch name.

    Types of children may be terms of ``flows`` until all files' rules are one and ``closed``.
    """

    classes: dict[str, ClassRule] = {}
    layers: dict[str, dict[str, Any]] = {}
    flows: Flows = msgspec.field(default_factory=Flows)


class Migration(msgspec.Struct, frozen=True):
    """The result of migrating one file.

    ``snippets`` are what its ``ms_snippets.py`` must hold: name → source of an adapter made from a row,
    "" for one of ``astmigrate.snippets``.
    """

    code: str
    findings: tuple[Finding, ...]
    weights: WeightRules
    snippets: dict[str, str] = {}
    edits: tuple[Edit, ...] = ()


class Absent(StrEnum):
    """What ``Argument.literal`` holds where the source has no literal."""

    NOT_A_LITERAL = "not a literal"


class Argument(msgspec.Struct, frozen=True):
    """One argument of a call: its source text, its kind, and its value where it is a literal.

    ``kind`` is one of the words of ``returns`` in api_tables/README.md, "sequence" for a list or tuple,
    "none", or "unknown"; a tensor may be ``complex``. ``given`` is False where the value is torch's
    default. ``repeatable`` tells that writing it twice is harmless: nothing is called or bound in it.
    """

    text: str
    kind: str
    literal: Any = Absent.NOT_A_LITERAL
    given: bool = True
    repeatable: bool = True
    complex: bool = False

    @property
    def is_literal(self) -> bool:
        """Whether the value is known from the source."""
        return self.literal is not Absent.NOT_A_LITERAL


class Call(msgspec.Struct, frozen=True):
    """A call bound to its row's parameters; what a handler sees.

    ``arguments`` has every parameter of the row, those left out with torch's default. ``extra`` are
    the values of a starred parameter (``*size``). ``receiver`` is the text before the method's dot.
    ``statement`` tells whether the call's value is thrown away.
    """

    api: str
    arguments: dict[str, Argument]
    extra: tuple[Argument, ...] = ()
    receiver: Argument | None = None
    statement: bool = False


class Unsupported(Exception):
    """Raised by a handler: the call stays as it is; the message is the reason in its finding."""


class NeedsAdapter(Exception):
    """Raised by a handler: only the run can tell what the arguments are; call the row's adapter."""


class SourceError(Exception):
    """The user's input cannot be read or parsed; the message says why and where."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path, self.line, self.reason = path, line, reason


class TableError(Exception):
    """A table row is broken: our fault, or that of a user's own table. Says file and row."""
