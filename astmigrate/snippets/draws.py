"""Random numbers of distributions that MindSpore draws with other arguments."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor


def poisson(input: Tensor) -> Tensor:
    """``torch.poisson``: counts with the rates in ``input``; it follows ``mindspore.set_seed``."""
    return Tensor(np.random.poisson(input.asnumpy()), input.dtype)
