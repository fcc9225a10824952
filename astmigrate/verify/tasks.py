"""Which proofs are to run: those of the rows, and for an alias its row's, said with its own name."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from astmigrate.tables import Proof, Tables, is_manual
from astmigrate.verify.passing import cover
from astmigrate.verify.wrapping import wrap

INTEGERS = "integers"


@dataclass(frozen=True, slots=True)
class Task:
    """One proof to run, as the ``number``-th of the row called ``name`` (an alias keeps its own name)."""

    name: str
    number: int
    proof: Proof
    how: str = ""  # a variant: every argument by keyword, by position, the result in out=, integers
    respelled: str = ""  # the module to run then, instead of the proof as it is written

    @property
    def source(self) -> str:
        """The module to run."""
        return self.respelled or wrap(self.proof)

    @property
    def seed(self) -> int:
        """The same in every run, different for every proof."""
        return zlib.crc32(f"{self.name}#{self.number}".encode()) & 0x7FFFFFFF


def tasks_of(tables: Tables, prefix: str = "") -> dict[str, list[Task]]:
    """The proofs of every row below ``prefix``, by the row's name."""
    chosen: dict[str, list[Task]] = {}
    for name in tables.names():
        if name == prefix or not prefix or name.startswith(prefix.rstrip(".") + "."):
            row = tables.row(name)
            proofs = tables.proofs(name)
            if not proofs and row is not None and row.name != name:
                proofs = of_alias(name, row.name, tables.proofs(row.name))
            chosen[name] = [Task(name, number, proof) for number, proof in enumerate(proofs, 1)]
    return chosen


def with_respelled(name: str, tasks: Sequence[Task], tables: Tables) -> tuple[list[Task], tuple[str, ...]]:
    """The row's proofs with the respellings that they need, and the arguments that none of them passes."""
    row = tables.row(name)
    if row is None or row.name != name or is_manual(row):
        return list(tasks), ()
    coverage = cover(name, [task.source for task in tasks], tables)
    extra = [replace(tasks[at - 1], how=how, respelled=module) for at, how, module in coverage.respelled]
    return [*tasks, *extra, *_of_integers(tasks)], coverage.uncovered


_FLOATS = re.compile(r"^f(?:16|32|64)(\[[^\]]*\])(?:\s+(-?[\d.]+)\.\.(-?[\d.]+))?$")


def _of_integers(tasks: Sequence[Task]) -> list[Task]:
    """The first proof with integers in the place of floats, for a row none of whose proofs has any."""
    with_inputs = [task for task in tasks if task.proof.inputs and task.proof.compare == "value"]
    specs = [spec for task in with_inputs for spec in task.proof.inputs.values()]
    if not specs or not all(_FLOATS.match(spec.strip()) for spec in specs):
        return []
    task = with_inputs[0]
    inputs = {name: _FLOATS.sub(_integers, spec.strip()) for name, spec in task.proof.inputs.items()}
    return [replace(task, how=INTEGERS, proof=msgspec.structs.replace(task.proof, inputs=inputs))]


def _integers(spec: re.Match[str]) -> str:
    """``i64`` of the same shape and about the same range."""
    low, high = (math.floor(float(spec[2])), math.ceil(float(spec[3]))) if spec[2] else (-4, 4)
    return f"i64{spec[1]} {low}..{high + 1}"


def of_alias(alias: str, name: str, proofs: Sequence[Proof]) -> tuple[Proof, ...]:
    """The first proof that can be said with the alias: methods by their last name, all else in full."""
    owner, _, leaf = name.rpartition(".")
    if alias.startswith(f"{owner}.") and owner.rpartition(".")[2][0].isupper():
        pattern, new = re.escape(f".{leaf}"), f".{alias.rpartition('.')[2]}"
    else:
        pattern, new = r"(?<![.\w])" + re.escape(name), alias
    for proof in proofs:
        code, count = re.subn(pattern + r"(?![.\w])", new, proof.code)
        if count:
            return (msgspec.structs.replace(proof, code=code),)
    return ()
