"""Several processes: the same output as one, whoever dies, whoever is interrupted."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

import astmigrate
from astmigrate import batch, schedule
from astmigrate.layout import lay_out
from astmigrate.migrate import migrate_module
from astmigrate.model import Migration, SourceError, TableError, WeightRules
from astmigrate.project import Project
from astmigrate.run import Options, run
from astmigrate.weights import whole
from astmigrate.work import Result, Work

ROOT = Path(astmigrate.__file__).parents[1]
LAYER = """\
import torch
import torch.nn as nn
{imports}

class Block{n}({base}):
    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        self.norm = norm(3)
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.norm(x).view(x.size(0), -1)


def make{n}(**kwargs):
    return Block{n}(**kwargs)
"""


def project(count: int = 30) -> dict[str, str]:
    """A package: a chain of classes over its files, a cycle, one file that sees all, a bad one, a stub."""
    files = {"__init__.py": "", "bad.py": "x = (\n", "typed.pyi": "import torch\nx: torch.Tensor\n"}
    for n in range(count):
        before = f"from .m{n - 1} import Block{n - 1}\n" if n % 10 else ""
        base = f"Block{n - 1}" if n % 10 else "nn.Module"
        files[f"m{n}.py"] = LAYER.format(n=n, imports=before, base=base)
    files["one.py"] = (
        "from .two import Two\nimport torch.nn as nn\n\n\nclass One(nn.Module):\n    kind = Two\n"
    )
    files["two.py"] = (
        "import torch.nn as nn\n\n\nclass Two(nn.Module):\n    def make(self):\n"
        "        from .one import One\n        return One().forward(self)\n"
    )
    names = [f"make{n}" for n in range(count)]
    files["all.py"] = (
        "".join(f"from .m{n} import *\n" for n in range(count))
        + f"\nMODELS = {{{', '.join(f'{name!r}: {name}' for name in names)}}}\n\n\n"
        + "def get(x):\n    return make5().forward(x).size(0)\n"
    )
    return files


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project for which several processes, and many messages, are said to pay."""
    monkeypatch.setattr(schedule, "WORTH", 100)
    monkeypatch.setattr(schedule, "LEAST", 100)
    return write(tmp_path / "pkg", project())


