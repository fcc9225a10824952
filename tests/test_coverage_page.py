"""docs/api-coverage.md and the record behind it."""

from __future__ import annotations

from pathlib import Path

from astmigrate.tables import Proof, Tables
from astmigrate.verify import coverage, results
from astmigrate.verify.results import Result, Standing, Verdict

TABLE = """\
["torch.relu"]
target = "mindspore.ops.relu"
args = ["input"]

[["torch.relu".proof]]
code = "y = torch.relu(x)"
inputs = { x = "f32[2]" }

["torch.relu6"]
alias = "torch.relu"

["torch.roll"]
target = "mindspore.ops.roll"
args = ["input"]
level = "review"
note = "a|b"

["torch.gone"]
manual = "it is gone | for good"
"""


def folder(path: Path) -> Tables:
    (path / "torch.toml").write_text(TABLE, encoding="utf-8")
    return Tables(path)


def record(tables: Tables) -> dict[str, Result]:
    proof = tables.proofs("torch.relu")[0]
    found = {name: results.summarise(name, tables, []) for name in tables.names()}
    return {**found, "torch.relu": results.summarise("torch.relu", tables, [Verdict("torch.relu", 1, proof)])}


def test_the_page(tmp_path: Path) -> None:
    tables = folder(tmp_path)
    text = coverage.page(tables, record(tables))
    assert "| `torch.relu` | `mindspore.ops.relu` | converted | run-proven |  |" in text
    assert "| `torch.relu6` | as `torch.relu`: `mindspore.ops.relu` | converted | unproven |  |" in text
    assert "| `torch.roll` | `mindspore.ops.roll` | review | unproven |  |" in text
    assert "| `torch.gone` |  | manual |  | it is gone \\| for good |" in text
    assert "| **all** | 4 | 2 | 1 | 1 | 1 | 0 | 2 | 0 | 0 |" in text


def test_a_record_is_stable_and_tells_when_it_is_stale(tmp_path: Path) -> None:
    tables = folder(tmp_path)
    path = tmp_path / "proofs.json"
    results.write(path, record(tables))
    first = path.read_text(encoding="utf-8")
    assert results.stale(tables, results.read(path)) == []
    results.write(path, dict(reversed(results.read(path).items())))
    assert path.read_text(encoding="utf-8") == first
    changed = TABLE.replace('code = "y = torch.relu(x)"', 'code = "y = torch.relu(x + 1)"')
    (tmp_path / "torch.toml").write_text(changed + '["torch.new"]\nmanual = "no"\n', encoding="utf-8")
    assert results.stale(Tables(tmp_path), results.read(path)) == ["torch.relu", "torch.relu6", "torch.new"]
    assert results.stale(Tables(tmp_path), {"torch.old": results.read(path)["torch.gone"]})[0] == "torch.old"


def test_every_standing(tmp_path: Path) -> None:
    tables = folder(tmp_path)
    proof = tables.proofs("torch.relu")[0]

    def standing(*verdicts: Verdict) -> Standing:
        return results.summarise("torch.relu", tables, verdicts).standing

    good = Verdict("torch.relu", 1, proof)
    bound = Verdict("torch.relu", 2, Proof(code="", compare="signature", reason="no kernel"))
    assert standing() is Standing.UNPROVEN
    assert standing(good) is standing(good, bound) is Standing.RUN
    assert standing(bound) is Standing.SIGNATURE
    assert standing(good, Verdict("torch.relu", 3, proof, ("wrong",))) is Standing.FAILING
    assert results.summarise("torch.gone", tables, []).standing is Standing.MANUAL
    loose = Verdict("torch.relu", 1, Proof(code="", rtol=0.1, reason="rounding"))
    assert results.summarise("torch.relu", tables, [loose]).loosened == ("rounding",)


def test_the_committed_pages_are_up_to_date() -> None:
    tables, kept = Tables(), results.read(coverage.RECORD)
    assert results.stale(tables, kept) == [], "run `make prove`"
    assert [
        name for name, result in kept.items() if result.standing in (Standing.FAILING, Standing.UNPROVEN)
    ] == []
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(tables, kept), "run `make coverage`"
