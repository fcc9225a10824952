"""What is known of torch's layers against torch itself, and of MindSpore's names against MindSpore."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from astmigrate.weights.composites import COMPOSITES  # noqa: E402
from astmigrate.weights.layers import KINDS, is_empty, kind_of  # noqa: E402

MADE: dict[str, list[tuple[Any, ...]]] = {
    **{f"BatchNorm{n}d": [(4,)] for n in (1, 2, 3)},
    **{f"InstanceNorm{n}d": [(4, 1e-5, 0.1, True, True)] for n in (1, 2, 3)},
    **{f"Conv{n}d": [(4, 6, 3), (4, 6, 3, 1, 0, 1, 2)] for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": [(4, 6, 3), (4, 6, 3, 1, 0, 0, 2)] for n in (1, 2, 3)},
    **{name: [(3, 4), (3, 4, 2, True, False, 0.0, True)] for name in ("LSTM", "GRU", "RNN")},
    **{name: [(3, 4), (3, 4, False)] for name in ("LSTMCell", "GRUCell", "RNNCell")},
    "SyncBatchNorm": [(4,)],
    "LayerNorm": [(4,), ((2, 3),)],
    "GroupNorm": [(2, 4)],
    "RMSNorm": [(4,)],
    "PReLU": [(), (4,)],
    "Linear": [(3, 4), (3, 4, False)],
    "Bilinear": [(2, 3, 4)],
    "Embedding": [(5, 3)],
    "EmbeddingBag": [(5, 3)],
    "MultiheadAttention": [(4, 2), (4, 2, 0.0, True, True, False, 3, 5)],
}


@pytest.mark.parametrize("name", [name for kind in KINDS for name in kind.names])
def test_tensors_of_a_layer(name: str) -> None:
    kind = kind_of(f"torch.nn.{name}")
    assert kind is not None
    for arguments in MADE[name]:
        if name == "RNN" and len(arguments) > 2:
            arguments = (3, 4, 2)
        layer = getattr(nn, name)(*arguments)
        shapes = {leaf: tuple(tensor.shape) for leaf, tensor in layer.state_dict().items()}
        assert kind.fits(shapes), shapes
        assert set(kind.needs) <= set(shapes)
        assert not kind.fits({**shapes, "other": (1,)})


def test_layers_without_tensors_have_none() -> None:
    checked = 0
    for name, layer in vars(nn).items():
        if isinstance(layer, type) and issubclass(layer, nn.Module) and is_empty(f"torch.nn.{name}"):
            source = inspect.getsource(layer)
            assert "Parameter(" not in source, name
            assert kind_of(f"torch.nn.{name}") is None, name
            checked += 1
    assert checked > 80


@pytest.mark.parametrize(
    "name", ["Linear", "PReLU", "BatchNorm2d", "Sequential", "TransformerEncoderLayer", "NLLLoss"]
)
def test_layers_with_tensors_are_not_called_empty(name: str) -> None:
    assert not is_empty(f"torch.nn.{name}")


def test_a_name_outside_of_torch_is_nothing_known() -> None:
    assert kind_of("mylib.Linear") is None
    assert kind_of("torch.nn.LazyLinear") is kind_of("torch.nn.Linear")


def test_composites_have_the_parts_that_torch_gives_them() -> None:
    modules = {type(m).__name__: m for m in nn.Transformer(8, 2, 1, 1, 16, batch_first=True).modules()}
    for name, rule in COMPOSITES.items():
        parts = {n: c for n, c in modules[name.rpartition(".")[2]].named_children() if c.state_dict()}
        assert {n: specs[0].type for n, specs in rule.children.items()} == {
            n: f"torch.nn.{type(part).__name__}" for n, part in parts.items()
        }
