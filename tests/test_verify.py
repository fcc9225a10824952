"""``astmigrate verify`` says equal of what is, and of a planted fault the layer and the lines."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from astmigrate.cli import main
from astmigrate.verify.model_jobs import MINDSPORE, TORCH, Stage
from astmigrate.verify.model_process import run_side
from astmigrate.verify.models import Layers, Outcome, Request, RequestError, Verdict, verify_model
from tests.migrating import migrate

SOURCE = Path(__file__).parent / "verify_net" / "net"
IMAGE = ("f32[2, 3, 8, 8]",)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """These models are so small that threads of other processes only get in the way."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is migrated."""
    out = tmp_path_factory.mktemp("net") / "out"
    done = migrate(SOURCE, out=out)
    assert done.returncode == 0, done.stderr
    return out


def planted(migrated: Path, folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the migration with one text replaced, once."""
    out = folder / "out"
    shutil.copytree(migrated, out)
    text = (out / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
    (out / file).write_text(text.replace(old, new), encoding="utf-8")
    return out


def line_of(path: Path, text: str) -> int:
    """The number of the one line that has the text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


def command(out: Path, *arguments: str) -> Result:
    """``astmigrate verify`` of the package."""
    return CliRunner().invoke(main, ["verify", str(SOURCE), str(out), *arguments])


def verify(out: Path, root: str = "net:Classifier", **settings: Any) -> Outcome:
    """The outcome of a model of the package, every layer compared."""
    settings = {"inputs": IMAGE, "layers": Layers.ALWAYS, **settings}
    return verify_model(Request(str(SOURCE), str(out), root, **settings))


def test_equal_model_layer_by_layer_as_json(migrated: Path) -> None:
    """Exit 0; every layer is there with its lines, and the numbers are the outputs'."""
    arguments = ["--root", "net:classifier", "--args", "num_classes=7", "--input", IMAGE[0], "--json"]
    done = command(migrated, *arguments)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found.keys() >= {"version", "request", "verdict", "stage", "failure", "outputs", "rows", "first"}
    assert (found["verdict"], found["stage"]) == ("equal", "compare")
    assert (found["failure"], found["first"]) == (None, None)
    assert (found["unmatched_source"], found["unmatched_output"], found["by_rules"]) == (0, 0, True)
    (output,) = [gap for gap in found["outputs"] if gap["shape"]]
    assert output["shape"] == [2, 7]
    assert 0 < found["relative"] <= found["allowed"]
    assert 0.3 < found["largest_value"] < 30
    rows = {row["path"]: row for row in found["rows"]}
    assert {"stem.conv", "stages.1.query", "stages.2.second.bn", "head", ""} <= rows.keys()
    assert not any(row["differs"] for row in rows.values())
    made = rows["stages.1.query"]
    assert made["source"]["line"] == line_of(SOURCE / "blocks.py", "self.query = ")
    assert made["output"]["line"] == line_of(migrated / "net/blocks.py", "self.query = ")


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("softmax(axis=-1)", "softmax(axis=1)", "stages.1"),
        ("query @ tokens.swapaxes(1, 2)", "query @ tokens", "stages.1"),
    ],
    ids=["swapped axis", "missing transpose"],
)
def test_fault_in_a_forward(old: str, new: str, path: str, migrated: Path, tmp_path: Path) -> None:
    """The submodule and the very statement, on both sides."""
    at = line_of(migrated / "net/blocks.py", old)
    out = planted(migrated, tmp_path, "net/blocks.py", old, new)
    outcome = verify(out)
    assert outcome.verdict is Verdict.DIFFERENT
    assert outcome.first is not None
    assert outcome.first.path == path
    assert (outcome.first.output.first, outcome.first.output.last) == (at, at)
    assert outcome.first.output.file.endswith("out/net/blocks.py")
    statement = line_of(SOURCE / "blocks.py", "weights = " if "softmax" in old else "scores = ")
    assert (outcome.first.source.first, outcome.first.source.last) == (statement, statement)


def test_changed_padding(migrated: Path, tmp_path: Path) -> None:
    """The convolution and the line with the padding, though only a later line fails."""
    at = line_of(migrated / "net/blocks.py", "padding=1,\n".strip())
    out = planted(migrated, tmp_path, "net/blocks.py", "            padding=1,\n", "            padding=0,\n")
    done = command(out, "--root", "net:Classifier", "--input", IMAGE[0], "--layers", "different")
    assert done.exit_code == 1, done.output
    told = done.stdout[done.stdout.index("first difference: ") :]
    assert told.startswith("first difference: stages.0.second.conv (Conv2d): ")
    assert f"blocks.py:{line_of(out / 'net/blocks.py', 'self.conv = ')}: self.conv = " in told
    called = line_of(out / "net/blocks.py", "self.second = ")
    assert f"from {out}/net/blocks.py:{called}: self.second = ConvBlock(" in told
    assert called < at < called + 5
    assert "MindSpore cannot run the model" in told


def test_batchnorm_that_is_not_renamed(migrated: Path, tmp_path: Path) -> None:
    """Its tensors and the lines that made it; exit 1."""
    out = planted(migrated, tmp_path, "weights.json", '"weight": "gamma",\n', '"weight": "weight",\n')
    done = command(out, "--root", "net:Classifier", "--input", IMAGE[0])
    assert done.exit_code == 1, done.output
    at = line_of(SOURCE / "blocks.py", "self.bn = ")
    assert (
        "PyTorch's stem.bn.weight: its new name stem.bn.weight is no parameter of the output's model"
        in done.stdout
    )
    assert "MindSpore's stem.bn.gamma: no tensor of the source becomes this" in done.stdout
    assert f"blocks.py:{at}: self.bn = nn.BatchNorm2d(outer)" in done.stdout


