"""Whole runs over folders: what one bad file costs, what is left behind, what cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest

import astmigrate.migrate
import astmigrate.project
import astmigrate.schedule
from astmigrate.migrate import migrate_module
from astmigrate.model import Migration, TableError
from astmigrate.run import Options, run
from astmigrate.writers import atomic

LAYERS = """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        self.norm = norm(3)

    def forward(self, x):
        return self.norm(x)
"""
NET = """\
from .layers import Block


class Net(Block):
    def forward(self, x):
        return super().forward(x)
"""
FILES: Mapping[str, str | bytes] = {
    "__init__.py": "",
    "layers.py": LAYERS,
    "sub/__init__.py": "",
    "sub/net.py": NET.replace(".layers", "..layers"),
    "data/labels.txt": b"\xff\x00labels",
}


def make(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def migrate(source: Path, out: Path) -> int:
    return run(Options([str(source)], out))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def report(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return found


def summary(out: Path) -> dict[str, object]:
    found = report(out)["summary"]
    assert isinstance(found, dict)
    return found


def test_package(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert migrate(make(tmp_path / "pkg", FILES), out) == 0
    assert sorted(contents(out)) == [
        *("pkg/__init__.py", "pkg/data/labels.txt", "pkg/layers.py", "pkg/ms_snippets.py"),
        *("pkg/sub/__init__.py", "pkg/sub/net.py", "report.json", "report.txt", "weights.json"),
    ]
    assert (out / "pkg/data/labels.txt").read_bytes() == FILES["data/labels.txt"]
    assert (
        "def construct(self, x):\n        return super().construct(x)" in (out / "pkg/sub/net.py").read_text()
    )
    assert "from .ms_snippets import BatchNorm2d" in (out / "pkg/layers.py").read_text()
    assert set(json.loads((out / "weights.json").read_text())["classes"]) == {
        "pkg.layers.Block",
        "pkg.sub.net.Net",
    }


def test_second_run_changes_nothing(tmp_path: Path) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    migrate(make(tmp_path / "src", {f"pkg/{name}": content for name, content in FILES.items()}), out)
    assert migrate(out, again) == 0
    first, second = contents(out), contents(again)
    for name in ("report.txt", "report.json", "weights.json"):
        assert first.pop(name)
        assert second.pop(name)
    assert first == second


def test_same_run_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    source = make(tmp_path / "pkg", FILES)
    migrate(source, tmp_path / "out")
    first = contents(tmp_path / "out")
    migrate(source, tmp_path / "out")
    assert contents(tmp_path / "out") == first


def test_loose_folder_with_scripts(tmp_path: Path) -> None:
    """Folders without ``__init__.py``: neighbours know each other by their bare names, as scripts do."""
    source = make(
        tmp_path / "src", {"code/layers.py": LAYERS, "code/train.py": NET.replace(".layers", "layers")}
    )
    assert migrate(source, tmp_path / "out") == 0
    train = (tmp_path / "out/code/train.py").read_text()
    assert "def construct(self, x):\n        return super().construct(x)" in train
    assert "from ms_snippets import BatchNorm2d" in (tmp_path / "out/code/layers.py").read_text()
    assert (tmp_path / "out/code/ms_snippets.py").read_bytes() == (
        tmp_path / "out/ms_snippets.py"
    ).read_bytes()


def test_package_below_a_loose_folder(tmp_path: Path) -> None:
    """``src/pkg`` is imported as ``pkg``: its snippets are relative to it, and its neighbours find it."""
    files = {f"src/pkg/{name}": content for name, content in FILES.items()}
    files["run.py"] = (
        "from pkg.layers import Block\n\n\nclass Own(Block):\n    def forward(self, x):\n        return x\n"
    )
    assert migrate(make(tmp_path / "repo", files), tmp_path / "out") == 0
    assert "from .ms_snippets import BatchNorm2d" in (tmp_path / "out/src/pkg/layers.py").read_text()
    assert (tmp_path / "out/src/pkg/ms_snippets.py").exists()
    assert "def construct(self, x):" in (tmp_path / "out/run.py").read_text()


BAD: Mapping[str, tuple[bytes, int, str]] = {
    "syntax.py": (b"x = 1\ny = (\n", 2, "never closed"),
    "python2.py": (b"import torch\nprint 'a'\n", 2, "this is Python 2 (print statement)"),
    "null.py": (b"x = 1\n\0\n", 2, "null byte"),
    "bytes.py": (b"x = '\xe9'\n", 1, "the file needs a coding line"),
    "deep.py": (b"x = " + b"-" * 100_000 + b"1\n", 1, "nested too deeply"),
    "long.py": (b"x = " + b"+".join([b"1"] * 50_000) + b"\n", 1, "nested too deeply"),
    "indent.py": (b"if 1:\n\tx = 1\n        y = 2\n", 3, "inconsistent use of tabs"),
}


def test_bad_files_cost_only_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {**FILES, **{name: content for name, (content, _, _) in BAD.items()}}
    assert migrate(make(tmp_path / "pkg", files), tmp_path / "out") == 1
    made = contents(tmp_path / "out")
    assert {f"pkg/{name}" for name in FILES} <= set(made)
    assert not {f"pkg/{name}" for name in BAD} & set(made)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    failed = summary(tmp_path / "out")["failed"]
    assert isinstance(failed, list)
    assert [entry["path"] for entry in failed] == [f"pkg/{name}" for name in sorted(BAD)]
    for entry in failed:
        _, line, reason = BAD[entry["path"].removeprefix("pkg/")]
        assert entry["line"] == line
        assert reason in entry["message"]
        assert f"{tmp_path}/{entry['path']}:{line}: " in said
    text = (tmp_path / "out/report.txt").read_text()
    assert f"Not migrated\npkg/{sorted(BAD)[0]}:1: " in text


GOOD: Mapping[str, bytes] = {
    "empty.py": b"",
    "comment.py": b"# only this",
    "blank.py": b"\n\n\r\n\x0c\n",
    "bom.py": b"\xef\xbb\xbfimport os\n",
    "crlf.py": b"import os\r\nx = '''a\r\nb'''\r\n",
    "latin.py": b"# coding: latin-1\nx = '\xe9'\n",
    "tabs.py": b"if 1:\n\tx = 1 \t\n",
    "cr.py": b"import os\rx = 1\r",
}


def test_odd_files_without_torch_keep_every_byte(tmp_path: Path) -> None:
    assert migrate(make(tmp_path / "src", GOOD), tmp_path / "out") == 0
    assert {name: (tmp_path / "out" / name).read_bytes() for name in GOOD} == GOOD


ODD_TORCH = {
    "crlf": (
        b"import torch\r\nx = torch.relu(y)\r\n# end",
        b"from mindspore import ops\r\nx = ops.relu(y)\r\n# end",
    ),
    "bom": (
        b"\xef\xbb\xbfimport torch\nx = torch.relu(y)\n",
        b"\xef\xbb\xbffrom mindspore import ops\nx = ops.relu(y)\n",
    ),
    "latin": (
        b"# coding: latin-1\nimport torch\nx = torch.relu(y)  # \xe9\n",
        b"# coding: latin-1\nfrom mindspore import ops\nx = ops.relu(y)  # \xe9\n",
    ),
    "form feed": (
        b"import torch\n\x0c\nx = torch.relu(y)\n",
        b"from mindspore import ops\n\x0c\nx = ops.relu(y)\n",
    ),
    "tabs": (
        b"import torch\nif 1:\n\tx = torch.relu(y)\t# a\n",
        b"from mindspore import ops\nif 1:\n\tx = ops.relu(y)\t# a\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), ODD_TORCH.values(), ids=ODD_TORCH.keys())
def test_odd_files_with_torch_keep_the_rest(tmp_path: Path, before: bytes, after: bytes) -> None:
    make(tmp_path, {"a.py": before})
    assert migrate(tmp_path / "a.py", tmp_path / "out") == 0
    assert (tmp_path / "out/a.py").read_bytes() == after


def test_twenty_thousand_lines(tmp_path: Path) -> None:
    lines = [
        "import torch",
        "def f(x):",
        *["    x = torch.relu(x)  # same", "    x = x + 1"] * 10_000,
        "    return x",
    ]
    make(tmp_path, {"long.py": "\n".join(lines) + "\n"})
    assert migrate(tmp_path / "long.py", tmp_path / "out") == 0
    assert (tmp_path / "out/long.py").read_text().count("x = ops.relu(x)  # same\n") == 10_000


def test_own_file_of_the_snippets_name(tmp_path: Path) -> None:
    source = make(tmp_path / "pkg", {**FILES, "ms_snippets.py": "MINE = 1\n"})
    assert migrate(source, tmp_path / "out") == 1
    assert (tmp_path / "out/pkg/ms_snippets.py").read_text() == "MINE = 1\n"
    assert not (tmp_path / "out/pkg/layers.py").exists()
    assert (tmp_path / "out/pkg/sub/net.py").exists()
    failed = summary(tmp_path / "out")["failed"]
    assert isinstance(failed, list)
    reason = "needs pkg/ms_snippets.py, but the source has a file of that name; rename that"
    assert failed == [{"path": "pkg/layers.py", "line": 1, "message": reason}]


def test_snippets_of_an_earlier_run_are_kept(tmp_path: Path) -> None:
    migrate(make(tmp_path / "pkg", FILES), tmp_path / "one")
    again = tmp_path / "one" / "pkg"
    make(again, {"more.py": LAYERS.replace("BatchNorm2d", "LayerNorm")})
    assert migrate(again, tmp_path / "two") == 0
    text = (tmp_path / "two/pkg/ms_snippets.py").read_text()
    assert "class BatchNorm2d" in text
    assert "class LayerNorm" in text


def test_a_fault_of_ours_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty(index: object, name: str) -> Migration:
        if name == "pkg.layers":
            raise KeyError("oops")
        return migrate_module(index, name)  # type: ignore[arg-type]

    monkeypatch.setattr(astmigrate.migrate, "migrate_module", faulty)
    assert migrate(make(tmp_path / "pkg", FILES), tmp_path / "out") == 1
    assert (
        "pkg/layers.py:1: internal error in astmigrate (KeyError: 'oops', test_project.py:"
        in capsys.readouterr().err
    )
    assert (tmp_path / "out/pkg/sub/net.py").exists()


def test_a_broken_table_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(index: object, name: str) -> Migration:
        raise TableError("torch.toml: row torch.x: no")

    monkeypatch.setattr(astmigrate.migrate, "migrate_module", broken)
    with pytest.raises(TableError):
        migrate(make(tmp_path / "pkg", FILES), tmp_path / "out")


def test_failed_write_leaves_the_earlier_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    source = make(tmp_path / "pkg", FILES)
    make(out, {"pkg/layers.py": "earlier"})
    real = os.replace

    def refuse(temporary: Path, target: Path) -> None:
        if target.name == "layers.py":
            raise OSError(28, "No space left on device")
        real(temporary, target)

    monkeypatch.setattr(os, "replace", refuse)
    assert migrate(source, out) == 1
    assert (out / "pkg/layers.py").read_text() == "earlier"
    assert (out / "pkg/sub/net.py").exists()
    assert not [name for name in contents(out) if name.endswith(".tmp")]
    assert f"{source}/layers.py:1: cannot be written: No space left on device" in capsys.readouterr().err


def test_interrupted_write_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a.txt"
    place.write_text("earlier")

    def interrupt(*_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic.write_text(place, "new")
    assert contents(tmp_path) == {"a.txt": b"earlier"}


def test_permissions_go_along(tmp_path: Path) -> None:
    source = make(
        tmp_path / "src", {"tool": "#!/usr/bin/env python\nimport os\n", "run.sh": "ls", "a.py": ""}
    )
    (source / "tool").chmod(0o755)
    (source / "run.sh").chmod(0o750)
    (source / "a.py").chmod(0o444)
    assert [migrate(source, tmp_path / "out") for _ in range(2)] == [0, 0]
    modes = {name: (tmp_path / "out" / name).stat().st_mode & 0o777 for name in ("tool", "run.sh", "a.py")}
    assert modes == {"tool": 0o755, "run.sh": 0o750, "a.py": 0o444}


def as_user(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command without root's rights, to which no folder is read-only.

    A first run loads all that is loaded late: another user may not be able to read Python's own folders.
    """
    root = Path(astmigrate.project.__file__).parents[1]
    program = (
        "import contextlib, io, os, sys, tempfile, encodings.latin_1\n"
        f"sys.path.insert(0, {str(root)!r})\n"
        "from astmigrate.cli import main\n"
        "with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):\n"
        "    os.makedirs(folder + '/src/d')\n"
        "    files = {'a.py': 'import torch.nn as nn\\nf(nn.BatchNorm2d)', 'b.py': '(', 'c': ''}\n"
        "    for name, text in files.items():\n"
        "        open(folder + '/src/' + name, 'w').write(text)\n"
        "    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "        main([folder + '/src', '-o', folder + '/out'])\n"
        "if os.geteuid() == 0:\n"
        "    os.setuid(65534)\n"
        f"main({list(arguments)!r})\n"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that another user may enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


def test_read_only_output(open_folder: Path) -> None:
    make(open_folder, {"src/a.py": "import os\n", "src/b.py": "import os\n"})
    (open_folder / "out").mkdir(mode=0o555)
    result = as_user("src", "-o", "out", cwd=open_folder)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "out: cannot be written: no permission\n"
    result = as_user("src", "-o", "out/deeper", cwd=open_folder)
    assert (result.returncode, result.stderr) == (1, "out/deeper: cannot be written: Permission denied\n")


def test_what_may_not_be_read(open_folder: Path) -> None:
    source = make(
        open_folder / "src", {"a.py": "import os\n", "b.py": "", "c.txt": "c", "d/e.py": "", "f.py": ""}
    )
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o777)
    for name in ("b.py", "c.txt", "d"):
        (source / name).chmod(0)
    result = as_user("src", "-o", "out", cwd=open_folder)
    assert result.returncode == 1
    assert sorted(result.stderr.splitlines()) == [
        "src/b.py:1: cannot be read: Permission denied",
        "src/c.txt:1: cannot be read: Permission denied",
        "src/d:1: cannot be read: Permission denied",
    ]
    assert {"a.py", "f.py", "report.txt"} <= set(contents(open_folder / "out"))


