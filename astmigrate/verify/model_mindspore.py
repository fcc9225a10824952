"""MindSpore's process: torch cannot be imported; builds the output's model, loads strictly, runs, compares.

    python -m astmigrate.verify.model_mindspore JOB.json

Reads what ``model_torch`` left in the job's folder and leaves ``mindspore.json`` (a ``MindSporeAnswer``).
"""

from __future__ import annotations

import importlib
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")  # before mindspore; else convolutions are slow

import mindspore
import numpy as np
from mindspore import nn

from astmigrate.verify.blocking import block
from astmigrate.verify.call_trace import Births, listening
from astmigrate.verify.compare import TensorValue
from astmigrate.verify.mindspore_side import tensor_of, tensor_value
from astmigrate.verify.mindspore_training import gaps, step, without_dropout
from astmigrate.verify.model_jobs import (
    MINDSPORE,
    EventGap,
    Failure,
    Gap,
    Job,
    MindSporeAnswer,
    Place,
    Stage,
    TensorRecord,
    read_job,
    read_torch,
    write,
)
from astmigrate.verify.model_loading import SideError, Tree, construct, import_module, located
from astmigrate.verify.model_values import gap, leaves, make_inputs, tensors
from astmigrate.verify.tensor_files import TensorFiles
from astmigrate.weights.entries import Entry
from astmigrate.weights.safetensors_files import read_safetensors


class _Side:
    """The steps of one job; what each learns goes into ``answer``."""

    def __init__(self, job: Job) -> None:
        self.job, self.answer = job, MindSporeAnswer()
        self.folder = Path(job.folder)
        self.torch = read_torch(self.folder / "torch.json")
        self.files = TensorFiles(self.folder)
        self.tree = Tree(job.tree)
        self.births = Births(self.tree)
        self.expected = {event.key: event.tensors for event in self.torch.events}

    def run(self) -> None:
        """All steps up to the first that fails."""
        try:
            model = self._build()
            with located(MINDSPORE, Stage.WEIGHTS, self.tree, self.folder):
                complete = self._load(model)
            if complete:
                with located(MINDSPORE, Stage.RUN, self.tree, self.folder):
                    self._compare(self._compute(model))
        except SideError as error:
            self.answer.failure = error.failure

    def _build(self) -> nn.Cell:
        self.births.install(nn.Cell)
        _seed(self.job.seed)
        # An operator's error otherwise surfaces in a later line.
        mindspore.runtime.launch_blocking()
        if self.job.train:
            without_dropout()
        with located(MINDSPORE, Stage.IMPORT, self.tree, self.folder):
            module = import_module(self.job)
        with located(MINDSPORE, Stage.CONSTRUCT, self.tree, self.folder):
            model = construct(self.job, module)
        if not isinstance(model, nn.Cell):
            reason = f"{self.job.root} gives a {type(model).__name__}, not a mindspore.nn.Cell"
            raise SideError(Failure(MINDSPORE, Stage.CONSTRUCT, "TypeError", reason))
        self.answer.modules = self.births.describe(model.cells_and_names(), "construct")
        return model

    def _load(self, model: nn.Cell) -> bool:
        """Whether names and shapes agree on both sides; if so all is loaded, by path, strictly."""
        entries, _ = read_safetensors(self.folder / "weights.safetensors")
        given = {entry.name: entry for entry in entries}
        own = model.state_dict()
        self.answer.missing = [name for name in own if name not in given]
        self.answer.left = [name for name in given if name not in own]
        self.answer.misshapen = [
            f"{name}: {list(given[name].shape)} converted, {list(own[name].shape)} in the model"
            for name in own.keys() & given.keys()
            if tuple(own[name].shape) != given[name].shape
        ]
        if self.answer.missing or self.answer.left or self.answer.misshapen:
            return False
        for name, entry in given.items():  # beside its metadata, which a model's own hooks may read
            own[name] = _loaded(entry)
        self._fill(model, own)
        misnamed = sum(path != parameter.name for path, parameter in model.parameters_and_names())
        if misnamed:
            self.answer.notes.append(
                f"{misnamed} parameters have another name than their path: load with load_state_dict, "
                "not with load_param_into_net"
            )
        return True

    def _fill(self, model: nn.Cell, state: Any) -> None:
        """Loads by path; where the model's own hook of that refuses, by the parameters' names."""
        try:
            model.load_state_dict(state, strict=True)
        except Exception as error:
            left = mindspore.load_param_into_net(
                model, {name: mindspore.Parameter(value) for name, value in state.items()}, strict_load=True
            )
            if any(left):
                raise
            told = f"{type(error).__name__}: {error}"[:200]
            self.answer.notes.append(f"load with load_param_into_net; the model's own hook refuses: {told}")

    def _running(self, model: nn.Cell) -> Callable[[], Any]:
        args, kwargs = make_inputs(self.job.inputs, self.job.seed)

        def run() -> Any:
            _seed(self.job.seed)
            named = {name: as_tensor(value) for name, value in kwargs.items()}
            return model(*[as_tensor(value) for value in args], **named)

        return run

    def _compute(self, model: nn.Cell) -> Any:
        run = self._running(model)
        model.set_train(self.job.train)
        with ExitStack() as stack:
            if self.job.traced:
                stack.enter_context(listening(nn.Cell, model.cells_and_names(), self.tree, self._listen))
            if not self.job.train:
                return run()
            output, found = step(model, run)
        self._compare_step(model, found)
        return output

    def _compare_step(self, model: nn.Cell, found: dict[str, Any]) -> None:
        renamed = self.torch.renamed
        values = {path: tensor_value(gradient) for path, gradient in found.items()}
        self.answer.gradients, alone = gaps(self.torch.gradients, renamed, values, self.files)
        state = {path: tensor_value(value) for path, value in model.state_dict().items()}
        self.answer.statistics, _ = gaps(self.torch.statistics, renamed, state, self.files)
        if alone:
            self.answer.notes.append(f"gradients without a counterpart: {', '.join(alone)}")

    def _compare(self, output: Any) -> None:
        """The differences of the outputs; where their structures differ, only that."""
        found = list(leaves(output, value_of))
        expected = self.torch.outputs
        paths = [path for path, _ in found]
        if [path for path, _, _ in expected] != paths:
            word = f"{[path for path, _, _ in expected]} in PyTorch, {paths} in MindSpore"
            self.answer.outputs.append(Gap("y", (), word=f"structure: {word}"[:500]))
            return
        for (path, record, plain), (_, have) in zip(expected, found, strict=True):
            self.answer.outputs.append(self._gap(path, record, plain, have))

    def _gap(self, path: str, record: TensorRecord | None, plain: Any, have: Any) -> Gap:
        if record is not None and isinstance(have, TensorValue):
            return gap(path, self.files.read(record), have)
        if record is not None or isinstance(have, TensorValue):
            here = "a tensor" if isinstance(have, TensorValue) else repr(have)
            there = "a tensor" if record is not None else repr(plain)
            return Gap(path, (), word=f"{there} in PyTorch, {here} in MindSpore")
        if isinstance(plain, float) and isinstance(have, float):
            return Gap(path, (), abs(plain - have), abs(plain - have), abs(plain))
        return Gap(path, (), word="" if plain == have else f"{plain!r} in PyTorch, {have!r} in MindSpore")

    def _listen(self, path: str, number: int, what: str, place: Place, values: Any) -> None:
        """Compares an event with torch's; one whose tensors do not correspond is left out."""
        expected = self.expected.get((path, number, what), ())
        found = tensors(values, value_of)
        if len(found) != len(expected):
            if found:  # kept all the same, for variables are counted
                self.answer.events.append(EventGap(path, number, what, place, ()))
            return
        pairs = zip(expected, found, strict=True)
        gaps_ = tuple(gap(want.name, self.files.read(want), have, dtypes=False) for want, (_, have) in pairs)
        self.answer.events.append(EventGap(path, number, what, place, gaps_))


