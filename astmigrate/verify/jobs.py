"""What the prover asks of a framework's process, and what comes back. Both cross a pipe, pickled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from astmigrate.verify.compare import Foreign, TensorValue


@dataclass(frozen=True, slots=True)
class Job:
    """Run the generator ``proof`` of a module (see wrapping.py) on these inputs.

    ``weights`` are loaded into ``m`` by path, strictly; None on torch's side, which draws them.
    ``snippets`` is the text of the module copied beside the output. With ``signature`` nothing runs:
    the calls to that MindSpore name in the code must bind to its real signature.
    """

    code: str
    inputs: dict[str, TensorValue]
    seed: int
    train: bool = False
    weights: dict[str, TensorValue] | None = None
    snippets: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The variables that the code left, or why there are none.

    ``state`` and ``modules`` describe torch's ``m``: its state_dict and the class of every submodule
    by path. ``changed`` are the variables that torch changed in place.
    """

    variables: dict[str, Any] = field(default_factory=dict)
    state: dict[str, TensorValue] | None = None
    modules: dict[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    error: str = ""


Leaf = Callable[[Any], Any]


def encode(value: Any, leaf: Leaf) -> Any:
    """The result tree with every framework object turned into a value by ``leaf``, or Foreign."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | complex | str | np.ndarray):
        return value
    if isinstance(value, dict):
        return {encode(key, leaf): encode(item, leaf) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(encode(item, leaf) for item in value)
    if isinstance(value, list):
        return [encode(item, leaf) for item in value]
    found = leaf(value)
    return Foreign(f"{type(value).__module__}.{type(value).__qualname__}") if found is None else found