@pytest.mark.parametrize("forks", [True, False] if batch.FORKS else [False])
def test_as_many_processes_as_you_like(
    source: Path,
    tmp_path: Path,
    forks: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(batch, "FORKS", forks)
    made, said = [], []
    for jobs in (1, 2, 5) if forks else (1, 2):
        out = tmp_path / f"out{jobs}"
        assert run(Options([str(source)], out, jobs=jobs)) == 1
        made.append(contents(out))
        said.append(capsys.readouterr())
    assert b"def construct(self, x):" in made[0]["pkg/m29.py"]
    assert b"make5().construct(x).shape[0]" in made[0]["pkg/all.py"]
    assert all(other == made[0] for other in made[1:])
    assert all(other == said[0] for other in said[1:])


def test_every_file_once_and_imported_ones_first(source: Path) -> None:
    work = Project(lay_out([str(source)]), lambda: b"").work
    plan = schedule.schedule(work, list(work.sources))
    seen: list[str] = []
    while tasks := plan.portion(2, 0, []):
        for task in tasks:
            seen += task.targets
            plan.finish(task)
    assert sorted(seen) == sorted(work.sources)
    place = {target: number for number, target in enumerate(seen)}
    assert place["pkg/m3.py"] < place["pkg/m4.py"] < place["pkg/all.py"]
    assert abs(place["pkg/one.py"] - place["pkg/two.py"]) == 1


MIXED = {
    "__init__.py": "",
    "a.py": "import torch\n\n\nclass A:\n    def forward(self, x):\n        return torch.relu(x)\n",
    "b.py": "import torch.nn as nn\nfrom .a import A\n\n\nclass B(A, nn.Module):\n    pass\n",
    "c.py": "import torch\nfrom .a import A\n\n\ndef f(x):\n    return A().forward(torch.relu(x))\n",
    "d.py": "import torch.nn as nn\n\nS = nn.Sequential(nn.ReLU())\n",
    "e.py": "import torch.nn as nn\nfrom .d import S\n\nS.append(nn.ReLU())\n",
    "f.py": "import torch.nn as nn\nfrom .d import S\n\n\nclass N(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.s = S\n\n    def forward(self, x):\n        return self.s(x)\n",
}


def shown(result: Result | SourceError) -> str:
    return str(result if isinstance(result, SourceError) else result.packed())


@pytest.mark.parametrize("files", [project(12), MIXED], ids=["chain", "siblings"])
def test_a_file_alone_gives_what_it_gives_beside_all_others(tmp_path: Path, files: dict[str, str]) -> None:
    """Nothing that a file does not see has a part in its result: that is what processes and cache rely on."""
    source = write(tmp_path / "pkg", files)

    def work() -> Work:
        return Project(lay_out([str(source)]), lambda: b"").work

    whole = dict(work().results(list(work().sources)))
    assert len(whole) == len(files)
    for target, result in whole.items():
        ((same, alone),) = work().results([target])
        assert (same, shown(alone)) == (target, shown(result))


def test_what_waits_is_not_handed_out(source: Path) -> None:
    work = Project(lay_out([str(source)]), lambda: b"").work
    plan = schedule.schedule(work, ["pkg/m0.py", "pkg/m1.py"])
    (first,) = plan.portion(2, 0, [])
    assert first.targets == ["pkg/m0.py"]
    assert plan.portion(2, 0, [first.own]) == []
    plan.put_back(first)
    assert plan.portion(2, 0, []) == [first]
    plan.finish(first)
    assert [task.targets for task in plan.portion(2, 0, [])] == [["pkg/m1.py"]]


def test_what_the_longest_task_waits_for_is_shared_out(tmp_path: Path) -> None:
    files = {f"m{n}.py": "x = 1\n" * 1000 for n in range(8)}
    files["long.py"] = "".join(f"from m{n} import x\n" for n in range(8)) + "y = x\n" * 50_000
    files |= {f"other{n}.py": "z = 1\n" * 20_000 for n in range(8)}
    work = Project(lay_out([str(write(tmp_path / "src", files))]), lambda: b"").work
    plan = schedule.schedule(work, list(work.sources))
    first, second = plan.portion(2, 0, []), plan.portion(2, 0, [])
    assert len(first) == 4
    assert len(second) == 2  # of the other four: what is left is shared out anew
    before = {f"m{n}.py" for n in range(8)}
    assert before > {target for task in first + second for target in task.targets}


def test_where_no_file_can_be_migrated_nothing_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "WORTH", 100)
    broken = write(tmp_path / "src", {f"m{n}.py": "def broken(:\n" + "#" * 50 for n in range(9)})
    assert run(Options([str(broken)], tmp_path / "out", jobs=2, quiet=True)) == 1
    assert json.loads((tmp_path / "out" / "weights.json").read_text())["classes"] == {}


