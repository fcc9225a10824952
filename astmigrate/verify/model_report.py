"""What verifying a model came to, as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec

from astmigrate.verify.first_difference import FirstDifference, LayerRow, Lines
from astmigrate.verify.model_jobs import MINDSPORE, Gap, Place, Stage
from astmigrate.verify.outcomes import Outcome, Verdict, WeightFault, wrong_gradients

VERSION = 1
_SHOWN = 20  # lines of one kind of fault
_HEAD = ("layer", "class", "shape", "max diff", "mean diff", "max |y|", "")


def dumps(outcome: Outcome) -> str:
    """The outcome as JSON; infinities and NaN do not occur in it."""
    return json.dumps({"version": VERSION, **msgspec.to_builtins(outcome)}, indent=2) + "\n"


def text(outcome: Outcome) -> str:
    """The outcome as lines: notes, weights, layers, outputs, the first difference, the verdict last."""
    parts = [
        [f"note: {note}" for note in outcome.notes],
        _weights(outcome),
        list(_layers(outcome.rows, outcome.verdict is not Verdict.EQUAL)),
        list(_outputs(outcome)),
        list(_gradients(outcome)),
        list(_first(outcome.first)) if outcome.first is not None else [],
        list(_failure(outcome)),
        [_verdict(outcome)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _weights(outcome: Outcome) -> list[str]:
    failure = outcome.failure
    if failure is not None and (failure.side, failure.stage) != (MINDSPORE, Stage.RUN):
        return []
    if not outcome.weight_faults:
        how = f", {outcome.by_evidence} of them by the tensors beside them" if outcome.by_evidence else ""
        how = " by the rules alone" if outcome.by_rules else how
        return [f"weights: {outcome.tensors} tensors, all placed{how}"] if outcome.tensors else []
    faults = outcome.weight_faults
    lines = [f"weights: {outcome.tensors} tensors, {len(faults)} without a counterpart"]
    for fault in faults[:_SHOWN]:
        lines += _weight_fault(fault)
    return lines + _more(len(faults))


def _weight_fault(fault: WeightFault) -> list[str]:
    return [f"  {fault.side}'s {fault.name}: {fault.why}", *_both(_line(fault.source), _line(fault.output))]


def _more(count: int) -> list[str]:
    return [f"  and {count - _SHOWN} more"] if count > _SHOWN else []


def _layers(rows: Sequence[LayerRow], different: bool) -> Iterator[str]:
    if not rows:
        return
    cells = [_HEAD, *(_cells(row, different) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cells(row: LayerRow, different: bool) -> tuple[str, ...]:
    name = (row.path or "(model)") + (f" #{row.number + 1}" if row.number else "")
    mark = ("DIFFERS" if different else "rounding") if row.differs else ""
    return (name, row.kind.rpartition(".")[2], *_numbers(row.gap), mark)


def _numbers(gap: Gap) -> tuple[str, str, str, str]:
    shape = "x".join(map(str, gap.shape)) or "()"
    if gap.word:
        return shape, gap.word, "", ""
    return shape, f"{gap.largest:.2e}", f"{gap.mean:.2e}", f"{gap.scale:.4g}"


def _outputs(outcome: Outcome) -> Iterator[str]:
    """The outputs, without those that are equal and no tensors, such as lengths."""
    shown = [gap for gap in outcome.outputs if gap.word or gap.shape or gap.largest]
    for gap in shown:
        shape, largest, mean, scale = _numbers(gap)
        numbers = f"max diff {largest}, mean diff {mean}, max |y| {scale}" if not gap.word else gap.word
        yield f"output {gap.name} {shape}: {numbers}"


def _gradients(outcome: Outcome) -> Iterator[str]:
    if not outcome.request.train or not outcome.outputs:
        return
    yield "dropout: off on both sides, for their random numbers differ"
    wrong = wrong_gradients(outcome.gradients, outcome.allowed)
    worst = max(outcome.gradients, key=lambda gap: gap.largest, default=None)
    if worst is not None:
        numbers = f"max diff {worst.largest:.2e} ({worst.name})"
        yield f"gradients: {len(outcome.gradients)} parameters, {len(wrong)} differ, {numbers}"
    yield from _gaps(list(reversed(wrong)))  # the fault is nearest to the last one: backward begins there
    moved = [gap for gap in outcome.statistics if gap.relative > outcome.allowed]
    if outcome.statistics:
        yield f"statistics after the step: {len(outcome.statistics)} buffers, {len(moved)} differ"
    yield from _gaps(moved)


def _gaps(gaps: Sequence[Gap]) -> Iterator[str]:
    for gap in gaps[:_SHOWN]:
        _, largest, _, scale = _numbers(gap)
        yield f"  {gap.name}: {gap.word or f'max diff {largest} where values reach {scale}'}"
    yield from _more(len(gaps))


def _first(first: FirstDifference) -> Iterator[str]:
    yield f"first difference: {first.path or '(model)'} ({first.kind.rpartition('.')[2]}): {first.what}"
    if first.path:
        yield "  made at"
        yield from _both(_chain(first.source_made), _chain(first.output_made))
    if first.source.file or first.output.file:
        yield "  its forward, there"
        yield from _both(_range(first.source), _range(first.output))


def _chain(places: Sequence[Place]) -> Iterator[str]:
    """The line that made a layer, then those that led there."""
    for number, place in enumerate(places):
        yield from (f"{'from ' if number else ''}{line}" for line in _line(place))


def _both(source: Iterable[str], output: Iterable[str]) -> list[str]:
    return [
        *(f"    source  {line}" for line in source),
        *(f"    output  {line}" for line in output),
    ]


def _line(place: Place) -> list[str]:
    return _range(Lines(place.file, place.line, place.line)) if place.file else []


def _range(lines: Lines) -> list[str]:
    """The lines with their text; of many only where they are."""
    if not lines.file:
        return []
    if lines.last - lines.first >= _SHOWN:
        return [str(lines)]
    texts = _texts(lines.file)
    numbers = range(lines.first, min(lines.last, len(texts)) + 1)
    return [f"{lines.file}:{number}: {texts[number - 1].strip()}" for number in numbers]


@cache
def _texts(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()


def _failure(outcome: Outcome) -> Iterator[str]:
    failure = outcome.failure
    if failure is None:
        return
    verb = {
        Stage.IMPORT: "cannot import the module",
        Stage.CONSTRUCT: "cannot build the model",
        Stage.WEIGHTS: "cannot give the model its weights",
    }.get(failure.stage, "cannot run the model")
    yield f"{failure.side} {verb}:"
    yield f"  {failure.error}: {failure.reason}"
    yield from (f"  {line}" for line in _line(failure.place))


def _verdict(outcome: Outcome) -> str:
    limit = f"{outcome.allowed:.3g} * max(1, max|y|)"
    if outcome.verdict is Verdict.FAILED:
        return "could not run"
    if outcome.relative is None:
        return "DIFFERENT"
    largest, scale = outcome.largest_difference, outcome.largest_value
    numbers = f"largest difference {largest:.3g} where values reach {scale:.4g}"
    word = "equal" if outcome.verdict is Verdict.EQUAL else "DIFFERENT"
    rounding = f"; rounding alone: {outcome.rounding:.1e}" if outcome.rounding is not None else ""
    return f"{word}: {numbers} (allowed: {limit}{rounding})"
