"""``report.html``: one page for a run that needs no network, for a person who goes through what is left.

Totals, what is left by API with its advice, and every file before and after. The findings to act on and all
totals are plain HTML. The sources, one packed text a file, are unpacked and laid side by side by the page's
script when a file is opened. Equal runs give equal pages.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files as resources
from itertools import groupby
from urllib.parse import quote

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from astmigrate import __version__
from astmigrate.layout import REPORT_TITLE
from astmigrate.model import Finding, Level
from astmigrate.writers import sides
from astmigrate.writers.report import FileReport, Report

LEVELS = (Level.MANUAL, Level.REVIEW, Level.CONVERTED, Level.INFO)  # by what they ask of the reader
_TO_DO = (Level.MANUAL, Level.REVIEW)
_QUOTED = re.compile(r"'([^'\s]+)'|'((?:from|import|self)\b[^']*)'")
_LONGEST_EXCERPT = 200


@dataclass(frozen=True)
class Tally:
    """Findings by level, and the share of references that were converted."""

    files: int
    levels: dict[Level, int]

    @classmethod
    def of(cls, files: Sequence[FileReport]) -> Tally:
        counts = Counter(finding.level for file in files for finding in file.findings)
        return cls(len(files), {level: counts[level] for level in LEVELS})

    @property
    def references(self) -> int:
        """All places with something of torch's: what was inserted is none."""
        return sum(count for level, count in self.levels.items() if level is not Level.INFO)

    @property
    def rate(self) -> str:
        """Converted references per cent, rounded down: 100% is all of them; "–" where there is none."""
        if not self.references:
            return "–"
        mille = 1000 * (self.references - self.levels[Level.MANUAL]) // self.references
        return f"{mille // 10}.{mille % 10}%"

    def bar(self) -> Iterator[tuple[Level, float, float]]:
        """Level, start and width of each part of a bar that is 100 wide."""
        start = 0.0
        for level in (Level.CONVERTED, Level.REVIEW, Level.MANUAL):
            width = 100 * self.levels[level] / (self.references or 1)
            if width:
                yield level, round(start, 2), round(width, 2)
            start += width


@dataclass(frozen=True)
class Place:
    """A finding and where it is; the anchor names file and line."""

    path: str
    finding: Finding

    @property
    def anchor(self) -> str:
        return f"{self.path}:{self.finding.line}"

    @property
    def topic(self) -> str:
        return _topic(self.finding)


@dataclass(frozen=True)
class Topic:
    """All places of one API that leave something to do, and what to do: the different messages."""

    level: Level
    api: str
    places: tuple[Place, ...]

    @property
    def anchor(self) -> str:
        return self.places[0].topic

    @property
    def advice(self) -> list[str]:
        return list(dict.fromkeys(place.finding.message for place in self.places))

    @property
    def by_file(self) -> list[tuple[str, list[Place]]]:
        return [(path, list(places)) for path, places in groupby(self.places, key=lambda place: place.path)]


class Page:
    """One file of the report as the template sees it."""

    def __init__(self, file: FileReport) -> None:
        self.path = file.path
        self.folder, _, self.name = file.path.rpartition("/")
        self.changed = file.changed
        self.tally = Tally.of([file])
        self._findings = file.findings
        self.has_code = file.texts is not None
        self._texts = file.texts

    @cached_property
    def _before(self) -> list[str]:
        return sides.lines(self._texts[0]) if self._texts else []

    def to_do(self) -> Iterator[tuple[Place, str, bool]]:
        """Each finding to act on, its line of the source, and whether it is its line's first."""
        seen: set[int] = set()
        for finding in self._findings:
            if finding.level in _TO_DO:
                line = self._before[finding.line - 1] if finding.line <= len(self._before) else ""
                yield Place(self.path, finding), _excerpt(line, finding.column), finding.line not in seen
                seen.add(finding.line)

    def done(self) -> list[tuple[Level, str, list[int]]]:
        """What needs no act: level, message and lines, the most frequent first."""
        lines: dict[tuple[Level, str], list[int]] = {}
        for finding in self._findings:
            if finding.level not in _TO_DO:
                lines.setdefault((finding.level, finding.message), []).append(finding.line)
        ordered = sorted(lines.items(), key=lambda entry: (LEVELS.index(entry[0][0]), -len(entry[1])))
        return [(level, message, list(dict.fromkeys(places))) for (level, message), places in ordered]

    def pack(self) -> str:
        """Source, what differs, and findings: JSON, compressed by zlib, as base64; for a file with code."""
        assert self._texts is not None
        messages = {finding.message: 0 for finding in self._findings}
        numbers = {message: number for number, message in enumerate(messages)}
        changes = sides.blocks(self._before, sides.lines(self._texts[1]))
        content = {
            "before": "\n".join(self._before),
            "blocks": [(block.start, block.rows, block.after) for block in changes],
            "messages": list(messages),
            "findings": [
                (f.line, f.column, f.end_line, f.end_column, f.level, numbers[f.message], _anchor(_topic(f)))
                for f in self._findings
            ],
        }
        return base64.b64encode(zlib.compress(msgspec.json.encode(content), 9)).decode("ascii")


