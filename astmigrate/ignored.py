"""What git ignores: by the ``.gitignore`` files in a source folder and above it in its repository.

As in git, of all patterns that match the last one decides, those of deeper folders come last, and what
lies in an ignored folder cannot be taken back in. https://git-scm.com/docs/gitignore
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".gitignore"
_OWN = Path(".git", "info", "exclude")


class Ignored:
    """The patterns that hold below a source folder; ``enter`` adds those of a folder on the way."""

    def __init__(self, root: Path) -> None:
        self._specs: list[tuple[str, GitIgnoreSpec]] = []  # absolute folder and patterns, deepest last
        place = Path(os.path.abspath(root))
        repository = next((f for f in (place, *place.parents) if os.path.lexists(f / ".git")), None)
        if repository is None:
            return
        self._add(repository, repository / _OWN)
        for folder in reversed([f for f in place.parents if f == repository or repository in f.parents]):
            self._add(folder, folder / IGNORE_FILE)
        if self._above(place):
            self._specs.clear()  # what is ignored itself but asked for by name is asked for whole

    def enter(self, folder: Path) -> None:
        """Adds the patterns in a folder."""
        self._add(Path(os.path.abspath(folder)), folder / IGNORE_FILE)

    def has(self, path: Path, is_folder: bool) -> bool:
        """Whether a file or folder below those entered is ignored."""
        if not self._specs:
            return False
        absolute = os.path.abspath(path)
        for folder, spec in reversed(self._specs):
            if absolute.startswith(folder):
                verdict = spec.check_file(absolute[len(folder) :] + ("/" if is_folder else "")).include
                if verdict is not None:
                    return verdict
        return False

    def _above(self, place: Path) -> bool:
        """Whether the folder or one above it is ignored."""
        return any(self.has(folder, True) for folder in (place, *place.parents))

    def _add(self, folder: Path, file: Path) -> None:
        try:
            lines = file.read_bytes().decode("utf-8", "surrogateescape").splitlines()
        except OSError:
            return  # there is none, or git could not read it either
        from pathspec import GitIgnoreSpec  # most folders have no such file, and it costs 20 ms

        self._specs.append((os.path.join(folder, ""), GitIgnoreSpec.from_lines(lines)))
