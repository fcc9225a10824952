"""astmigrate's speed and memory beside PaConvert's, on the same text in one run.

    python -m benchmarks.bench [--repeat N]

CPU seconds are user and system time of the command and all its children, start-up included, modules
compiled as after an installation; of N runs the fastest counts. PaConvert
(https://github.com/PaddlePaddle/PaConvert) runs in an environment of its own. What several processes and
the cache save is wall time, which is worth something on a quiet machine only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from astmigrate.places import VARIABLE
from astmigrate.verify.registry import CACHE, VERSIONS, site

PACONVERT = "3.3.1"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took."""

    seconds: float
    megabytes: float
    wall: float


def measure(command: Sequence[str], cwd: Path, *others: Sequence[str]) -> Cost:
    """Runs a command to its end; CPU seconds of all its processes, peak memory of the largest.

    ``others`` run beside it: the wall time is that until all have ended.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    environment[VARIABLE] = str(cwd / "cache")
    start = time.perf_counter()
    with (cwd / "log.txt").open("wb") as log:
        running = [
            subprocess.Popen(each, stdout=log, stderr=subprocess.STDOUT, cwd=cwd, env=environment)
            for each in (command, *others)
        ]
        _, status, usage = os.wait4(running[0].pid, 0)
        running[0].returncode = os.waitstatus_to_exitcode(status)
        codes = [process.wait() for process in running]
        wall = time.perf_counter() - start
    if any(codes):
        text = (cwd / "log.txt").read_text(encoding="utf-8", errors="replace")
        raise SystemExit(f"{' '.join(command)} exits {max(codes)}:\n{text[-3000:]}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, wall)


def paconvert() -> str:
    """PaConvert's interpreter, installed where it is not yet."""
    folder = CACHE / f"paconvert-{PACONVERT}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"paconvert=={PACONVERT}"], check=True)
        (folder / "ready").touch()
    return str(python)


def copy_text(target: Path) -> list[Path]:
    """The Python files of the packages, and nothing else, below ``target``."""
    copies = []
    for path in (p for name in VERSIONS for p in sorted((site() / name).rglob("*.py"))):
        copy = target / path.relative_to(site())
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copies.append(copy)
    return copies


def compare(source: Path, folder: Path, repeat: int) -> tuple[Cost, Cost]:
    """astmigrate's cost and PaConvert's for the same source, run in turn: a busy moment hits both."""
    log = ["--no_format", "--log_dir", "disable"]
    commands = (
        [sys.executable, "-m", "astmigrate", str(source), "-j1", "--no-cache", "-o"],
        [paconvert(), "-m", "paconvert.main", "--in_dir", str(source), *log, "--out_dir"],
    )
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for _ in range(repeat):
        for command, taken in zip(commands, costs, strict=True):
            taken.append(measure([*command, fresh(folder)], folder))
    ours, theirs = map(best, costs)
    return ours, theirs


def best(costs: Sequence[Cost]) -> Cost:
    """The least time and the most memory of several runs."""
    return Cost(min(c.seconds for c in costs), max(c.megabytes for c in costs), min(c.wall for c in costs))


def batch(source: Path, folder: Path, repeat: int) -> None:
    """Both packages with one process and with two, each without results of an earlier run and with them.

    What two processes can gain at most is measured, too: two whole runs of one process, side by side.
    """
    packages = [str(source / name) for name in ("torchvision", "pytorchcv")]
    command = [sys.executable, "-m", "astmigrate", *packages, "-q", "-o"]
    costs: dict[tuple[str, str], list[Cost]] = {}
    for _ in range(repeat):
        for jobs in ("-j1", "-j2"):
            shutil.rmtree(folder / "cache", ignore_errors=True)
            for state in ("cold", "cached"):
                cost = measure([*command, fresh(folder), jobs], folder)
                costs.setdefault((jobs, state), []).append(cost)
        sides = [[*command, fresh(folder), "-j1", "--no-cache"] for _ in range(2)]
        costs.setdefault(("-j1", "two at once"), []).append(measure(sides[0], folder, sides[1]))
    found = {key: best(several) for key, several in costs.items()}
    print("torchvision and pytorchcv as one project")
    for (jobs, state), cost in found.items():
        line(f"  {jobs} {state}, wall", cost.wall, "s")
        line(f"  {jobs} {state}, CPU", cost.seconds, "s")
    one, two, limit = found["-j1", "cold"], found["-j2", "cold"], found["-j1", "two at once"]
    line("  two processes / one, cold, wall", two.wall / one.wall, "", 1 / 1.7)
    line("  this machine's limit: two runs at once / 2", limit.wall / one.wall / 2, "")
    for jobs, cold in (("-j1", one), ("-j2", two)):
        line(f"  cached / cold, {jobs}, wall", found[jobs, "cached"].wall / cold.wall, "", 0.1)


def fresh(folder: Path) -> str:
    """An output of its own for each run, all kept to the end.

    For minutes after files were removed, ext4 without a journal takes thirty times as long to make new ones.
    """
    return str(Path(tempfile.mkdtemp(dir=folder)) / "out")


def line(what: str, value: float, unit: str, goal: float | None = None) -> None:
    """One measurement; with a goal, whether it is met."""
    verdict = "" if goal is None else f"goal <= {goal:.3g}: {'met' if value <= goal else 'MISSED'}"
    print(f"{what:<46}{value:>10.2f} {unit:<8}{verdict}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each command; the fastest counts")
    repeat = parser.parse_args(arguments).repeat
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = copy_text(folder / "source")
        lines = {path: path.read_bytes().count(b"\n") for path in files}
        total = sum(lines.values())
        print(f"{', '.join(f'{n} {v}' for n, v in VERSIONS.items())}: {len(files)} files, {total} lines")
        ours, theirs = compare(folder / "source", folder, repeat)
        line("astmigrate, CPU", ours.seconds, "s")
        line(f"PaConvert {PACONVERT} --no_format, CPU", theirs.seconds, "s")
        line("astmigrate / PaConvert", ours.seconds / theirs.seconds, "", 0.5)
        line("astmigrate, lines per CPU second", total / ours.seconds, "")
        line("astmigrate, peak memory", ours.megabytes, "MB", 150)
        line("PaConvert, peak memory", theirs.megabytes, "MB")
        for size, goal in ((500, 0.35), (2300, None)):
            single(folder, lines, size, goal, repeat)
        batch(folder / "source", folder, max(repeat, 9))


def single(folder: Path, lines: dict[Path, int], size: int, goal: float | None, repeat: int) -> None:
    """The file whose length is nearest to ``size``, alone, start-up included."""
    path = min(lines, key=lambda p: (abs(lines[p] - size), str(p)))
    name = path.relative_to(folder / "source").as_posix()
    ours, theirs = compare(path, folder, max(repeat, 5))
    print(f"{name}, {lines[path]} lines, alone, start-up included")
    line("  astmigrate, CPU", ours.seconds, "s", goal)
    line("  PaConvert, CPU", theirs.seconds, "s")


if __name__ == "__main__":
    main()
