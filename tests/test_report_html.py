"""The page: complete without its script, safe against what sources hold, with links that lead somewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from astmigrate.cli import main
from astmigrate.model import Finding, Level, SourceError
from astmigrate.writers import html, sides
from astmigrate.writers.report import FileReport, Report

BEFORE = 'import torch\n\ns = "</script><script>alert(1)</script>"\ny = torch.foo(1)  # <b> é\U0001f600\n'
AFTER = BEFORE.replace("import torch\n", "import mindspore\nimport torch\n")
VOID = {"meta", "input", "wbr"}


class Reader(HTMLParser):
    """What a test asks of a page: ids, links, attributes, text, packs; and that its tags are balanced."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[tuple[str, str]] = []
        self.packs: dict[str, str] = {}
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag not in VOID:
            self.open.append((tag, given))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tag, given = self.open[-1] if self.open else ("", {})
        if tag == "script" and given.get("data-file"):
            self.packs[unquote(given["data-file"] or "")] = data
        self.texts.append((tag, data))

    @property
    def text(self) -> str:
        return " ".join("".join(data for tag, data in self.texts if tag not in ("script", "style")).split())


def finding(level: Level, message: str, line: int = 4, api: str = "torch.foo") -> Finding:
    return Finding(line, 4, line, 13, level, "AM401", api, "", message)


def file(path: str, *found: Finding) -> FileReport:
    return FileReport(path, found, True, path, (BEFORE, AFTER))


def report() -> Report:
    manual = finding(Level.MANUAL, "'torch.foo' didn't convert. Reason: <i>none</i>.")
    files = [
        file("pkg/a<b>&\"' é.py", manual, finding(Level.INFO, "'import mindspore' is inserted", 1, "")),
        file(
            "pkg/b.py", manual, manual, finding(Level.MANUAL, "'torch.bar' didn't convert.", 1, "torch.bar")
        ),
        file("pkg/sub/c.py", finding(Level.REVIEW, "differs", 2), finding(Level.CONVERTED, "done", 2)),
        FileReport("top.py"),
    ]
    return Report(files, [SourceError("pkg/<bad>.py", 3, "why & how")], ["a <link>: left out"], 2)


@pytest.fixture(scope="module")
def page() -> str:
    return html.dumps(report())


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    return Reader(page)


def unpacked(read: Reader, path: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(read.packs[path])))


def test_says_everything_without_its_script(read: Reader) -> None:
    for words in (
        "33.3% of 6 references to PyTorch converted",
        "torch.foo didn't convert. Reason: <i>none</i>.",
        "torch.bar didn't convert.",
        "differs",
        "done 2",
        "pkg/<bad>.py:3 why & how",
        "a <link>: left out",
        "y = torch.foo(1) # <b> é\U0001f600",
    ):
        assert words in read.text


def test_links_lead_somewhere_and_ids_are_unique(read: Reader) -> None:
    assert len(read.ids) == len(set(read.ids))
    assert not any(character.isspace() for name in read.ids for character in name)
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)
    decoded = {unquote(name) for name in read.ids}
    assert {
        "pkg/a<b>&\"' é.py",
        "pkg/a<b>&\"' é.py:4",
        "pkg/b.py:1",
        "manual:torch.foo",
        "pkg/sub/",
    } <= decoded


def test_needs_no_network_and_runs_its_own_script_only(page: str, read: Reader) -> None:
    names = {name for _, name, _ in read.attributes}
    assert not names & {"src", "srcset", "action", "style"}
    assert not {name for name in names if name.startswith("on")}
    assert not [a for a in read.attributes if a[1] == "href" and not a[2].startswith("#")]
    assert "@import" not in page
    assert "url(" not in page
    policy = next(value for tag, name, value in read.attributes if tag == "meta" and "default-src" in value)
    assert policy.startswith("default-src 'none'; ")
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_source_cannot_leave_its_place(page: str, read: Reader) -> None:
    assert "alert(1)" not in page.replace("&lt;script&gt;alert(1)", "")
    assert "<b>" not in page
    assert "<bad>" not in page


def test_topics_by_frequency_with_their_places(page: str) -> None:
    foo, bar = page.index('id="manual:torch.foo"'), page.index('id="manual:torch.bar"')
    assert foo < bar
    topic = page[page.rindex("<details", 0, foo) : page.index("</details>", foo)]
    assert '<span class="times">3</span>' in topic
    assert re.findall(r'href="#([^"]*)"', topic) == [
        "pkg/a%3Cb%3E%26%22%27%20%C3%A9.py:4",
        *["pkg/b.py:4"] * 2,
    ]


def test_packs_hold_both_sides(read: Reader) -> None:
    assert len(read.packs) == 3
    content = unpacked(read, "pkg/a<b>&\"' é.py")
    before, after = content["before"].split("\n"), []
    at = 0
    for start, rows, added in content["blocks"]:
        after += before[at:start] + added
        at = start + len(rows.replace("+", ""))
    assert "\n".join(before) == BEFORE
    assert "\n".join(after + before[at:]) == AFTER
    line, column, end_line, end_column, level, message, topic = content["findings"][0]
    assert (line, before[line - 1][column:end_column], end_line, level) == (4, "torch.foo", 4, "manual")
    assert content["messages"][message].startswith("'torch.foo' didn't convert.")
    assert topic in read.ids


