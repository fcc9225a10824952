"""One model from torch through ``astmigrate`` and ``astmigrate weights`` to MindSpore, and the verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_ENVIRONMENT = {
    **os.environ,
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model to build on both sides.

    ``root`` is its class as ``MODULE:CLASS``, ``rules`` the weights.json of its migration.
    """

    name: str
    module: str
    root: str
    build: str
    inputs: Mapping[str, str]
    source: Path
    migrated: Path
    rules: Path


def python(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Runs a module of this project, or of astmigrate, in a process of its own."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=_ENVIRONMENT, timeout=timeout
    )


def run_in_torch(models: Sequence[Model], folder: Path) -> str:
    """Runs all models in one torch process; what went wrong, "" if nothing."""
    jobs = []
    for model in models:
        out = folder / model.name
        out.mkdir(parents=True)
        jobs.append(_job(model, out, model.source))
    path = folder / "jobs.json"
    path.write_text(json.dumps(jobs), encoding="utf-8")
    return _failure(python("tests.parity.torch_side", str(path)))


def convert_weights(models: Sequence[Model], folder: Path) -> str:
    """``astmigrate weights`` for all models in one process; what it said is for ``conversion``."""
    jobs = []
    for model in models:
        out = folder / model.name
        if (out / "state.pth").exists():  # a model without parameters and buffers has none
            rules = ["--rules", str(model.rules), "--root", model.root]
            arguments = [str(out / "state.pth"), *rules, "-o", str(out / "model.ckpt")]
            jobs.append((arguments, str(out / "conversion.txt")))
    path = folder / "conversions.json"
    path.write_text(json.dumps(jobs), encoding="utf-8")
    return _failure(python("tests.parity.convert_side", str(path)))


def conversion(model: Model, folder: Path) -> str:
    """What the conversion of a model's checkpoint left unmatched; "" where nothing."""
    words = folder / model.name / "conversion.txt"
    return words.read_text(encoding="utf-8") if words.exists() else ""


def compare_in_mindspore(model: Model, folder: Path) -> str:
    """Loads the converted checkpoint strictly in MindSpore and compares the outputs; "" where they agree."""
    out = folder / model.name
    checkpoint = out / "model.ckpt"
    job = {**_job(model, out, model.migrated), "checkpoint": str(checkpoint) if checkpoint.exists() else ""}
    path = out / "mindspore.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    return _failure(python("tests.parity.mindspore_side", str(path)))


def _job(model: Model, out: Path, path: Path) -> dict[str, object]:
    return {
        "name": model.name,
        "module": model.module,
        "build": model.build,
        "inputs": dict(model.inputs),
        "path": str(path),
        "out": str(out),
    }


def _failure(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == 0:
        return ""
    return f"exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
