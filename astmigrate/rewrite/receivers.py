"""Where the receiver of a method stands in the text."""

from __future__ import annotations

import ast

from astmigrate.analysis.text import Text
from astmigrate.model import Span


def receiver_inside(text: Text, func: ast.Attribute) -> Span:
    """A method's receiver as an argument: without the parentheses that the dot needed."""
    value = func.value
    start, end = text.start(value), text.end(value)
    outer = Span(text.start(func), receiver_end(text, func))
    bare = b"#" not in text.data[outer.start : start] + text.data[end : outer.end]
    return Span(start, end) if bare and not isinstance(value, (ast.NamedExpr, ast.GeneratorExp)) else outer


def receiver_end(text: Text, func: ast.Attribute) -> int:
    """Where the receiver of a method ends, its parentheses included, before the dot."""
    end = text.end(func) - len(func.attr.encode())
    dot = text.data.rindex(b".", text.end(func.value), end)
    return text.end(func.value) + len(text.data[text.end(func.value) : dot].rstrip())
