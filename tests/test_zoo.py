"""The zoo: its records and page, and a sample of the packages' models at parity."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from astmigrate.verify import zoo_page
from astmigrate.verify.model_jobs import MINDSPORE, TORCH, Failure, Gap, Stage
from astmigrate.verify.outcomes import Outcome, Request, Verdict
from astmigrate.verify.zoo import Runner, main
from astmigrate.verify.zoo_lines import predicted
from astmigrate.verify.zoo_models import Constructor, Inputs, sample
from astmigrate.verify.zoo_page import record_of

MODEL = Constructor("pytorchcv", "pytorchcv.models.resnet:resnet18", "resnet18")
REQUEST = Request(source="s", out="o", root="m:f", inputs=("f32[1, 3, 64, 64]",))


def compared(relative: float) -> Outcome:
    gaps = (Gap("y", (), relative, relative, 1.0),)
    return Outcome(REQUEST, Verdict.EQUAL, Stage.COMPARE, outputs=gaps, relative=relative, by_rules=True)


def test_parity_is_a_small_relative_difference() -> None:
    record = record_of(MODEL, compared(5e-4), "")
    assert (record.failed, record.by_rules, record.silent) == ("", True, False)


@pytest.mark.parametrize("relative", [2e-3, float("nan"), float("inf")])
def test_a_difference_that_no_finding_tells_of_is_silent(relative: float) -> None:
    assert record_of(MODEL, compared(relative), "").silent
    assert not record_of(MODEL, compared(relative), "a.py:3: it may differ").silent


def test_outputs_of_another_structure_are_a_mismatch() -> None:
    outcome = Outcome(REQUEST, Verdict.DIFFERENT, Stage.COMPARE, outputs=(Gap("y", (), word="shape"),))
    assert record_of(MODEL, outcome, "").failed == "mismatch"


def test_a_failure_has_its_class_and_side() -> None:
    failure = Failure(MINDSPORE, Stage.CONSTRUCT, "TypeError", "no")
    record = record_of(MODEL, Outcome(REQUEST, Verdict.FAILED, Stage.CONSTRUCT, failure=failure), "")
    assert (record.failed, record.side) == ("construct", MINDSPORE)
    assert "TypeError: no" in record.reason
    assert not record.silent


def test_the_page_counts_and_names_what_fails(tmp_path: Path) -> None:
    good, bad = record_of(MODEL, compared(5e-5), ""), record_of(MODEL, compared(0.5), "a.py:1: a|b")
    text = zoo_page.page([good, bad], {"pytorchcv": 3})
    assert "2 of the 3 constructors of pytorchcv were run." in text
    assert "| pytorchcv | 2 | 1 (50.0%) | 1 | 1 |" in text
    assert "| pytorchcv | resnet18 | mismatch |  | relative difference 5.0e-01 | a.py:1: a\\|b |" in text
    assert "Wrong numbers without a finding on their lines: 0." in text
    zoo_page.write(tmp_path / "zoo.json", [good, bad], {"pytorchcv": 3})
    assert [r.relative for r in zoo_page.read(tmp_path / "zoo.json")[0]] == [5e-5, 0.5]


@pytest.mark.parametrize(
    ("relative", "kept"),
    [(5e-5, 5e-5), (1e-4, 1e-4), (1.01e-4, 1.1e-4), (1e-3, 1e-3), (1.0001e-3, 1.1e-3), (9.91e-5, 1e-4)],
)
def test_what_is_over_a_tolerance_is_so_in_the_record(relative: float, kept: float, tmp_path: Path) -> None:
    record = record_of(MODEL, compared(relative), "")
    zoo_page.write(tmp_path / "zoo.json", [record], {"pytorchcv": 1})
    read, listed = zoo_page.read(tmp_path / "zoo.json")
    assert read[0].relative == kept
    assert zoo_page.page(read, listed) == zoo_page.page([replace(record, relative=kept)], listed)
    assert zoo_page.totals(read) == zoo_page.totals([record])


def test_a_later_run_takes_the_place_of_an_earlier() -> None:
    other = Constructor("torchvision", "torchvision.models.resnet:resnet18", "resnet18")
    old, new, kept = (record_of(m, compared(r), "") for m, r in ((MODEL, 0.5), (MODEL, 5e-5), (other, 5e-5)))
    assert zoo_page.merged([old, kept], [new]) == [kept, new]


DOCS = Path(__file__).parents[1] / "docs"


def test_the_pages_are_those_of_the_record() -> None:
    records, listed = zoo_page.read(DOCS / "zoo.json")
    assert (DOCS / "zoo.md").read_text(encoding="utf-8") == zoo_page.page(records, listed)
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert readme == zoo_page.in_readme(readme, records)
    assert zoo_page.totals(records) in readme


def test_a_sample_has_so_many_of_each_family() -> None:
    models = [Constructor("p", f"p.{family}:f", f"{family}{n}") for family in "ab" for n in range(3)]
    assert [model.name for model in sample(models, 1)] == ["a0", "b0"]


class Told(Runner):
    """A runner that is told what comes of each input."""

    def __init__(self, told: dict[str, Outcome]) -> None:
        super().__init__(Path("s"), Path("o"))
        self.told, self.tried = told, list[str]()

    def verified(self, model: Constructor, inputs: Inputs) -> Outcome:
        self.tried.append(inputs[0])
        return replace(self.told[inputs[0]], request=replace(REQUEST, inputs=inputs))


REFUSED = Outcome(
    REQUEST, Verdict.FAILED, Stage.RUN, failure=Failure(TORCH, Stage.RUN, "RuntimeError", "shape")
)
SIX = replace(MODEL, inputs=tuple((name,) for name in "abcdef"))


def rounded(relative: float, rounding: float) -> Outcome:
    return replace(compared(relative), rounding=rounding)


@pytest.mark.parametrize(
    ("outcomes", "tried", "counts"),
    [
        ([REFUSED, rounded(5e-5, 0.0), REFUSED], "ab", "b"),
        ([rounded(5e-5, 1e-2)], "a", "a"),  # equal all the same
        ([rounded(2e-4, 1e-2), rounded(2e-4, 1e-3), rounded(5e-5, 1e-5)], "abc", "c"),
        ([rounded(2e-4, 1e-2), rounded(9e-4, 1e-3), REFUSED, REFUSED, compared(0)], "abcd", "b"),
        ([rounded(5e-4, 1e-6)], "a", "a"),  # no rounding
    ],
)
def test_other_inputs_are_tried_where_one_is_refused_or_says_nothing(
    outcomes: list[Outcome], tried: str, counts: str
) -> None:
    runner = Told(dict(zip("abcdef", outcomes, strict=False)))
    record = runner.record(SIX)
    assert ("".join(runner.tried), record.inputs, record.failed) == (tried, (counts,), "")
    assert runner.record(SIX).inputs == (counts,)
    assert runner.tried[len(tried)] == counts, "what the last of a family took is tried first"


MODULE = """\
import torch


