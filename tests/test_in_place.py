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
    "torch.add(x, y, out=z)": "z[()] = ops.add(x, y)",
    "torch.mul(x, y, out=x)": "x[()] = ops.mul(x, y)",
    "torch.matmul(x, y, out=z)": "z[()] = ops.matmul(x, y)",
    "torch.matmul(out=z, input=x, other=y)": "z[()] = ops.matmul(input=x, other=y)",
    "torch.matmul(x, y, out=self.buffer)": "self.buffer[()] = ops.matmul(x, y)",
    "torch.matmul(x, y, out=(z))": "z[()] = ops.matmul(x, y)",
    "(torch.matmul(x, y, out=z))": "z[()] = (ops.matmul(x, y))",
    "n = 1; torch.matmul(x, y, out=z)": "n = 1; z[()] = ops.matmul(x, y)",
    "if n: torch.matmul(x, y, out=z)": "if n: z[()] = ops.matmul(x, y)",
    # what brackets held together stays together
    "z.copy_(\n        x +\n        y)": "z[()] = (x +\n        y)",
    "z.copy_(x\n        .abs())": "z[()] = (x\n        .abs())",
    "z.copy_(f(\n        x))": "z[()] = f(\n        x)",
    "z.add_(x\n        .abs())": "z[()] = z + (x\n        .abs())",
    "z[0].fill_(n +\n        1)": "z[0] = (n +\n        1)",
    "z.copy_(  # why\n        x +\n        y)": "# why\n    z[()] = (x +\n        y)",
    # evaluated once
    "f(n).buffer.copy_(x)": "f(n).buffer[()] = x",
    # a slice takes the value itself, and so does data, which is a copy
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


def test_a_call_that_may_give_a_copy_stays() -> None:
    """``float`` gives the tensor itself where it is one of floats."""
    migration = migrated("x.float().add_(y)")
    assert line(migration) == "x.float().add_(y)"
    assert levels(migration, "torch.Tensor.add_") == {Level.MANUAL}


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


def body(*lines: str) -> str:
    """What becomes of a function's lines."""
    return line(migrated("\n    ".join(lines))).replace("\n    ", "\n")


UNSEEN = {
    "w = x * 2\na, b = w[0], w[1]\na += w": "w = x * 2\na, b = w[0], w[1]\na[()] += w",
    "a, b = x[0], x[1]\na += b": "a, b = x[0], x[1]\na[()] += b",
    "w = x * 2\na = w[0]\nw += 1": "w = x * 2\na = w[0]\nw[()] += 1",
    "w = x * 2\nw += y": "w = x * 2\nw += y",
    "w = x * 2\nw.mul_(y)": "w = x * 2\nw = w * y",
    "w = (x * 2).view(-1)\nw += 1": "w = (x * 2).view(-1)\nw += 1",
    "w = x * 2\na, b = w[0], w[1]\na += b": "w = x * 2\na, b = w[0], w[1]\na += b",
    "w = x.exp()\na = w[0]\nb = w[1]\nb.add_(a)": "w = x.exp()\na = w[0]\nb = w[1]\nb = b + a",
    "w = x * 2\na, b = w.chunk(2)\na -= b": "w = x * 2\na, b = w.chunk(2)\na -= b",
    "w = x * 2\nw = w.reshape(n)\nw.mul_(2)": "w = x * 2\nw = w.reshape(n)\nw = w * 2",
    "for i in n:\n    w = x * i\n    w += 1\n    z.append(w)": (
        "for i in n:\n    w = x * i\n    w += 1\n    z.append(w)"
    ),
    "w = x * 2\nif n:\n    return w\nw += 1": "w = x * 2\nif n:\n    return w\nw += 1",
}
SEEN = {
    "x += y": "x[()] += y",
    "w = x * 2\nv = w\nw += y": "w = x * 2\nv = w\nw[()] += y",
    "w = x * 2\nv = w[0]\nw.add_(y)": "w = x * 2\nv = w[0]\nw[()] = w + y",
    "w = v = x * 2\nw -= y": "w = v = x * 2\nw[()] -= y",
    "w, v = x, y\nw += 1": "w, v = x, y\nw[()] += 1",
    "w = torch.zeros(3)\nfor i in n:\n    w += i\n    n.append(w)":
        "w = ops.zeros(3)\nfor i in n:\n    w[()] += i\n    n.append(w)",
    # what a view is of gets the values too
    "w = x.view(-1)\nw += y": "w = x.view(-1)\nw[()] += y",
    "w = x.T\nw.mul_(2)": "w = x.T\nw[()] = w * 2",
    "w, v = x.chunk(2)\nw.sub_(1)": "w, v = x.chunk(2)\nw[()] = w - 1",
    "w = x[0]\nw += 1": "w = x[0]\nw[()] += 1",
    # an element of a list is a tensor that others have
    "l = [x, y]\nl[0].add_(1)": "l = [x, y]\nl[0][()] = l[0] + 1",
    "l = [x, y]\nl[0] *= 2": "l = [x, y]\nl[0][()] *= 2",
    "d = {'a': x}\nd['a'][0].add_(1)": "d = {'a': x}\nd['a'][0] = d['a'][0] + 1",
    "for w in [x, y]:\n    w += 1": "for w in [x, y]:\n    w[()] += 1",
    # what a call gives is changed where it is a view
    "x.view(-1).mul_(2)": "x.view(-1)[()] = x.view(-1) * 2",
    "x.transpose(0, 1)[n:].copy_(y)": "x.swapaxes(0, 1)[n:] = y",
    "torch.diagonal(x).fill_(1)": "ops.diagonal(x)[()] = ops.full_like(ops.diagonal(x), 1)",
    # of some it is not known whether they are
    "w = x.cpu()\nw += 1": "w = x\nw[()] += 1",
    "w = x.float()\nw.add_(1)": "w = x.float()\nw[()] = w + 1",
    # the name must not become another's
    "w = x * 2\nw.copy_(y)": "w = x * 2\nw[()] = y",
}  # fmt: skip


