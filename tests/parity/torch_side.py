"""The torch process: builds models, randomises them, saves checkpoint, inputs and outputs.

    python -m tests.parity.torch_side JOBS.json

Each job has ``path`` (for ``sys.path``), ``module``, ``build``, ``inputs``, ``name`` and ``out``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.modules.batchnorm import _NormBase

from tests.parity.values import Array, leaves, make_inputs, save


def to_array(value: Any) -> Array | None:
    """A tensor's values; None for anything else."""
    if not isinstance(value, torch.Tensor):
        return None
    array: Array = value.detach().numpy()
    return array


def randomise(model: torch.nn.Module) -> None:
    """Random parameters and buffers, scaled so that signals neither die nor explode."""
    for name, parameter in model.named_parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
        if parameter.ndim > 1:
            parameter.normal_(0, fan_in**-0.5)
        elif "bias" in name:
            parameter.normal_(0, 0.2)
        else:
            parameter.uniform_(0.5, 1.5)
    for buffer in model.buffers():
        if buffer.is_floating_point():
            if not buffer.any():
                buffer.normal_(0, 0.2)
            buffer.mul_(torch.empty_like(buffer).uniform_(0.8, 1.2))


def _own_statistics(module: _NormBase, inputs: tuple[torch.Tensor]) -> None:
    """Gives a BatchNorm statistics near those of what it is about to see."""
    x = inputs[0].transpose(0, 1).flatten(1)
    assert module.running_mean is not None
    assert module.running_var is not None
    spread = x.var(1, correction=0).clamp_min(0.05)
    noise = torch.randn_like(spread)
    module.running_mean.copy_(x.mean(1) + 0.3 * spread.sqrt() * noise)
    module.running_var.copy_(spread * torch.empty_like(spread).uniform_(0.7, 1.4))


def run(job: dict[str, Any]) -> None:
    """Does one job; its outputs must carry a signal."""
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    out = Path(job["out"])
    module = importlib.import_module(job["module"])
    model: torch.nn.Module = eval(job["build"], vars(module))
    model.eval()
    randomise(model)
    arrays = make_inputs(job["inputs"], job["name"])
    inputs = [torch.from_numpy(array) for array in arrays.values()]
    norms = [m for m in model.modules() if isinstance(m, _NormBase) and m.running_mean is not None]
    handles = [norm.register_forward_pre_hook(_own_statistics) for norm in norms]
    model(*[x.clone() for x in inputs])
    for handle in handles:
        handle.remove()
    if model.state_dict():
        torch.save(model.state_dict(), out / "state.pth")
    outputs = dict(leaves(model(*[x.clone() for x in inputs]), to_array))
    signal = [a for a in outputs.values() if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size > 1]
    if not any(1e-3 < float(a.std()) < 1e3 for a in signal):
        raise AssertionError(f"{job['name']}: no output carries a signal")
    save(out, "inputs", dict(arrays))
    save(out, "torch", outputs)


def main() -> None:
    """Does the jobs of a file, all in this process."""
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        sys.path.insert(0, job["path"])
        before = set(sys.modules)
        try:
            run(job)
        except Exception as error:
            raise SystemExit(f"{job['name']}: {type(error).__name__}: {error}") from error
        finally:
            sys.path.remove(job["path"])
            for name in set(sys.modules) - before:  # the next job's module may have the same name
                if (getattr(sys.modules[name], "__file__", None) or "").startswith(job["path"]):
                    del sys.modules[name]


if __name__ == "__main__":
    main()
