"""Every kind of checkpoint file: what is found inside, what is refused, and why."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from torch import nn  # noqa: E402

from astmigrate.weights.checkpoint import Checkpoint, open_checkpoint  # noqa: E402
from astmigrate.weights.failures import RequestError, WeightsError  # noqa: E402

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.half": torch.ones(3, dtype=torch.bfloat16)}


def saved(folder: Path, content: Any, name: str = "x.pth", **options: Any) -> Path:
    """``content`` by torch.save."""
    torch.save(content, folder / name, **options)
    return folder / name


def holds_state(checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint has exactly STATE."""
    assert {n: (e.dtype, e.shape) for n, e in checkpoint.entries.items()} == {
        "a.weight": ("float32", (2, 3)),
        "a.half": ("bfloat16", (3,)),
    }
    np.testing.assert_array_equal(checkpoint.entries["a.weight"].read(), STATE["a.weight"].numpy())
    assert checkpoint.entries["a.half"].read().tolist() == [0x3F80] * 3
    return True


def test_zip_and_legacy_files(tmp_path: Path) -> None:
    assert holds_state(open_checkpoint(saved(tmp_path, STATE)))
    assert holds_state(open_checkpoint(saved(tmp_path, STATE, _use_new_zipfile_serialization=False)))
    assert holds_state(open_checkpoint(saved(tmp_path, STATE, "lightning.ckpt")))


def test_safetensors(tmp_path: Path) -> None:
    safetensors.save_file(STATE, tmp_path / "x.safetensors")
    assert holds_state(open_checkpoint(tmp_path / "x.safetensors"))


def test_safetensors_without_frameworks_in_the_way(tmp_path: Path) -> None:
    """Scalars, empty tensors, a header that is padded; the order is that of the data."""
    state = {"z": torch.tensor(3), "a": torch.zeros(0, 2), "m": torch.tensor([True])}
    safetensors.save_file(state, tmp_path / "x.safetensors")
    entries = open_checkpoint(tmp_path / "x.safetensors").entries
    assert {n: (e.dtype, e.shape, e.read().tolist()) for n, e in entries.items()} == {
        "z": ("int64", (), 3),
        "a": ("float32", (0, 2), []),
        "m": ("bool", (1,), [True]),
    }


