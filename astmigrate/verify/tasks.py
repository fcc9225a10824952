"""Which proofs are to run: those of the rows, and for an alias its row's, said with its own name."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from astmigrate.tables import Proof, Tables


@dataclass(frozen=True, slots=True)
class Task:
    """One proof to run, as the ``number``-th of the row called ``name`` (an alias keeps its own name)."""

    name: str
    number: int
    proof: Proof

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
            return (replace(proof, code=code),)
    return ()
