"""The wheel by itself: built, installed into a fresh environment without frameworks, used on a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import astmigrate

ROOT = Path(astmigrate.__file__).parents[1]
MODEL = """\
import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return torch.relu(x)
"""


def quietly(*command: str, cwd: Path) -> str:
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment ``env`` that has only the wheel and its base dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    quietly(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (wheel,) = folder.glob("astmigrate-*.whl")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    quietly(str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", str(wheel), cwd=folder)
    return folder


def test_migrates_with_its_own_tables(fresh: Path) -> None:
    (fresh / "model.py").write_text(MODEL)
    output = quietly(str(fresh / "env/bin/astmigrate"), "model.py", "-o", "out", cwd=fresh)
    assert "0 manual" in output
    assert (
        "class Net(nn.Cell):\n    def construct(self, x):\n        return ops.relu(x)\n"
        in (fresh / "out/model.py").read_text()
    )


def test_copies_its_own_snippets(fresh: Path) -> None:
    (fresh / "value.py").write_text(
        "from torch import nn\n\n\ndef make(norm=nn.BatchNorm2d):\n    return norm(3)\n"
    )
    quietly(str(fresh / "env/bin/astmigrate"), "value.py", "-o", "out", cwd=fresh)
    compile((fresh / "out/ms_snippets.py").read_text(), "ms_snippets.py", "exec")
    assert "from ms_snippets import BatchNorm2d" in (fresh / "out/value.py").read_text()


def test_has_the_parts_of_its_page(fresh: Path) -> None:
    (fresh / "model.py").write_text(MODEL)
    program = str(fresh / "env/bin/astmigrate")
    quietly(program, "model.py", "-o", "page", "--report", "html", "--report", "sarif", cwd=fresh)
    assert "mindspore.ops.relu" in (fresh / "page/model.report.html").read_text()
    assert json.loads((fresh / "page/model.report.sarif").read_text())["version"] == "2.1.0"


def test_base_dependencies_hold_no_framework(fresh: Path) -> None:
    listed = json.loads(
        quietly(str(fresh / "env/bin/python"), "-m", "pip", "list", "--format=json", cwd=fresh)
    )
    names = {entry["name"] for entry in listed}
    assert {"astmigrate", "click", "msgspec", "rich"} <= names
    assert not names & {"torch", "mindspore", "numpy", "libcst", "safetensors"}


def test_explains_and_asks_for_the_extra(fresh: Path) -> None:
    program = str(fresh / "env/bin/astmigrate")
    assert "mindspore.nn.Conv2d" in quietly(program, "explain", "nn.Conv2d", cwd=fresh)
    (fresh / "w.json").write_text('{"version": 1}')
    (fresh / "c.pth").write_bytes(b"PK\x03\x04")
    command = [program, "weights", "c.pth", "--rules", "w.json", "-o", "c.ckpt"]
    done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'astmigrate[weights]'" in " ".join((done.stdout + done.stderr).split())


def test_is_typed(fresh: Path) -> None:
    program = (
        "import astmigrate, pathlib; print(pathlib.Path(astmigrate.__file__).with_name('py.typed').is_file())"
    )
    assert quietly(str(fresh / "env/bin/python"), "-c", program, cwd=fresh) == "True\n"
