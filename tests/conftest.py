"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from astmigrate.places import VARIABLE


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ[VARIABLE]
    if before is not None:
        os.environ[VARIABLE] = before
