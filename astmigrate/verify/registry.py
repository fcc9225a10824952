"""Real packages from the registry, unpacked as they come and without what they depend on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
VERSIONS = {"efficientnet_pytorch": "0.7.1", "torchvision": "0.29.2", "pytorchcv": "0.0.74"}


def site() -> Path:
    """The folder that holds the packages; ``ASTMIGRATE_SITE`` names one that has them already."""
    given = os.environ.get("ASTMIGRATE_SITE")
    folder = Path(given) if given else CACHE / "site"
    missing = [f"{name}=={version}" for name, version in VERSIONS.items() if not (folder / name).is_dir()]
    if missing:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--no-compile", "--target", str(folder), *missing], check=True)
    return folder


def sources(package: str) -> dict[str, str]:
    """The Python files of a package by path from the site folder, with their text."""
    found = sorted((site() / package).rglob("*.py"))
    return {path.relative_to(site()).as_posix(): path.read_bytes().decode("utf-8-sig") for path in found}
