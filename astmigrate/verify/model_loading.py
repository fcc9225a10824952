"""Imports the user's module and builds the model in it; says where in the user's code that fails.

Imports no framework: both processes use it.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from astmigrate.rewrite import names
from astmigrate.verify.model_jobs import Failure, Job, Place, Stage

_ARGS = "the arguments of --args"
SNIPPETS = f"{names.SNIPPETS}.py"


class SideError(Exception):
    """A side cannot go on; carries what is to be told."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Tree:
    """The user's code on one side: a file, or all files of a folder that are no installed package's."""

    def __init__(self, tree: str) -> None:
        self.root = os.path.realpath(tree)
        self._folder = os.path.join(self.root, "")
        installed = {os.path.realpath(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")}
        # A package that is verified where it is installed lies inside; what lies deeper is not the user's.
        self._foreign = tuple(os.path.join(p, "") for p in installed if not self._inside(p))
        self._known: dict[str, str] = {}

    def _inside(self, installed: str) -> bool:
        return self._folder.startswith(os.path.join(installed, ""))

    def shown(self, file: str) -> str:
        """The file as messages name it, from the working directory; "" for one that is not the user's."""
        if file not in self._known:
            real = os.path.realpath(file)
            own = real == self.root or real.startswith(self._folder)
            own = own and not real.startswith(self._foreign)
            short = os.path.relpath(real)
            self._known[file] = (real if short.startswith("..") else short) if own else ""
        return self._known[file]

    def place(self, frame: FrameType | None) -> Place:
        """The innermost line of the user's code from ``frame`` outwards."""
        return next(self.places(frame), Place())

    def places(self, frame: FrameType | None, made: object = None) -> Iterator[Place]:
        """The lines of the user's code from ``frame`` outwards, without the snippets beside the output.

        With ``made``, an object under construction, its own ``__init__`` does not count.
        """
        while frame is not None:
            shown = self.shown(frame.f_code.co_filename)
            own = shown and not shown.endswith(SNIPPETS)
            if own and not (made is not None and _is_method_of(frame, made)):
                yield Place(shown, frame.f_lineno)
            frame = frame.f_back

    def place_of_error(self, error: BaseException) -> Place:
        """The last line of the user's code that the exception passed; for a syntax error the line itself."""
        if isinstance(error, SyntaxError) and error.filename and self.shown(error.filename):
            return Place(self.shown(error.filename), error.lineno or 0)
        frames = [
            (Place(shown, frame.lineno or 0), frame.name)
            for frame in traceback.extract_tb(error.__traceback__)
            if (shown := self.shown(frame.filename))
        ]
        # What a snippet raises when it is called is told with the line that called it.
        own = [p for p, name in frames if name == "<module>" or not p.file.endswith(SNIPPETS)]
        return own[-1] if own else frames[-1][0] if frames else Place()


def _is_method_of(frame: FrameType, made: object) -> bool:
    names = frame.f_code.co_varnames
    return bool(names) and frame.f_code.co_argcount > 0 and frame.f_locals.get(names[0]) is made


@contextmanager
def located(side: str, stage: Stage, tree: Tree, folder: Path) -> Iterator[None]:
    """Turns whatever the user's code raises into a ``SideError`` with its place.

    Leaves in the folder which stage this is, for a process that dies cannot tell.
    """
    _mark(folder, side).write_text(stage, encoding="utf-8")
    try:
        yield
    except SideError:
        raise
    except (Exception, SystemExit) as error:
        place = tree.place_of_error(error)
        raise SideError(Failure(side, stage, type(error).__name__, first_words(error), place)) from error


def reached(folder: Path, side: str) -> Stage:
    """The stage that a side's process had begun when it died."""
    mark = _mark(folder, side)
    return Stage(mark.read_text(encoding="utf-8")) if mark.exists() else Stage.IMPORT


def _mark(folder: Path, side: str) -> Path:
    return folder / f"{side.lower()}.stage"


def first_words(error: BaseException) -> str:
    """An exception's message on one line; MindSpore appends the C++ call stack under a dashed heading."""
    return " ".join(str(error).split("\n----")[0].split())[:500] or "no message"


def import_module(job: Job) -> ModuleType:
    """The module of ``--root``; its folder comes first on the path."""
    if job.path not in sys.path:
        sys.path.insert(0, job.path)
    return importlib.import_module(job.root.partition(":")[0])


def construct(job: Job, module: ModuleType) -> Any:
    """The model: ``--root`` called with ``--args``, in which the module's own names may stand."""
    name = job.root.partition(":")[2]
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    code = compile(f"__root__({job.args})", _ARGS, "eval")
    return eval(code, {**vars(module), "__root__": found})
