"""The proof runner spells each proof otherwise too: what only such a variant shows makes the row fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from astmigrate import Migration, migrate_source
from astmigrate.tables import Tables
from astmigrate.verify import prove
from astmigrate.verify.results import Verdict
from astmigrate.verify.tasks import tasks_of, with_respelled

pytest.importorskip("torch")
pytest.importorskip("mindspore")

OTHERS = """
["torch.Tensor"]
target = "mindspore.Tensor"

["torch.zeros_like"]
target = "mindspore.ops.zeros_like"
args = ["input"]
returns = "tensor"
"""
RELU = 'template = "mindspore.ops.relu({input})"\nargs = ["input", "out=None"]\nreturns = "tensor"'
CUMSUM = """target = "mindspore.ops.cumsum"
args = ["input", "dim", "*", "dtype=None", "out=None"]
rename = { input = "x", dim = "axis" }
returns = "tensor"
"""
Judged = tuple[dict[str, Verdict], tuple[str, ...]]
Judge = Callable[..., Judged]


@pytest.fixture(scope="module")
def prover() -> Iterator[prove.Prover]:
    prover = prove.Prover(Tables(), seconds=60)
    yield prover
    prover.close()


@pytest.fixture
def judge(prover: prove.Prover, tmp_path: Path) -> Iterator[Judge]:
    """Proves one row with all variants: the verdicts by variant, and the arguments that none passes."""

    def judged(name: str, row: str, *codes: str) -> Judged:
        write(tmp_path, name, row, *codes)
        prover.tables = Tables(tmp_path)
        tasks, uncovered = with_respelled(name, tasks_of(prover.tables)[name], prover.tables)
        return {task.how: prover.prove(task) for task in tasks}, uncovered

    yield judged
    prover.migrate = migrate_source


def write(folder: Path, name: str, row: str, *codes: str) -> None:
    """A folder of tables with this row and its proofs."""
    proofs = (f'[["{name}".proof]]\ncode = "{c}"\ninputs = {{ x = "f32[2, 3]" }}\n' for c in codes)
    text = f'{OTHERS}\n["{name}"]\n{row}\n\n' + "\n".join(proofs)
    (folder / "torch.toml").write_text(text, encoding="utf-8")


def failing(judged: Judged) -> dict[str, str]:
    """The variants that fail, with their reasons."""
    return {how: " ".join(v.failures) for how, v in judged[0].items() if v.failures}


def test_a_right_row_holds_in_every_variant(judge: Judge) -> None:
    judged = judge("torch.cumsum", CUMSUM, "y = torch.cumsum(x, 1)")
    assert failing(judged) == {}
    assert {"", "keyword", "out"} <= set(judged[0])
    assert not any(verdict.refused for verdict in judged[0].values())


def test_a_wrong_name_that_only_the_keyword_shows_fails(judge: Judge) -> None:
    wrong = CUMSUM.replace('dim = "axis"', 'dim = "dimension"')
    failures = failing(judge("torch.cumsum", wrong, "y = torch.cumsum(x, 1)"))
    assert set(failures) == {"keyword"}
    assert "MindSpore: TypeError" in failures["keyword"]


def test_a_wrong_place_that_only_the_position_shows_fails(judge: Judge) -> None:
    row = 'template = "mindspore.ops.roll({input}, {dims}, {shifts})"\nargs = ["input", "dims", "shifts"]\n'
    failures = failing(judge("torch.roll", row + 'returns = "tensor"', "y = torch.roll(x, shifts=2, dims=1)"))
    assert "position" in failures


def test_an_argument_that_no_proof_passes_is_uncovered(judge: Judge) -> None:
    _, uncovered = judge("torch.cumsum", CUMSUM, "y = torch.cumsum(x, 1)")
    assert uncovered == ("dtype by keyword",)
    _, uncovered = judge("torch.cumsum", CUMSUM, "y = torch.cumsum(x, 1, dtype=None)")
    assert uncovered == ("dtype by keyword",), "its default is no value that shows anything"


def test_an_argument_of_torchs_that_the_row_lacks_is_uncovered(judge: Judge) -> None:
    row = CUMSUM.replace('"dtype=None", ', "")
    assert judge("torch.cumsum", row, "y = torch.cumsum(x, 1)")[1] == ("dtype",)


def test_a_spelling_that_torch_refuses_is_no_failure(judge: Judge) -> None:
    row = 'template = "mindspore.ops.relu({tensor})"\nargs = ["tensor"]\nreturns = "tensor"'
    judged = judge("torch.relu", row, "y = torch.relu(x)")
    assert failing(judged) == {}
    assert judged[0]["keyword"].refused
    assert not judged[0][""].refused


def test_what_torch_refuses_in_the_proof_itself_fails(judge: Judge) -> None:
    row = 'template = "mindspore.ops.relu({tensor})"\nargs = ["tensor"]\nreturns = "tensor"'
    assert "torch: TypeError" in failing(judge("torch.relu", row, "y = torch.relu(tensor=x)"))[""]


def test_out_must_be_written_to(judge: Judge, prover: prove.Prover) -> None:
    judged = judge("torch.cumsum", CUMSUM, "y = torch.cumsum(x, 1)")
    assert failing(judged) == {}
    assert "y[()] = ops.cumsum(x, 1)" in judged[0]["out"].code

    def forgetful(text: str, filename: str, tables: Tables) -> Migration:
        migration = migrate_source(text, filename, tables=tables)
        return replace(migration, code=migration.code.replace("y[()] = ", ""))

    prover.migrate = forgetful
    failures = failing(judge("torch.cumsum", CUMSUM, "y = torch.cumsum(x, 1)"))
    assert set(failures) == {"out"}
    assert "values differ" in failures["out"]


def test_integers_show_a_wrong_dtype(judge: Judge) -> None:
    wrong = RELU.replace("({input})", "({input}.astype(mindspore.float32))")
    assert failing(judge("torch.relu", RELU.replace(', "out=None"', ""), "y = torch.relu(x)")) == {}
    failures = failing(judge("torch.relu", wrong.replace(', "out=None"', ""), "y = torch.relu(x)"))
    assert set(failures) == {"integers"}
    assert "dtype int64 in torch, float32 in MindSpore" in failures["integers"]


@pytest.mark.parametrize(
    ("row", "words", "code"),
    [
        (RELU.replace(', "out=None"', ""), "", 0),
        (CUMSUM, "UNCOVERED torch.cumsum: dtype by keyword", 1),
        (
            CUMSUM.replace('dim = "axis"', 'dim = "k"'),
            "FAILING torch.cumsum (proof 1, by keyword)",
            1,
        ),
    ],
)
def test_the_command_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, words: str, code: int
) -> None:
    name, call = (
        ("torch.cumsum", "torch.cumsum(x, 1)") if "cumsum" in row else ("torch.relu", "torch.relu(x)")
    )
    write(tmp_path, name, row, f"y = {call}")
    assert prove.main(["--tables", str(tmp_path), "-j", "1", "--only", name]) == code
    told = capsys.readouterr().out
    assert words in told
    assert ("FAILING" in told or "UNCOVERED" in told) is bool(words)