def as_tensor(value: Any) -> Any:
    """An input as a new MindSpore tensor; plain values stay."""
    return tensor_of(value) if isinstance(value, TensorValue) else value


def value_of(value: Any) -> TensorValue | None:
    """A MindSpore tensor's numbers; None for anything else."""
    return tensor_value(value) if isinstance(value, mindspore.Tensor) else None


def _loaded(entry: Entry) -> mindspore.Tensor:
    array = np.array(entry.read()).reshape(entry.shape)
    if entry.dtype == "bfloat16":  # MindSpore brings numpy a type for it, and takes its arrays bit by bit
        array = array.view(mindspore.Tensor(0.0, mindspore.bfloat16).asnumpy().dtype)
    return mindspore.Tensor(array)


def _seed(seed: int) -> None:
    mindspore.set_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def preload(name: str) -> None:
    """Imports the output's package before a fork; torch is out of reach from here on."""
    block("torch")
    importlib.import_module(name)


def run_job(path: Path) -> None:
    """Does the job of a file."""
    started = time.monotonic()
    side = _Side(read_job(path))
    block("torch")
    sys.modules["astmigrate"] = None  # type: ignore[assignment]  # the output must do without it, too
    side.run()
    side.answer.seconds = round(time.monotonic() - started, 3)
    write(Path(side.job.folder) / "mindspore.json", side.answer)


if __name__ == "__main__":
    run_job(Path(sys.argv[1]))
