"""astmigrate rewrites PyTorch source code into MindSpore source code.

>>> from astmigrate import migrate_source
>>> m = migrate_source("import torch\\ny = torch.zeros(2)\\n")
>>> m.code, m.findings, m.weights
"""

from __future__ import annotations

from astmigrate.migrate import migrate_source
from astmigrate.model import Edit, Finding, Level, Migration, SourceError, WeightRules

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
