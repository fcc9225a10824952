"""Imports a package whose compiled torch operators are missing, as torchvision's beside torch for the CPU.

Such a package fails where it registers something for ``library::operator``. Declared without an
implementation the name is enough for the import; a model that calls the operator fails there, and says so.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TypeVar

import torch

_T = TypeVar("_T")
_MISSING = re.compile(r"operator (\w+)::(\w+) does not exist")
_kept: list[torch.library.Library] = []  # an operator lives as long as the library that declared it


def with_declared(load: Callable[[], _T]) -> tuple[_T, list[str]]:
    """What ``load`` gives, and the operators that had to be declared for it; raises what else it raises."""
    declared: list[str] = []
    before = set(sys.modules)
    while True:
        try:
            return load(), declared
        except RuntimeError as error:
            match = _MISSING.search(str(error))
            if match is None or f"{match[1]}::{match[2]}" in declared:
                raise
            declared.append(f"{match[1]}::{match[2]}")
            library = torch.library.Library(match[1], "FRAGMENT")
            library.define(f"{match[2]}(Tensor a) -> Tensor")
            _kept.append(library)
            for name in set(sys.modules) - before:  # the rest of a failed package is in the way
                if name.partition(".")[0] not in sys.modules:
                    del sys.modules[name]
