"""``--table`` and ``[tool.astmigrate] tables``: rows of the user's own, checked as the shipped ones are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from astmigrate import migrate_source
from astmigrate.cli import main
from astmigrate.places import VARIABLE
from astmigrate.table_checks import check_own
from astmigrate.tables import Tables

MODEL = """\
import torch
from torch import nn
import mylib.ops
from mylib import ops
from mylib.ops import Block, fused_norm
from mylib.data import load


class Net(nn.Module):
    def __init__(self, block=Block, **kw):
        super().__init__()
        self.first = block(8, act=False)
        self.second = Block(8, **kw)
        self.third = mylib.ops.Block(8, act=kw["a"])

    def forward(self, x):
        x = fused_norm(self.first(x), 2.0, inplace=True)
        return ops.fused_norm(x.size(0) + x) + ops.other(x)
"""
TABLE = '''\
["mylib.ops.fused_norm"]
target = "mylib_ms.ops.fused_norm"
args = ["x", "scale=1.0", "eps=1e-5", "inplace=False"]
rename = { scale = "gain" }
add = { eps = "1e-5" }
drop = { inplace = "*" }
returns = "tensor"

[["mylib.ops.fused_norm".proof]]
code = """
from mylib.ops import fused_norm
y = fused_norm(x), fused_norm(x, 2.0, inplace=True), fused_norm(x=x, scale=0.5, eps=1e-3)
"""
inputs = { x = "f32[2, 8]" }

["mylib.ops.Block"]
target = "mylib_ms.ops.Block"
args = ["dim", "act=True"]
rename = { act = "activate" }
weights = { "norm.weight" = "norm.gamma", "norm.bias" = "norm.beta" }
returns = "module"

[["mylib.ops.Block".proof]]
code = """
import mylib.ops
m = mylib.ops.Block(dim=8, act=False)
y = m(x)
"""
inputs = { x = "f32[2, 8]" }
'''
TORCH_SIDE = """\
import torch


def fused_norm(x, scale=1.0, eps=1e-5, inplace=False):
    return scale * x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


class Block(torch.nn.Module):
    def __init__(self, dim, act=True):
        super().__init__()
        self.norm = torch.nn.LayerNorm(dim)
        self.act = act

    def forward(self, x):
        return torch.relu(self.norm(x)) if self.act else self.norm(x)
"""
MINDSPORE_SIDE = """\
from mindspore import nn, ops


def fused_norm(x, gain=1.0, eps=1e-6):
    return gain * x / ops.sqrt(x.square().mean(-1, keep_dims=True) + eps)


class Block(nn.Cell):
    def __init__(self, dim, activate=True):
        super().__init__()
        self.norm = nn.LayerNorm([dim], epsilon=1e-5)
        self.activate = activate

    def construct(self, x):
        return ops.relu(self.norm(x)) if self.activate else self.norm(x)
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    Path("net.py").write_text(MODEL)
    Path("my.toml").write_text(TABLE)


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, prog_name="astmigrate")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def migrated(text: str, *tables: str) -> str:
    return migrate_source(text, tables=Tables(own=[Path(table) for table in tables])).code


def test_calls_become_what_the_table_says() -> None:
    assert call("net.py", "--table", "my.toml", "-o", "out").exit_code == 0
    code = Path("out/net.py").read_text()
    assert code.splitlines()[:5] == [
        "from mindspore import nn",
        "from mylib_ms.ops import Block, fused_norm",
        "from ms_snippets import mylib_ops_Block",
        "from mylib import ops",
        "from mylib.data import load",
    ]
    assert "def __init__(self, block=mylib_ops_Block, **kw):" in code
    assert "self.second = mylib_ops_Block(8, **kw)" in code
    assert 'self.third = Block(8, activate=kw["a"])' in code
    assert "x = fused_norm(self.first(x), 2.0, eps=1e-5)" in code
    assert "return fused_norm(x.shape[0] + x, eps=1e-5) + ops.other(x)" in code
    adapters = Path("out/ms_snippets.py").read_text()
    assert "from mylib_ms.ops import Block\n" in adapters
    assert "class mylib_ops_Block(Block):" in adapters


def test_a_second_run_changes_nothing_and_keeps_the_adapters_imports() -> None:
    call("net.py", "--table", "my.toml", "-o", "out")
    Path("more.py").write_text("from mylib.ops import fused_norm\n\nnorms = [fused_norm]\n")
    Path("src").mkdir()
    for name in ("net.py", "ms_snippets.py"):
        Path("src", name).write_text(Path("out", name).read_text())
    Path("src/more.py").write_text(Path("more.py").read_text())
    call("src", "--table", "my.toml", "-o", "out2")
    assert Path("out2/net.py").read_text() == Path("out/net.py").read_text()
    assert "from mylib_ms.ops import Block, fused_norm\n" in Path("out2/ms_snippets.py").read_text()


