"""Which line made each submodule, which line calls it with what, and what each line of a forward binds.

``__init__`` and ``__call__`` of the framework's module class are wrapped, so that nothing about the user's
code need be known: works alike for torch.nn.Module and mindspore.nn.Cell and imports neither.
"""

from __future__ import annotations

import dis
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from types import CodeType, FrameType
from typing import Any, Protocol

from astmigrate.verify.model_jobs import BEGINS, ENDS, ModuleInfo, Place
from astmigrate.verify.model_loading import SNIPPETS, Tree

TraceFunction = Callable[[FrameType, str, Any], Any]
RUNNERS = ("forward", "construct")  # one method, by either side's name


_CALLERS = 5  # lines that led to a submodule, at most


class Listener(Protocol):
    """What is told of each event of a run; see ``model_jobs.Event``."""

    def __call__(self, path: str, number: int, what: str, place: Place, values: Any) -> None: ...


class Births:
    """The line that made each module, from ``installed`` on."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._places: dict[int, list[Place]] = {}

    def install(self, kind: type) -> None:
        """Wraps ``kind.__init__`` for the rest of the process."""
        original: Callable[..., None] = kind.__init__  # type: ignore[misc]

        def __init__(module: Any, *args: Any, **kwargs: Any) -> None:
            self._places[id(module)] = list(islice(self._tree.places(sys._getframe(1), module), _CALLERS))
            original(module, *args, **kwargs)

        kind.__init__ = __init__  # type: ignore[misc]

    def describe(self, named: Iterable[tuple[str, Any]], method: str) -> dict[str, ModuleInfo]:
        """The submodules by path; ``method`` is what runs them: forward or construct."""
        return {path: self._info(module, method) for path, module in named}

    def _info(self, module: Any, method: str) -> ModuleInfo:
        kind = type(module)
        code: CodeType | None = getattr(getattr(kind, method, None), "__code__", None)
        shown = self._tree.shown(code.co_filename) if code is not None else ""
        forward, end = Place(), 0
        if code is not None and shown and not shown.endswith(SNIPPETS):
            forward, end = Place(shown, code.co_firstlineno), max(_lines(code), default=0)
        name = f"{kind.__module__}.{kind.__qualname__}"
        made, *callers = self._places.get(id(module)) or [Place()]
        return ModuleInfo(name, made, forward, end, tuple(callers))


def _lines(code: CodeType) -> Iterator[int]:
    """The lines of a function and of the functions inside it."""
    yield from (line for _, _, line in code.co_lines() if line)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines(constant)


@contextmanager
def listening(kind: type, named: Iterable[tuple[str, Any]], tree: Tree, listener: Listener) -> Iterator[None]:
    """Tells the listener of every call of the named modules, while the block runs.

    ``values`` are the arguments as (args, kwargs) where a call begins, the result where it ends, and the
    value of a local variable that a method of the module has bound.
    """
    kept = list(named)  # keeps them alive, so that an id stays one module's
    paths = {id(module): path for path, module in reversed(kept)}
    numbers: Counter[str] = Counter()
    original: Callable[..., Any] = kind.__call__

    def __call__(module: Any, *args: Any, **kwargs: Any) -> Any:
        path = paths.get(id(module))
        if path is None:
            return original(module, *args, **kwargs)
        number = numbers[path]
        numbers[path] += 1
        place = tree.place(sys._getframe(1))
        listener(path, number, BEGINS, place, (args, kwargs))
        result = original(module, *args, **kwargs)
        listener(path, number, ENDS, place, result)
        return result

    kind.__call__ = __call__  # type: ignore[method-assign]
    before = sys.gettrace()
    sys.settrace(_Bindings(paths, numbers, tree, listener).enter)
    try:
        yield
    finally:
        sys.settrace(before)
        kind.__call__ = original  # type: ignore[method-assign]


class _Bindings:
    """Follows the local variables of the modules' own methods, line by line, to tell what each line bound."""

    def __init__(
        self, paths: Mapping[int, str], numbers: Counter[str], tree: Tree, listener: Listener
    ) -> None:
        self._paths, self._numbers = paths, numbers
        self._tree, self._listener = tree, listener
        self._counts: Counter[tuple[str, int, str]] = Counter()

    def enter(self, frame: FrameType, event: str, _: Any) -> TraceFunction | None:
        """The trace function of a new frame; None where it is no method of a module in the user's code."""
        code = frame.f_code
        if not code.co_argcount or not self._tree.shown(code.co_filename):
            return None
        path = self._paths.get(id(frame.f_locals.get(code.co_varnames[0])))
        return None if path is None else self._follower(path, frame)

    def _follower(self, path: str, frame: FrameType) -> TraceFunction:
        number = self._numbers[path] - 1
        method = "" if frame.f_code.co_name in RUNNERS else f"{frame.f_code.co_name}."
        stored, line = _stored(frame.f_code), frame.f_lineno

        def follow(frame: FrameType, event: str, _: Any) -> TraceFunction:
            nonlocal line
            if line in stored and event != "exception":
                values, place = frame.f_locals, Place(self._tree.shown(frame.f_code.co_filename), line)
                for name in stored[line]:
                    self._counts[path, number, method + name] += 1
                    count = self._counts[path, number, method + name]
                    self._listener(path, number, f"{method}{name}#{count}", place, values.get(name))
            line = frame.f_lineno
            return follow

        return follow


@cache
def _stored(code: CodeType) -> Mapping[int, Sequence[str]]:
    """The local variables that each line of a function binds.

    Lines and not identities tell: ``x = relu(x)`` may give the object that x was before.
    """
    stored: dict[int, dict[str, None]] = {}
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno if instruction.positions else None
        if instruction.opname in ("STORE_FAST", "STORE_DEREF") and line:
            stored.setdefault(line, {})[instruction.argval] = None
    return {line: tuple(names) for line, names in stored.items()}
