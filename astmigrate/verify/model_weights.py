"""The weights on their way: from a checkpoint into the torch model, and by the rules to MindSpore's names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from astmigrate.verify.model_jobs import TORCH, Failure, Job, Place, Stage, TorchAnswer
from astmigrate.verify.model_loading import SideError
from astmigrate.weights.checkpoint import Checkpoint, open_checkpoint
from astmigrate.weights.convert import Plan, plan_conversion, refuse
from astmigrate.weights.entries import Entry, to_float32
from astmigrate.weights.failures import RequestError, WeightsError
from astmigrate.weights.mindspore_files import refused
from astmigrate.weights.resolve import Status
from astmigrate.weights.rules import RulesFile, load
from astmigrate.weights.safetensors_files import write_safetensors
from astmigrate.weights.torch_files import tensor_entry

FILE = "weights.safetensors"


def load_checkpoint(model: torch.nn.Module, job: Job) -> None:
    """Loads ``--checkpoint`` strictly into the model."""
    try:
        checkpoint = open_checkpoint(Path(job.checkpoint), job.key or None)
        tensors = {name: _tensor(entry) for name, entry in checkpoint.entries.items()}
    except WeightsError as error:
        raise SideError(_failure(error, job.checkpoint)) from error
    model.load_state_dict(tensors, strict=True)


def _tensor(entry: Entry) -> torch.Tensor:
    """The numbers; those that numpy has no type for as float32, loading makes them the parameter's type."""
    array = np.array(entry.read())
    return torch.from_numpy(to_float32(array, entry.dtype) if entry.dtype == "bfloat16" else array)


def convert(model: torch.nn.Module, job: Job, answer: TorchAnswer) -> None:
    """Converts the model's state by the migration's rules, as ``astmigrate weights`` does it.

    Leaves ``weights.safetensors`` in the job's folder, and in ``answer`` what has no place.
    """
    entries: dict[str, Entry] = {}
    unreadable: dict[str, str] = {}
    for name, tensor in model.state_dict().items():
        entry = tensor_entry(name, tensor) if isinstance(tensor, torch.Tensor) else "no tensor"
        if isinstance(entry, Entry):
            entries[name] = entry
        else:
            unreadable[name] = entry
    out = Path(job.folder) / FILE
    if not entries and not unreadable:
        write_safetensors(out, [], "ms")
        return
    kind = type(model)
    try:
        checkpoint = Checkpoint(entries, {name: name for name in entries}, unreadable, ())
        plan = _plan(checkpoint, load(Path(job.rules)), f"{kind.__module__}:{kind.__qualname__}", answer)
        refuse(plan, lambda entry: refused(entry, out.suffix))
        write_safetensors(out, plan.targets, "ms")
    except WeightsError as error:
        raise SideError(_failure(error, job.rules)) from error
    _describe(plan, answer)


def _plan(checkpoint: Checkpoint, rules: RulesFile, root: str, answer: TorchAnswer) -> Plan:
    """By the rules of the model's own class; where they lack it, by the class that goes best with it."""
    try:
        return plan_conversion(checkpoint, rules, root=root)
    except RequestError:
        plan = plan_conversion(checkpoint, rules)
        answer.notes.append(
            f"the rules have no class {root}; those of {plan.root.name or 'single layers'} are used"
        )
        return plan


def _describe(plan: Plan, answer: TorchAnswer) -> None:
    for row in plan.rows:
        if row.status in (Status.UNMATCHED, Status.MISSHAPEN):
            answer.unmatched.append((row.source_name, row.why))
        elif row.source is not None and row.target is not None:
            answer.renamed[row.source.name] = row.target.name
    answer.tensors = len(plan.rows)
    answer.by_evidence = sum(row.by_evidence for row in plan.rows)
    answer.demanded = len(plan.missing)


def _failure(error: WeightsError, file: str) -> Failure:
    return Failure(TORCH, Stage.WEIGHTS, type(error).__name__, str(error), Place(file, 0))
