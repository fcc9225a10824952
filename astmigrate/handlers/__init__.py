"""Rows that data cannot say: one short function each, one file per torch namespace.

A handler is given the bound call and the form of its row, and returns the form that applies to these
arguments (``msgspec.structs.replace(form, ...)``). It raises ``Unsupported`` where MindSpore has no
way, and ``NeedsAdapter`` where only the run can tell. It never edits and never makes findings.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from astmigrate.model import Call, TableError
from astmigrate.tables import Form

Handler = Callable[[Call, Form], Form]


@cache
def handler(name: str) -> Handler:
    """The handler a row names as ``file.function``, e.g. ``nn.conv_padding``."""
    file, _, function = name.partition(".")
    try:
        found: Handler = getattr(import_module(f"astmigrate.handlers.{file}"), function)
    except (ImportError, AttributeError) as error:
        raise TableError(f"handler {name} does not exist") from error
    return found
