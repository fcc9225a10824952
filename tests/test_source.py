"""Reading and writing a file's bytes, and the words for those that cannot be read."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astmigrate.model import SourceError
from astmigrate.source import decode, failure, parse

EXACT = {
    "empty": b"",
    "utf-8": "x = 'é'\n".encode(),
    "bom": b"\xef\xbb\xbfx = 1\n",
    "bom and coding line": b"\xef\xbb\xbf# coding: utf-8\nx = 1\n",
    "crlf": b"x = 1\r\ny = 2\r\n",
    "mixed line ends": b"x = 1\r\ny = 2\nz = 3\rw = 4",
    "tabs and form feed": b"if 1:\n\tx = 1\n\x0c\ny = 2\n",
    "latin-1": b"# -*- coding: latin-1 -*-\nx = '\xe9\xff'\n",
    "coding on line two": b"#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
    "more than the usual characters and line ends": "x = '\U0001f525\u2028'# z\x85\n".encode(),
    "no newline at the end": b"x = 1",
    "gbk": b"# coding: gbk\nx = '\xc4\xe3\xba\xc3'\n",
}


@pytest.mark.parametrize("data", EXACT.values(), ids=EXACT.keys())
def test_bytes_survive(data: bytes) -> None:
    source = decode(data, "a.py")
    assert source.encode(source.text) == data
    assert not source.text.startswith("\ufeff")
    parse(source.text, "a.py")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), st.booleans())
def test_any_utf8_survives(text: str, bom: bool) -> None:
    data = b"\xef\xbb\xbf" * bom + b"# coding: utf-8\n" + text.encode()
    source = decode(data, "a.py")
    assert source.encode(source.text) == data


REFUSED = {
    "null byte": (b"x = 1\ny = \0\n", 2, "null byte"),
    "utf-16": ("x = 1\n".encode("utf-16"), 1, "UTF-16"),
    "not utf-8": (b"x = 1\n\ny = '\xe9'\n", 3, "byte 0xe9 is not valid utf-8; the file needs a coding line"),
    "not utf-8 on line one": (b"y = '\xe9'\n", 1, "byte 0xe9 is not valid utf-8"),
    "unknown encoding": (b"# coding: klingon\n", 1, "unknown encoding: klingon"),
    "encoding that is none of text": (b"# coding: hex\n61\n", 1, "hex"),
    "bom against coding line": (b"\xef\xbb\xbf# coding: latin-1\n", 1, "utf-8"),
    "not one way to write it": (b"# coding: utf-7\nx = '+AGE-'\n", 1, "save the file as UTF-8"),
}


@pytest.mark.parametrize(("data", "line", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_line_and_reason(data: bytes, line: int, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        decode(data, "dir/a.py")
    assert caught.value.line == line
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"dir/a.py:{line}: ")


PYTHON2 = {
    "print 'a'\n": "print statement",
    "x = 1\nif x: print x\n": "print statement",
    "exec code in ns\n": "exec statement",
    "try:\n    f()\nexcept ValueError, e:\n    pass\n": "except E, name",
    "raise ValueError, 'no'\n": "raise E, value",
    "x = `y`\n": "backquotes",
    "if a <> b: pass\n": "<>",
    "x = ur'a'\n": "ur'' string",
    "x = 0777\n": "long or octal number",
    "x = 0xFFL\n": "long or octal number",
    "x = 10L\n": "long or octal number",
    "def f(a, (b, c)):\n    pass\n": "tuple parameter",
}


@pytest.mark.parametrize(("text", "word"), PYTHON2.items())
def test_python2_is_named(text: str, word: str) -> None:
    with pytest.raises(SourceError, match=r"this is Python 2 \(") as caught:
        parse(text, "a.py")
    assert word in caught.value.reason
    assert word != "print statement" or "print" in text.splitlines()[caught.value.line - 1]


@pytest.mark.parametrize(
    "text", ["x = (\n", "def f(:\n", "print(x y)\n", "x = '0777' y\n", "print = = 3\n", "x = 3in4\n"]
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_other_errors_are_not_called_python2(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text, "a.py")
    assert "Python 2" not in caught.value.reason
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert caught.value.reason.endswith(f"(read as Python {version})")


DEEP = ["-" * 100_000 + "1", "+".join(["1"] * 100_000), "a" + ".b" * 100_000, "x" + "()" * 100_000]


@pytest.mark.parametrize("text", DEEP, ids=["signs", "sums", "attributes", "calls"])
def test_deep_nesting_is_a_reason_not_a_crash(text: str) -> None:
    with pytest.raises(SourceError, match="nested too deeply"):
        parse(text, "a.py")


def test_result_that_the_encoding_lacks() -> None:
    source = decode(b"# coding: latin-1\nx = 1\n", "a.py")
    with pytest.raises(SourceError, match=r"a\.py:2: the result cannot be written as iso-8859-1"):
        source.encode("# coding: latin-1\nx = '\u20ac'\n")


def test_a_known_reason_keeps_its_line_and_takes_the_shown_path() -> None:
    found = failure(SourceError("out/a.py", 7, "why"), "", "src/a.py")
    assert str(found) == "src/a.py:7: why"
