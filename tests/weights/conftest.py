"""The command as a fixture that writes into the test's own folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.weights.runs import Command, run_command


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """``run_command`` with its folder."""
    return partial(run_command, tmp_path)
