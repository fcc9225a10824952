"""Small MindSpore functions and classes that a migrated file may need, and how they are put into one file.

The other files of this folder hold the snippets; none of them is imported. ``assemble`` copies the
wanted ones, and what they use, into the text of ``ms_snippets.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_HEADER = '''"""Functions and classes that the migrated code needs beside MindSpore's own."""
'''
_IMPORTS = {
    "Any": "from typing import Any", "annotations": "",
    "math": "import math", "np": "import numpy as np", "ms": "import mindspore as ms", "nn": "from mindspore import nn",
    "ops": "from mindspore import ops", "Tensor": "from mindspore import Tensor", "mint": "from mindspore import mint",
    "OrderedDict": "from collections import OrderedDict", "itertools": "import itertools",
    "functools": "import functools", "copy": "import copy",
}  # fmt: skip


@cache
def catalogue() -> Mapping[str, str]:
    """Name → source of every snippet written by hand."""
    found: dict[str, str] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name == "__init__.py":
            continue
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines(keepends=True)
        for node in ast.parse(source).body:
            name = _name(node)
            if name is not None:
                first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
                found[name] = "".join(lines[first - 1 : node.end_lineno])
    return found


def _name(node: ast.stmt) -> str | None:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def assemble(wanted: Mapping[str, str]) -> str:
    """The text of ``ms_snippets.py`` with these snippets and all that they use.

    ``wanted`` is what migrations carry: name → source of an adapter made from a row, "" for a snippet.
    """
    sources = {**catalogue(), **{name: source for name, source in wanted.items() if source}}
    order: list[str] = []
    names: set[str] = set()

    def visit(name: str) -> None:
        if name in order or name not in sources:
            return
        used = {n.id for n in ast.walk(ast.parse(sources[name])) if isinstance(n, ast.Name)}
        names.update(used)
        for other in sorted(used & sources.keys() - {name}):
            visit(other)
        order.append(name)

    for name in sorted(wanted):
        visit(name)
    parts = []
    for name in order:
        blank = "\n\n" if sources[name].startswith(("def ", "class ", "@")) else ""
        parts.append(blank + sources[name].rstrip() + "\n")
    imports = sorted({line for local, line in _IMPORTS.items() if local in names}, key=_import_order)
    return _HEADER + "\n" + "\n".join(imports) + "\n" + "".join(parts)


def _import_order(line: str) -> tuple[bool, bool, str]:
    return "mindspore" in line or "numpy" in line, line.startswith("from"), line
