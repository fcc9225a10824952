"""The text of a run's ``weights.json``, from the rules of its files."""

from __future__ import annotations

from collections.abc import Iterable

from astmigrate.model import WeightRules
from astmigrate.weights.closure import closed
from astmigrate.weights.rules import dumps, merge


def text_of(several: Iterable[WeightRules]) -> str:
    """The weights.json of files whose calls reach each other's classes."""
    return dumps(closed(merge(*several)))