@pytest.mark.parametrize("before", UNSEEN)
def test_what_nobody_sees_binds_its_name(before: str) -> None:
    """As MindSpore's ``+=`` does by itself."""
    assert body(*before.split("\n")) == UNSEEN[before]


@pytest.mark.parametrize("before", SEEN)
def test_what_others_see_is_assigned_to(before: str) -> None:
    """Every name, view and base sees an assignment into the tensor."""
    assert body(*before.split("\n")) == SEEN[before]


def test_numbers_and_strings_are_left_alone() -> None:
    """``+=`` of what is no tensor."""
    lines = ("s = 'a'", "s += 'b'", "k = 1", "k += 1", "l = []", "l += [x]")
    assert body(*lines) == "\n".join(lines)


def test_all_of_a_tensor_is_copied() -> None:
    """MindSpore's ``x[...] = y`` makes x share y's memory, and leaves views of x as they were."""
    assert body("x[...] = y", "x[...] += 1", "x[..., 0] = 1") == "x[()] = y\nx[()] += 1\nx[..., 0] = 1"
    assert body("x[...].copy_(y)", "x[...].zero_()") == "x[()] = y\nx[()] = 0"
    assert body("l = [y]", "l[...] = 1") == "l = [y]\nl[...] = 1"


GUARDED = {
    "x[n:, 2 * n:] = 0": "if x[n:, 2 * n:].size:\n    x[n:, 2 * n:] = 0",
    "x[n:,\n2:3] *= y[1]  # half": "if x[n:,\n2:3].size:\n    x[n:,\n2:3] *= y[1]  # half",
    "x[..., :n, :n].zero_()": "if x[..., :n, :n].size:\n    x[..., :n, :n] = 0",
    "torch.add(x, y, out=z[n:, n:])": "if z[n:, n:].size:\n    z[n:, n:] = ops.add(x, y)",
    "if n: x[n:, n:] = 0": "if n: x[n:, n:] = 0",
    "x[n:, n:] = y[n:, n:] = 0": "x[n:, n:] = y[n:, n:] = 0",
    "x[n:, n:] = y.abs()": "x[n:, n:] = y.abs()",
}


@pytest.mark.parametrize("before", GUARDED)
def test_what_may_be_empty_is_asked_for_its_size(before: str) -> None:
    """Where nothing but the assignment is skipped by it."""
    assert body(*before.split("\n")) == GUARDED[before]


def test_what_is_guarded_is_not_guarded_again() -> None:
    """In a file in which something of torch's stays."""
    source = """import torch
def f(x: torch.Tensor, n):
    m = x.new_zeros((n, n))
    m[n:, n:] = 1
    return m.clone(), torch.compiled_with_cxx11_abi()
"""
    code = migrate_source(source).code
    assert "    if m[n:, n:].size:\n        m[n:, n:] = 1\n" in code
    assert migrate_source(code).code == code


