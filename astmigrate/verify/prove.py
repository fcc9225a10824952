"""``python -m astmigrate.verify.prove``: runs every row's proofs in both frameworks and compares.

A proof is wrapped (wrapping.py), migrated, run in torch, and its migration in MindSpore, each in a fresh
process; a module's weights pass through the row's own weight rules in between. A proof that fails is
tried once more with nothing beside it, and that verdict counts. Exit code 1 if a row fails or a row
that converts has no proof.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

from astmigrate import Level, Migration, SourceError, migrate_source
from astmigrate.model import TableError
from astmigrate.snippets import assemble
from astmigrate.table_checks import check_own
from astmigrate.tables import Row, Tables
from astmigrate.verify import results
from astmigrate.verify.compare import Tolerance, differences
from astmigrate.verify.inputs import make_inputs
from astmigrate.verify.jobs import Job, Reply
from astmigrate.verify.registry import VERSIONS, site
from astmigrate.verify.results import Result, Standing, Verdict
from astmigrate.verify.server import Side
from astmigrate.verify.tasks import INTEGERS, Task, tasks_of, with_respelled
from astmigrate.verify.transfer import converted
from astmigrate.verify.wrapping import mentions

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs" / "proofs.json"
OPEN = (Standing.FAILING, Standing.UNPROVEN)  # what a converting row must not be
_REFUSALS = re.compile(
    r"TypeError|.*(does not|doesn't|don't) support automatic differentiation for outputs", re.DOTALL
)
COMPARISONS = ("value", "shape", "signature")


class Failure(Exception):
    """Why a proof does not hold, one line a reason."""

    def __init__(self, reasons: Iterable[str], code: str = "") -> None:
        self.reasons, self.code = tuple(reasons), code
        super().__init__("; ".join(self.reasons))


class Refused(Exception):
    """Torch does not take the call in this spelling, so that no migrated code can have it."""


class Prover:
    """Runs proofs one after the other, in a pair of processes."""

    def __init__(
        self,
        tables: Tables,
        seconds: float = 60,
        migrate: Callable[..., Migration] = migrate_source,
        packages: Path | None = None,
    ):
        self.tables, self.seconds, self.migrate = tables, seconds, migrate
        self.torch, self.mindspore = Side("torch", packages), Side("mindspore")

    def close(self) -> None:
        """Ends the processes."""
        self.torch.close()
        self.mindspore.close()

    def prove(self, task: Task) -> Verdict:
        """The verdict on one proof."""
        code = ""
        try:
            if task.proof.compare not in COMPARISONS:
                raise Failure([f"compare = {task.proof.compare!r} is none of {', '.join(COMPARISONS)}"])
            source = task.source
            migration = self._migrated(task, source)
            code = migration.code
            self._agree(task, source, migration)
        except (TableError, SourceError) as error:
            return Verdict(task.name, task.number, task.proof, (str(error),), code, task.how)
        except Refused:
            return Verdict(task.name, task.number, task.proof, (), code, task.how, refused=True)
        except Failure as failure:
            return Verdict(
                task.name, task.number, task.proof, failure.reasons, code or failure.code, task.how
            )
        return Verdict(task.name, task.number, task.proof, (), code, task.how)

    def _migrated(self, task: Task, source: str) -> Migration:
        """The proof's migration; the row itself must have been used, and must not have given up."""
        row = self._row(task.name)
        if not mentions(task.proof.code, task.name):
            raise Failure([f"the proof does not use {task.name}"])
        migration = self.migrate(source, filename="proof.py", tables=self.tables)
        given_up = [f.message for f in migration.findings if f.level is Level.MANUAL and self._is(f.api, row)]
        if given_up:
            raise Failure(given_up, migration.code)
        return migration

    def _agree(self, task: Task, source: str, migration: Migration) -> None:
        """Runs both sides; raises ``Failure`` with every difference."""
        proof, inputs = task.proof, make_inputs(task.proof, task.seed)
        self.mindspore.start()
        expected = self.torch.run(Job(source, inputs, task.seed, proof.train), self.seconds)
        if expected.error:
            if task.how == INTEGERS or (task.how and _REFUSALS.match(expected.error)):
                raise Refused
            raise Failure([f"torch: {expected.error}"])
        job = Job(migration.code, inputs, task.seed, proof.train, snippets=assemble(migration.snippets))
        if proof.compare == "signature":
            actual = self.mindspore.run(
                replace(job, signature=self._target(task.name, migration)), self.seconds
            )
            if actual.error:
                raise Failure([f"signature: {actual.error}"])
            return
        if expected.state is not None:
            job = replace(job, weights=converted(expected.state, expected.modules, self.tables))
        actual = self.mindspore.run(job, self.seconds)
        if task.how == INTEGERS and self._row(task.name).floats_only:
            if not actual.error:
                raise Failure(["the row says floats_only, but MindSpore takes integers"])
            return
        if actual.error:
            others = dict.fromkeys(f.message for f in migration.findings if f.level is Level.MANUAL)
            raise Failure([f"MindSpore: {actual.error}", *others])
        found = self._compared(task, migration, expected, actual)
        if found:
            raise Failure(found)

    def _compared(self, task: Task, migration: Migration, expected: Reply, actual: Reply) -> list[str]:
        """The differences of ``y``, and for a row that writes in place of every tensor written to."""
        proof, row = task.proof, self._row(task.name)
        if "y" not in expected.variables:
            return ["the proof leaves no y"]
        tolerance = Tolerance(proof.rtol, proof.atol, proof.compare == "value")
        found = differences(expected.variables["y"], actual.variables.get("y"), tolerance)
        if not any(form.inplace for form in (row, *row.forms)) and not row.mutates:
            return found
        if not expected.changed and not row.mutates:
            found.append("the row changes a tensor in place, but its proof changes none")
        reviewed = any(f.level is Level.REVIEW and self._is(f.api, row) for f in migration.findings)
        for name in () if reviewed else expected.changed:
            if name not in ("y", "m"):
                pair = expected.variables[name], actual.variables.get(name)
                found += differences(*pair, tolerance, name)
        return found

    def _target(self, name: str, migration: Migration) -> str:
        """The MindSpore name that the migration says it calls for the row."""
        row = self._row(name)
        told = [f.target for f in migration.findings if self._is(f.api, row)]
        for target in [*told, row.target or ""]:
            found = re.search(r"mindspore(\.\w+)+", target)
            if found:
                return found[0]
        raise Failure(
            [f"{row.target or row.template!r} has no MindSpore name whose signature could be bound"]
        )

    def _row(self, name: str) -> Row:
        row = self.tables.row(name)
        if row is None:
            raise TableError(f"{self.tables.folder}: row {name}: its alias leads nowhere")
        return row

    def _is(self, api: str, row: Row) -> bool:
        """Whether a finding is about the row, whatever alias it names."""
        found = self.tables.row(api)
        return found is not None and found.name == row.name


