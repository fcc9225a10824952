"""``python -m astmigrate.verify.record_signatures``: writes docs/signatures.json for ``explain``.

It has the parameters of all of MindSpore that the tables name, so that explaining a row starts no framework:
what Python itself tells, else every call line of the target's documentation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from astmigrate.comparison import SIGNATURES
from astmigrate.tables import Tables
from astmigrate.verify.signatures import Signature, documented_calls, of_target

RECORD = Path(__file__).parents[2] / "docs" / SIGNATURES


def targets(tables: Tables) -> list[str]:
    """The names of MindSpore that calls become."""
    rows = [row for row in map(tables.row, tables.names()) if row is not None]
    named = {form.target for row in rows for form in (row.forms or (row,)) if form.args is not None}
    return sorted(name for name in named if name and name.startswith("mindspore."))


def signatures(names: Iterable[str]) -> dict[str, list[list[str]]]:
    """Each name's signatures, written as ``args`` are in a row; several where it is overloaded."""
    found = {}
    for name in names:
        exact = of_target(name)
        known = [exact] if exact is not None else list(documented_calls(name))
        found[name] = [_written(signature) for signature in known]
    return found


def _written(signature: Signature) -> list[str]:
    entries: list[str] = []
    marked = False
    for parameter in signature:
        if parameter.keyword_only and not marked and not parameter.star:
            entries.append("*")
        marked = marked or parameter.keyword_only or parameter.star == "*"
        default = "..." if (parameter.default or "").startswith("<") else parameter.default
        entries.append(f"{parameter.star}{parameter.name}" + ("" if default is None else f"={default}"))
    return entries


def main() -> int:
    """Writes the file, a line a target."""
    found = signatures(targets(Tables()))
    lines = [f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found)]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(
        f"{len(found)} targets, {sum(not known for known in found.values())} whose parameters nothing tells"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
