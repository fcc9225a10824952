"""One training step in MindSpore, as ``torch_training`` does it, and how far it is from torch's.

https://www.mindspore.cn/docs/en/master/api_python/mindspore/mindspore.value_and_grad.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mindspore
import numpy as np
from mindspore import nn, ops

from astmigrate.verify.compare import TensorValue
from astmigrate.verify.model_jobs import Gap, TensorRecord
from astmigrate.verify.model_values import gap
from astmigrate.verify.projection import direction
from astmigrate.verify.tensor_files import TensorFiles

_LAYERS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d")
_FUNCTIONS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")


def without_dropout() -> None:
    """Makes MindSpore's dropout give its input from now on."""

    def construct(self: Any, x: Any) -> Any:
        return x

    def unchanged(input: Any, *_: Any, **__: Any) -> Any:
        return input

    for name in _LAYERS:
        getattr(nn, name).construct = construct
    for module in (ops, mindspore.mint.nn.functional):
        for name in _FUNCTIONS:
            if hasattr(module, name):
                setattr(module, name, unchanged)


def step(model: nn.Cell, run: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """The output of one training forward, and the gradient of every trainable parameter by its path."""
    outputs: list[Any] = []
    named = [(path, p) for path, p in model.parameters_and_names() if p.requires_grad]

    def forward() -> Any:
        outputs.append(run())
        total = mindspore.Tensor(0.0, mindspore.float32)
        for path, value in floats(outputs[-1]):
            weights = mindspore.Tensor.from_numpy(direction(path, tuple(value.shape)))
            total = total + (value.astype(mindspore.float32) * weights).sum()
        return total

    wanted = mindspore.ParameterTuple([parameter for _, parameter in named])
    _, found = mindspore.value_and_grad(forward, None, wanted)()
    return outputs[-1], {path: gradient for (path, _), gradient in zip(named, found, strict=True)}


def floats(value: Any, path: str = "y") -> Iterator[tuple[str, Any]]:
    """The floating tensors inside tuples, lists and dicts."""
    if isinstance(value, mindspore.Tensor):
        if value.is_floating_point():
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from floats(item, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from floats(item, f"{path}[{index}]")


def gaps(
    records: list[TensorRecord],
    renamed: Mapping[str, str],
    found: Mapping[str, TensorValue],
    files: TensorFiles,
) -> tuple[list[Gap], list[str]]:
    """The differences under torch's names, and the names that have no counterpart to compare with.

    A weight that gains an axis has a gradient that does: only the order of the numbers counts.
    """
    result: list[Gap] = []
    alone: list[str] = []
    for record in records:
        have = found.get(renamed.get(record.name, ""))
        if have is None:
            alone.append(record.name)
            continue
        want = files.read(record)
        if have.values.size == want.values.size:
            have = TensorValue(have.dtype, np.reshape(have.values, want.values.shape))
        result.append(gap(record.name, want, have))
    return result, alone
