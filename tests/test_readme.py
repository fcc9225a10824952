"""The README's before and after are what astmigrate does."""

from __future__ import annotations

import re
from pathlib import Path

from astmigrate import migrate_source

README = Path(__file__).parent.parent / "README.md"


def test_the_example_is_real() -> None:
    before, after = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[:2]
    assert migrate_source(before, "block.py").code == after
