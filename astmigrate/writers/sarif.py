"""``report.sarif``: what is left to do, for code scanning and editors. SARIF 2.1.0.

``manual`` is an error: the line does not run in MindSpore. ``review`` is a warning. ``converted`` and
``info`` ask for nothing and are left out; ``report.json`` has them. What could not be migrated at all is a
notification of the run.
https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from astmigrate import __version__
from astmigrate.model import Finding, Level
from astmigrate.writers.report import FileReport, Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Level.MANUAL: "error", Level.REVIEW: "warning"}
_ROOT = "SRCROOT"  # what URIs are relative to: the folder the command ran in, as a rule the repository

# Code of a finding that leaves something to do → name, what it says, what to do.
RULES = {
    "AM301": (
        "ConvertedUnderACondition",
        "Rewritten; behaves differently under the condition that the message states.",
        "Check whether the condition can hold here. If it can, change the line by hand.",
    ),
    "AM401": (
        "NotConverted",
        "A reference to PyTorch is left as it was.",
        "Write the line for MindSpore by hand; the message gives the reason and the nearest way there is.",
    ),
    "AM404": (
        "UnclearReceiver",
        "A method is left as it was, since what it is called on is not known.",
        "Annotate the value, for instance as torch.Tensor, and migrate again, or write the line by hand.",
    ),
}


def dumps(report: Report) -> str:
    """The report as SARIF; equal runs give equal text, wherever they ran."""
    codes = sorted({f.code for file in report.files for f in file.findings if f.level in LEVELS})
    notifications = [
        *({"level": "error", "message": {"text": str(problem)}} for problem in report.failed),
        *({"level": "note", "message": {"text": note}} for note in report.notes),
    ]
    run = {
        "tool": {"driver": _driver(codes)},
        "invocations": [
            {"executionSuccessful": not report.failed, "toolExecutionNotifications": notifications}
        ],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder that the sources are below."}}},
        "results": [result for file in report.files for result in _results(file, codes)],
    }
    return msgspec.json.encode({"version": "2.1.0", "runs": [run], "$schema": SCHEMA}).decode("utf-8") + "\n"


def _driver(codes: list[str]) -> dict[str, Any]:
    return {"name": "astmigrate", "semanticVersion": __version__, "rules": [_rule(code) for code in codes]}


def _rule(code: str) -> dict[str, Any]:
    name, what, act = RULES[code]
    level = LEVELS[Level.REVIEW if code.startswith("AM3") else Level.MANUAL]
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": what},
        "help": {"text": act},
        "defaultConfiguration": {"level": level},
    }


def _results(file: FileReport, codes: list[str]) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for finding in file.findings:
        if finding.level not in LEVELS:
            continue
        identity = _identity(file, finding)
        seen[identity] += 1
        place = {"artifactLocation": _place(file), "region": _region(finding)}
        yield {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": LEVELS[finding.level],
            "message": {"text": finding.message},
            "locations": [{"physicalLocation": place}],
            "partialFingerprints": {"finding/v1": f"{identity}:{seen[identity]}"},
            "properties": {"api": finding.api, "target": finding.target},
        }


def _identity(file: FileReport, finding: Finding) -> str:
    """What a finding is apart from its line: it stays the same when code above it comes or goes."""
    parts = (file.path, finding.code, finding.api, finding.message)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _region(finding: Finding) -> dict[str, int]:
    """Columns are 1-based here, and the end is behind the last character on both sides."""
    return {
        "startLine": finding.line,
        "startColumn": finding.column + 1,
        "endLine": finding.end_line,
        "endColumn": finding.end_column + 1,
    }


def _place(file: FileReport) -> dict[str, str]:
    """The source where it is given by a path below the working folder; else the path of the report.

    Absolute paths would say where the machine keeps its files, and no viewer elsewhere could open them.
    """
    path = os.path.normpath(file.source).replace(os.sep, "/") if file.source else ""
    outside = not path or os.path.isabs(path) or path.startswith(("../", "<"))
    return {"uri": quote(file.path if outside else path), "uriBaseId": _ROOT}
