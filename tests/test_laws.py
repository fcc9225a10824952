"""The laws notice what breaks them: each is given a migration that does."""

from __future__ import annotations

import pytest

from astmigrate.model import Edit, Finding, Level, Migration, Span, WeightRules
from tests import laws
from tests.torch_names import torch_references


def migration(code: str, *edits: Edit, findings: tuple[Finding, ...] = ()) -> Migration:
    """A migration as the engine would return it."""
    return Migration(code, findings, WeightRules(), (), edits)


def finding(line: int, api: str, level: Level = Level.MANUAL) -> Finding:
    """A finding at the start of a line."""
    return Finding(line, 0, line, 1, level, "AM401", api, "", "words")


def test_output_must_compile() -> None:
    """An edit that leaves a broken expression."""
    assert laws.compiles("x = (1\n") != []
    assert laws.compiles("\ufeffx = 1\r\n") == []


def test_edits_nest_and_explain_the_output() -> None:
    """An edit inside a kept span is applied, one inside a replaced part goes, insertions come first."""
    source = b"f(a, g(b)) + c"
    edits = [
        Edit(0, 10, ("F[", Span(5, 9), "]")),
        Edit(5, 6, ("G",)),
        Edit(2, 3, ("lost",)),
        Edit(13, 13, ("(",)),
        Edit(13, 14, ("d)",)),
    ]
    assert laws.apply(source, edits)[0] == b"F[G(b)] + (d)"
    assert laws.edits_explain_output("a = 1", migration("a = 2", Edit(4, 5, ("2",)))) == []


def test_bytes_outside_of_edits_must_stay() -> None:
    """A blank that no edit accounts for; a byte order mark that is gone."""
    assert laws.edits_explain_output("a = 1 ", migration("a = 1")) != []
    assert laws.edits_explain_output("\ufeffa = 1", migration("a = 1")) != []


def test_edits_must_not_overlap() -> None:
    """Two edits of which neither holds the other."""
    broken = laws.edits_explain_output("abcdef", migration("x", Edit(0, 3, ("x",)), Edit(2, 5, ("y",))))
    assert "overlap" in broken[0]


def test_comments_must_stay_in_order() -> None:
    """Lost, added or swapped; the comment of an import may go with it."""
    source = "import torch  # noqa\nx = [  # one\n    1,\n]  # two\n"
    assert laws.comments_stay(source, "x = [  # one\n    2,\n]  # two\n") == []
    assert laws.comments_stay(source, "x = [2]  # two\n") == ["comment lost: # one"]
    assert laws.comments_stay(source, source + "# three\n") == ["comment added: # three"]
    assert laws.comments_stay(source, "x = [  # two\n    1,\n]  # one\n") != []


@pytest.mark.parametrize(
    ("code", "findings", "broken"),
    [
        ("import torch\ntorch.foo()\n", (), 2),
        ("import torch\ntorch.foo()\n", (finding(1, "torch", Level.INFO), finding(2, "torch.foo")), 0),
        ("import torch\ntorch.foo()\n", (finding(1, "torch", Level.INFO), finding(2, "torch.bar")), 1),
        ("import torch\ntorch.foo()\n", (finding(1, "torch"), finding(2, "torch.foo", Level.CONVERTED)), 1),
        ("import torch\n\ntorch.foo()\n", (finding(1, "torch"), finding(2, "torch.foo")), 1),
        ("def f(torch):\n    return torch.foo()\n", (), 0),
    ],
)
def test_torch_left_needs_a_finding(code: str, findings: tuple[Finding, ...], broken: int) -> None:
    """On its own line, of its own name, and not one that claims to have converted it."""
    assert len(laws.references_have_findings(code, migration(code, findings=findings))) == broken


def test_the_line_is_that_of_the_source() -> None:
    """An inserted line moves the reference in the output, not in the source."""
    source = "import torch\ntorch.foo()\n"
    inserted = Edit(0, 12, ("import ms\n\nimport torch",))
    found = (finding(1, "torch", Level.INFO), finding(2, "torch.foo"))
    moved = migration("import ms\n\nimport torch\ntorch.foo()\n", inserted, findings=found)
    assert laws.references_have_findings(source, moved) == []


def test_findings_have_places() -> None:
    """A line behind the end of the file."""
    assert laws.findings_have_places("x\n", (finding(1, "torch.a"),)) == []
    assert laws.findings_have_places("x\n", (finding(9, "torch.a"),)) != []


NAMES = {
    "import torch as t\nt.a.b(t.c)": ["torch.a.b", "torch.c"],
    "from torch import nn\nclass A(nn.Module): pass": ["torch.nn.Module"],
    "from torch.nn import *\nx = 1": [],
    "import torch\ndef f(x: 'torch.Tensor') -> 'list[torch.Size]': pass": ["torch.Size", "torch.Tensor"],
    "import torch\nx: 'torch.Tensor'": ["torch.Tensor"],
    "import torch\nf'{torch.a} {x:{torch.b}}'": ["torch.a", "torch.b"],
    "import torch\ndef f(a=torch.a): torch = 1; torch.b": ["torch.a"],
    "import torch\n[torch.a for torch in torch.b]": ["torch.b"],
    "import torch\nclass A:\n    torch = 1\n    torch.a\n    def f(self): torch.b": ["torch.b"],
    "try:\n    import torch\nexcept ImportError:\n    torch = None\ntorch.a": ["torch.a"],
    "def f():\n    global torch\n    import torch\ntorch.a": ["torch.a"],
    "from .torch import nn\nnn.a": [],
    "import torchmetrics as torch\ntorch.a": [],
    "x.torch.a\n'torch.b'  # torch.c": [],
}


@pytest.mark.parametrize(("code", "names"), NAMES.items(), ids=NAMES.keys())
def test_references_by_scope(code: str, names: list[str]) -> None:
    """The check's own resolver, imports left out."""
    assert sorted(r.name for r in torch_references(code) if not r.is_import) == names
