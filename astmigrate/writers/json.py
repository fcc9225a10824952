"""``report.json``: the findings for other programs, one a line so that two reports can be compared."""

from __future__ import annotations

from typing import Any

import msgspec

from astmigrate.writers.report import FileReport, Report

VERSION = 1

_lines = msgspec.json.Encoder().encode_lines


def dumps(report: Report) -> str:
    """The report as JSON."""
    files = [_file(file) for file in report.files]
    head, tail = f'{{"version": {VERSION}, "files": [', f'], "summary": {_encode(summary(report))}}}\n'
    if not files:
        return head + tail
    files[0] = f"{head}\n{files[0]}"
    files[-1] += f"\n{tail}"
    return ",\n".join(files)  # at once: of a large project each copy is megabytes


def summary(report: Report) -> dict[str, Any]:
    """Counts, the most frequent reasons, and what could not be migrated or is left out."""
    levels = {str(level): count for level, count in report.levels().items()}
    return {
        "files": len(report.files),
        "changed": report.changed,
        "copied": report.copied,
        **levels,
        "reasons": [{"count": r.count, "level": r.level, "message": r.message} for r in report.reasons()],
        "failed": [{"path": p.path, "line": p.line, "message": p.reason} for p in report.failed],
        "left_out": report.notes,
    }


def _file(file: FileReport) -> str:
    findings = _lines(file.findings).replace(b"\n", b",\n").decode("utf-8")  # what they say has no line's end
    inner = f"\n{findings[:-2]}\n" if findings else ""
    return f'{{"path": {_encode(file.path)}, "findings": [{inner}]}}'


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode("utf-8")
