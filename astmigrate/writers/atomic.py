"""Files appear whole or not at all: written beside their place under another name, then moved there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_bytes(path: Path, data: bytes, like: Path | None = None) -> None:
    """Put ``data`` at ``path``, with the permissions of ``like`` or those of a new file."""
    _replace(path, lambda file: file.write(data), like)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` as UTF-8, line ends as they are."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def copy(source: Path, path: Path) -> None:
    """Put a copy of the file ``source`` at ``path``, permissions included."""
    from shutil import copyfileobj  # not at the top: it loads every compression there is

    with source.open("rb") as content:
        _replace(path, lambda file: copyfileobj(content, file), source)


def link(source: Path, path: Path) -> None:
    """Put a link at ``path`` that points where the link ``source`` does, seen from its own folder."""
    target = os.path.relpath(os.path.realpath(source), os.path.realpath(source.parent))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(target, target_is_directory=True)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")


def _replace(path: Path, fill: Callable[[BinaryIO], object], like: Path | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with temporary.open("wb") as file:
            fill(file)
        if like is not None:
            temporary.chmod(like.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