def test_links_are_made_again(tmp_path: Path) -> None:
    source = make(tmp_path / "src", {"net/a.py": "import os\n"})
    (source / "alias").symlink_to("net")
    (source / "absolute").symlink_to(source / "net")
    (source / "loop").symlink_to(".")
    (source / "broken").symlink_to("nowhere")
    assert [migrate(source, tmp_path / "out") for _ in range(2)] == [0, 0]
    made = {name: os.readlink(tmp_path / "out" / name) for name in ("alias", "absolute", "loop")}
    assert made == {"alias": "net", "absolute": "net", "loop": "."}
    assert summary(tmp_path / "out")["left_out"] == ["broken: a broken or circular link is left out"]


LEVELS = ["converted", "info", "review", "manual"]
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "files", "summary"],
    "properties": {
        "version": {"const": 1},
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["path", "findings"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^/]"},
                    "findings": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": [
                                *("line", "column", "end_line", "end_column"),
                                *("level", "code", "api", "target", "message"),
                            ],
                            "properties": {
                                "line": {"type": "integer", "minimum": 1},
                                "column": _COUNT,
                                "end_line": {"type": "integer", "minimum": 1},
                                "end_column": _COUNT,
                                "level": {"enum": LEVELS},
                                "code": {"type": "string", "pattern": r"^AM\d{3}$"},
                                "api": _TEXT,
                                "target": _TEXT,
                                "message": {"type": "string", "minLength": 1},
                            },
                        },
                    },
                },
            },
        },
        "summary": {
            "type": "object",
            "required": ["files", "changed", "copied", *LEVELS, "reasons", "failed", "left_out"],
            "properties": dict.fromkeys(["files", "changed", "copied", *LEVELS], _COUNT),
        },
    },
}