def run_all(tasks: Sequence[Task], tables: Tables, jobs: int, seconds: float) -> list[Verdict]:
    """Every verdict; failing proofs are tried again, alone, when all others are done."""
    waiting: SimpleQueue[Task] = SimpleQueue()
    for task in tasks:
        waiting.put(task)
    verdicts: list[tuple[Task, Verdict]] = []

    def work(prover: Prover) -> None:
        with suppress(Empty):
            while True:
                task = waiting.get_nowait()
                verdicts.append((task, prover.prove(task)))

    packages = site() if any(task.name.partition(".")[0] in VERSIONS for task in tasks) else None
    provers = [Prover(tables, seconds, packages=packages) for _ in range(max(1, min(jobs, len(tasks))))]
    try:
        threads = [threading.Thread(target=work, args=(prover,)) for prover in provers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(verdicts) != len(tasks):
            raise RuntimeError(f"{len(tasks) - len(verdicts)} proofs were not run: the prover itself failed")
        return [provers[0].prove(task) if verdict.failures else verdict for task, verdict in verdicts]
    finally:
        for prover in provers:
            prover.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Proves, prints failures and counts, keeps the record; exit code 2 if a user's table is wrong."""
    options = _options(arguments)
    errors = check_own(options.table)
    if errors:
        print("\n".join(errors), file=sys.stderr)
        return 2
    tables = Tables(options.tables, options.table)
    shipped = not (options.tables or options.table)
    record = options.record or (RECORD if shipped else None)
    known = results.read(record) if record is not None else {}
    rows = tasks_of(tables, options.only)
    if options.table:
        rows = {name: own for name, own in rows.items() if name in tables.own_names}
    if options.changed:
        chosen = {*results.stale(tables, known), *(n for n, r in known.items() if r.standing in OPEN)}
        rows = {name: tasks for name, tasks in rows.items() if name in chosen}
    chosen_tasks = {name: with_respelled(name, tasks, tables) for name, tasks in rows.items()}
    tasks = [task for own, _ in chosen_tasks.values() for task in own]
    verdicts = run_all(tasks, tables, options.jobs, options.seconds)
    verdicts.sort(key=lambda verdict: (verdict.row, verdict.number, verdict.how))
    by_row: dict[str, list[Verdict]] = {name: [] for name in rows}
    for verdict in verdicts:
        by_row[verdict.row].append(verdict)
    found = {n: results.summarise(n, tables, own, chosen_tasks[n][1]) for n, own in by_row.items()}
    _tell(verdicts, found, options.failures)
    if record is not None:
        partly = options.only or options.changed
        kept = {n: r for n, r in known.items() if partly and tables.row(n) is not None}
        results.write(record, {**kept, **found})
    nothing = not rows and not options.changed
    return int(nothing or any(r.standing in OPEN or r.uncovered for r in found.values()))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="prove", description="Run the proofs of the table rows.")
    add = parser.add_argument
    add("--only", default="", metavar="PREFIX", help="rows below this name, e.g. torch.nn")
    add("--changed", action="store_true", help="rows edited since they were proven, and those that are not")
    add("-j", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    add("--seconds", type=float, default=60, help="time limit of a proof on one side")
    add("--tables", type=Path, metavar="FOLDER", help="another folder of tables")
    add("--table", type=Path, action="append", default=[], metavar="TOML",
        help="a table of the user's, whose rows alone are proven; repeatable")  # fmt: skip
    add("--record", type=Path, metavar="JSON", help="default docs/proofs.json; none with --tables or --table")
    add("--failures", type=Path, metavar="FOLDER", help="also write prove_NAMESPACE.txt there")
    return parser.parse_args(arguments)


def _tell(verdicts: Sequence[Verdict], found: dict[str, Result], folder: Path | None) -> None:
    """Prints what failed and the counts; the failures of each namespace also go to ``folder``."""
    by_namespace: dict[str, list[str]] = {name.rpartition(".")[0]: [] for name in found}
    for verdict in verdicts:
        if verdict.failures:
            by_namespace[verdict.row.rpartition(".")[0]].append(_described(verdict))
    for name, result in found.items():
        if result.standing is Standing.UNPROVEN:
            by_namespace[name.rpartition(".")[0]].append(f"UNPROVEN {name}: it converts, but has no proof\n")
        for argument in result.uncovered:
            by_namespace[name.rpartition(".")[0]].append(f"UNCOVERED {name}: {argument}\n")
    for namespace, failures in sorted(by_namespace.items()):
        print("".join(failures), end="")
        if folder is not None:
            text = "".join(failures) or "everything is proven\n"
            (folder / f"prove_{namespace}.txt").write_text(text, encoding="utf-8")
    print(results.table(found))


def _described(verdict: Verdict) -> str:
    reasons = "".join(f"  {reason}\n" for reason in verdict.failures)
    body = verdict.code[verdict.code.find("def proof(") :] if verdict.code else ""
    code = "".join(f"  | {line}\n" for line in body.splitlines())
    how = f", by {verdict.how}" if verdict.how else ""
    return f"FAILING {verdict.row} (proof {verdict.number}{how})\n{reasons}{code}"


if __name__ == "__main__":
    sys.exit(main())
