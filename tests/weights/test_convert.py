"""Real torch modules through the command into real MindSpore cells: strict loading, same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
ms = pytest.importorskip("mindspore")

from mindspore import nn as msnn  # noqa: E402
from torch import nn  # noqa: E402

from tests.weights.runs import Command, assert_same, load_into, one_class, randomised, rules_of  # noqa: E402


def numbers(*shape: int) -> Any:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def net(**children: Any) -> Any:
    """A module with these children, in their order."""
    module = nn.Module()
    for name, child in children.items():
        setattr(module, name, child)
    return randomised(module)


def cell(**children: Any) -> Any:
    """A MindSpore cell with these children."""
    made = msnn.Cell()
    for name, child in children.items():
        setattr(made, name, child)
    return made


CASES: dict[str, tuple[str, Any, Any, tuple[int, ...]]] = {
    "BatchNorm2d": (
        "torch.nn.BatchNorm2d",
        lambda: nn.BatchNorm2d(4),
        lambda: msnn.BatchNorm2d(4),
        (2, 4, 3, 3),
    ),
    "LayerNorm": (
        "torch.nn.LayerNorm",
        lambda: nn.LayerNorm(6),
        lambda: msnn.LayerNorm((6,), epsilon=1e-5),
        (2, 6),
    ),
    "GroupNorm": (
        "torch.nn.GroupNorm",
        lambda: nn.GroupNorm(2, 4),
        lambda: msnn.GroupNorm(2, 4),
        (2, 4, 3, 3),
    ),
    "Linear": ("torch.nn.Linear", lambda: nn.Linear(3, 5), lambda: msnn.Dense(3, 5), (2, 3)),
    "PReLU": ("torch.nn.PReLU", lambda: nn.PReLU(3), lambda: msnn.PReLU(3), (2, 3, 4, 4)),
    "Conv1d": (
        "torch.nn.Conv1d",
        lambda: nn.Conv1d(3, 4, 5),
        lambda: msnn.Conv1d(3, 4, 5, pad_mode="valid", has_bias=True),
        (2, 3, 9),
    ),
    "ConvTranspose1d": (
        "torch.nn.ConvTranspose1d",
        lambda: nn.ConvTranspose1d(3, 4, 5),
        lambda: msnn.Conv1dTranspose(3, 4, 5, pad_mode="valid", has_bias=True),
        (2, 3, 9),
    ),
    "ConvTranspose2d": (
        "torch.nn.ConvTranspose2d",
        lambda: nn.ConvTranspose2d(3, 4, 2, 2),
        lambda: msnn.Conv2dTranspose(3, 4, 2, 2, pad_mode="valid", has_bias=True),
        (2, 3, 4, 4),
    ),
    "LSTM": (
        "torch.nn.LSTM",
        lambda: nn.LSTM(3, 4, 2, bidirectional=True),
        lambda: msnn.LSTM(3, 4, 2, bidirectional=True),
        (5, 2, 3),
    ),
    "GRU": ("torch.nn.GRU", lambda: nn.GRU(3, 4), lambda: msnn.GRU(3, 4), (5, 2, 3)),
}


@pytest.mark.parametrize("suffix", ["ckpt", "safetensors"])
@pytest.mark.parametrize("name", CASES)
def test_layer_gives_the_same_numbers(command: Command, name: str, suffix: str) -> None:
    layer, make, make_cell, shape = CASES[name]
    module = net(it=make())
    ran = command(module.state_dict(), one_class(it=layer), f"out.{suffix}")
    assert ran.code == 0, ran.text
    converted = load_into(cell(it=make_cell()), ran.out)
    assert_same(module.it, converted.it, numbers(*shape))


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("GroupNorm", "PReLU")])
def test_a_type_that_only_the_run_knows_is_told_by_its_tensors(command: Command, name: str) -> None:
    _, make, make_cell, shape = CASES[name]
    module = net(it=make())
    ran = command(module.state_dict(), one_class(it="?"))
    assert ran.code == 0, ran.text
    assert_same(module.it, load_into(cell(it=make_cell()), ran.out).it, numbers(*shape))


def test_embedding(command: Command) -> None:
    module = net(it=nn.Embedding(7, 3))
    ran = command(module.state_dict(), one_class(it="torch.nn.Embedding"))
    assert ran.code == 0, ran.text
    converted = load_into(cell(it=msnn.Embedding(7, 3)), ran.out)
    assert_same(module.it, converted.it, np.array([[1, 6]], np.int32))


def test_multihead_attention_and_its_other_order(command: Command) -> None:
    module = net(it=nn.MultiheadAttention(8, 2))
    ran = command(module.state_dict(), one_class(it="torch.nn.MultiheadAttention"))
    assert ran.code == 0, ran.text
    x = numbers(4, 2, 8)
    assert_same(module.it, load_into(cell(it=msnn.MultiheadAttention(8, 2)), ran.out).it, x, x, x)


def test_buffers_parameters_and_lists_of_parameters(command: Command) -> None:
    module = nn.Module()
    module.scale = nn.Parameter(torch.rand(3))
    module.register_buffer("mask", torch.ones(2, 2, dtype=torch.bool))
    module.steps = nn.ParameterList([torch.rand(2), torch.rand(4)])
    rule = {
        "parameters": {"scale": 3},
        "buffers": {"mask": 4},
        "children": {"steps": "torch.nn.ParameterList"},
    }
    ran = command(module.state_dict(), {"net.Net": {"path": "net.py", "line": 1, **rule}})
    assert ran.code == 0, ran.text
    loaded = ms.load_checkpoint(str(ran.out))
    assert {n: tuple(v.shape) for n, v in loaded.items()} == {
        "scale": (3,),
        "mask": (2, 2),
        "steps.0": (2,),
        "steps.1": (4,),
    }
    assert loaded["mask"].dtype == ms.bool_


def test_tied_weights_stay_equal_under_both_names(command: Command) -> None:
    module = net(embed=nn.Embedding(5, 4), head=nn.Linear(4, 5, bias=False))
    module.head.weight = module.embed.weight
    ran = command(module.state_dict(), one_class(embed="torch.nn.Embedding", head="torch.nn.Linear"))
    assert ran.code == 0, ran.text
    assert "tied: embed.weight, head.weight" in ran.text

    tied = cell(embed=msnn.Embedding(5, 4), head=msnn.Dense(4, 5, has_bias=False))
    tied.head.weight = tied.embed.embedding_table
    load_into(tied, ran.out)
    np.testing.assert_array_equal(tied.head.weight.asnumpy(), module.embed.weight.detach().numpy())


@pytest.mark.parametrize("new", [True, False])
def test_weight_norm_is_folded(command: Command, new: bool) -> None:
    norm = nn.utils.parametrizations.weight_norm if new else nn.utils.weight_norm
    module = net(
        conv=norm(nn.Conv1d(3, 4, 5)), one=norm(nn.Linear(3, 1)), across=norm(nn.Linear(3, 4), dim=1)
    )
    rules = one_class(conv="torch.nn.Conv1d", one="torch.nn.Linear", across="torch.nn.Linear")
    ran = command(module.state_dict(), rules)
    assert ran.code == 0, ran.text
    made = cell(
        conv=msnn.Conv1d(3, 4, 5, pad_mode="valid", has_bias=True),
        one=msnn.Dense(3, 1),
        across=msnn.Dense(3, 4),
    )
    converted = load_into(made, ran.out)
    assert_same(module.conv, converted.conv, numbers(2, 3, 9))
    assert_same(module.one, converted.one, numbers(2, 3))
    assert_same(module.across, converted.across, numbers(2, 3))


def test_a_parameter_that_a_class_calls_weight_g_is_no_magnitude(command: Command) -> None:
    state = {"weight_g": torch.rand(3), "weight_v": torch.rand(3)}
    rule = {"parameters": {"weight_g": 2, "weight_v": 3}}
    ran = command(state, {"net.Net": rule})
    assert ran.code == 0, ran.text
    assert set(ran.targets) == {"weight_g", "weight_v"}


@pytest.mark.parametrize("suffix", ["ckpt", "safetensors"])
@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"]
)
def test_dtypes_are_kept_bit_by_bit(command: Command, dtype: str, suffix: str) -> None:
    kind = getattr(torch, dtype)
    state = {"a": (torch.randn(3, 5) * 3).to(kind), "b": torch.tensor(1.7).to(kind)}
    ran = command(state, {"net.Net": {"parameters": ["a", "b"]}}, f"out.{suffix}")
    assert ran.code == 0, ran.text
    loaded = ms.load_checkpoint(str(ran.out), format=suffix)
    for name, tensor in state.items():
        value = loaded[name]
        assert str(value.dtype).rpartition(".")[2].lower() == dtype.lower()
        assert tuple(value.shape) == tuple(tensor.shape)
        assert (
            value.asnumpy().tobytes() == tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )


def test_what_mindspore_cannot_load_is_said(command: Command) -> None:
    state = {"a": torch.ones(2), "c": torch.ones(2, dtype=torch.complex64), "e": torch.ones(0, 3)}
    ran = command(state, {"net.Net": {"parameters": ["a", "c", "e"]}})
    assert ran.code == 1
    assert "c: MindSpore loads no complex64" in ran.text
    assert "e: MindSpore's .ckpt cannot hold a tensor without elements" in ran.text
    assert set(ms.load_checkpoint(str(ran.out))) == {"a"}

    ran = command(state, {"net.Net": {"parameters": ["a", "c", "e"]}}, "out.safetensors")
    loaded = ms.load_checkpoint(str(ran.out), format="safetensors")
    assert {name: tuple(value.shape) for name, value in loaded.items()} == {"a": (2,), "e": (0, 3)}


def test_data_parallel_prefix_and_nested_state_dict(command: Command, tmp_path: Path) -> None:
    module = net(bn=nn.BatchNorm1d(3))
    state = nn.DataParallel(module).state_dict()
    saved = {"epoch": 3, "optimizer": {"state": {0: {"exp": torch.ones(2)}}}, "state_dict": state}
    ran = command(saved, one_class(bn="torch.nn.BatchNorm1d"))
    assert ran.code == 0, ran.text
    assert "'module.' is stripped" in ran.text
    load_into(cell(bn=msnn.BatchNorm1d(3)), ran.out)
    (rows,) = ran.record.values()
    assert rows[0]["source_weight"]["name"] == "module.bn.weight"


def test_containers_recursion_and_bases(command: Command) -> None:
    """A tree that holds itself, blocks in a list, and a class whose base sets the stem."""

    class Tree(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(4)
            self.left = Tree(depth - 1) if depth else None

    module = net(
        stem=nn.Linear(4, 4),
        blocks=nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.PReLU()) for _ in range(2)]),
        tree=Tree(2),
    )
    classes = {
        "net.Stem": {
            "path": "net.py",
            "line": 1,
            "children": {"stem": {"type": "torch.nn.Linear", "line": 3}},
        },
        "net.Tree": {
            "path": "net.py",
            "line": 9,
            "children": {"norm": "torch.nn.LayerNorm", "left": {"type": "net.Tree", "optional": True}},
        },
        "net.Net": {
            "path": "net.py",
            "line": 20,
            "bases": ["net.Stem"],
            "children": {
                "blocks": {
                    "type": "torch.nn.ModuleList",
                    "items": {
                        "*": {
                            "type": "torch.nn.Sequential",
                            "items": {"0": "torch.nn.Linear", "1": "torch.nn.PReLU"},
                        }
                    },
                },
                "tree": "net.Tree",
            },
        },
    }
    ran = command(module.state_dict(), classes)
    assert ran.code == 0, ran.text
    assert "as net.Net" in ran.text
    assert ran.targets["tree.left.left.norm.gamma"] == [4]
    assert ran.targets["blocks.1.1.w"] == [1]
    assert ran.targets["stem.weight"] == [4, 4]


def test_renames_of_the_rules_come_before_those_of_the_command(command: Command) -> None:
    state = net(downsample=nn.BatchNorm2d(2)).state_dict()
    rules = rules_of(one_class(downsample="torch.nn.BatchNorm2d"), rename=[["^down", "up"]])
    ran = command(state, rules, maps=["upsample=up_sample_layer", r"\.gamma$=.g"])
    assert ran.code == 0, ran.text
    assert set(ran.targets) == {
        f"up_sample_layer.{leaf}" for leaf in ("g", "beta", "moving_mean", "moving_variance")
    }
