"""``make demo``: one model through the whole way, migrated, with its weights, run in both frameworks.

    python -m astmigrate.verify.demo [FILE MODEL INPUT]

MODEL is a class or function of FILE that builds a model without arguments, INPUT a shape such as
``2,3,64,64``. The frameworks run in processes of their own; in MindSpore's, torch cannot be imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_DEFAULT = ("fixtures/resnet/before.py", "resnet12", "2,3,64,64")

_TORCH = """
import sys
import numpy as np
import torch

sys.path.insert(0, sys.argv[1])
import before

torch.manual_seed(0)
model = before.{root}()
for name, tensor in model.state_dict().items():  # what a trained model has: nothing is one or zero
    if name.endswith("running_var"):
        tensor.uniform_(0.5, 1.5)
    elif tensor.is_floating_point() and tensor.ndim == 1:
        tensor.add_(torch.randn_like(tensor) * 0.1)
model.eval()
x = torch.randn({shape})
torch.save(model.state_dict(), "model.pth")
with torch.no_grad():
    np.savez("torch.npz", x=x.numpy(), y=model(x).numpy())
"""

_MINDSPORE = """
import sys
sys.modules["torch"] = None
import mindspore
import numpy as np

sys.path.insert(0, "out")
import before

model = before.{root}()
model.load_state_dict(mindspore.load_checkpoint("model.ckpt"))
model.set_train(False)
data = np.load("torch.npz")
y = model(mindspore.Tensor(data["x"])).asnumpy()
difference, largest = abs(y - data["y"]).max(), abs(data["y"]).max()
print(f"output {{y.shape}}: largest value {{largest:.4f}}, largest difference to PyTorch {{difference:.2e}}")
sys.exit(int(difference > 1e-4 * max(1, largest)))
"""


def main() -> int:
    """Runs the demonstration; 1 where the numbers differ or a step fails."""
    source, root, shape = sys.argv[1:4] if len(sys.argv) > 3 else _DEFAULT
    path = Path(source).resolve()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        steps: list[list[str]] = [
            ["-m", "astmigrate", str(path), "-o", "out"],
            ["-c", _TORCH.format(root=root, shape=shape), str(path.parent)],
            [
                "-m",
                "astmigrate",
                "weights",
                "model.pth",
                "--rules",
                f"out/{path.stem}.weights.json",
                "-o",
                "model.ckpt",
            ],
            ["-c", _MINDSPORE.format(root=root)],
        ]
        for step in steps:
            shown = (
                " ".join(["astmigrate", *step[2:]])
                if step[0] == "-m"
                else "running the model in a process of its own"
            )
            print(f"\n$ {shown}", flush=True)
            if _run(step, work):
                return 1
            if step[-1] == "out":
                print((work / "out" / f"{path.stem}.report.txt").read_text(encoding="utf-8"))
    return 0


def _run(arguments: list[str], folder: Path) -> int:
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "GLOG_v": "3", "PYTHONWARNINGS": "ignore"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
