"""What is cut out of the snippets' files is what Python sees in them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import astmigrate.snippets
from astmigrate.migrate import default_tables
from astmigrate.plan.adapters import adapter_name
from astmigrate.snippets import assemble, catalogue, imported, statements

FILES = sorted(p for p in Path(astmigrate.snippets.__file__).parent.glob("*.py") if p.name != "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_statements_are_cut_where_python_sees_them(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    trees = ast.parse(source).body[1:]  # below the docstring
    cut = [part for part in statements(source) if not part.startswith("#")]
    assert [ast.dump(ast.parse(part).body[0]) for part in cut] == [ast.dump(tree) for tree in trees]
    defined = {tree.name for tree in trees if isinstance(tree, ast.FunctionDef | ast.ClassDef)}
    assert defined <= catalogue().keys()


def test_all_snippets_make_one_module() -> None:
    names = [name for name in catalogue() if not name.startswith("_")]
    tree = ast.parse(assemble(dict.fromkeys(names, "")))
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert set(names) <= {*defined, *(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))}
    assert len(defined) == len(set(defined))


def test_adapters_made_from_rows_have_names_of_their_own() -> None:
    """All files of a project share one ``ms_snippets.py``: two adapters of one name would be one."""
    tables = default_tables()
    rows = [row for name in tables.names() if (row := tables.row(name)) is not None]
    made: dict[str, str] = {}
    for row in rows:
        if not row.adapter:
            name = adapter_name(row)
            assert made.setdefault(name, row.name) == row.name
            assert name not in catalogue()
            assert name not in imported()
    assert len(made) > 1000
