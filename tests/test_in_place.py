"""``out=`` and in-place calls as text: what becomes an assignment, and what must not."""

from __future__ import annotations

import pytest

from astmigrate import Level, Migration, migrate_source

SIGNATURE = "def f(self, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, n):"


def migrated(body: str, head: str = "import torch") -> Migration:
    """The migration of a function with this body."""
    return migrate_source(f"{head}\n\n\n{SIGNATURE}\n    {body}\n")


def line(migration: Migration) -> str:
    """What became of the body."""
    return migration.code.partition("n):\n    ")[2].rstrip("\n")


def levels(migration: Migration, api: str) -> set[Level]:
    """The levels of the findings on one API."""
    return {finding.level for finding in migration.findings if finding.api == api}


STATEMENTS = {
    # the tensor is filled, as its other names see too
    "torch.add(x, y, out=z)": "z[...] = ops.add(x, y)",
    "torch.mul(x, y, out=x)": "x[...] = ops.mul(x, y)",
    "torch.matmul(x, y, out=z)": "z[...] = ops.matmul(x, y)",
    "torch.matmul(out=z, input=x, other=y)": "z[...] = ops.matmul(input=x, other=y)",
    "torch.matmul(x, y, out=self.buffer)": "self.buffer[...] = ops.matmul(x, y)",
    "torch.matmul(x, y, out=(z))": "z[...] = ops.matmul(x, y)",
    "(torch.matmul(x, y, out=z))": "z[...] = (ops.matmul(x, y))",
    "n = 1; torch.matmul(x, y, out=z)": "n = 1; z[...] = ops.matmul(x, y)",
    "if n: torch.matmul(x, y, out=z)": "if n: z[...] = ops.matmul(x, y)",
    # a slice takes the value itself, and so does data, whose [...] is a copy's
    "torch.matmul(x, y, out=z[0])": "z[0] = ops.matmul(x, y)",
    "torch.matmul(x, y, out=z[:, n])": "z[:, n] = ops.matmul(x, y)",
    "torch.matmul(x, y, out=z.data)": "z.data = ops.matmul(x, y)",
}


@pytest.mark.parametrize("body", STATEMENTS)
def test_a_statement_assigns_its_result(body: str) -> None:
    """One statement, one assignment, and nothing of torch's ``out`` left."""
    assert line(migrated(body)) == STATEMENTS[body]


def test_an_assignment_is_to_be_looked_at() -> None:
    """Torch resizes ``out``; an assignment cannot, and says so."""
    migration = migrated("torch.matmul(x, y, out=z)")
    assert levels(migration, "torch.matmul") == {Level.REVIEW}
    assert any("must have the shape of the result" in finding.message for finding in migration.findings)


def test_no_out_is_no_assignment() -> None:
    """``out=None`` goes, and there is nothing to look at."""
    migration = migrated("r = torch.matmul(x, y, out=None)")
    assert line(migration) == "r = ops.matmul(x, y)"
    assert levels(migration, "torch.matmul") == {Level.CONVERTED}


@pytest.mark.parametrize("body", ["r = torch.matmul(x, y, out=z)", "return torch.matmul(x, y, out=z)"])
def test_a_value_that_is_used_says_what_does_not_change(body: str) -> None:
    """``z`` stays as it was: a review, on the line."""
    migration = migrated(body)
    assert line(migration) == body.replace("torch.matmul(x, y, out=z)", "ops.matmul(x, y)")
    assert levels(migration, "torch.matmul") == {Level.REVIEW}
    assert any("here only the result is changed" in finding.message for finding in migration.findings)


@pytest.mark.parametrize("body", ["z = torch.matmul(x, y, out=z)", "self.b = torch.matmul(x, y, out=self.b)"])
def test_a_value_that_takes_the_tensors_name_says_nothing_of_it(body: str) -> None:
    """The name has the new values in both frameworks."""
    migration = migrated(body)
    assert "here only the result is changed" not in "".join(f.message for f in migration.findings)
    assert "out=" not in migration.code


@pytest.mark.parametrize(
    "body",
    [
        "torch.max(x, 1, out=(y, z))",
        "torch.matmul(x, y, out=self.make())",
        "torch.matmul(x, y, out=z if n else x)",
        "r = torch.matmul(x, y, out=(z, y))",
    ],
)
def test_what_cannot_be_assigned_stays(body: str) -> None:
    """Tuples and computed tensors: the call stays torch's, with a manual finding."""
    migration = migrated(body)
    assert line(migration) == body
    assert levels(migration, body.partition("(")[0].removeprefix("r = ")) == {Level.MANUAL}


@pytest.mark.parametrize(
    ("body", "head"),
    [
        ("np.matmul(x, y, out=z)", "import torch\nimport numpy as np"),
        ("self.matmul(x, y, out=z)", "import torch"),
        ("matmul(x, y, out=z)", "import torch\nfrom other import matmul"),
        ("print('torch.matmul(x, y, out=z)')  # torch.add(x, y, out=z)", "import torch"),
        ("z.update(n, out=y)", "import torch"),
        ("dict(out=n)", "import torch"),
    ],
)
def test_others_with_an_out_stay(body: str, head: str) -> None:
    """The same shape of another library's, an own method's, in a string, in a comment."""
    migration = migrated(body, head)
    assert line(migration) == body
    assert [
        f for f in migration.findings if f.api not in ("torch.Tensor", "") and f.level != Level.MANUAL
    ] == []


@pytest.mark.parametrize(
    "body", [*STATEMENTS, "r = torch.matmul(x, y, out=z)", "torch.max(x, 1, out=(y, z))"]
)
def test_a_second_run_changes_nothing(body: str) -> None:
    """Neither an assignment nor what stayed."""
    once = migrated(body).code
    assert migrate_source(once).code == once
