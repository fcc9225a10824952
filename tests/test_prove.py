"""The proof runner cannot be fooled: each way in which a row can be wrong makes its proof fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from astmigrate import Migration, migrate_source
from astmigrate.tables import Tables
from astmigrate.verify import prove
from astmigrate.verify.results import Verdict
from astmigrate.verify.tasks import tasks_of

pytest.importorskip("torch")
pytest.importorskip("mindspore")

RIGHT = 'template = "mindspore.ops.relu({input})"'
TENSOR = '["torch.Tensor"]\ntarget = "mindspore.Tensor"\n'
MODULE = '["torch.nn.Module"]\ntarget = "mindspore.nn.Cell"\n'


@pytest.fixture(scope="module")
def prover() -> Iterator[prove.Prover]:
    prover = prove.Prover(Tables(), seconds=60)
    yield prover
    prover.close()


Judge = Callable[..., tuple[str, ...]]


@pytest.fixture
def judge(prover: prove.Prover, tmp_path: Path) -> Iterator[Judge]:
    """Proves one row of a folder of tables made for the test; gives the failures."""

    def judged(name: str, row: str, code: str, *, more: str = "", x: str = "f32[2, 3]") -> tuple[str, ...]:
        inputs = f'inputs = {{ x = "{x}" }}\n{more}' if x else more
        write(tmp_path, name, f"{row}", f'code = """{code}"""\n{inputs}')
        prover.tables = Tables(tmp_path)
        verdicts = [prover.prove(task) for task in tasks_of(prover.tables)[name]]
        assert len(verdicts) == 1
        return verdicts[0].failures

    yield judged
    prover.migrate = migrate_source


def write(folder: Path, name: str, row: str, proof: str) -> None:
    namespace = name.rpartition(".")[0]
    text = {"torch": TENSOR, "torch.nn": MODULE}
    text[namespace] = text.get(namespace, "") + f'["{name}"]\n{row}\n\n[["{name}".proof]]\n{proof}\n'
    for stem, content in text.items():
        (folder / f"{stem}.toml").write_text(content, encoding="utf-8")


def relu(expression: str) -> str:
    return f'template = "{expression}"\nargs = ["input"]\nreturns = "tensor"'


def test_a_right_row_is_proven(judge: Judge) -> None:
    assert judge("torch.relu", relu("mindspore.ops.relu({input})"), "y = torch.relu(x)") == ()


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("mindspore.ops.relu({input}) + 0.001", "values differ"),
        ("mindspore.ops.relu({input}) * 1.001", "in torch"),
        ("mindspore.ops.relu({input}).reshape(-1)", "shape (2, 3) in torch, (6,) in MindSpore"),
        ("mindspore.ops.relu({input}).astype(mindspore.float64)", "dtype float32 in torch, float64"),
        ("mindspore.ops.relu({input}).asnumpy()", "tensor in torch, numpy array in MindSpore"),
        ("(mindspore.ops.relu({input}),)", "tensor in torch, tuple in MindSpore"),
        ("mindspore.ops.relu({input})[:0]", "empty"),
        ("mindspore.ops.relu({input}, 1, 2, 3)", "MindSpore: TypeError (line 5 of the code)"),
        ("mindspore.ops.no_such({input})", "MindSpore: AttributeError"),
    ],
)
def test_a_wrong_row_fails(judge: Judge, expression: str, words: str) -> None:
    failures = judge("torch.relu", relu(expression), "y = torch.relu(x)")
    assert len(failures) == 1
    assert words in failures[0]


def test_a_result_left_in_torch_fails(judge: Judge, prover: prove.Prover) -> None:
    prover.migrate = lambda text, **_: replace(migrate_source("\n"), code=text)
    failures = judge("torch.relu", relu("mindspore.ops.relu({input})"), "y = torch.relu(x)")
    assert failures == ("MindSpore: ModuleNotFoundError (line 1 of the code): No module named 'torch'",)


def test_output_that_needs_astmigrate_fails(judge: Judge, prover: prove.Prover) -> None:
    def migrate(text: str, filename: str, tables: Tables) -> Migration:
        migration = migrate_source(text, filename, tables=tables)
        return replace(migration, code=f"import astmigrate.tables\n{migration.code}")

    prover.migrate = migrate
    failures = judge("torch.relu", relu("mindspore.ops.relu({input})"), "y = torch.relu(x)")
    assert "ModuleNotFoundError" in failures[0]
    assert "astmigrate" in failures[0]


def test_a_row_that_gives_up_fails(judge: Judge) -> None:
    row = relu("mindspore.ops.relu({input})").replace('["input"]', '["input", "extra=None"]')
    row += '\nunsupported = { extra = "no such thing" }'
    failures = judge("torch.relu", row, "y = torch.relu(x, extra=1)")
    assert "no such thing" in failures[0]
    assert "'torch.relu' didn't convert" in failures[0]


def test_a_proof_that_does_not_use_its_row_fails(judge: Judge) -> None:
    failures = judge("torch.relu", relu("mindspore.ops.relu({input})"), "y = x")
    assert failures == ("the proof does not use torch.relu",)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("y = torch.relu(x.reshape(7))", "torch: RuntimeError"),
        ("z = torch.relu(x)", "the proof leaves no y"),
        ("torch.relu(x); y = None", "torch's result is empty"),
        ("torch.relu(x); y = ()", "torch's result is empty"),
        ("y = torch.relu(x)[:0]", "torch's result is empty"),
        ("y = [object(), torch.relu(x)]", "builtins.object is no value"),
        ("y = torch.relu(", "proof does not parse"),
    ],
)
def test_a_worthless_proof_fails(judge: Judge, code: str, words: str) -> None:
    failures = judge("torch.relu", relu("mindspore.ops.relu({input})"), code)
    assert words in failures[0]


def test_a_crash_and_a_hang_fail_only_their_own_proof(judge: Judge, prover: prove.Prover) -> None:
    assert "died" in judge("torch.relu", relu("__import__('os').abort() or {input}"), "y = torch.relu(x)")[0]
    prover.seconds = 3
    slow = "__import__('time').sleep(60) or {input}"
    assert "no result after 3 s" in judge("torch.relu", relu(slow), "y = torch.relu(x)")[0]
    prover.seconds = 60
    assert judge("torch.relu", relu("mindspore.ops.relu({input})"), "y = torch.relu(x)") == ()


IN_PLACE = 'target = "mindspore.Tensor.add"\nargs = ["other"]\ninplace = "self"\nreturns = "tensor"'


def test_in_place(judge: Judge) -> None:
    assert judge("torch.Tensor.add_", IN_PLACE, "x.add_(1)\ny = x") == ()


def test_a_tensor_that_did_not_change_fails(judge: Judge) -> None:
    silent = 'target = "mindspore.Tensor.add_"\nargs = ["other"]\nreturns = "tensor"'
    assert "values differ" in judge("torch.Tensor.add_", silent, "x.add_(1)\ny = x")[0]


def test_another_name_of_a_tensor_that_did_not_change_fails(judge: Judge, prover: prove.Prover) -> None:
    code = "z = x\nz.add_(1)\ny = z"
    assert judge("torch.Tensor.add_", IN_PLACE, code) == ()

    def rebinding(text: str, filename: str, tables: Tables) -> Migration:
        migration = migrate_source(text, filename, tables=tables)
        assert "z[()] = z.add(1)" in migration.code
        return replace(migration, code=migration.code.replace("z[()] = ", "z = "))

    prover.migrate = rebinding
    failures = judge("torch.Tensor.add_", IN_PLACE, code)
    assert len(failures) == 1
    assert failures[0].startswith("x: ")


def test_an_in_place_proof_must_change_something(judge: Judge) -> None:
    row = 'target = "mindspore.Tensor.add"\nargs = ["other"]\ninplace = "self"\nreturns = "tensor"'
    failures = judge("torch.Tensor.add", row, "y = x.add(1)")
    assert failures[-1] == "the row changes a tensor in place, but its proof changes none"


BATCH_NORM = 'target = "mindspore.nn.BatchNorm2d"\nargs = ["num_features"]\nreturns = "module"\n'
NAMES = 'weight = "gamma", bias = "beta", running_mean = "moving_mean", running_var = "moving_variance"'


def norm(judge: Judge, weights: str, **rest: str) -> tuple[str, ...]:
    code = "m = torch.nn.BatchNorm2d(3)\ny = m(x)"
    return judge(
        "torch.nn.BatchNorm2d", BATCH_NORM + f"weights = {{ {weights} }}", code, x="f32[2, 3, 4, 4]", **rest
    )


def test_weights_pass_through_the_row_s_own_rules(judge: Judge) -> None:
    assert norm(judge, f'{NAMES}, num_batches_tracked = ""') == ()


def test_an_unmatched_weight_fails(judge: Judge) -> None:
    assert "weight num_batches_tracked fits no parameter" in norm(judge, NAMES)[0]
    partial = NAMES.replace('bias = "beta"', 'bias = ""') + ', num_batches_tracked = ""'
    assert "beta has no weight" in norm(judge, partial)[0]


def test_swapped_weights_fail(judge: Judge) -> None:
    swapped = NAMES.replace("gamma", "?").replace("beta", "gamma").replace("?", "beta")
    assert "values differ" in norm(judge, f'{swapped}, num_batches_tracked = ""')[0]


def test_training_mode_is_asked_for(judge: Judge) -> None:
    names = f'{NAMES}, num_batches_tracked = ""'
    code = "m = torch.nn.BatchNorm2d(3)\ny = (m(x), m.training)"
    rows = BATCH_NORM + f"weights = {{ {names} }}"
    assert judge("torch.nn.BatchNorm2d", rows, code, x="f32[2, 3, 4, 4]", more="train = true") == ()


SIGNATURE = 'compare = "signature"\nreason = "no kernel"'


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('target = "mindspore.ops.roll"\nargs = ["input", "shifts", "dims=None"]', ""),
        ('target = "mindspore.ops.roll"\nargs = ["input", "shifts"]\nadd = { nonsense = "1" }', "nonsense"),
        (relu("{input}.roll({shifts}, 1)").replace('"]', '", "shifts"]'), "no MindSpore name"),
        ('target = "mindspore.ops.no_such"\nargs = ["input", "shifts"]', "AttributeError"),
    ],
)
def test_a_signature_must_bind(judge: Judge, row: str, words: str) -> None:
    failures = judge("torch.roll", row, "y = torch.roll(x, 1)", more=SIGNATURE)
    assert (words in " ".join(failures)) if words else failures == ()
    assert bool(failures) is bool(words)


def test_an_unknown_comparison_fails(judge: Judge) -> None:
    failures = judge("torch.relu", relu("{input}"), "y = torch.relu(x)", more='compare = "nothing"')
    assert "is none of value, shape, signature" in failures[0]


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, dict[str, object]]:
    record = folder / "record.json"
    code = prove.main(["--tables", str(folder), "--record", str(record), "-j", "1", *arguments])
    return code, capsys.readouterr().out, json.loads(record.read_text(encoding="utf-8"))


def test_the_command_counts_and_exits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proven = relu("mindspore.ops.relu({input})")
    loose = 'code = "y = torch.relu(x)"\ninputs = { x = "f32[2]" }\nrtol = 0.1\nreason = "because"'
    write(tmp_path, "torch.relu", proven, loose)
    torch = tmp_path / "torch.toml"
    good = torch.read_text(encoding="utf-8").replace(TENSOR, TENSOR + 'manual = "for the test"\n')
    good += '["torch.other"]\nalias = "torch.relu"\n["torch.gone"]\nmanual = "it is gone"\n'
    torch.write_text(good.replace('["torch.other"]\nalias = "torch.relu"\n', ""), encoding="utf-8")
    code, text, record = run(tmp_path, capsys, "--only", "torch")
    assert code == 1, "torch.nn.Module has no proof"
    assert "UNPROVEN torch.nn.Module" in text
    code, text, record = run(tmp_path, capsys, "--only", "torch.relu")
    assert code == 0
    assert text.splitlines()[-1].split() == ["all", "1", "1", "0", "0", "0", "0", "1", "0"]
    assert record["torch.relu"] == {"digest": record["torch.relu"]["digest"], "loosened": ["because"],  # type: ignore[index]
                                    "proofs": 1, "standing": "run-proven", "uncovered": []}  # fmt: skip
    assert set(record) == {"torch.Tensor", "torch.gone", "torch.nn.Module", "torch.relu"}
    torch.write_text(good.replace("ops.relu", "ops.sigmoid"), encoding="utf-8")
    code, text, record = run(tmp_path, capsys, "--changed", "--failures", str(tmp_path))
    assert code == 1
    assert "FAILING torch.relu (proof 1)" in text
    assert "|     y = ops.sigmoid(x)" in (tmp_path / "prove_torch.txt").read_text(encoding="utf-8")
    assert record["torch.relu"]["standing"] == "failing"  # type: ignore[index]


def test_nothing_to_prove_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "torch.relu", relu("{input}"), 'code = "y = 1"')
    assert run(tmp_path, capsys, "--only", "torch.misspelt")[0] == 1


def test_a_verdict_is_not_lost_when_a_proof_is_retried(prover: prove.Prover, tmp_path: Path) -> None:
    write(tmp_path, "torch.relu", relu("mindspore.ops.sigmoid({input})"),
          'code = "y = torch.relu(x)"\ninputs = { x = "f32[2]" }')  # fmt: skip
    tables = Tables(tmp_path)
    tasks = tasks_of(tables)["torch.relu"]
    verdicts: list[Verdict] = prove.run_all(tasks, tables, 1, 60)
    assert [bool(verdict.failures) for verdict in verdicts] == [True]
