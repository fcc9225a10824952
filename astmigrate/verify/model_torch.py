"""PyTorch's process: builds the source's model, conditions it, converts its weights, runs it.

    python -m astmigrate.verify.model_torch JOB.json

Leaves in the job's folder ``torch.json`` (a ``TorchAnswer``), ``weights.safetensors`` and the tensors.
"""

from __future__ import annotations

import importlib
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from astmigrate.verify.call_trace import Births, listening
from astmigrate.verify.compare import TensorValue
from astmigrate.verify.conditioning import condition
from astmigrate.verify.missing_operators import with_declared
from astmigrate.verify.model_jobs import (
    BEGINS,
    ENDS,
    TORCH,
    Event,
    Failure,
    Job,
    Place,
    Stage,
    TensorRecord,
    TorchAnswer,
    read_job,
    write,
)
from astmigrate.verify.model_loading import SideError, Tree, construct, import_module, located
from astmigrate.verify.model_values import gap, leaves, make_inputs, tensors
from astmigrate.verify.model_weights import convert, load_checkpoint
from astmigrate.verify.tensor_files import TensorFiles
from astmigrate.verify.torch_side import tensor_value
from astmigrate.verify.torch_training import step, without_dropout

_ROUNDING = 2.0**-24  # of float32, relative


class _Side:
    """The steps of one job; what each learns goes into ``answer``."""

    def __init__(self, job: Job) -> None:
        self.job, self.answer = job, TorchAnswer()
        self.tree = Tree(job.tree)
        self.births = Births(self.tree)
        self.folder = Path(job.folder)
        self.files = TensorFiles(self.folder)

    def run(self) -> None:
        """All steps up to the first that fails."""
        try:
            model = self._build()
            self._weigh(model)
            with located(TORCH, Stage.RUN, self.tree, self.folder):
                self._compute(model)
        except SideError as error:
            self.answer.failure = error.failure

    def _build(self) -> torch.nn.Module:
        self.births.install(torch.nn.Module)
        _seed(self.job.seed)
        if self.job.train:
            without_dropout()
        with located(TORCH, Stage.IMPORT, self.tree, self.folder):
            module, declared = with_declared(lambda: import_module(self.job))
        if declared:
            missing = f"the compiled operators {', '.join(declared)} are missing here; no model can call them"
            self.answer.notes.append(missing)
        with located(TORCH, Stage.CONSTRUCT, self.tree, self.folder):
            model = construct(self.job, module)
        if not isinstance(model, torch.nn.Module):
            reason = f"{self.job.root} gives a {type(model).__name__}, not a torch.nn.Module"
            raise SideError(Failure(TORCH, Stage.CONSTRUCT, "TypeError", reason))
        self.answer.modules = self.births.describe(model.named_modules(), "forward")
        return model

    def _weigh(self, model: torch.nn.Module) -> None:
        """Real weights or random ones that show a fault; then what MindSpore shall load."""
        model.eval()
        if not self.job.checkpoint:
            with located(TORCH, Stage.RUN, self.tree, self.folder):
                condition(model, lambda: self._running(model)(self.job.seed), self.job.seed)
        with located(TORCH, Stage.WEIGHTS, self.tree, self.folder):
            if self.job.checkpoint:
                load_checkpoint(model, self.job)
            convert(model, self.job, self.answer)

    def _running(self, model: torch.nn.Module) -> Callable[[int], Any]:
        """A call of the model with fresh copies of the inputs, for a model may write into them.

        Its argument seeds torch, numpy and Python.
        """
        args, kwargs = make_inputs(self.job.inputs, self.job.seed)

        def run(seed: int) -> Any:
            _seed(seed)
            named = {name: as_tensor(value) for name, value in kwargs.items()}
            return model(*[as_tensor(value) for value in args], **named)

        return run

    def _compute(self, model: torch.nn.Module) -> None:
        run = self._running(model)
        listened = self._listened(model, run) if self.job.traced else run
        if self.job.train:
            model.train()
            output = step(model, run, listened, self.job.seed, self.answer, self.files)
        else:
            with torch.no_grad():
                output = listened(self.job.seed)
        found = list(leaves(output, value_of))
        _check_signal(found)
        for path, leaf in found:
            is_tensor = isinstance(leaf, TensorValue)
            record = self.files.keep(path, leaf) if is_tensor else None
            self.answer.outputs.append((path, record, None if is_tensor else leaf))
        self.answer.rounding = _rounding(model, lambda: run(self.job.seed), found)

    def _listened(self, model: torch.nn.Module, run: Callable[[int], Any]) -> Callable[[int], Any]:
        """``run`` with every call of a submodule kept for MindSpore's process."""

        def listened(seed: int) -> Any:
            with listening(torch.nn.Module, model.named_modules(), self.tree, self._listen):
                return run(seed)

        return listened

    def _listen(self, path: str, number: int, what: str, place: Place, values: Any) -> None:
        kept: list[TensorRecord] = [self.files.keep(name, t) for name, t in tensors(values, value_of)]
        if kept or what in (BEGINS, ENDS):
            self.answer.events.append(Event(path, number, what, place, tuple(kept)))


def as_tensor(value: Any) -> Any:
    """An input as a new torch tensor; plain values stay."""
    if not isinstance(value, TensorValue):
        return value
    return torch.tensor(value.values).to(getattr(torch, value.dtype))


def value_of(value: Any) -> TensorValue | None:
    """A torch tensor's numbers; None for anything else."""
    return tensor_value(value) if isinstance(value, torch.Tensor) and not value.is_quantized else None


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _rounding(model: torch.nn.Module, run: Callable[[], Any], before: list[tuple[str, Any]]) -> float:
    """How far the outputs move, relative to max(1, max|y|), where all weights move by one rounding.

    What is left of a comparison below this is no difference of the two models.
    """
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                noise = torch.randn(parameter.shape, generator=random, dtype=torch.float32)
                parameter.mul_(1 + _ROUNDING * noise.to(parameter.dtype))
        after = dict(leaves(run(), value_of))
    gaps = [gap(path, leaf, after[path]) for path, leaf in before if isinstance(leaf, TensorValue)]
    return max((found.relative for found in gaps if not found.word), default=0.0)


def _check_signal(found: list[tuple[str, Any]]) -> None:
    """Outputs without any finite number prove nothing."""
    floats = [leaf.values for _, leaf in found if isinstance(leaf, TensorValue) and leaf.values.size]
    if not floats:
        raise ValueError("the model returns no tensor with elements; nothing can be compared")
    if not any(np.isfinite(values).any() for values in floats):
        raise ValueError("all outputs are infinite or NaN; nothing can be compared")


def preload(name: str) -> None:
    """Imports the user's package before a fork; each job imports it too, at no cost then."""
    torch.set_num_threads(1)
    with_declared(lambda: importlib.import_module(name))


def run_job(path: Path) -> None:
    """Does the job of a file."""
    started = time.monotonic()
    side = _Side(read_job(path))
    side.run()
    side.answer.seconds = round(time.monotonic() - started, 3)
    write(Path(side.job.folder) / "torch.json", side.answer)


if __name__ == "__main__":
    run_job(Path(sys.argv[1]))
