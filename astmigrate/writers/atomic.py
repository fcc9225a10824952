"""Files appear whole or not at all: written beside their place under another name, then moved there.

A run that is killed leaves that other file; ``clean`` removes those of processes that are gone.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20  # bytes read at once; shutil, which could copy, loads every compression there is
_TEMPORARY = re.compile(r"\..+\.(\d+)\.astmigrate-tmp")


def write_bytes(path: Path, data: bytes | bytearray, like: Path | None = None) -> None:
    """Put ``data`` at ``path``, with the permissions of ``like`` or those of a new file.

    A file that is so already is left alone, its time included: whoever builds from it has nothing to do.
    """
    if not _is_so(path, data, like):
        _replace(path, lambda file: file.write(data), like)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` as UTF-8, line ends as they are."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def copy(source: Path, path: Path) -> None:
    """Put a copy of the file ``source`` at ``path``, permissions included."""
    with source.open("rb") as content:
        _replace(path, lambda file: file.writelines(iter(partial(content.read, _CHUNK), b"")), source)


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


def is_temporary(name: str) -> bool:
    """Whether a file's name is one under which files are written here."""
    return _TEMPORARY.fullmatch(name) is not None


def clean(folder: Path) -> None:
    """Removes from a folder what killed processes had begun to write; ``OSError`` where it may not."""
    with os.scandir(folder) as entries:
        left = [(entry.path, match) for entry in entries if (match := _TEMPORARY.fullmatch(entry.name))]
    for path, match in left:
        if not _runs(int(match[1])):
            Path(path).unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Whether there is another process of that number; where only the system may ask, there is."""
    if process == os.getpid():
        return False
    if os.name == "nt":
        return True  # there, asking so would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _is_so(path: Path, data: bytes | bytearray, like: Path | None) -> bool:
    """Whether the file at ``path`` is a plain one with this content and these permissions."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != len(data):
            return False
        same_mode = like is None or stat.S_IMODE(status.st_mode) == os.stat(like).st_mode & 0o777
        return same_mode and path.read_bytes() == data
    except OSError:
        return False  # writing says what is wrong


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:100]}.{os.getpid()}.astmigrate-tmp")


def _replace(path: Path, fill: Callable[[BinaryIO], object], like: Path | None) -> None:
    temporary = _beside(path)
    try:
        with _opened(temporary) as file:
            fill(file)
        if like is not None:
            os.chmod(temporary, os.stat(like).st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _opened(path: Path) -> BinaryIO:
    """A new file, in a new folder if need be."""
    try:
        return path.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
