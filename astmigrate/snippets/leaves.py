"""The parameters that PyTorch calls weight and bias, in cells whose kind only the run can tell."""

from __future__ import annotations

from typing import Any

from mindspore import nn


def weight_of(cell: nn.Cell) -> Any:
    """What PyTorch calls ``cell.weight``: gamma of a normalisation, the table of an embedding."""
    for name in ("gamma", "embedding_table", "w"):
        if hasattr(cell, name):
            return getattr(cell, name)
    return cell.weight


def bias_of(cell: nn.Cell) -> Any:
    """What PyTorch calls ``cell.bias``: beta of a normalisation."""
    return cell.beta if hasattr(cell, "beta") else cell.bias