def test_tied_names_that_save_model_left_out(tmp_path: Path) -> None:
    model = nn.ModuleDict({"embed": nn.Embedding(3, 2), "head": nn.Linear(2, 3, bias=False)})
    model["head"].weight = model["embed"].weight
    safetensors.save_model(model, str(tmp_path / "x.safetensors"))
    checkpoint = open_checkpoint(tmp_path / "x.safetensors")
    assert set(checkpoint.entries) == {"embed.weight", "head.weight"}
    assert any("tied" in note for note in checkpoint.notes)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_shards(tmp_path: Path, kind: str) -> None:
    names = {name: f"model-{n}.{kind}" for n, name in enumerate(STATE)}
    for name, file in names.items():
        if kind == "bin":
            saved(tmp_path, {name: STATE[name]}, file)
        else:
            safetensors.save_file({name: STATE[name]}, tmp_path / file)
    index = tmp_path / (
        "model.safetensors.index.json" if kind == "safetensors" else "pytorch_model.bin.index.json"
    )
    index.write_text(json.dumps({"metadata": {}, "weight_map": names}))
    assert holds_state(open_checkpoint(index))
    assert holds_state(open_checkpoint(tmp_path))
    (tmp_path / names["a.half"]).unlink()
    with pytest.raises(WeightsError, match=r"the shard model-1\.\w+ is missing"):
        open_checkpoint(index)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../x.bin"}}, "is not beside its index"),
        ({"weights": {}}, "no index of shards"),
        ([], "no index of shards"),
    ],
)
def test_broken_indexes(tmp_path: Path, index: Any, message: str) -> None:
    (tmp_path / "m.index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=message):
        open_checkpoint(tmp_path / "m.index.json")


@pytest.mark.parametrize("inside", ["state_dict", "model", "params", "a.b"])
def test_the_state_dict_inside(tmp_path: Path, inside: str) -> None:
    content: Any = STATE
    for key in reversed(inside.split(".")):
        content = {key: content, "epoch": 3, "args": argparse.Namespace(lr=0.1), "best": np.float64(0.5)}
    checkpoint = open_checkpoint(saved(tmp_path, content))
    assert holds_state(checkpoint)
    assert checkpoint.notes == (f"the tensors are those of '{inside}'",)


def test_running_averages_are_chosen_by_key(tmp_path: Path) -> None:
    ema = {name: tensor + 1 for name, tensor in STATE.items()}
    path = saved(
        tmp_path, {"model": STATE, "model_ema": ema, "optimizer": {"state": {0: {"m": torch.ones(1)}}}}
    )
    checkpoint = open_checkpoint(path)
    assert holds_state(checkpoint)
    assert "'model_ema' is there too; --key model_ema takes it" in checkpoint.notes
    assert open_checkpoint(path, "model_ema").entries["a.weight"].read()[0, 0] == 1
    with pytest.raises(RequestError, match=r"no state dict 'ema'; it has 'model' \(2 tensors\), 'model_ema'"):
        open_checkpoint(path, "ema")


def test_two_networks_in_one_file_are_not_guessed(tmp_path: Path) -> None:
    path = saved(tmp_path, {"generator": STATE, "discriminator": STATE})
    with pytest.raises(RequestError, match="choose one with --key"):
        open_checkpoint(path)
    assert holds_state(open_checkpoint(path, "generator"))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_wrappers_are_stripped(tmp_path: Path, prefix: str) -> None:
    checkpoint = open_checkpoint(saved(tmp_path, {prefix + name: tensor for name, tensor in STATE.items()}))
    assert holds_state(checkpoint)
    assert checkpoint.sources["a.half"] == prefix + "a.half"


def test_an_averaged_model_and_names_that_only_look_wrapped(tmp_path: Path) -> None:
    averaged = {"n_averaged": torch.tensor(3), **{"module." + name: tensor for name, tensor in STATE.items()}}
    checkpoint = open_checkpoint(saved(tmp_path, averaged))
    assert holds_state(checkpoint)
    assert "'n_averaged' is a wrapper's own and left out" in checkpoint.notes
    mixed = open_checkpoint(saved(tmp_path, {"module.a": torch.ones(1), "head": torch.ones(1)}))
    assert set(mixed.entries) == {"module.a", "head"}


def test_other_things_in_a_state_dict_are_said(tmp_path: Path) -> None:
    sparse = torch.eye(2).to_sparse()
    checkpoint = open_checkpoint(saved(tmp_path, {**STATE, "_extra_state": {"x": 1}, "s": sparse}))
    assert holds_state(checkpoint)
    assert "'_extra_state' is a dict, not a tensor, and left out" in checkpoint.notes
    assert checkpoint.unreadable == {"s": "a sparse_coo tensor of float32 cannot be converted"}


class _Harmful:
    def __reduce__(self) -> Any:
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_not_run(tmp_path: Path, zipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path, {"w": torch.ones(1), "x": _Harmful()}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"mkdir.*state_dict\(\)"):
        open_checkpoint(path)
    assert not (tmp_path / "harmed").exists()


def test_a_whole_model_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"Linear.*state_dict\(\)"):
        open_checkpoint(saved(tmp_path, nn.Linear(2, 2)))
    with pytest.raises(WeightsError, match="holds a list"):
        open_checkpoint(saved(tmp_path, [torch.ones(1)]))
    with pytest.raises(WeightsError, match="has no state dict"):
        open_checkpoint(saved(tmp_path, {"epoch": 1}))


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_truncated_torch_files(tmp_path: Path, legacy: bool, share: float) -> None:
    state = {f"layer{n}.weight": torch.rand(50, 50) for n in range(5)}
    path = saved(tmp_path, state, _use_new_zipfile_serialization=not legacy)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"x\.pth: (is|holds)"):
        open_checkpoint(path)


@pytest.mark.parametrize("size", [0, 4, 9, 30, -1, -100])
def test_truncated_safetensors(tmp_path: Path, size: int) -> None:
    safetensors.save_file({"a": torch.rand(50, 50)}, tmp_path / "x.safetensors")
    data = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "x.safetensors").write_bytes(data[:size])
    with pytest.raises(WeightsError, match=r"x\.safetensors: (is|its header)"):
        open_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F4", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
        "F32",
    ],
)
def test_headers_that_lie(tmp_path: Path, entry: Any) -> None:
    header = json.dumps({"a": entry}).encode()
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    with pytest.raises(WeightsError, match="a "):
        open_checkpoint(tmp_path / "x.safetensors")


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no such file"):
        open_checkpoint(tmp_path / "none.pth")
    (tmp_path / "x.pth").write_text("hello, this is text")
    with pytest.raises(WeightsError, match="is no checkpoint"):
        open_checkpoint(tmp_path / "x.pth")
    safetensors.save_file(STATE, tmp_path / "x.safetensors")
    with pytest.raises(RequestError, match="--key is for PyTorch files"):
        open_checkpoint(tmp_path / "x.safetensors", "model")


def test_truncated_mindspore_checkpoint(tmp_path: Path) -> None:
    ms = pytest.importorskip("mindspore")
    path = tmp_path / "x.ckpt"
    ms.save_checkpoint([{"name": "a", "data": ms.Tensor(np.ones((40, 40), np.float32))}], str(path))
    data = path.read_bytes()
    (tmp_path / "y.ckpt").write_bytes(data[:-50])
    assert open_checkpoint(path).entries["a"].shape == (40, 40)
    with pytest.raises(WeightsError, match="MindSpore cannot read it"):
        open_checkpoint(tmp_path / "y.ckpt")
