"""What proving a row came to, and the file that keeps it for the coverage page.

``docs/proofs.json`` has one line a row, sorted, and nothing that changes from run to run. ``digest``
tells whether a row was edited since it was proven.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from astmigrate.tables import Proof, Row, Tables, is_manual

TIGHT = Proof(code="")  # the tolerances that need no reason


class Standing(StrEnum):
    """How a row is verified."""

    RUN = "run-proven"  # its proofs ran on both sides and agree
    SIGNATURE = "signature-proven"  # no kernel on this machine: the emitted call binds to the target
    MANUAL = "manual"  # it has no target, and says why
    UNPROVEN = "unproven"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one proof; ``code`` is its migration, for whoever has to mend the row."""

    row: str
    number: int
    proof: Proof
    failures: tuple[str, ...] = ()
    code: str = ""
    how: str = ""  # the respelling of the proof
    refused: bool = False  # torch itself does not take the respelled call


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a row.

    ``loosened`` are the reasons of proofs with less than the usual strictness, ``uncovered`` the
    arguments that no proof passes with another value than their default.
    """

    standing: Standing
    proofs: int
    loosened: tuple[str, ...]
    digest: str
    uncovered: tuple[str, ...] = ()


def summarise(
    name: str, tables: Tables, verdicts: Iterable[Verdict], uncovered: tuple[str, ...] = ()
) -> Result:
    """The standing of a row from the verdicts on all its proofs."""
    row = tables.row(name)
    assert row is not None
    own = list(verdicts)
    proofs = [verdict.proof for verdict in own if not verdict.how]
    loosened = tuple(sorted({proof.reason for proof in proofs if is_loosened(proof)}))
    standing, stamp = _standing(row, own), digest(row, tables.proofs(row.name))
    return Result(standing, len(proofs), loosened, stamp, uncovered)


def _standing(row: Row, verdicts: list[Verdict]) -> Standing:
    if any(verdict.failures for verdict in verdicts):
        return Standing.FAILING
    if is_manual(row):
        return Standing.MANUAL
    if any(verdict.proof.compare != "signature" for verdict in verdicts):
        return Standing.RUN
    return Standing.SIGNATURE if verdicts else Standing.UNPROVEN


def is_loosened(proof: Proof) -> bool:
    """Whether the proof asks for less than equal values within the usual tolerances."""
    return proof.compare == "shape" or proof.rtol > TIGHT.rtol or proof.atol > TIGHT.atol


def digest(row: Row, proofs: Iterable[Proof]) -> str:
    """Changes where the row, or one of its proofs, does; an alias has its row's."""
    text = json.dumps([msgspec.to_builtins(row), msgspec.to_builtins(list(proofs))], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write(path: Path, results: Mapping[str, Result]) -> None:
    """Writes the results, one line a row."""
    lines = [f"  {json.dumps(name)}: {json.dumps(asdict(results[name]))}" for name in sorted(results)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read(path: Path) -> dict[str, Result]:
    """The results of earlier runs; none where there was no run."""
    if not path.exists():
        return {}
    loaded: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Result(
            Standing(r["standing"]),
            r["proofs"],
            tuple(r["loosened"]),
            r["digest"],
            tuple(r.get("uncovered", ())),
        )
        for name, r in loaded.items()
    }


def stale(tables: Tables, record: Mapping[str, Result]) -> list[str]:
    """Rows that were added, edited or removed since they were proven."""
    found = sorted(record.keys() - set(tables.names()))
    for name in tables.names():
        row, result = tables.row(name), record.get(name)
        assert row is not None
        if result is None or result.digest != digest(row, tables.proofs(row.name)):
            found.append(name)
    return found


COLUMNS = (*Standing, "loosened", "uncovered")


def table(results: Mapping[str, Result]) -> str:
    """The counts, a line a namespace and one for all."""
    groups: dict[str, Counter[str]] = {}
    for name, result in results.items():
        for group in (name.rpartition(".")[0], "all"):
            counts = groups.setdefault(group, Counter())
            counts.update(["rows", result.standing] + ["loosened"] * bool(result.loosened))
            counts["uncovered"] += len(result.uncovered)
    width = max([len(group) for group in groups] + [9])
    head = ["rows", *COLUMNS]
    lines = ["  ".join(["namespace".ljust(width), *head])]
    for group in [*sorted(groups.keys() - {"all"}), "all"]:
        counts = groups.get(group, Counter())
        lines.append("  ".join([group.ljust(width), *(str(counts[word]).rjust(len(word)) for word in head)]))
    return "\n".join(lines)