@dataclass(frozen=True)
class Folder:
    """A folder of the tree: everything below it, and the files that lie in it."""

    path: str
    depth: int
    tally: Tally
    pages: tuple[Page, ...]


def dumps(report: Report) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("astmigrate.writers", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    topics = _topics(report.files)
    environment.filters.update(anchor=_anchor, words=_words, number=_number, breakable=_breakable)
    style, script = _resource("report.css"), _resource("lines.js") + _resource("report.js")
    return environment.get_template("report.html.j2").render(
        title=REPORT_TITLE,
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        report=report,
        levels=LEVELS,
        whole=Tally.of(report.files),
        topics=topics,
        counts={topic.anchor: len(topic.places) for level in topics for topic in topics[level]},
        folders=_folders(report.files),
    )


def _topics(files: Iterable[FileReport]) -> dict[Level, list[Topic]]:
    """What is left to do of each level, the most frequent API first."""
    places: dict[tuple[Level, str], list[Place]] = {}
    for file in files:
        for finding in file.findings:
            if finding.level in _TO_DO:
                places.setdefault((finding.level, finding.api), []).append(Place(file.path, finding))
    topics = [Topic(level, api, tuple(found)) for (level, api), found in places.items()]
    topics.sort(key=lambda topic: -len(topic.places))  # stable: equal ones in the order of the files
    return {level: [topic for topic in topics if topic.level is level] for level in _TO_DO}


def _folders(files: Sequence[FileReport]) -> list[Folder]:
    """The tree of folders, each before what is in it; one that holds a single folder only is passed over."""
    inside: dict[str, list[FileReport]] = {}
    for file in files:
        folder = file.path.rpartition("/")[0]
        while folder:
            inside.setdefault(folder, []).append(file)
            folder = folder.rpartition("/")[0]
    own = {file.path.rpartition("/")[0] for file in files}
    kept = {path for path, held in inside.items() if path in own or _branches(path, held)}
    shown = sorted(kept | ({""} & own), key=lambda path: path.split("/") if path else [])
    folders = []
    for path in shown:
        held = inside.get(path) or [file for file in files if "/" not in file.path]
        direct = tuple(Page(file) for file in held if file.path.rpartition("/")[0] == path)
        depth = sum(path.startswith(f"{other}/") for other in kept)
        folders.append(Folder(path, depth, Tally.of(held), direct))
    return folders


def _branches(path: str, held: Iterable[FileReport]) -> bool:
    return len({file.path[len(path) + 1 :].partition("/")[0] for file in held}) > 1


def _excerpt(line: str, column: int) -> str:
    """The line; of one that is too long to read the part around the column."""
    if len(line) <= _LONGEST_EXCERPT:
        return line.strip()
    start = max(0, column - _LONGEST_EXCERPT // 2)
    end = start + _LONGEST_EXCERPT
    return f"{'…' if start else ''}{line[start:end].strip()}{'…' if end < len(line) else ''}"


def _topic(finding: Finding) -> str:
    return f"{finding.level}:{finding.api}" if finding.level in _TO_DO else ""


def _anchor(text: str) -> str:
    """An id without spaces that is its own fragment: https://html.spec.whatwg.org/#find-a-potential-indicated-element"""
    return quote(text, safe="/:.-_")


def _words(message: str) -> Markup:
    """A message with what it quotes as code."""
    text, at = Markup(), 0
    for match in _QUOTED.finditer(message):
        text += escape(message[at : match.start()]) + Markup("<code>%s</code>") % (match[1] or match[2])
        at = match.end()
    return text + escape(message[at:])


def _breakable(path: str) -> Markup:
    """A path that is cut between folders where it does not fit."""
    return Markup("/<wbr>").join(path.split("/"))


def _number(count: int) -> str:
    return f"{count:,}"


def _resource(name: str) -> str:
    return resources("astmigrate.writers").joinpath("page", name).read_text("utf-8")


def _hash(text: str) -> Markup:
    """The text's name in a content security policy: https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    return Markup("'sha256-%s'") % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
