"""What of the machine a run uses: its cores, the folder where the user keeps caches, that of the tables."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ASTMIGRATE_CACHE_DIR"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder() -> Path:
    """Where results are kept: the folder that the environment variable names, or the user's for caches."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_cache_path  # what one file needs goes without it

    return user_cache_path("astmigrate", appauthor=False)


def tables_folder() -> Path:
    """Where the tables are: in the wheel beside the modules, in a checkout beside the package."""
    package = Path(__file__).parent
    inside = package / "api_tables"
    return inside if inside.is_dir() else package.parent / "api_tables"
