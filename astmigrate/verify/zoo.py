"""``make zoo``: migrates whole packages and runs every model they can construct on both sides.

    python -m astmigrate.verify.zoo [--only 'resnet*'] [--sample N]

Each constructor is built, given conditioned random weights, converted by the migration's rules, run in
both frameworks and compared, in processes of its own with limits of time and memory. A full run writes
docs/zoo.json, one line a constructor, and the page docs/zoo.md. Exit code 1 if a wrong number is silent:
a model that runs and differs with no finding on a line that its forward passes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from queue import Empty, SimpleQueue

from rich.console import Console
from rich.progress import Progress

from astmigrate.verify import zoo_page
from astmigrate.verify.model_jobs import MINDSPORE, TORCH
from astmigrate.verify.model_server import ModelServer
from astmigrate.verify.models import Layers, Outcome, Request, Stage, verify_model
from astmigrate.verify.registry import CACHE, site
from astmigrate.verify.zoo_lines import predicted
from astmigrate.verify.zoo_models import PACKAGES, Constructor, Inputs, constructors, sample
from astmigrate.verify.zoo_page import Record

ROOT = Path(__file__).parents[2]
OUT = CACHE / "zoo"
RECORD = ROOT / "docs" / "zoo.json"
_MORE = 4  # inputs that are tried from the first on that PyTorch takes
SECONDS, MEMORY = 600.0, 10 << 30  # of each side; MindSpore takes minutes to build the largest


class Runner:
    """Runs constructors one after the other, in processes forked from one server a side and package."""

    def __init__(self, source: Path, out: Path) -> None:
        self.source, self.out = source, out
        self._servers: dict[tuple[str, str], ModelServer] = {}
        self._taken: dict[str, Inputs] = {}  # by the last model of a family: the next is tried with it first

    def close(self) -> None:
        """Ends the servers."""
        for server in self._servers.values():
            server.close()

    def record(self, model: Constructor) -> Record:
        """What came of one constructor, with the first of its inputs that PyTorch takes.

        Where the outputs differ and rounding explains it, others are tried; that counts which rounding
        moves the least.
        """
        tried: list[Outcome] = []
        ran: list[Outcome] = []  # in PyTorch at least
        more = _MORE
        usual = [inputs for inputs in model.inputs if inputs == self._taken.get(model.family)]
        for inputs in dict.fromkeys((*usual, *model.inputs)):
            tried.append(self.verified(model, inputs))
            if tried[-1].failure is None or tried[-1].failure.side != TORCH:
                ran.append(tried[-1])
            more -= bool(ran)
            if not more or not self._wants_another(tried[-1]):
                break
        outcome = min(ran, key=lambda outcome: outcome.rounding or 0.0) if ran else tried[0]
        if ran:
            self._taken[model.family] = outcome.request.inputs
        record = zoo_page.record_of(model, outcome)
        told = predicted(model, outcome.request, self.out) if record.failed else ""
        return replace(record, predicted=told[:300])

    def _wants_another(self, outcome: Outcome) -> bool:
        """Whether PyTorch does not take the input, or what differs says nothing: rounding does as much."""
        failure = outcome.failure
        if failure is None:
            moves = outcome.rounding is not None and outcome.rounding > zoo_page.TIGHT
            return moves and outcome.relative is not None and outcome.relative > zoo_page.TIGHT
        refused = failure.side == TORCH and failure.stage is Stage.RUN
        return refused and failure.error not in ("NotImplementedError", "Process")  # no other input will do

    def verified(self, model: Constructor, inputs: Inputs) -> Outcome:
        """What comes of a constructor with these inputs."""
        request = Request(
            source=str(self.source / model.package), out=str(self.out), root=model.root, args=model.args,
            inputs=inputs, rules=str(self.out / model.package / "weights.json"), layers=Layers.NEVER,
            seconds=SECONDS, memory=MEMORY,
        )  # fmt: skip

        def run(module: str, job: Path, seconds: float, memory: int | None) -> str:
            side = TORCH if module.endswith("torch") else MINDSPORE
            return self._server(side, model.package).run(module, job, seconds, memory)

        return verify_model(request, run)

    def _server(self, side: str, package: str) -> ModelServer:
        if (side, package) not in self._servers:
            path = self.source if side == TORCH else self.out
            self._servers[side, package] = ModelServer(side, str(path), PACKAGES[package].module)
        return self._servers[side, package]


def migrate(source: Path, out: Path) -> None:
    """Migrates each package to a folder of its own reports, below one import root."""
    for package in PACKAGES:
        command = [sys.executable, "-m", "astmigrate", str(source / package), "-o", str(out), "-q"]
        subprocess.run(command, check=True)
        for name in ("report.txt", "report.json", "weights.json"):
            (out / name).replace(out / package / name)


def run_all(
    models: Sequence[Constructor], source: Path, out: Path, jobs: int, keep: Callable[[list[Record]], None]
) -> list[Record]:
    """Every record, in the order of ``models``; ``keep`` gets those there are after each model."""
    waiting: SimpleQueue[Constructor] = SimpleQueue()
    for model in models:
        waiting.put(model)
    records: dict[str, Record] = {}
    lock = threading.Lock()

    with ExitStack() as stack:
        progress = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
        bar = progress.add_task("models", total=len(models))

        def work(runner: Runner) -> None:
            with suppress(Empty):
                while True:
                    model = waiting.get_nowait()
                    record = records[model.key] = runner.record(model)
                    if record.failed:
                        progress.console.print(zoo_page.line(record), markup=False, highlight=False)
                    progress.advance(bar)
                    with lock:
                        keep(list(records.values()))

        runners = [Runner(source, out) for _ in range(jobs)]
        for runner in runners:
            stack.callback(runner.close)
        threads = [threading.Thread(target=work, args=(runner,)) for runner in runners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if len(records) != len(models):
        raise RuntimeError(f"{len(models) - len(records)} models were not run: the runner itself failed")
    return [records[model.key] for model in models]


def _document(records: list[Record], listed: dict[str, int]) -> None:
    """Writes the record, the page and the README's table."""
    zoo_page.write(RECORD, records, listed)
    (ROOT / "docs" / "zoo.md").write_text(zoo_page.page(records, listed), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(zoo_page.in_readme(readme.read_text(encoding="utf-8"), records), encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="zoo", description="Run every model of two packages on both sides.")
    parser.add_argument("--only", default="*", metavar="GLOB", help="constructors by name, e.g. 'resnet*'")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="so many of each family")
    parser.add_argument("--at-most", type=int, default=0, metavar="N", help="so many, evenly spread")
    parser.add_argument("--again", action="store_true", help="only those that failed when last run")
    parser.add_argument(
        "--rest", action="store_true", help="only those that --record lacks: go on after a break"
    )
    parser.add_argument("--package", choices=sorted(PACKAGES), help="only this one")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--record", type=Path, help="JSON for the records; docs/zoo.json after a full run")
    return parser.parse_args(arguments)