def test_without_the_table_they_stay() -> None:
    call("net.py", "--table", "my.toml", "-o", "out")
    call("net.py", "-o", "plain")  # the cache knows the first result
    code = Path("plain/net.py").read_text()
    assert "from mylib.ops import Block, fused_norm\n" in code
    assert "fused_norm(self.first(x), 2.0, inplace=True)" in code
    Path("my.toml").write_text(TABLE.replace("activate", "acts"))
    call("net.py", "--table", "my.toml", "-o", "out")
    assert 'Block(8, acts=kw["a"])' in Path("out/net.py").read_text()


def test_settings_are_relative_to_their_file() -> None:
    Path("tables").mkdir()
    Path("my.toml").rename("tables/my.toml")
    Path("pyproject.toml").write_text('[tool.astmigrate]\ntables = ["tables/my.toml"]\n')
    Path("src").mkdir()
    Path("net.py").rename("src/net.py")
    assert call("src", "-o", "out").exit_code == 0
    assert "fused_norm(self.first(x), 2.0, eps=1e-5)" in Path("out/net.py").read_text()
    assert "becomes       mylib_ms.ops.fused_norm" in call("explain", "mylib.ops.fused_norm").output


def test_they_go_before_the_shipped_rows() -> None:
    Path("a.toml").write_text(
        '["torch.nn.ReLU"]\ntarget = "mine.layers.Relu"\nargs = ["inplace=False"]\nreturns = "module"\n'
    )
    code = migrated("from torch import nn\n\nlayers = nn.ReLU(), nn.modules.activation.ReLU()\n", "a.toml")
    assert code == "from mine.layers import Relu\n\nlayers = Relu(), Relu()\n"


def test_an_alias_may_lead_to_a_shipped_row() -> None:
    Path("a.toml").write_text('["mylib.layers.ConvLayer"]\nalias = "torch.nn.Conv2d"\n')
    code = migrated("from mylib.layers import ConvLayer\n\nc = ConvLayer(3, 4, 3, groups=1)\n", "a.toml")
    assert code == (
        "from mindspore import nn\n\nc = nn.Conv2d(3, 4, 3, group=1, pad_mode='pad', has_bias=True)\n"
    )


def test_wrappers_of_the_project_itself() -> None:
    package = Path("mylib")
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "ops.py").write_text(TORCH_SIDE)
    (package / "net.py").write_text(
        "from .ops import fused_norm, Block as B\nfrom . import ops\n\n\n"
        "def f(x):\n    return fused_norm(x, 2.0), ops.fused_norm(x), B(3)\n"
    )
    assert call("mylib", "--table", "my.toml", "-o", "out").exit_code == 0
    code = Path("out/mylib/net.py").read_text()
    assert "from mylib_ms.ops import Block, fused_norm\n" in code
    assert "return fused_norm(x, 2.0, eps=1e-5), fused_norm(x, eps=1e-5), Block(3)" in code


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import other.ops\n\ny = other.ops.fused_norm(1)\n", None),  # another library's
        ("from mylib.ops import plain\n\ny = plain(1)\n", None),
        ("def fused_norm(x):\n    return x\n\n\ny = fused_norm(1)\n", None),
        (  # its name is taken in the file
            "import mylib.ops\n\n\ndef fused_norm(x):\n    return mylib.ops.fused_norm(x)\n",
            "from mylib_ms.ops import fused_norm as ms_fused_norm\n\n\n"
            "def fused_norm(x):\n    return ms_fused_norm(x, eps=1e-5)\n",
        ),
        (  # of the library something else is needed, too
            "import mylib.ops as ops\n\ny = ops.fused_norm(1), ops.plain(1)\n",
            "import mylib.ops as ops\nfrom mylib_ms.ops import fused_norm\n\n"
            "y = fused_norm(1, eps=1e-5), ops.plain(1)\n",
        ),
    ],
)  # fmt: skip
def test_only_what_has_a_row_changes(source: str, code: str | None) -> None:
    assert migrated(source, "my.toml") == (source if code is None else code)