def test_integers_keywords_and_a_dict_out(migrated: Path) -> None:
    """All kinds of inputs go in, and every leaf of the output is compared."""
    inputs = ("i64[2, 8] 0..50", "mask=bool[2, 8]", "scale=3")
    outcome = verify(migrated, "net:Tagger", inputs=inputs, layers=Layers.NEVER)
    assert outcome.verdict is Verdict.EQUAL, outcome
    names = {gap.name for gap in outcome.outputs}
    assert names >= {"y['logits']", "y['best'][0]", "y['best'][1]", "y['count']", "len(y)"}
    assert outcome.rows == ()


def test_training_step(migrated: Path, tmp_path: Path) -> None:
    """Outputs, gradients and statistics agree; a stopped gradient and a wrong momentum are told."""
    outcome = verify(migrated, train=True, layers=Layers.NEVER)
    assert outcome.verdict is Verdict.EQUAL, outcome
    assert len(outcome.gradients) == 23
    assert min(gap.scale for gap in outcome.gradients) > 0
    assert len(outcome.statistics) == 10
    out = planted(migrated, tmp_path, "net/blocks.py", "result = self.out(", "result = self.out(0.5 * ")
    text = (out / "net/blocks.py").read_text(encoding="utf-8")
    text = text.replace("0.5 * ops.cat(", "mindspore.ops.stop_gradient(ops.cat(").replace(
        "axis=1))", "axis=1)))"
    )
    (out / "net/blocks.py").write_text("import mindspore\n" + text, encoding="utf-8")
    done = command(out, "--root", "net:Classifier", "--input", IMAGE[0], "--train", "--layers", "never")
    assert done.exit_code == 1, done.output
    assert "  stages.1.value.weight: max diff" in done.stdout
    assert "stages.2.first.conv.weight: max diff" not in done.stdout
    assert "dropout: off on both sides" in done.stdout


def test_random_forward_cannot_be_compared(migrated: Path) -> None:
    """A model that draws random numbers in training is told so."""
    outcome = verify(migrated, "net:Noisy", inputs=("f32[2, 4]",), train=True)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.failure is not None
    assert (outcome.failure.side, outcome.failure.stage, outcome.failure.error) == (
        TORCH,
        Stage.RUN,
        "Random",
    )


def test_model_that_builds_on_one_side_only(migrated: Path, tmp_path: Path) -> None:
    """Exit 2 with the user's file and line, and no traceback."""
    out = planted(migrated, tmp_path, "net/models.py", "nn.Dense(4, 4)", "nn.Densely(4, 4)")
    done = command(out, "--root", "net:Noisy", "--input", "f32[2, 4]")
    assert done.exit_code == 2, done.output
    at = line_of(out / "net/models.py", "nn.Densely(4, 4)")
    assert "MindSpore cannot build the model:" in done.stdout
    assert f"{out}/net/models.py:{at}: self.layer = nn.Densely(4, 4)" in done.stdout
    assert "Traceback" not in done.output


def test_checkpoint(migrated: Path, tmp_path: Path) -> None:
    """Real weights are loaded strictly; what does not fit them is told."""
    import torch

    weights = {"layer.weight": torch.eye(4) * 2, "layer.bias": torch.zeros(4)}
    torch.save({"state_dict": weights}, tmp_path / "w.pth")
    settings = {"inputs": ("f32[2, 4]",), "layers": Layers.NEVER, "checkpoint": str(tmp_path / "w.pth")}
    outcome = verify(migrated, "net:Noisy", **settings)
    assert outcome.verdict is Verdict.EQUAL, outcome
    assert outcome.largest_difference == 0  # doubling is exact
    outcome = verify(migrated, "net:Tagger", **settings)
    assert outcome.failure is not None
    assert (outcome.failure.stage, outcome.failure.side) == (Stage.WEIGHTS, TORCH)


def test_process_that_dies(migrated: Path, tmp_path: Path) -> None:
    """How, the side and the stage are told."""
    old = "        self.stem = "
    out = planted(migrated, tmp_path, "net/models.py", old, f"        import os; os.abort()\n{old}")
    outcome = verify(out)
    assert outcome.failure is not None
    assert (outcome.failure.side, outcome.failure.stage) == (MINDSPORE, Stage.CONSTRUCT)
    assert "SIGABRT" in outcome.failure.reason


def test_process_that_hangs_or_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, and the limit is told."""
    (tmp_path / "sleeping.py").write_text(
        "import time; data = b'x' * 2**26; time.sleep(60)\n", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = time.monotonic()
    assert run_side("sleeping", tmp_path / "a.job", 1.0, None) == "no result after 1 s"
    assert run_side("sleeping", tmp_path / "b.job", 50.0, 2**25) == "needs more than 0.0 GiB"
    assert time.monotonic() - started < 40


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--root", "net:Tagger", "--input", "f33[2]"], "f33[2]"),
        (["--root", "net:Tagger", "--input", "x=f32[2]", "--input", "f32[2]"], "follows a keyword"),
        (["--root", "net"], "say MODULE:CLASS"),
    ],
)
def test_wrong_request(arguments: list[str], word: str, migrated: Path) -> None:
    """Exit 2 before anything is run."""
    done = command(migrated, *arguments)
    assert done.exit_code == 2, done.output
    assert word in done.stderr


def test_folder_without_rules(tmp_path: Path) -> None:
    """OUT must be what the source was migrated to."""
    with pytest.raises(RequestError, match="there are no weight rules"):
        verify(tmp_path)


def test_help_says_that_it_runs_code() -> None:
    """The only command that does."""
    helps = {name: CliRunner().invoke(main, [name, "--help"]).stdout for name in main.commands}
    assert [name for name, text in helps.items() if "RUNS YOUR CODE" in text] == ["verify"]