def _chosen(
    options: argparse.Namespace, everything: Sequence[Constructor], known: Sequence[Record]
) -> list[Constructor]:
    """The models that the options ask for."""
    failed, done = {(r.package, r.name) for r in known if r.failed}, {(r.package, r.name) for r in known}
    models = [m for m in everything if fnmatch(m.name, options.only) and options.package in (None, m.package)]
    models = [m for m in models if not options.again or (m.package, m.name) in failed]
    models = [m for m in models if not options.rest or (m.package, m.name) not in done]
    if options.sample:
        models = sample(models, options.sample)
    if 0 < options.at_most < len(models):
        models = [models[i * len(models) // options.at_most] for i in range(options.at_most)]
    return models


def main(arguments: Sequence[str] | None = None) -> int:
    """Migrates, runs, prints and, after a full run, writes the page."""
    options = _options(arguments)
    full = options.only == "*" and not (options.sample or options.at_most or options.package)
    source = site()
    everything = constructors(source)
    listed = {package: sum(m.package == package for m in everything) for package in PACKAGES}
    record = options.record or RECORD
    known = zoo_page.read(record)[0] if (options.again or options.rest) and record.exists() else []
    models = _chosen(options, everything, known)
    migrate(source, OUT)

    def keep(records: list[Record]) -> None:  # a run of an hour may be cut off
        if options.record is not None:
            zoo_page.write(options.record, zoo_page.merged(known, records), listed)

    records = run_all(models, source, OUT, options.jobs, keep)
    keep(records)
    if full and options.record is None:
        _document(zoo_page.merged(known, records), listed)
    print(zoo_page.summary(records))
    return int(any(r.silent for r in records))


if __name__ == "__main__":
    sys.exit(main())