def test_json_report_fits_the_contract(tmp_path: Path) -> None:
    left = (
        "import torch\nx = torch.there_is_no_such_thing(1)\nif x:\n    y = torch.there_is_no_such_thing(2)\n"
    )
    files = {**FILES, "left.py": left, "bad.py": "x = (\n"}
    migrate(make(tmp_path / "pkg", files), tmp_path / "out")
    found = report(tmp_path / "out")
    jsonschema.validate(found, SCHEMA)
    counts = summary(tmp_path / "out")
    assert (counts["files"], counts["changed"], counts["copied"]) == (5, 3, 1)
    reason = "'torch.there_is_no_such_thing' didn't convert. Reason: astmigrate has no row for it."
    assert counts["reasons"] == [{"count": 2, "level": "manual", "message": reason}]
    by_path = {file["path"]: file["findings"] for file in found["files"]}  # type: ignore[attr-defined]
    assert list(by_path) == sorted(by_path)
    manual = [finding for finding in by_path["pkg/left.py"] if finding["level"] == "manual"]
    assert [(f["line"], f["column"], f["end_line"], f["end_column"]) for f in manual] == [
        (2, 4, 2, 32),
        (4, 8, 4, 36),
    ]
    text = (tmp_path / "out/report.txt").read_text()
    assert "\npkg/left.py\n" in text
    assert f"\nline 2:4: [UnConvert] {reason}\nline 4:8: [UnConvert] {reason}\n" in text
    assert f"\n2 x manual: {reason}\n" in text


