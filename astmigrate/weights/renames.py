"""Renames of whole names: ``regex=replacement``, in order; and the way back where there is one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from astmigrate.weights.failures import RequestError
from astmigrate.weights.rules import rename_problem

Rename = tuple[str, str]
_PLAIN = re.compile(r"(\^?)((?:[^\\^$.*+?{}\[\]|()]|\\[^\w\s])*)(\$?)")


def parse_maps(maps: Iterable[str]) -> list[Rename]:
    """The pairs of ``--map``; cut at the last "=", for a regular expression may have one (``(?=x)``)."""
    pairs = []
    for text in maps:
        pattern, equals, replacement = text.rpartition("=")
        if not equals:
            raise RequestError(f"--map {text}: is not of the form 'regex=replacement'")
        problem = rename_problem(pattern, replacement) if pattern else "the regular expression is empty"
        if problem:
            raise RequestError(f"--map {text}: {problem}")
        pairs.append((pattern, replacement))
    return pairs


def renamed(name: str, renames: Iterable[Rename]) -> str:
    """``name`` after all renames."""
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name


def inverted(renames: Sequence[Rename], path: str) -> list[Rename]:
    """The renames that undo ``renames``; only plain text, with ``^`` or ``$`` at most, can be undone."""
    pairs = []
    for pattern, replacement in reversed(renames):
        match = _PLAIN.fullmatch(pattern)
        if not match or "\\" in replacement or not (replacement or match[1] or match[3]):
            raise RequestError(
                f"{path}: the rename {pattern!r} cannot be undone; take it out of the rules and give the way "
                "back by --map"
            )
        text = re.sub(r"\\(.)", r"\1", match[2])
        pairs.append((match[1] + re.escape(replacement) + match[3], text.replace("\\", r"\\")))
    return pairs
