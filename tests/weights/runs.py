"""What the tests of the weights share: rules by hand, one run of the command, two frameworks compared."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

NORM = {"weight": "gamma", "bias": "beta"}
BATCH_NORM = {
    **NORM,
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
    "num_batches_tracked": "",
}
LAYERS: dict[str, dict[str, Any]] = {
    "torch.nn.BatchNorm1d": BATCH_NORM,
    "torch.nn.BatchNorm2d": BATCH_NORM,
    "torch.nn.LayerNorm": NORM,
    "torch.nn.GroupNorm": NORM,
    "torch.nn.Embedding": {"weight": "embedding_table"},
    "torch.nn.PReLU": {"weight": "w"},
    "torch.nn.Conv1d": {"weight": {"name": "weight", "insert_axis": 2}},
    "torch.nn.ConvTranspose1d": {"weight": {"name": "weight", "insert_axis": 2}},
}


@dataclass(frozen=True)
class Run:
    """One run of the command: its exit code, what it printed, where it wrote."""

    code: int
    text: str
    out: Path

    @property
    def record(self) -> dict[str, list[dict[str, dict[str, Any]]]]:
        """The JSON record beside the output."""
        loaded: dict[str, list[dict[str, dict[str, Any]]]] = json.loads(
            self.out.with_suffix(".json").read_text()
        )
        return loaded

    @property
    def targets(self) -> dict[str, list[int]]:
        """Names and shapes of the result, by the record."""
        (rows,) = self.record.values()
        return {row["converted_weight"]["name"]: row["converted_weight"]["shape"] for row in rows}


def rules_of(
    classes: Mapping[str, Any], rename: list[list[str]] | None = None, layers: Mapping[str, Any] = LAYERS
) -> str:
    """The text of a weights.json."""
    return json.dumps(
        {"version": 1, "classes": dict(classes), "layers": dict(layers), "rename": rename or []}
    )


def one_class(**children: Any) -> dict[str, Any]:
    """A single class ``net.Net`` with these children."""
    return {"net.Net": {"path": "net.py", "line": 1, "children": children}}


Command = Callable[..., Run]


def run_command(folder: Path, checkpoint: Any, rules: Any, out: str = "out.ckpt", **options: Any) -> Run:
    """Runs ``astmigrate weights``: a path, or what torch.save shall write; rules as text or classes."""
    from astmigrate.weights.command import run

    path = checkpoint if isinstance(checkpoint, Path) else folder / "source.pth"
    if path is not checkpoint:
        import torch

        torch.save(checkpoint, path)
    rules_path = folder / "rules.weights.json"
    rules_path.write_text(rules if isinstance(rules, str) else rules_of(rules))
    stream = io.StringIO()
    defaults: dict[str, Any] = {"root": None, "maps": (), "list_only": False, "reverse": False, "key": None}
    console = Console(file=stream, width=200)
    code = run(path, rules_path, folder / out, **{**defaults, **options}, console=console)
    return Run(code, stream.getvalue(), folder / out)


def randomised(module: Any) -> Any:
    """The torch module in eval mode with random weights and plausible statistics."""
    import torch

    generator = torch.Generator().manual_seed(7)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            values = torch.rand(tensor.shape, generator=generator) + 0.1
            tensor.copy_(values if "var" in name else values - 0.6)
        else:
            tensor.fill_(5)
    return module.eval()


def load_into(cell: Any, out: Path) -> Any:
    """The MindSpore cell with the converted checkpoint, every name and shape checked by MindSpore itself."""
    import mindspore as ms

    fmt = "safetensors" if out.suffix == ".safetensors" else "ckpt"
    loaded = ms.load_checkpoint(str(out), format=fmt)
    result = cell.load_state_dict(loaded)
    assert not result.missing_keys, result
    assert not result.unexpected_keys, result
    return cell.set_train(False)


def assert_same(module: Any, cell: Any, *inputs: Any) -> None:
    """Both give the same numbers."""
    import mindspore as ms
    import numpy as np
    import torch

    with torch.no_grad():
        expected = module(*(torch.from_numpy(x) for x in inputs))
    actual = cell(*(ms.Tensor(x) for x in inputs))
    pairs = [(expected, actual)] if isinstance(expected, torch.Tensor) else [(expected[0], actual[0])]
    for torch_value, ms_value in pairs:
        np.testing.assert_allclose(ms_value.asnumpy(), torch_value.numpy(), rtol=1e-4, atol=1e-4)
