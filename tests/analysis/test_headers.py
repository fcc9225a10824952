"""A released function's header gives back the tree of its definition, body apart."""

from __future__ import annotations

import ast

import pytest

from astmigrate.analysis.headers import Function
from astmigrate.analysis.text import Text

ODD = """
@decorated(1,
    two)  # why
async def first(a, /, b: "int" = 1, *c, d={"x": (1, 2)}, **e) -> list[int]: return [1]

class A:
    '''doc'''
    @property
    def second(
  self,  # é
    x=f"{1 + 1}é",
    ):
        # a comment
        @inner
        def third(): pass
        return third

class B:
\tdef fourth(self): "é"; return 1
\f
def fifth(): \\
    return 2
"""


def definitions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def dumped(node: Function) -> list[str]:
    parts = [node.args, *node.decorator_list, *([node.returns] if node.returns else [])]
    return [type(node).__name__, node.name, str((node.lineno, node.col_offset))] + [
        ast.dump(part, include_attributes=True) for part in parts
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_headers_of_odd_definitions(newline: str) -> None:
    text = Text(ODD.replace("\n", newline))
    found = definitions(text.tree)
    assert [node.name for node in found] == ["first", "fifth", "second", "fourth", "third"]
    for node in found:
        header = text.header(node)
        assert header is not None
        assert dumped(header.parsed()) == dumped(node)
        assert header.parsed().body == []


def test_a_decorator_on_its_own_line_has_no_header() -> None:
    text = Text("@\\\nf\ndef g(): pass\n")
    assert text.header(definitions(text.tree)[0]) is None
