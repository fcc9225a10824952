"""What is asked about a model and what its two processes answer; plain data that goes through JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

TORCH, MINDSPORE = "PyTorch", "MindSpore"


class Stage(StrEnum):
    """How far a model came; the last one means that both sides ran and were compared."""

    IMPORT = "import"
    CONSTRUCT = "construct"
    WEIGHTS = "weights"
    RUN = "run"
    COMPARE = "compare"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the user's code, of either side; without a file where none is known."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else "?"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a side could not go on: the exception's class and first words, and the user's line it passed."""

    side: str
    stage: Stage
    error: str
    reason: str
    place: Place = field(default_factory=Place)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place.file else ""
        return f"{where}{self.error}: {self.reason} ({self.stage} in {self.side})"


@dataclass(frozen=True, slots=True)
class Job:
    """One side's work. ``tree`` is the user's code there, ``path`` the folder that its imports start from.

    ``folder`` is where PyTorch's process leaves what MindSpore's reads.
    """

    tree: str
    path: str
    folder: str
    root: str
    args: str
    inputs: tuple[str, ...]
    rules: str
    checkpoint: str
    key: str
    train: bool
    traced: bool
    tolerance: float
    seed: int


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """A submodule: its class, the line that made it, and where its class has its forward, if user's code.

    ``callers`` are the lines through which the user's code came to ``made``, the nearest first.
    """

    kind: str
    made: Place
    forward: Place
    forward_end: int = 0
    callers: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor that PyTorch's process left in a file; ``name`` says where in the value it stood."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]


BEGINS, ENDS = "begins", "ends"


@dataclass(frozen=True, slots=True)
class Event:
    """A moment of a run: the ``number``-th call of a submodule begins, ends, or has bound a local variable.

    ``what`` is ``BEGINS``, ``ENDS`` or the variable with a count, ``place`` the line that calls or binds,
    ``tensors`` are the arguments, the result or the value.
    """

    path: str
    number: int
    what: str
    place: Place
    tensors: tuple[TensorRecord, ...] = ()

    @property
    def key(self) -> tuple[str, int, str]:
        """What the same moment of the other side has too."""
        return self.path, self.number, self.what


@dataclass(frozen=True, slots=True)
class Gap:
    """How two tensors differ; ``word`` is what makes a comparison of numbers impossible ("" for nothing).

    ``largest`` and ``mean`` are absolute, ``scale`` is PyTorch's largest magnitude.
    """

    name: str
    shape: tuple[int, ...]
    largest: float = 0.0
    mean: float = 0.0
    scale: float = 0.0
    word: str = ""

    @property
    def relative(self) -> float:
        """The largest difference relative to max(1, max|y|); infinite where numbers cannot be compared."""
        return float("inf") if self.word else self.largest / max(1.0, self.scale)


@dataclass(frozen=True, slots=True)
class EventGap:
    """An event as MindSpore's process saw it, with how far its tensors are from PyTorch's."""

    path: str
    number: int
    what: str
    place: Place
    gaps: tuple[Gap, ...]

    @property
    def key(self) -> tuple[str, int, str]:
        """What the same moment of the other side has too."""
        return self.path, self.number, self.what

    @property
    def worst(self) -> Gap:
        """The tensor that differs most."""
        return max(self.gaps, key=lambda gap: gap.relative)


@dataclass(slots=True)
class TorchAnswer:
    """What PyTorch's process leaves: the model's submodules, how its weights were converted, its events."""

    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)
    modules: dict[str, ModuleInfo] = field(default_factory=dict)
    unmatched: list[tuple[str, str]] = field(default_factory=list)
    by_evidence: int = 0
    tensors: int = 0
    demanded: int = 0
    renamed: dict[str, str] = field(default_factory=dict)
    outputs: list[tuple[str, TensorRecord | None, Any]] = field(default_factory=list)
    gradients: list[TensorRecord] = field(default_factory=list)
    statistics: list[TensorRecord] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    rounding: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class MindSporeAnswer:
    """What MindSpore's process leaves: differences of outputs, gradients and events."""

    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)
    modules: dict[str, ModuleInfo] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    misshapen: list[str] = field(default_factory=list)
    outputs: list[Gap] = field(default_factory=list)
    gradients: list[Gap] = field(default_factory=list)
    statistics: list[Gap] = field(default_factory=list)
    events: list[EventGap] = field(default_factory=list)
    seconds: float = 0.0


def write(path: Path, value: Job | TorchAnswer | MindSporeAnswer) -> None:
    """Leaves a value for the other process; infinities become null."""
    path.write_bytes(msgspec.json.encode(value))


def read_job(path: Path) -> Job:
    """The job that ``write`` left."""
    return msgspec.json.decode(path.read_bytes(), type=Job)


def read_torch(path: Path) -> TorchAnswer:
    """PyTorch's answer."""
    return msgspec.json.decode(path.read_bytes(), type=TorchAnswer)


def read_mindspore(path: Path) -> MindSporeAnswer:
    """MindSpore's answer."""
    return msgspec.json.decode(path.read_bytes(), type=MindSporeAnswer)
