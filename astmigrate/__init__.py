"""astmigrate rewrites PyTorch source code into MindSpore source code.

>>> from astmigrate import migrate_source
>>> m = migrate_source("import torch\\ny = torch.zeros(2)\\n")
>>> m.code, m.findings, m.weights
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from astmigrate.model import Edit, Finding, Level, Migration, SourceError, WeightRules

if TYPE_CHECKING:
    from astmigrate.migrate import migrate_source

__version__ = "0.1.0"
__all__ = [
    "Edit",
    "Finding",
    "Level",
    "Migration",
    "SourceError",
    "WeightRules",
    "__version__",
    "migrate_source",
]


def __getattr__(name: str) -> Any:
    """The engine is loaded when it is first asked for: much of what the commands do goes without it."""
    if name == "migrate_source":
        from astmigrate.migrate import migrate_source

        return migrate_source
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
