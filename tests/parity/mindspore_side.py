"""The MindSpore process: torch cannot be imported; builds the migrated model, loads strictly, compares.

    python -m tests.parity.mindspore_side JOB.json

The job has ``path`` (for ``sys.path``), ``module``, ``build``, ``inputs``, ``out`` (what torch_side left)
and ``checkpoint`` ("" for none). Prints what differs, one line each, and exits 1 if anything does.
"""

from __future__ import annotations

import importlib
import importlib.abc
import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")  # before mindspore: see docs on convolution speed

from tests.parity.values import Array, differences, leaves, load

BLOCKED = frozenset({"torch", "torchvision", "torchaudio", "torchtext", "astmigrate"})


class NoTorch(importlib.abc.MetaPathFinder):
    """Makes importing torch fail as where it is not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raises for torch and its family."""
        if fullname.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def to_array(value: Any) -> Array | None:
    """A tensor's values; None for anything else."""
    import mindspore as ms

    if not isinstance(value, ms.Tensor):
        return None
    array: Array = value.asnumpy()
    return array


def run(job: dict[str, Any]) -> list[str]:
    """Builds, loads, runs; what differs from torch."""
    import mindspore as ms

    folder = Path(job["out"])
    module = importlib.import_module(job["module"])
    model = eval(job["build"], vars(module))
    broken = load_strictly(model, job["checkpoint"]) if job["checkpoint"] else []
    model.set_train(False)
    inputs = [ms.Tensor(array) for array in load(folder, "inputs").values()]
    found = dict(leaves(model(*inputs), to_array))
    return broken + differences(load(folder, "torch"), found)


def load_strictly(model: Any, checkpoint: str) -> list[str]:
    """Loads by path, buffers too; the parameters must also be found by their own names.

    ``load_state_dict`` goes by the attributes' path and raises for what is missing or left over,
    ``load_param_into_net`` by ``Parameter.name`` and only returns what it has not found.
    """
    import mindspore as ms

    tensors = ms.load_checkpoint(checkpoint)
    model.load_state_dict(tensors, strict=True)
    missing, _ = ms.load_param_into_net(model, tensors)
    return [f"{name}: load_param_into_net does not find it" for name in missing]


def main() -> None:
    """Runs the job of a file."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.meta_path.insert(0, NoTorch())
    sys.path.insert(0, job["path"])
    broken = run(job)
    print("\n".join(broken))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
