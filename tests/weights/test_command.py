"""The command as its user meets it: exit codes, record, list, messages, and files that appear whole."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
ms = pytest.importorskip("mindspore")

from torch import nn  # noqa: E402

from tests.weights.runs import Command, one_class, rules_of  # noqa: E402

RULES = {
    "resnet.ResNet": {
        "path": "resnet.py",
        "line": 1,
        "children": {
            "conv1": {"type": "torch.nn.Conv1d", "line": 4},
            "bn1": {"type": "torch.nn.BatchNorm1d", "line": 5},
        },
    }
}


def state() -> dict[str, Any]:
    return dict(
        nn.ModuleDict({"conv1": nn.Conv1d(2, 3, 5, bias=False), "bn1": nn.BatchNorm1d(3)}).state_dict()
    )


def test_record_is_exactly_the_established_form(command: Command) -> None:
    ran = command(state(), RULES)
    assert ran.code == 0
    record = json.loads(ran.out.with_suffix(".json").read_text())
    assert list(record) == ["ResNet"]
    assert record["ResNet"][0] == {
        "converted_weight": {"name": "conv1.weight", "shape": [3, 2, 1, 5], "data_type": "Float32"},
        "source_weight": {"name": "conv1.weight", "shape": [3, 2, 5], "data_type": "float32"},
    }
    assert [row["converted_weight"]["name"] for row in record["ResNet"]] == [
        "conv1.weight",
        "bn1.gamma",
        "bn1.beta",
        "bn1.moving_mean",
        "bn1.moving_variance",
    ]


def test_the_record_in_reverse(command: Command) -> None:
    ran = command(command(state(), RULES).out, RULES, "back.pth", reverse=True)
    (rows,) = ran.record.values()
    assert rows[0]["converted_weight"] == {"name": "conv1.weight", "shape": [3, 2, 5], "data_type": "float32"}
    assert rows[0]["source_weight"]["data_type"] == "Float32"


def test_the_table_has_both_sides(command: Command) -> None:
    text = command(state(), RULES).text
    (line,) = [line for line in text.splitlines() if "bn1.gamma" in line]
    assert "bn1.weight" in line
    assert "5 converted, 1 dropped as resnet.ResNet" in text
    assert "3×2×1×5" in text


def test_list_writes_csv_and_nothing_else(command: Command, tmp_path: Path) -> None:
    ran = command(state(), RULES, list_only=True)
    assert ran.code == 0
    assert "bn1.gamma" in ran.text
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", "rules.weights.json", "source.pth"}
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert rows[0] == {
        "torch_name": "conv1.weight",
        "torch_shape": "[3, 2, 5]",
        "torch_dtype": "float32",
        "mindspore_name": "conv1.weight",
        "mindspore_shape": "[3, 2, 1, 5]",
        "mindspore_dtype": "Float32",
        "status": "converted",
        "why": "resnet.py:4",
    }
    assert rows[-1]["status"] == "dropped"
    assert rows[-1]["mindspore_name"] == ""


def test_unmatched_on_the_side_of_the_checkpoint(command: Command) -> None:
    ran = command({**state(), "fc.weight": torch.ones(2, 2)}, RULES)
    assert ran.code == 1
    assert "unmatched: fc.weight: no attribute of resnet.ResNet (resnet.py:1) leads to this name" in ran.text
    assert "fc.weight" not in ms.load_checkpoint(str(ran.out))


def test_unmatched_on_the_side_of_the_model(command: Command) -> None:
    kept = {name: tensor for name, tensor in state().items() if name.startswith("conv1")}
    ran = command(kept, RULES)
    assert ran.code == 1
    assert "missing: bn1.moving_mean: torch.nn.BatchNorm1d (resnet.py:5) needs it" in ran.text
    listed = command(kept, RULES, list_only=True)
    assert listed.code == 1
    assert "missing" in listed.out.with_suffix(".csv").read_text()


@pytest.mark.parametrize(
    ("child", "missing"),
    [
        ("torch.nn.Linear", "fc.weight"),
        ("torch.nn.Embedding", "fc.embedding_table"),
        ("torch.nn.LSTM", "fc.weight_ih_l0"),
        ("torch.nn.LayerNorm", ""),
        ("torch.nn.ReLU", ""),
        ("?", ""),
        ({"type": "torch.nn.Linear", "optional": True}, ""),
        (["torch.nn.Linear", "torch.nn.Conv2d"], ""),
        (
            {"type": "torch.nn.Sequential", "items": {"0": "torch.nn.ReLU", "1": "torch.nn.Linear"}},
            "fc.1.weight",
        ),
        ({"type": "torch.nn.ModuleList", "items": {"*": "torch.nn.Linear"}}, ""),
    ],
)
def test_only_what_must_be_there_is_demanded(command: Command, child: Any, missing: str) -> None:
    ran = command(
        nn.ModuleDict({"a": nn.Linear(2, 2)}).state_dict(), one_class(a="torch.nn.Linear", fc=child)
    )
    assert ran.code == (1 if missing else 0), ran.text
    assert (f"missing: {missing}: " in ran.text) == bool(missing)


def test_items_that_are_there_must_be_whole(command: Command) -> None:
    block = {"net.Block": {"children": {"a": "torch.nn.Linear", "b": "torch.nn.Linear"}}}
    items = {"type": "torch.nn.ModuleList", "items": {"*": {"type": "net.Block", "optional": True}}}
    ran = command({"blocks.0.a.weight": torch.ones(2, 2)}, {**block, **one_class(blocks=items)})
    assert ran.code == 1
    assert "missing: blocks.0.b.weight" in ran.text


def test_a_wrong_shape(command: Command) -> None:
    ran = command({**state(), "conv1.weight": torch.ones(3, 2)}, RULES)
    assert ran.code == 1
    assert "misshapen: conv1.weight: shape (3, 2) is not that of a torch.nn.Conv1d (resnet.py:4)" in ran.text


def test_two_tensors_of_one_name(command: Command) -> None:
    both = {"a.weight": torch.ones(2, 2), "b.weight": torch.ones(2, 2)}
    ran = command(both, one_class(a="torch.nn.Linear", b="torch.nn.Linear"), maps=["^b=a"])
    assert ran.code == 1
    assert "unmatched: b.weight: its new name 'a.weight' is already that of 'a.weight'" in ran.text


def test_a_prefix_that_the_rules_do_not_know(command: Command) -> None:
    prefixed = {f"model.{name}": tensor for name, tensor in state().items()}
    ran = command(prefixed, RULES)
    assert ran.code == 0
    assert "as resnet.ResNet below 'model.'" in ran.text
    assert "model.bn1.gamma" in ran.targets
    assert "bn1.gamma" in command(prefixed, RULES, maps=[r"^model\.="]).targets


def test_without_a_class_the_checkpoint_alone_decides(command: Command) -> None:
    ran = command(nn.ModuleDict({"a": nn.Linear(2, 3), "n": nn.LayerNorm(3)}).state_dict(), {})
    assert ran.code == 0, ran.text
    assert set(ran.targets) == {"a.weight", "a.bias", "n.gamma", "n.beta"}
    assert list(ran.record) == ["source"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "x.pth"}, "a checkpoint for MindSpore ends in .ckpt or .safetensors"),
        ({"out": "x.ckpt", "reverse": True}, "a checkpoint for PyTorch ends in .pth"),
        ({"maps": ["abc"]}, "is not of the form 'regex=replacement'"),
        ({"maps": ["=x"]}, "the regular expression is empty"),
        ({"maps": ["a(=x"]}, "is broken"),
        ({"maps": [r"a=\3"]}, "does not fit"),
        ({"root": "resnet:Net"}, "no such class in the rules; the rules have resnet:ResNet"),
        ({"key": "ema"}, "no state dict 'ema'"),
        ({"rules": "{"}, "rules.weights.json:1:2: "),
        ({"out": "rules.weights.safetensors"}, "would be written over what is read"),
    ],
)
def test_wrong_usage(command: Command, options: dict[str, Any], message: str) -> None:
    given = {"rules": rules_of(RULES), **options}
    ran = command(state(), given.pop("rules"), **given)
    assert ran.code == 2
    assert message in ran.text
    assert not ran.out.exists()


def test_a_lookahead_in_a_map_may_have_an_equals_sign(command: Command) -> None:
    ran = command(state(), RULES, maps=["bn1(?=.g)=norm"])
    assert "norm.gamma" in ran.targets
    assert "bn1.beta" in ran.targets


def test_a_file_that_is_cut_off(command: Command, tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "cut.pth")
    data = (tmp_path / "cut.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: len(data) // 2])
    ran = command(tmp_path / "cut.pth", RULES)
    assert ran.code == 1
    assert "is cut off or damaged" in ran.text
    assert not ran.out.exists()


@pytest.mark.parametrize("suffix", ["ckpt", "safetensors"])
def test_a_failed_write_leaves_the_old_file(
    command: Command, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stops the writing, the output is the old one or the new one, and nothing is left beside it."""
    first = command(state(), RULES, f"out.{suffix}")
    before, files = first.out.read_bytes(), set(tmp_path.iterdir())
    writer = "write_safetensors" if suffix == "safetensors" else "write_ckpt"

    def fails(path: Path, *_: Any) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"astmigrate.weights.outputs.{writer}", fails)
    ran = command(state(), RULES, f"out.{suffix}")
    assert ran.code == 1
    assert "cannot be written: No space left on device" in ran.text
    assert first.out.read_bytes() == before
    assert set(tmp_path.iterdir()) == files


