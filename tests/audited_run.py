"""Runs the command line under an audit hook and writes what it saw that must not happen.

    python -m tests.audited_run RECORD.json WATCHED_FOLDER ARGUMENTS...

Seen are: imports from the watched folder, of torch or of MindSpore; execution of code whose file lies in
the watched folder; processes; files opened for writing in the watched folder.
https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

FRAMEWORKS = ("torch", "mindspore", "torchvision")
_SPAWNING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn")


def main() -> None:
    """Installs the hook, runs, records."""
    record, watched = Path(sys.argv[1]), os.path.realpath(sys.argv[2])
    packages = {path.name for path in Path(watched).iterdir()}
    seen: dict[str, list[str]] = {"imported": [], "executed": [], "spawned": [], "written": []}
    watching = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching:
            return
        if event == "import" and str(arguments[0]).partition(".")[0] in {*FRAMEWORKS, *packages}:
            seen["imported"].append(str(arguments[0]))
        elif event == "exec" and os.path.realpath(str(getattr(arguments[0], "co_filename", ""))).startswith(
            watched
        ):
            seen["executed"].append(str(arguments[0]))
        elif event in _SPAWNING:
            seen["spawned"].append(event)
        elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[1], str):
            writes = any(letter in arguments[1] for letter in "wax+")
            if writes and os.path.realpath(arguments[0]).startswith(watched + os.sep):
                seen["written"].append(arguments[0])

    from astmigrate.cli import main as command

    sys.addaudithook(hook)
    sys.argv = ["astmigrate", *sys.argv[3:]]
    try:
        command()
    except SystemExit as stop:
        status = stop.code
    else:
        status = 0
    watching = False
    record.write_text(json.dumps(seen), encoding="utf-8")
    sys.exit(status)


if __name__ == "__main__":
    main()
