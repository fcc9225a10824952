"""Builds one model from the source and from its migration, gives both the same weights, and compares.

``verify_model(Request(...))`` is what ``astmigrate verify`` calls, and what anything else that runs models
in numbers should call: it never raises for what the user's code does, starts two processes one after the
other (PyTorch's, then MindSpore's, where torch cannot be imported), each within the limits of the request,
and gives an ``Outcome``::

    outcome = verify_model(Request(
        source="site/torchvision", out="out", root="torchvision.models:resnet18",
        inputs=("f32[1, 3, 64, 64]",), layers=Layers.NEVER, seconds=300, memory=4 << 30,
    ))
    outcome.verdict     # equal, different, failed
    outcome.stage       # the stage reached: import, construct, weights, run, compare
    outcome.failure     # side, error class, first reason, the user's file and line; None where all ran
    outcome.relative    # max|difference| / max(1, max|y|); None where there are no numbers

With ``Layers.DIFFERENT`` a model that differs, or fails in MindSpore while running, is run once more with
every layer compared; ``outcome.rows`` and ``outcome.first`` are empty otherwise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from astmigrate.verify.model_jobs import (
    MINDSPORE,
    TORCH,
    Failure,
    Job,
    MindSporeAnswer,
    Stage,
    TorchAnswer,
    read_mindspore,
    read_torch,
    write,
)
from astmigrate.verify.model_loading import reached
from astmigrate.verify.model_process import run_side
from astmigrate.verify.outcomes import Layers, Outcome, Request, Verdict, judge

__all__ = ["Layers", "Outcome", "Request", "RequestError", "Stage", "Verdict", "verify_model"]

Run = Callable[[str, Path, float, int | None], str]  # module, job, seconds, bytes: "" or why it failed
_SIDES = ((TORCH, "astmigrate.verify.model_torch"), (MINDSPORE, "astmigrate.verify.model_mindspore"))


class RequestError(Exception):
    """What is asked for does not exist or makes no sense; nothing was run."""


def verify_model(request: Request, run: Run = run_side) -> Outcome:
    """Verifies one model; raises ``RequestError`` before anything is run, nothing afterwards.

    ``run`` does a side's job in a process: a new one, or one that is forked (model_server.py).
    """
    jobs = _jobs(request)
    outcome = _run(request, jobs, request.layers is Layers.ALWAYS, run)
    again = outcome.stage is Stage.RUN and outcome.failure is not None and outcome.failure.side == MINDSPORE
    again = again or (outcome.stage is Stage.COMPARE and outcome.verdict is Verdict.DIFFERENT)
    if request.layers is Layers.DIFFERENT and again:
        traced = _run(request, jobs, True, run)
        return replace(traced, notes=outcome.notes)
    return outcome


def _jobs(request: Request) -> dict[str, Job]:
    """What either side is asked; the module is found from the same import root as the migration's."""
    source, out = Path(request.source), Path(request.out)
    for path in (source, out):
        if not path.exists():
            raise RequestError(f"{path}: no such file or folder")
    if ":" not in request.root and source.is_file():
        request = replace(request, root=f"{source.stem}:{request.root}")
    module, _, name = request.root.partition(":")
    if not module or not name:
        raise RequestError(f"--root {request.root}: say MODULE:CLASS or MODULE:FUNCTION")
    package = source.is_file() or (source / "__init__.py").exists()
    rules = Path(request.rules) if request.rules else _rules(source, out)
    if not rules.is_file():
        raise RequestError(f"{rules}: there are no weight rules; migrate {source} to {out} first")
    tree = source.parent if source.is_file() else source
    path = source.resolve().parent if package else source.resolve()
    job = Job(
        str(tree), str(path), "", request.root, request.args, request.inputs, str(rules),
        request.checkpoint, request.key, request.train, False, request.tolerance, request.seed,
    )  # fmt: skip
    return {TORCH: job, MINDSPORE: replace(job, tree=str(out), path=str(out.resolve()))}


def _rules(source: Path, out: Path) -> Path:
    return out / (f"{source.stem}.weights.json" if source.is_file() else "weights.json")


def _run(request: Request, jobs: dict[str, Job], traced: bool, run: Run) -> Outcome:
    """Both processes, one after the other; the second only if the first came to its end."""
    torch, mindspore = TorchAnswer(), MindSporeAnswer()
    with tempfile.TemporaryDirectory(prefix="astmigrate-verify-") as folder:
        for side, module in _SIDES:
            path = Path(folder) / f"{side.lower()}.job"
            write(path, replace(jobs[side], folder=folder, traced=traced))
            why = run(module, path, request.seconds, request.memory)
            failure = Failure(side, reached(Path(folder), side), "Process", why) if why else None
            if side == TORCH:
                torch = TorchAnswer(failure) if why else read_torch(Path(folder) / "torch.json")
                if torch.failure is not None:
                    break
            else:
                answer = Path(folder) / "mindspore.json"
                mindspore = MindSporeAnswer(failure) if why else read_mindspore(answer)
    return judge(request, torch, mindspore)
