"""Limits of dtypes, as Python numbers."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np


class finfo:
    """``torch.finfo``: the limits of a floating dtype."""

    def __init__(self, type: Any = ms.float32) -> None:
        if type == ms.bfloat16:
            self.bits, self.eps, self.tiny, self.resolution = 16, 2.0**-7, 2.0**-126, 0.01
            self.max = (2.0 - 2.0**-7) * 2.0**127
        else:
            limits = np.finfo(ms.dtype_to_nptype(type))
            self.bits, self.eps, self.tiny = int(limits.bits), float(limits.eps), float(limits.tiny)
            self.max, self.resolution = float(limits.max), float(limits.resolution)
        self.min = -self.max
        self.smallest_normal = self.tiny
        self.dtype = str(type).lower()


class iinfo:
    """``torch.iinfo``: the limits of an integer dtype."""

    def __init__(self, type: Any) -> None:
        limits = np.iinfo(ms.dtype_to_nptype(type))
        self.bits, self.min, self.max = int(limits.bits), int(limits.min), int(limits.max)
        self.dtype = str(type).lower()
