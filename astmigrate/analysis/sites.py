"""The places in a file where torch is used; what analysis hands to ``plan``."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import msgspec

from astmigrate.analysis.classes import ClassInfo
from astmigrate.analysis.kinds import Origin, Value
from astmigrate.binding import Arguments

# roles whose node does not begin with an imported torch name: what they need or keep is no import's
BY_RECEIVER = frozenset({"method", "attribute", "member", "leaf", "buffer", "init", "unclear", "setting",
                         "set_child", "item", "slices", "whole", "index", "bound", "registered", "formatted",
                         "augmented", "part", "operand", "trailing", "masked"})  # fmt: skip


class Site(msgspec.Struct, eq=False):
    """One use of a torch API.

    ``role`` says how the name is used: "call" and "method" are called; "init" is the
    ``super().__init__`` of a torch class; "attribute" is read from an instance; "type" names the class
    itself (a base, ``isinstance``); "annotation", "decorator"; "value" is passed on; "unclear" is a
    method whose receiver may be a tensor or something else, "part" such an attribute; "item", "slices" and
    "whole" (``x[...]``) are assigned to; "index", "bound" (of a slice) and "operand" (the left one of an
    operator) are numpy's; "trailing" and "masked" have indexes in which something follows what may be a
    mask; "augmented" is changed by ``+=``; "registered" is the name of a buffer, "formatted" has a format
    specification. ``within`` is the statement, ``at_import`` tells that it runs when the file is imported.
    """

    role: str
    name: str
    node: ast.expr
    arguments: Arguments | None = None
    receiver: ast.expr | None = None
    receiver_value: Value | None = None
    statement: bool = False
    origin: Origin | None = None
    store: bool = False
    owner: ClassInfo | None = None
    within: ast.stmt | None = None
    at_import: bool = False
    quoted: bool = False  # an annotation written as a string


class ImportSite(msgspec.Struct, eq=False):
    """One imported name that is torch's: its statement, alias, qualified name and where it stands.

    ``block`` are the statements it stands among; ``guarded`` says that it is in a function or ``try``.
    """

    statement: ast.Import | ast.ImportFrom
    alias: ast.alias
    name: str
    bound: str
    block: Sequence[ast.stmt]
    guarded: bool
    top: bool
    reexported: bool = False
    project: bool = False


class Rename(msgspec.Struct, eq=False):
    """A name that changes with its class, such as ``forward``: the byte range and the new name."""

    start: int
    end: int
    new: str
    api: str
    target: str


class Analysis(msgspec.Struct):
    """Everything that ``plan`` needs to know about a file."""

    sites: list[Site] = []
    imports: list[ImportSite] = []
    renames: list[Rename] = []
    late_inits: list[ast.FunctionDef] = []
    bound: set[str] = set()
    indirect: set[str] = set()
    staying: set[str] = set()  # imported names that unmapped code needs too
    copies: set[int] = set()  # items of tensors that are copies, by id
    elements: set[int] = set()  # items that are not known to be a tensor's, by id
    formatted: list[ast.JoinedStr] = []
    tries: list[ast.Try | ast.TryStar] = []


def root_name(node: ast.expr) -> ast.Name | None:
    """The name that a reference begins with."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.value if isinstance(node, ast.Attribute) else (node.args[0] if node.args else node.func)
    return node if isinstance(node, ast.Name) else None
