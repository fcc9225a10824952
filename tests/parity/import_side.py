"""Imports migrated files in a process where torch cannot be imported.

    python -m tests.parity.import_side JOBS.json

Each job is a folder for ``sys.path`` and a module; what cannot be imported is printed, one line each.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from tests.parity.mindspore_side import NoTorch


def main() -> None:
    """Imports the modules of a file's jobs."""
    sys.meta_path.insert(0, NoTorch())
    broken = []
    for folder, module in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        sys.path.insert(0, folder)
        before = set(sys.modules)
        try:
            importlib.import_module(module)
        except Exception as error:
            broken.append(f"{folder} {module}: {type(error).__name__}: {error}")
        sys.path.remove(folder)
        for name in set(sys.modules) - before:  # the next module may have the same name
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                del sys.modules[name]
    print("\n".join(broken))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
