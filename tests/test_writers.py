"""The writers by themselves: the lines of the text report, diffs, the summary."""

from __future__ import annotations

import io

import pytest

from astmigrate.model import Finding, Level, SourceError
from astmigrate.writers import diff, json, terminal, text
from astmigrate.writers.report import FileReport, Report, united


def finding(level: Level, message: str, line: int = 12) -> Finding:
    return Finding(line, 8, line, 20, level, "AM101", "torch.x", "", message)


CONVERT = "'torch.nn.Conv2d' is converted to 'mindspore.nn.Conv2d'."
INSERT = "'from mindspore import ops' is inserted to the converted file."
UNCONVERT = "'torch.foo' didn't convert. Maybe could convert to 'ops.foo'."


@pytest.mark.parametrize(
    ("level", "message", "line"),
    [
        (Level.CONVERTED, CONVERT, f"line 12:8: [Convert] {CONVERT}"),
        (Level.INFO, INSERT, f"[Insert] {INSERT}"),
        (Level.REVIEW, "a\n  b", "line 12:8: [Review] a b"),
        (Level.MANUAL, UNCONVERT, f"line 12:8: [UnConvert] {UNCONVERT}"),
    ],
)
def test_lines_have_the_established_form(level: Level, message: str, line: str) -> None:
    assert text.line(finding(level, message)) == line


def report() -> Report:
    manual = [finding(Level.MANUAL, reason) for reason in ("a", "b", "b", "c", "d", "b")]
    files = [
        FileReport("pkg/a.py", (finding(Level.CONVERTED, CONVERT), *manual), True),
        FileReport("pkg/b.py"),
    ]
    return Report(files, [SourceError("pkg/c.py", 3, "why")], ["link: left out"], 2)


def test_whole_text_report() -> None:
    assert text.dumps(report()).splitlines() == [
        "astmigrate report",
        "",
        "pkg/a.py",
        f"line 12:8: [Convert] {CONVERT}",
        *(f"line 12:8: [UnConvert] {reason}" for reason in "abbcdb"),
        "",
        "Not migrated",
        "pkg/c.py:3: why",
        "",
        "Left out",
        "link: left out",
        "",
        "Summary",
        "2 files, 1 changed, 2 copied, 1 not migrated: 1 converted, 0 info, 0 review, 6 manual",
        "3 x manual: b",
        "1 x manual: a",
        "1 x manual: c",
    ]


def test_manual_reasons_come_before_as_frequent_reviews() -> None:
    both = (finding(Level.REVIEW, "r"), finding(Level.MANUAL, "m"), finding(Level.INFO, "i"))
    reasons = Report([FileReport("a.py", both)]).reasons()
    assert [(reason.level, reason.message) for reason in reasons] == [
        (Level.MANUAL, "m"),
        (Level.REVIEW, "r"),
    ]


def test_what_is_pending() -> None:
    assert FileReport("a.py", (finding(Level.MANUAL, "m"),)).pending
    assert FileReport("a.py", (), True).pending
    assert not FileReport("a.py", (finding(Level.INFO, "i"),)).pending


def test_empty_reports() -> None:
    assert json.dumps(Report()).startswith('{"version": 1, "files": [], "summary": {"files":0,')
    assert "0 files, 0 changed: 0 converted" in text.dumps(Report())
    assert text.counts(united([])) == text.counts(Report())


def test_summary_in_a_pipe() -> None:
    assert terminal.summary(report()).splitlines()[1:] == [
        "  3 x manual: b",
        "  1 x manual: a",
        "  1 x manual: c",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("colour", [True, False])
def test_summary_on_a_terminal(colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    terminal.print_table(Report([FileReport("a.py", (finding(Level.MANUAL, "[red]x[/red]"),))]), stream)
    shown = stream.getvalue()
    assert ("\x1b[31m" in shown) is colour
    assert "[red]x[/red]" in shown
    for level in Level:
        assert level in shown


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a\n", "a\n", []),
        ("a\n", "b\n", ["@@ -1 +1 @@\n", "-a\n", "+b\n"]),
        ("a\r\nb", "a\r\nc", ["@@ -1,2 +1,2 @@\n", " a\r\n", "-b\n", "\\ No newline at end of file\n"]),
        ("a\x0cb\u2028c\n", "d\n", ["@@ -1 +1 @@\n", "-a\x0cb\u2028c\n", "+d\n"]),
        ("", "a\n", ["@@ -0,0 +1 @@\n", "+a\n"]),
    ],
)
def test_diff(before: str, after: str, lines: list[str]) -> None:
    made = diff.unified(before, after, "m.py")
    assert made.startswith("".join(["--- m.py\n", "+++ m.py\n", *lines]) if lines else "")
    assert bool(made) is (before != after)


def test_coloured_diff_says_the_same() -> None:
    plain = diff.unified("a\nb\n", "a\nc\n", "m.py")
    coloured = diff.coloured(plain)
    assert "\x1b[31m-b\x1b[0m\n\x1b[32m+c\x1b[0m\n" in coloured
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain
