"""What verifying a model came to, judged from what its two processes left."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from astmigrate.verify.first_difference import FirstDifference, LayerRow, layer_rows, locate
from astmigrate.verify.model_jobs import (
    MINDSPORE,
    TORCH,
    Failure,
    Gap,
    MindSporeAnswer,
    ModuleInfo,
    Place,
    Stage,
    TorchAnswer,
)

GRADIENT_FACTOR = 10.0  # gradients gather rounding of forward and backward
# Where rounding the weights once more moves the outputs by nearly the tolerance, so many times that is
# allowed, for two frameworks round at every operation; but never more than so many times the tolerance.
_ROUNDINGS, _AT_MOST = 5.0, 10.0


class Verdict(StrEnum):
    """What came out; ``DIFFERENT`` also where weights have no place on the other side."""

    EQUAL = "equal"
    DIFFERENT = "different"
    FAILED = "failed"


class Layers(StrEnum):
    """When the layers are compared one by one; that costs a file for every tensor on the way."""

    NEVER = "never"
    DIFFERENT = "different"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Request:
    """A model to verify: ``source`` was migrated to the folder ``out``.

    ``root`` is ``MODULE:CLASS`` or ``MODULE:FUNCTION``, ``args`` the Python arguments to call it with, each
    of ``inputs`` a spec such as ``"f32[1, 3, 64, 64]"``, ``"mask=bool[2, 8]"``, ``"i64[2, 8] 0..100"``, or a
    plain value. Without ``rules`` the weights.json of the migration is taken, without ``checkpoint`` random
    weights. ``seconds`` and ``memory`` (bytes) bound each of the two processes.
    """

    source: str
    out: str
    root: str
    args: str = ""
    inputs: tuple[str, ...] = ()
    rules: str = ""
    checkpoint: str = ""
    key: str = ""
    train: bool = False
    layers: Layers = Layers.DIFFERENT
    tolerance: float = 1e-4
    seed: int = 0
    seconds: float = 600.0
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class WeightFault:
    """A tensor that has no place on the other side, or the wrong shape; the lines that made its layer."""

    name: str
    side: str
    why: str
    source: Place
    output: Place


@dataclass(frozen=True, slots=True)
class Outcome:
    """What verifying a model came to.

    ``unmatched_source`` counts torch's tensors without a place in MindSpore's model, ``unmatched_output``
    the parameters of that model without a weight. ``by_rules`` is whether the static rules alone placed
    every tensor, ``by_evidence`` how many only the tensors beside them placed, ``demanded`` how many
    parameters the rules ask for that the checkpoint has not. ``largest_difference``, ``largest_value`` and
    ``relative`` are of the outputs; ``rounding`` is what ``relative`` would be if only every weight were
    rounded once more; ``allowed`` is what the verdict allows: the tolerance, or a few times the rounding
    where that alone comes near it.
    """

    request: Request
    verdict: Verdict
    stage: Stage
    failure: Failure | None = None
    tensors: int = 0
    unmatched_source: int = 0
    unmatched_output: int = 0
    by_rules: bool = False
    by_evidence: int = 0
    demanded: int = 0
    weight_faults: tuple[WeightFault, ...] = ()
    outputs: tuple[Gap, ...] = ()
    largest_difference: float | None = None
    largest_value: float | None = None
    relative: float | None = None
    rounding: float | None = None
    allowed: float = 0.0
    gradients: tuple[Gap, ...] = ()
    statistics: tuple[Gap, ...] = ()
    rows: tuple[LayerRow, ...] = ()
    first: FirstDifference | None = None
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


def judge(request: Request, torch: TorchAnswer, mindspore: MindSporeAnswer) -> Outcome:
    """The outcome of one run of both sides, or of the one that failed."""
    failure = torch.failure or mindspore.failure
    faults = _weight_faults(torch, mindspore)
    source_faults = [fault for fault in faults if fault.side == TORCH]
    missing = len(mindspore.missing) + len(mindspore.misshapen)
    allowed = max(request.tolerance, min(_ROUNDINGS * torch.rounding, _AT_MOST * request.tolerance))
    first = locate(torch, mindspore, allowed)
    stage, verdict = _verdict(allowed, failure, faults, mindspore)
    if stage is Stage.RUN and first is not None:
        verdict = Verdict.DIFFERENT
    numbers = [gap for gap in mindspore.outputs if not gap.word]
    complete = bool(mindspore.outputs) and not any(gap.word for gap in mindspore.outputs)
    return Outcome(
        request, verdict, stage, failure, torch.tensors, len(source_faults), missing,
        by_rules=bool(mindspore.modules) and not (faults or torch.by_evidence or torch.demanded),
        by_evidence=torch.by_evidence,
        demanded=torch.demanded,
        weight_faults=tuple(faults),
        outputs=tuple(mindspore.outputs),
        largest_difference=max((gap.largest for gap in numbers), default=None),
        largest_value=max((gap.scale for gap in numbers), default=None),
        relative=max(gap.relative for gap in numbers) if complete else None,
        rounding=torch.rounding if mindspore.outputs else None,
        allowed=allowed,
        gradients=tuple(mindspore.gradients),
        statistics=tuple(mindspore.statistics),
        rows=tuple(layer_rows(torch, mindspore, allowed)),
        first=first if verdict is not Verdict.EQUAL else None,
        notes=(*torch.notes, *mindspore.notes),
        seconds={TORCH: torch.seconds, MINDSPORE: mindspore.seconds},
    )  # fmt: skip


def _verdict(
    allowed: float, failure: Failure | None, faults: list[WeightFault], mindspore: MindSporeAnswer
) -> tuple[Stage, Verdict]:
    if failure is not None:
        return failure.stage, Verdict.FAILED
    if faults:
        return Stage.WEIGHTS, Verdict.DIFFERENT
    equal = all(gap.relative <= allowed for gap in mindspore.outputs)
    equal = equal and not wrong_gradients(mindspore.gradients, allowed)
    equal = equal and all(gap.relative <= allowed for gap in mindspore.statistics)
    return Stage.COMPARE, Verdict.EQUAL if equal else Verdict.DIFFERENT


def wrong_gradients(gaps: list[Gap] | tuple[Gap, ...], allowed: float) -> list[Gap]:
    """The gradients that differ by more than rounding: relative to their size, small ones to the largest."""
    most = max((gap.scale for gap in gaps), default=0.0)
    limit = GRADIENT_FACTOR * allowed
    return [g for g in gaps if g.word or g.largest > limit * max(g.scale, 0.01 * most)]


def _weight_faults(torch: TorchAnswer, mindspore: MindSporeAnswer) -> list[WeightFault]:
    """What has no counterpart, each with the lines of the nearest layer around it on both sides."""

    def fault(name: str, side: str, why: str) -> WeightFault:
        return WeightFault(name, side, why, _made(torch.modules, name), _made(mindspore.modules, name))

    old = {new: name for name, new in torch.renamed.items()}
    faults = [fault(name, TORCH, why) for name, why in torch.unmatched]
    faults += [
        fault(old.get(name, name), TORCH, f"its new name {name} is no parameter of the output's model")
        for name in mindspore.left
    ]
    faults += [fault(name, MINDSPORE, "no tensor of the source becomes this") for name in mindspore.missing]
    for text in mindspore.misshapen:
        name, _, why = text.partition(": ")
        faults.append(fault(name, MINDSPORE, f"shape {why}"))
    return faults


def _made(modules: dict[str, ModuleInfo], name: str) -> Place:
    """The line that made the submodule that the tensor is in, or the nearest one around it."""
    parts = name.split(".")[:-1]
    for count in range(len(parts), -1, -1):
        info = modules.get(".".join(parts[:count]))
        if info is not None and info.made.file:
            return info.made
    return Place()
