"""Marks for a profiler, which run nothing here."""

from __future__ import annotations

import contextlib
from typing import Any


class record_function(contextlib.ContextDecorator):
    """``torch.profiler.record_function``: names a block; mindspore.profiler finds the operators itself."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        return self

    def __exit__(self, *error: Any) -> None:
        pass
