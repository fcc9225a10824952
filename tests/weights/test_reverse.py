"""From MindSpore back to PyTorch: exact, under torch's names, loaded by torch strictly."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
ms = pytest.importorskip("mindspore")

from torch import nn  # noqa: E402

from tests.weights.runs import Command, one_class, randomised, rules_of  # noqa: E402


class Everything(nn.Module):
    """One of each layer whose tensors change."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.conv = nn.Conv1d(4, 6, 3)
        self.up = nn.ConvTranspose1d(6, 2, 3)
        self.bn = nn.BatchNorm1d(2)
        self.ln = nn.LayerNorm((2, 3))
        self.act = nn.PReLU(2)
        self.rnn = nn.LSTM(2, 3, 2, bidirectional=True)
        self.attention = nn.MultiheadAttention(4, 2)
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("count", torch.tensor(7))


RULES: dict[str, Any] = {
    "net.Everything": {
        "path": "net.py",
        "line": 1,
        "children": {
            "embed": "torch.nn.Embedding",
            "conv": "torch.nn.Conv1d",
            "up": "torch.nn.ConvTranspose1d",
            "bn": "torch.nn.BatchNorm1d",
            "ln": "torch.nn.LayerNorm",
            "act": "torch.nn.PReLU",
            "rnn": "torch.nn.LSTM",
            "attention": "torch.nn.MultiheadAttention",
        },
        "parameters": ["scale"],
        "buffers": ["count"],
    }
}


def states_equal(left: Any, right: Any) -> bool:
    """Same names, dtypes, shapes and bits; the counter of batches starts anew."""
    assert set(left) == set(right)
    for name, tensor in left.items():
        assert tensor.dtype == right[name].dtype, name
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, right[name]), name
    return True


@pytest.mark.parametrize("there", ["there.ckpt", "there.safetensors"])
@pytest.mark.parametrize("back", ["back.pth", "back.safetensors"])
@pytest.mark.parametrize("half", [False, True])
def test_round_trip_is_exact(command: Command, there: str, back: str, half: bool) -> None:
    module = randomised(Everything())
    module = module.bfloat16() if half else module
    gone = command(module.state_dict(), RULES, there)
    assert gone.code == 0, gone.text
    returned = command(gone.out, RULES, back, reverse=True)
    assert returned.code == 0, returned.text
    if back.endswith(".pth"):
        state = torch.load(returned.out, weights_only=True)
    else:
        state = pytest.importorskip("safetensors.torch").load_file(returned.out)
    assert states_equal(module.state_dict(), state)
    counter = state["bn.num_batches_tracked"]
    assert counter.dtype == torch.int64
    assert counter.item() == 0
    assert counter.shape == ()
    Everything().to(torch.bfloat16 if half else torch.float32).load_state_dict(state, strict=True)


def test_a_checkpoint_that_mindspore_wrote(command: Command) -> None:
    """save_checkpoint(cell) puts the statistics first; the names alone count."""
    from mindspore import nn as msnn

    cell = msnn.SequentialCell(msnn.Dense(3, 4), msnn.BatchNorm1d(4))
    path = command({"x": torch.ones(1)}, {}).out.with_name("trained.ckpt")
    ms.save_checkpoint(cell, str(path))
    rules = {"net.Net": {"bases": ["torch.nn.Sequential"], "children": {"0": "torch.nn.Linear", "1": "?"}}}
    ran = command(path, rules, "back.pth", reverse=True)
    assert ran.code == 0, ran.text
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    module.load_state_dict(torch.load(ran.out, weights_only=True), strict=True)
    assert module[0].weight.detach().numpy().tolist() == cell[0].weight.asnumpy().tolist()


def test_names_alone_do_not_tell_a_1d_from_a_2d_convolution(command: Command) -> None:
    gone = command(nn.Conv2d(2, 3, (1, 5)).state_dict(), {"net.Net": {"bases": ["torch.nn.Conv2d"]}})
    assert gone.code == 0, gone.text
    ran = command(gone.out, {}, "back.pth", reverse=True)
    assert ran.code == 1
    assert "torch.nn.Conv1d" in ran.text
    assert "torch.nn.Conv2d" in ran.text


def test_renames_are_undone(command: Command) -> None:
    state = nn.ModuleDict({"down": nn.BatchNorm2d(2)}).state_dict()
    rules = rules_of(
        one_class(down="torch.nn.BatchNorm2d"), rename=[["^down", "up"], [r"\.gamma$", ".scale"]]
    )
    gone = command(state, rules, maps=["up=upper"])
    assert "upper.scale" in gone.targets
    back = command(gone.out, rules, "back.pth", reverse=True, maps=["upper=up"])
    assert back.code == 0, back.text
    assert states_equal(state, torch.load(back.out, weights_only=True))


def test_a_rename_that_cannot_be_undone_is_refused(command: Command) -> None:
    gone = command(nn.Linear(2, 2).state_dict(), {"net.Net": {"bases": ["torch.nn.Linear"]}})
    rules = rules_of({"net.Net": {"bases": ["torch.nn.Linear"]}}, rename=[[r"(\d+)", r"x\1"]])
    back = command(gone.out, rules, "back.pth", reverse=True)
    assert back.code == 2
    assert "cannot be undone" in back.text


def test_what_reverse_lacks_is_said_in_torchs_words(command: Command) -> None:
    gone = command(nn.ModuleDict({"a": nn.BatchNorm1d(2)}).state_dict(), one_class(a="torch.nn.BatchNorm1d"))
    rules = one_class(a="torch.nn.BatchNorm1d", b="torch.nn.BatchNorm1d")
    back = command(gone.out, rules, "back.pth", reverse=True)
    assert back.code == 1
    assert "missing: b.running_mean" in back.text
