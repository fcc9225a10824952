"""What stands for PyTorch where unconverted code names it while the file is imported."""

from __future__ import annotations

from typing import Any


class MissingTorch:
    """PyTorch where it is missing: can be named, subclassed and used as a decorator, not computed with.

    The lines that still need PyTorch are the [UnConvert] lines of the report.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        decorates = len(args) == 1 and not kwargs and callable(args[0])
        return args[0] if decorates else self
