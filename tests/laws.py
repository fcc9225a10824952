"""The laws that hold for every migrated file, as functions that return what is broken (nothing: []).

They are checks of their own: names are resolved with another algorithm than astmigrate's, edits are
applied by another loop, and only what the output says counts.
"""

from __future__ import annotations

import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from astmigrate.model import Edit, Finding, Level, Migration
from tests.torch_names import ROOTS, Reference, torch_references

_BOM = "\ufeff"


def _bytes(text: str) -> bytes:
    return text.removeprefix(_BOM).encode()


def broken_laws(source: str, migration: Migration, project: frozenset[str] = frozenset()) -> list[str]:
    """Every law but the second run, which needs a migration of its own."""
    if not_valid := compiles(migration.code):
        return not_valid
    return [
        *edits_explain_output(source, migration),
        *comments_stay(source, migration.code),
        *references_have_findings(source, migration, project),
        *findings_have_places(source, migration.findings),
    ]


def compiles(code: str) -> list[str]:
    """The output is valid Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes of the source are the user's
            compile(code.removeprefix(_BOM), "<output>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return [f"does not compile: {error}"]
    return []


def stable(code: str, again: Migration) -> list[str]:
    """Migrating the output changes nothing."""
    if again.code == code:
        return []
    pairs = zip(code.splitlines(), again.code.splitlines(), strict=False)
    first = next((f"{a!r} became {b!r}" for a, b in pairs if a != b), "its length changes")
    return [f"a second run changes the output: {first}"]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the output: where it begins, and the source offset that it comes from.

    ``copied`` bytes are the source's own; others were put there by an edit that begins at ``source``.
    """

    target: int
    source: int
    copied: bool


def apply(source: bytes, edits: Sequence[Edit]) -> tuple[bytes, list[Part]]:
    """The source with its edits, and what each part of the result comes from.

    Insertions come before an edit that begins where they stand; an edit inside a span that another one
    keeps is applied there, one inside a part that another one replaces goes with that part. A span outside
    of its own edit is a copy: edits that lie across its end are applied where it stands, not in the copy.
    """
    ordered = sorted(dict.fromkeys(edits), key=lambda e: (e.start, e.start != e.end, -e.end))
    out = bytearray()
    parts: list[Part] = []

    def add(text: bytes, at: int, copied: bool) -> None:
        if text:
            parts.append(Part(len(out), at, copied))
            out.extend(text)

    def render(start: int, end: int, first: int, copy: bool = False) -> None:
        at = start
        for index, edit in enumerate(ordered[first:], first + 1):
            if edit.start > end or (edit.start == end and end < len(source)):
                break
            if copy and edit.start < start:
                continue
            if edit.start < at:  # it stands in what another one replaces
                if edit.end > at:
                    raise ValueError(f"edits overlap at byte {at}")
                continue
            if edit.end > end and copy:
                continue
            if edit.end > end:
                raise ValueError(f"an edit leaves {start}:{end}, where it stands: {edit}")
            add(source[at : edit.start], at, True)
            for piece in edit.pieces:
                if isinstance(piece, str):
                    add(piece.encode(), edit.start, False)
                else:
                    own = edit.start <= piece.start and piece.end <= edit.end
                    render(piece.start, piece.end, index, copy=not own)
            at = edit.end
        add(source[at:end], at, True)

    render(0, len(source), 0)
    return bytes(out), parts


def edits_explain_output(source: str, migration: Migration) -> list[str]:
    """The output is the source with exactly its edits; all other bytes are the source's.

    Offsets count from behind a byte order mark.
    """
    try:
        code, _ = apply(_bytes(source), migration.edits)
    except ValueError as error:
        return [str(error)]
    if code != _bytes(migration.code) or source.startswith(_BOM) != migration.code.startswith(_BOM):
        return ["the output is not the source with its edits: bytes outside of edits have changed"]
    return []


def comments_stay(source: str, code: str) -> list[str]:
    """No comment is lost, none changes its place among the others, and none is added.

    The comments of an import or a decorator of torch go with it where it goes.
    """
    had, has = [list(_comments(text)) for text in (source, code)]
    gone, found = [], 0
    for text, may_go in had:
        if found < len(has) and has[found][0] == text:
            found += 1
        elif not may_go:
            gone.append(f"comment lost: {text}")
    added = [f"comment added: {text}" for text, _ in has[found:]]
    return gone or added


def _comments(text: str) -> Iterator[tuple[str, bool]]:
    """The comments, and whether each stands on a logical line that imports or decorates."""
    line: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text.removeprefix(_BOM), newline="").readline):
        line.append(token)
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER) or (
            token.type == tokenize.NL and len(line) == 2
        ):
            words = [t.string for t in line if t.type in (tokenize.NAME, tokenize.OP)]
            may_go = "import" in words or words[:1] == ["@"]
            yield from ((t.string.rstrip(), may_go) for t in line if t.type == tokenize.COMMENT)
            line = []


def references_have_findings(
    source: str, migration: Migration, project: frozenset[str] = frozenset()
) -> list[str]:
    """Each reference to torch in the output has a finding on its line of the source that says so."""
    try:
        _, parts = apply(_bytes(source), migration.edits)
    except ValueError:
        return []  # edits_explain_output says it
    broken = []
    for reference in torch_references(migration.code, project):
        line = _source_line(_bytes(source), _bytes(migration.code), parts, reference)
        if not _is_said(reference, line, migration.findings):
            broken.append(f"line {line}: {reference.name} stays without a finding")
    return broken


def _source_line(source: bytes, code: bytes, parts: Sequence[Part], reference: Reference) -> int:
    starts = [0, *(m.end() for m in re.finditer(rb"\r\n|\r|\n", code))]
    offset = starts[reference.line - 1] + reference.column
    part = max((p for p in parts if p.target <= offset), key=lambda p: p.target)
    before = source[: part.source + (offset - part.target if part.copied else 0)]
    return len(re.findall(rb"\r\n|\r|\n", before)) + 1


def _is_said(reference: Reference, line: int, findings: Sequence[Finding]) -> bool:
    """A finding on the line names this API, or anything in it, and does not claim to have converted it."""
    here = [f for f in findings if f.line == line and f.level is not Level.CONVERTED]
    if reference.is_import:
        return any(f.api.partition(".")[0] in ROOTS for f in here)
    return any(_same_api(f.api, reference.name) for f in here)


def _same_api(said: str, name: str) -> bool:
    return said == name or said.startswith(f"{name}.") or (name.startswith(f"{said}.") and said != "torch")


def findings_have_places(source: str, findings: Sequence[Finding]) -> list[str]:
    """Lines and columns of every finding are inside the source, and its end is not before its start."""
    lines = re.split(r"\r\n|\r|\n", source)
    broken = []
    for f in findings:
        inside = 1 <= f.line <= f.end_line <= len(lines) and 0 <= f.column <= len(lines[f.line - 1])
        ordered = (f.line, f.column) <= (f.end_line, f.end_column)
        if not inside or not ordered or not f.code or not f.message:
            broken.append(f"finding without a place or words: {f}")
    return broken