@pytest.mark.skipif(not batch.FORKS, reason="the fault is put in before the fork")
def test_a_process_that_dies_costs_one_file(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def deadly(index: object, name: str) -> Migration:
        if name == "pkg.m7":
            os.kill(os.getpid(), signal.SIGKILL)
        return migrate_module(index, name)  # type: ignore[arg-type]

    assert run(Options([str(source)], tmp_path / "whole")) == 1
    capsys.readouterr()
    monkeypatch.setattr("astmigrate.migrate.migrate_module", deadly)
    assert run(Options([str(source)], tmp_path / "out", jobs=2)) == 1
    said = capsys.readouterr().err
    assert f"{source}/m7.py:1: the process that migrated it ended: SIGKILL" in said
    assert "Traceback" not in said
    whole, made = contents(tmp_path / "whole"), contents(tmp_path / "out")
    del whole["pkg/m7.py"]
    assert {name: made.get(name) for name in whole if name.endswith(".py")} == {
        name: data for name, data in whole.items() if name.endswith(".py")
    }


@pytest.mark.skipif(not batch.FORKS, reason="the fault is put in before the fork")
@pytest.mark.parametrize("dies", [False, True])
def test_one_of_the_processes_makes_the_weight_rules_if_it_lives(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    here, text_of = os.getpid(), whole.text_of
    assert run(Options([str(source)], tmp_path / "one")) == 1
    made: list[int] = []

    def text(several: Iterable[WeightRules]) -> str:
        if dies and os.getpid() != here:
            os._exit(3)
        made.append(1)  # as far as this process sees
        return text_of(several)

    monkeypatch.setattr(whole, "text_of", text)
    assert run(Options([str(source)], tmp_path / "two", jobs=2)) == 1
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert len(made) == dies
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not batch.FORKS, reason="the fault is put in before the fork")
def test_a_value_is_made_beside_and_here_where_that_fails() -> None:
    here = os.getpid()
    with batch.beside(lambda: (f"\udc80{os.getpid() == here}", 1)) as value:
        assert value() == (f"\udc80{not batch.FORKS}", 1)
    with batch.beside(lambda: str(os.getpid() == here) if os.getpid() == here else os._exit(3)) as value:
        assert value() == "True"


@pytest.mark.skipif(not batch.FORKS, reason="without fork nothing runs beside")
def test_nothing_beside_outlives_the_block(tmp_path: Path) -> None:
    def busy() -> str:
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(60)
        return ""

    with batch.beside(busy):
        for _ in range(1000):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
            time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_broken_table_stops_all(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(index: object, name: str) -> Migration:
        raise TableError("torch.toml: row torch.x: no")

    monkeypatch.setattr("astmigrate.migrate.migrate_module", broken)
    with pytest.raises(TableError, match=r"row torch\.x: no"):
        run(Options([str(source)], tmp_path / "out", jobs=2))


SLOW = """\
import os, signal, sys, time
import astmigrate.migrate
from astmigrate import schedule
from astmigrate.cli import main
schedule.WORTH = 100
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests run in the background have it ignored
real = astmigrate.migrate.migrate_module
def slow(index, name):
    with open(os.environ["STARTED"], "a") as log:
        log.write(f"{os.getpid()} ")
    time.sleep(0.2)
    return real(index, name)
astmigrate.migrate.migrate_module = slow
main(sys.argv[1:])
"""


def started(source: Path, out: Path, jobs: int, log: Path) -> subprocess.Popen[bytes]:
    """A slow run in a process group of its own, once it is migrating."""
    command = [sys.executable, "-c", SLOW, str(source), "-o", str(out), "-j", str(jobs), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STARTED": str(log)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not log.exists() or len(set(log.read_text().split())) < jobs:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    return process


def gone(group: int, seconds: float = 10) -> bool:
    """Whether no process of the group is left after a while; one that has ended is none."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended just now
            if int(fields[2]) == group and fields[0] != "Z":
                states.append(fields[0])
        if not states:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not batch.FORKS, reason="looks for processes in /proc")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("to_all", [True, False])
def test_interrupt_leaves_whole_files_and_no_process(
    source: Path, tmp_path: Path, jobs: int, to_all: bool
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    process = started(source, out, jobs, tmp_path / "log")
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert b"interrupted after " in said
    assert gone(process.pid)
    run(Options([str(source)], whole))
    final = contents(whole)
    assert all(final[name] == data for name, data in contents(out).items())


@pytest.mark.skipif(not batch.FORKS, reason="looks for processes in /proc")
def test_a_killed_run_leaves_no_process(source: Path, tmp_path: Path) -> None:
    process = started(source, tmp_path / "out", 2, tmp_path / "log")
    process.kill()
    process.communicate(timeout=60)
    assert gone(process.pid)