class Net(torch.nn.Module):
    def forward(self, x):
        return self.used(x)

    def used(self, x):
        return x * 2

    def unused(self, x):
        return x * 3
"""
FAILING = MODULE.replace("return x * 2", "x = x.missing(); y = 1")


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        (MODULE, 9, True),
        (MODULE, 12, False),
        (FAILING, 9, True),
        (FAILING.replace("; y", "\n        y"), 10, True),
    ],
)
def test_only_lines_that_run_predict(tmp_path: Path, module: str, line: int, told: bool) -> None:
    package = tmp_path / "site" / "pytorchcv"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "net.py").write_text(module, encoding="utf-8")
    finding = {"line": line, "end_line": line, "level": "review", "message": "it may differ"}
    report = {"files": [{"path": "pytorchcv/net.py", "findings": [finding]}]}
    (tmp_path / "out" / "pytorchcv").mkdir(parents=True)
    (tmp_path / "out" / "pytorchcv" / "report.json").write_text(json.dumps(report), encoding="utf-8")
    request = Request(
        source=str(package), out=str(tmp_path / "out"), root="pytorchcv.net:Net", inputs=("f32[2]",)
    )
    assert bool(predicted(MODEL, request, tmp_path / "out")) is told


def test_a_sample_of_the_packages_models(tmp_path: Path) -> None:
    """Spread over the families; what fails in the whole zoo may fail here, silently wrong is nothing."""
    path = tmp_path / "zoo.json"
    assert main(["--at-most", "64", "--record", str(path)]) == 0
    records, _ = zoo_page.read(path)
    assert len(records) == 64
    at_parity = {(r.package, r.name) for r in zoo_page.read(DOCS / "zoo.json")[0] if not r.failed}
    worse = [r for r in records if r.failed and (r.package, r.name) in at_parity]
    assert not worse, "\n".join(zoo_page.line(record) for record in worse)
