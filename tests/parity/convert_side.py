"""The converting process: ``astmigrate weights`` for several checkpoints, one after the other.

    python -m tests.parity.convert_side JOBS.json

Each job is a list of arguments and a file for what the command says; "" there means exit 0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from click.testing import CliRunner

from astmigrate.cli import main as command


def main() -> None:
    """Does the jobs of a file."""
    for arguments, words in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        done = CliRunner().invoke(command, ["weights", *arguments])
        said = "" if done.exit_code == 0 else f"exit {done.exit_code}\n{done.output}\n{done.exception!r}"
        Path(words).write_text(said, encoding="utf-8")


if __name__ == "__main__":
    main()
