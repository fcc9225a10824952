"""What stands for PyTorch where unconverted code names it while the file is imported."""

from __future__ import annotations

from typing import Any


class MissingTorch:
    """PyTorch where it is missing: while files are imported, anything can be made of it.

    A function that calls it later raises ImportError, with ``expected`` (the code around catches it)
    always. The lines that still need PyTorch are the [UnConvert] lines of the report.
    """

    def __init__(self, expected: bool = False) -> None:
        self.expected = expected

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        import inspect
        import sys

        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]  # a decorator
        frame: Any = sys._getframe(1)
        importing = not frame.f_code.co_flags & inspect.CO_OPTIMIZED  # not in a function
        while frame and not importing and not self.expected:
            importing = bool(getattr(frame.f_globals.get("__spec__"), "_initializing", False))
            frame = frame.f_back
        if not importing:
            raise ImportError("PyTorch is not installed, and this line was not converted: see the report")
        return self

    def __or__(self, other: Any) -> Any:
        return self

    __ror__ = __and__ = __rand__ = __add__ = __radd__ = __getitem__ = __or__