def test_outputs_can_be_written_again(command: Command) -> None:
    """save_checkpoint makes its files read-only; ours are as any other."""
    ran = command(state(), RULES)
    assert os.access(ran.out, os.W_OK)
    assert ran.out.stat().st_mode & 0o777 == ran.out.with_suffix(".json").stat().st_mode & 0o777
    assert command(state(), RULES).code == 0


def test_an_output_folder_is_made(command: Command) -> None:
    assert command(state(), RULES, "deep/er/out.ckpt").code == 0


def test_without_a_framework_the_extra_is_named(tmp_path: Path) -> None:
    """In a process of its own, where torch cannot be imported."""
    torch.save(state(), tmp_path / "x.pth")
    (tmp_path / "r.json").write_text(rules_of(RULES))
    script = f"""
import sys
sys.modules["torch"] = sys.modules["mindspore"] = None
from pathlib import Path
from rich.console import Console
from astmigrate.weights.command import run
folder = Path({str(tmp_path)!r})
code = run(folder / "x.pth", folder / "r.json", folder / "o.ckpt", root=None, maps=(), list_only=False,
           reverse=False, key=None, console=Console(width=300))
print("code", code)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "code 2" in done.stdout, done.stderr
    assert "PyTorch's .pth and .pt files need torch" in done.stdout
    assert "pip install 'astmigrate[weights]'" in done.stdout


def test_safetensors_to_safetensors_needs_no_framework(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(state(), tmp_path / "x.safetensors")
    (tmp_path / "r.json").write_text(rules_of(RULES))
    script = f"""
import sys
sys.modules["torch"] = sys.modules["mindspore"] = sys.modules["safetensors"] = None
from pathlib import Path
from rich.console import Console
from astmigrate.weights.command import run
folder = Path({str(tmp_path)!r})
sys.exit(run(folder / "x.safetensors", folder / "r.json", folder / "o.safetensors", root=None, maps=(),
             list_only=False, reverse=False, key=None, console=Console()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = ms.load_checkpoint(str(tmp_path / "o.safetensors"), format="safetensors")
    assert loaded["conv1.weight"].shape == (3, 2, 1, 5)
