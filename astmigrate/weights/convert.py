"""Applies the rules to a checkpoint: what each tensor becomes, what is left over, what is missing.

Renames (those of the rules file, then ``--map``) act on MindSpore's names, so in reverse they come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from astmigrate.weights.checkpoint import Checkpoint
from astmigrate.weights.demands import Demand, Demands
from astmigrate.weights.entries import Array, Entry
from astmigrate.weights.evidence import Evidence
from astmigrate.weights.failures import WeightsError, framework
from astmigrate.weights.fold import fold_weight_norm
from astmigrate.weights.grammar import Grammar
from astmigrate.weights.index import Index, Root
from astmigrate.weights.layers import COUNTER, Shape
from astmigrate.weights.moves import Move, Moves
from astmigrate.weights.renames import Rename, inverted, parse_maps, renamed
from astmigrate.weights.resolve import EVIDENCE, Decision, Resolver, Status
from astmigrate.weights.roots import find_root
from astmigrate.weights.rules import RulesFile


@dataclass(frozen=True, slots=True)
class Row:
    """One tensor on both sides; ``source`` is None for one that is made new, ``target`` for one left out."""

    status: Status
    why: str
    source: Entry | None
    target: Entry | None

    @property
    def source_name(self) -> str:
        """The name in the checkpoint, "" for a tensor that is made new."""
        return self.source.name if self.source is not None else ""

    @property
    def by_evidence(self) -> bool:
        """Whether the tensors beside it decided, where the rules alone did not."""
        return self.why.startswith(EVIDENCE)


@dataclass(slots=True)
class Plan:
    """All tensors of a checkpoint, the parameters that it lacks, and the class it is of."""

    root: Root
    rows: list[Row] = field(default_factory=list)
    missing: list[Demand] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def targets(self) -> list[Entry]:
        """What is to be written."""
        return [row.target for row in self.rows if row.target is not None]

    @property
    def complete(self) -> bool:
        """Whether every tensor of either side has its counterpart."""
        bad = (Status.UNMATCHED, Status.MISSHAPEN)
        return not self.missing and not any(row.status in bad for row in self.rows)


def plan_conversion(
    checkpoint: Checkpoint,
    file: RulesFile,
    *,
    root: str | None = None,
    maps: Sequence[str] = (),
    reverse: bool = False,
) -> Plan:
    """What becomes of every tensor of ``checkpoint``; ``maps`` are ``regex=replacement``."""
    renames = parse_maps(maps)
    grammar = Grammar(file.rules)
    notes = list(checkpoint.notes)
    if reverse:
        entries, sources = _renamed(checkpoint, [*renames, *inverted(file.rename, file.path)])
        after: list[Rename] = []
    else:
        entries, folded = fold_weight_norm(checkpoint.entries, _owned(grammar))
        notes += [f"the weight_norm of '{name}' is folded into it" for name in folded]
        sources, after = checkpoint.sources, [*file.rename, *renames]
    index = Index({name: entry.shape for name, entry in entries.items()})
    moves = Moves(file.rules.layers, reverse)
    evidence = Evidence(grammar, moves, index)
    found, others = find_root(grammar, evidence, root)
    if others:
        notes.append(f"the tensors go as well with {', '.join(others)}; --root tells which class is meant")
    resolver = Resolver(grammar, found, evidence)
    plan = Plan(found, [_unreadable(name, why) for name, why in checkpoint.unreadable.items()], [], notes)
    for name, entry in entries.items():
        decision = resolver.decide(name)
        plan.rows.append(_row(decision, replace(entry, name=sources.get(name, name)), after))
        plan.rows += _counter(decision, moves)
    _refuse_collisions(plan)
    demands = Demands(grammar, moves, index).missing(found)
    plan.missing = [replace(demand, name=renamed(demand.name, after)) for demand in demands]
    plan.notes += _ties(entries)
    return plan


def refuse(plan: Plan, reason: Callable[[Entry], str]) -> None:
    """Leaves out the targets for which ``reason`` has one: the format cannot hold them."""
    for at, row in enumerate(plan.rows):
        why = reason(row.target) if row.target is not None else ""
        if why:
            plan.rows[at] = replace(row, status=Status.UNMATCHED, why=why, target=None)


def _owned(grammar: Grammar) -> Callable[[str], bool]:
    """Whether a class sets a parameter of that name itself."""
    own = {name for rule in grammar.classes.values() for name in rule.parameters}
    return lambda name: name.rpartition(".")[2] in own


def _renamed(checkpoint: Checkpoint, renames: Iterable[Rename]) -> tuple[dict[str, Entry], Mapping[str, str]]:
    """The entries under the names that the rules know, and the names of the file."""
    pairs = list(renames)
    entries: dict[str, Entry] = {}
    sources: dict[str, str] = {}
    for name, entry in checkpoint.entries.items():
        new = renamed(name, pairs)
        if new in entries:
            raise WeightsError(f"the renames make '{sources[new]}' and '{name}' the same name, '{new}'")
        entries[new], sources[new] = replace(entry, name=new), checkpoint.sources.get(name, name)
    return entries, sources


def _row(decision: Decision, source: Entry, renames: Iterable[Rename]) -> Row:
    if decision.status is not Status.CONVERTED:
        return Row(decision.status, decision.why, source, None)
    name = renamed(decision.target, renames)
    return Row(decision.status, decision.why, source, _moved(source, name, decision.move))


def _moved(entry: Entry, name: str, move: Move) -> Entry:
    shape = move.shape(entry.shape)
    if shape == entry.shape:
        return replace(entry, name=name)

    def read() -> Array:
        return entry.read().reshape(shape)

    return Entry(name, entry.dtype, shape, read, None if entry.storage is None else (entry.storage, shape))


def _counter(decision: Decision, moves: Moves) -> list[Row]:
    """In reverse: BatchNorm's counter of batches, which MindSpore does not keep, as torch has it at first."""
    if not moves.reverse or decision.move.name != "running_var":
        return []
    if moves.changes(decision.layer).get(COUNTER) != Move(""):
        return []

    def read() -> Array:
        zero: Array = framework("numpy").zeros((), "int64")
        return zero

    name = f"{decision.prefix}.{COUNTER}" if decision.prefix else COUNTER
    return [Row(Status.ADDED, "MindSpore's layer has none; 0", None, Entry(name, "int64", (), read))]


def _unreadable(name: str, why: str) -> Row:
    def read() -> Array:
        raise WeightsError(f"{name}: {why}")

    return Row(Status.UNMATCHED, why, Entry(name, "", (), read), None)


def _refuse_collisions(plan: Plan) -> None:
    """No two tensors may get one name; the second is left out."""
    taken: dict[str, str] = {}
    for at, row in enumerate(plan.rows):
        if row.target is None:
            continue
        source = row.source.name if row.source is not None else COUNTER
        other = taken.setdefault(row.target.name, source)
        if other is not source:
            why = f"its new name '{row.target.name}' is already that of '{other}'"
            plan.rows[at] = replace(row, status=Status.UNMATCHED, why=why, target=None)


def _ties(entries: Mapping[str, Entry]) -> list[str]:
    """Names that share their memory: each is written, all with the same numbers."""
    shared: dict[object, list[str]] = {}
    for name, entry in entries.items():
        if entry.storage is not None:
            shared.setdefault(entry.storage, []).append(name)
    return [f"tied: {', '.join(names)}" for names in shared.values() if len(names) > 1]


def shape_text(shape: Shape) -> str:
    """A shape as it is shown: ``64x3x7x7``; a single number has none."""
    return "×".join(map(str, shape)) if shape else "()"