def test_equal_runs_give_equal_pages(page: str) -> None:
    assert html.dumps(report()) == page


def test_empty_report() -> None:
    text = Reader(html.dumps(Report())).text
    assert "– of 0 references" in text
    assert "Nothing in the files that were migrated." in text


@pytest.mark.parametrize(
    ("manual", "converted", "rate"),
    [(0, 0, "–"), (0, 3, "100.0%"), (1, 1999, "99.9%"), (2, 0, "0.0%"), (1, 2, "66.6%")],
)
def test_rate_is_never_rounded_up(manual: int, converted: int, rate: str) -> None:
    found = [finding(Level.MANUAL, "m")] * manual + [finding(Level.CONVERTED, "c")] * converted
    tally = html.Tally.of([file("a.py", *found, finding(Level.INFO, "i"))])
    assert tally.rate == rate
    assert round(sum(width for _, _, width in tally.bar())) == (100 if found else 0)


def test_folders_count_what_is_below(page: str) -> None:
    page = page.replace("<wbr>", "")
    rows = re.findall(r'<th scope="row" class="(\w+)">(?:<[^>]*>)?([^<]*)(?:</a>)?</th><td>(\d+)', page)
    assert rows == [("depth0", ".", "1"), ("depth0", "pkg", "3"), ("depth1", "pkg/sub", "1")]


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        (["a"], ["a"], []),
        (["a", "x = 1"], ["a", "y = 1"], [(1, "=")]),
        (["import torch", "k"], ["import os_", "import torch.nn", "z z", "k"], [(0, "+=+")]),
        (["k", "x1 + y"], ["k"], [(1, "-")]),
        (["one two three", "p"], ["q", "one two four", "r"], [(0, "+=-+")]),
        ([], ["a"], [(0, "+")]),
    ],
)
def test_sides(before: Sequence[str], after: Sequence[str], rows: list[tuple[int, str]]) -> None:
    found = list(sides.blocks(before, after))
    for block in found:
        assert len(block.after) == len(block.rows.replace("-", ""))
    assert [(block.start, block.rows) for block in found] == rows


def test_blocks_that_are_too_long_to_pair() -> None:
    (block,) = sides.blocks([f"a{n}" for n in range(200)], [f"b{n}" for n in range(150)])
    assert block.rows == "=" * 150 + "-" * 50


def test_lines_are_those_of_the_findings() -> None:
    assert sides.lines("a\r\nb\rc\nd\x0ce\u2028f") == ["a", "b", "c", "d\x0ce\u2028f"]


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    digits = colour * 2 if len(colour) == 3 else colour
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_for_text(scheme: str) -> None:
    css = Path(html.__file__).with_name("page").joinpath("report.css").read_text("utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme == "dark"]
    colours = dict(re.findall(r"--([\w-]+): #(\w+);", block))
    grounds = ["page", "raised", "manual-wash", "review-wash", "gone", "new"]
    levels = ["manual", "review", "converted", "info"]
    pairs = [(ink, ground) for ink in ("text", "quiet", "link") for ground in grounds]
    pairs += [(level, ground) for level in levels for ground in ("page", "raised", "gone", "new")]
    pairs += [
        ("manual", "manual-wash"),
        ("review", "review-wash"),
        ("text", "gone-word"),
        ("text", "new-word"),
    ]
    for ink, ground in pairs:
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"--{ink} on --{ground}"


def test_a_run_writes_the_page_and_leaves_it_out_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    Path("src/a.py").write_text("import torch\n\ny = torch.there_is_no_such_thing(1)\n")
    Path("src/report.txt").write_text("mine\n")
    for out in ("out", "src/out", "src/out2"):
        arguments = ["src", "-o", out, "--report", "html", "-q"]
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
    made = sorted(p.relative_to("src/out2").as_posix() for p in Path("src/out2").rglob("*") if p.is_file())
    assert made == ["a.py", "ms_snippets.py", "report.html", "report.txt", "weights.json"]
    read = Reader(Path("src/out2/report.html").read_text())
    assert "a.py:3" in read.ids
    assert unpacked(read, "a.py")["before"] == "import torch\n\ny = torch.there_is_no_such_thing(1)\n"


def test_one_file_is_open_and_has_its_own_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("import torch\n")
    assert (
        CliRunner()
        .invoke(main, ["a.py", "-o", "out", "--report", "html", "-q"], catch_exceptions=False)
        .exit_code
        == 0
    )
    page = Path("out/a.report.html").read_text()
    assert re.search(r'<details class="file" id="a.py" data-levels="[^"]*" open>', page)
    shown = CliRunner().invoke(main, ["a.py", "--check", "--report", "html", "-q"], catch_exceptions=False)
    assert shown.stdout == page