BUFFERS = {
    "self.total.add_(x)": "Tensor(ops.zeros(3))",
    "self.total[...] = x": "Tensor(ops.zeros(3))",
    "self.total = x": "ops.zeros(3)",  # bound anew
    "self.total += x": "Tensor(ops.zeros(3))",
    "self.total[0] = x": "ops.zeros(3)",
    "x = self.total + x": "ops.zeros(3)",
}


@pytest.mark.parametrize("statement", BUFFERS)
def test_a_buffer_that_is_filled_is_made_of_the_hosts_values(statement: str) -> None:
    """A checkpoint goes into a tensor that an operator made; MindSpore crashes where that is then filled."""
    source = f"""import torch
class Sum(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", torch.zeros(3))
        self.register_buffer("steps", torch.tensor([0]))
    def forward(self, x: torch.Tensor):
        {statement}
        self.steps += 1
        return self.total
"""
    code = migrate_source(source).code
    assert f'("total", {BUFFERS[statement]})' in code
    assert '("steps", Tensor([0]))' in code
    assert migrate_source(code).code == code


@pytest.mark.parametrize(
    ("statement", "told"),
    [("a += 1", True), ("a *= b", True), ("a = b\n    a += 1", False), ("c = 0\n    c += a", False),
     ("a += 'x'", False), ("a += [b]", False)],
)  # fmt: skip
def test_a_parameter_of_unknown_kind_may_be_the_callers_tensor(statement: str, told: bool) -> None:
    """MindSpore binds the name anew; nothing tells that it is no number, which that is right for."""
    migration = migrate_source(f"import torch\ndef f(a, b):\n    {statement}\n    return torch.ones(2)\n")
    assert statement in migration.code
    found = [f for f in migration.findings if f.api.startswith("torch.Tensor.__i")]
    assert [f.level for f in found] == [Level.REVIEW] * told


CAUTIONS = {
    "x.unsqueeze_(0)": "torch.Tensor.unsqueeze_",  # the caller's is not reshaped
    "w = torch.ravel(x); w += 1": "torch.Tensor.__iadd__",
    "w = x.view(-1).add_(1)": "torch.Tensor.add_",  # x is changed too
    "w = x.view(-1); w += y": "torch.Tensor.__iadd__",  # no gradient follows
    "x *= y": "torch.Tensor.__imul__",  # the gradient is taken at new values
    "x.clamp_(0, 1)": "torch.Tensor.clamp_",
    "x.view(-1)[y] = 0": "torch.Tensor.__setitem__",  # not handed on
    "w = x[0]; x[y] = 0; return w": "torch.Tensor.__setitem__",
    "k = n; x[k:, k:] = y.abs()": "torch.Tensor.__setitem__",  # may be empty
    "k = n; x[k:, k:].fill_(y.sum())": "torch.Tensor.fill_",
}


@pytest.mark.parametrize("before", CAUTIONS)
def test_what_goes_another_way_is_to_be_looked_at(before: str) -> None:
    assert levels(migrated(before), CAUTIONS[before]) == {Level.REVIEW}


@pytest.mark.parametrize(
    "before", ["x += y", "x.add_(y)", "x[y] = 0", "x[n] = 0", "x[0, n:] = 1", "x[0] *= y"]
)
def test_what_goes_the_same_way_is_not(before: str) -> None:
    assert Level.REVIEW not in {finding.level for finding in migrated(before).findings}


def test_a_copy_that_is_changed_is_no_assignment() -> None:
    """In PyTorch ``x[index].add_(1)`` changes what nobody has."""
    assert levels(migrated("x[y].add_(1)"), "torch.Tensor.add_") == {Level.MANUAL}
    assert line(migrated("x[n].add_(1)")) == "x[n] = x[n] + 1"


NUMPY = {
    "x[i]": "x[Tensor(i)]",
    "x[:, i[0]:i[1]]": "x[:, int(i[0]):int(i[1])]",
    "x[n:]": "x[n:]",
    "i[i]": "i[i]",
}


@pytest.mark.parametrize("before", NUMPY)
def test_numbers_and_arrays_of_numpys_are_no_index(before: str) -> None:
    migration = migrated(f"i = np.arange(2); return {before}", "import torch\nimport numpy as np")
    assert line(migration) == f"i = np.arange(2); return {NUMPY[before]}"