ROW = '["mylib.f"]\ntarget = "a.b"\nargs = ["x"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROW + "\nunknwn = 3\n", "bad.toml:5: row mylib.f: Object contains unknown field `unknwn`"),
        (ROW + "target = 3\n", "bad.toml:4: row mylib.f: Cannot overwrite a value"),
        (ROW.replace('"a.b"', "3"), "bad.toml:2: row mylib.f: Expected `str | null`, got `int`"),
        (ROW + ROW, "bad.toml:4: row mylib.f: stands twice, or after its own form or proof"),
        (ROW + 'handler = "nn.nope"\n', "bad.toml:4: row mylib.f: handler: handler nn.nope does not exist"),
        (ROW + 'rename = { y = "z" }\n', "bad.toml:4: row mylib.f: rename: 'y' is not in args"),
        (ROW.replace("a.b", "snippets.nope"), "row mylib.f: snippets.nope does not exist"),
        (ROW.replace("a.b", "norm"), "bad.toml:2: row mylib.f: target: 'norm' is no dotted name"),
        (ROW + 'add = { e = "1 +" }\n', "bad.toml:4: row mylib.f: add: '1 +' is no expression"),
        (
            '["mylib.f"]\nargs = ["x"]\ntemplate = "mine.f({x})"\n',
            "bad.toml:3: row mylib.f: template: nothing imports 'mine'",
        ),
        ('["mylib.f"]\nalias = "mylib.g"\n', "bad.toml:2: row mylib.f: its alias leads nowhere"),
        (
            '["mylib.f"]\nalias = "mylib.g"\n["mylib.g"]\nalias = "mylib.f"\n',
            "bad.toml:4: row mylib.g: its alias leads back to itself",
        ),
        ('[["mylib.f".proof]]\ncode = "y = 1"\n', "bad.toml:1: row mylib.f: has a form or proof but no row"),
        (ROW + '[["mylib.f".proof]]\ncod = "y"\n', "bad.toml:5: row mylib.f: Object contains unknown field"),
        ('[mylib.f]\ntarget = "a.b"\n', 'bad.toml: mylib: a row begins with ["NAME"] alone on its line'),
        ('["f"]\ntarget = "a.b"\n', "bad.toml:1: row f: is no dotted name"),
        ("", "bad.toml: has no row"),
    ],
)  # fmt: skip
def test_a_broken_table_is_wrong_usage(text: str, message: str) -> None:
    Path("bad.toml").write_text(text)
    result = call("net.py", "--table", "bad.toml", "-o", "out")
    assert result.exit_code == 2
    assert message in result.output
    assert not Path("out").exists()


def test_every_mistake_is_said() -> None:
    Path("bad.toml").write_text(
        ROW.replace("a.b", "b") + ROW.replace(".f", ".g").replace("a.b", "snippets.no")
    )
    assert len(check_own([Path("bad.toml")])) == 2


def test_a_row_in_two_tables() -> None:
    Path("twice.toml").write_text('["mylib.ops.Block"]\ntarget = "a.b"\n')
    result = call("net.py", "--table", "my.toml", "--table", "twice.toml", "-o", "out")
    assert result.exit_code == 2
    assert "twice.toml:1: row mylib.ops.Block: stands in my.toml too" in result.output


def test_a_table_that_is_not_there() -> None:
    result = call("net.py", "--table", "none.toml", "-o", "out")
    assert result.exit_code == 2
    assert "none.toml: cannot be read: No such file or directory" in result.output


def test_their_proofs_run() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("mindspore")
    for package, ops in (("mylib", TORCH_SIDE), ("mylib_ms", MINDSPORE_SIDE)):
        Path(package).mkdir()
        Path(package, "__init__.py").write_text("")
        Path(package, "ops.py").write_text(ops)
    Path("mylib_ms/ops.py").write_text(MINDSPORE_SIDE.replace("gain * x", "gain + x"))
    command = [sys.executable, "-m", "astmigrate.verify.prove", "--table", "my.toml", "-j1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "FAILING mylib.ops.fused_norm (proof 1)\n" in done.stdout
    assert "mylib.ops.Block" not in done.stdout
    assert re.search(r"^mylib\.ops +2 +1 +0 +0 +0 +1 ", done.stdout, re.MULTILINE), done.stdout


def test_the_examples_of_the_page_are_real(tmp_path: Path) -> None:
    """The shipped row that ``api_tables/README.md`` shows is as shown, and its table of a user's is right."""
    page = (Path(__file__).parents[1] / "api_tables" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (shown,) = [block for block in blocks if block.startswith('["torch.amax"]')]
    (tmp_path / "shown.toml").write_text(shown)
    shipped, as_shown = Tables(), Tables(own=[tmp_path / "shown.toml"])
    assert as_shown.row("torch.amax") == shipped.row("torch.amax")
    proofs = as_shown.proofs("torch.amax")
    assert proofs
    assert all(proof in shipped.proofs("torch.amax") for proof in proofs)
    (own,) = [block for block in blocks if block.startswith('["mylib')]
    (tmp_path / "own.toml").write_text(own)
    assert check_own([tmp_path / "own.toml"]) == []