def test_torch_that_came_with_a_star(tmp_path: Path) -> None:
    """What is left of torch's names must be importable, though nothing in the file imports them."""
    files = {
        "__init__.py": "",
        "a.py": "import torch\nimport torch.nn.functional as F\n\nx = torch.relu\n",
        "b.py": "from .a import *\n\nHAS = 'silu' in dir(F)\nLEFT = F.no_such\nALSO = torch.no_such_thing\n",
    }
    assert migrate(make(tmp_path / "pkg", files), tmp_path / "out") == 0
    code = (tmp_path / "out" / "pkg" / "b.py").read_text()
    assert "HAS = True\nLEFT = torch.nn.functional.no_such\nALSO = torch.no_such_thing\n" in code
    assert "try:\n    import torch\nexcept ImportError:\n    torch = MissingTorch()\n" in code


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_in_one_report_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], jobs: int
) -> None:
    def fail(*_: object) -> None:
        raise RecursionError("round and round")

    monkeypatch.setattr("astmigrate.weights.whole.closed", fail)
    monkeypatch.setattr(astmigrate.schedule, "WORTH", 1)
    source, out = make(tmp_path / "pkg", FILES), tmp_path / "out"
    assert run(Options([str(source)], out, jobs=jobs, quiet=True)) == 1
    said = capfd.readouterr().err
    assert said.startswith("weights.json:1: internal error in astmigrate (RecursionError: round and round")
    assert said.count("\n") == 1
    assert (out / "report.txt").exists()
    assert not (out / "weights.json").exists()
