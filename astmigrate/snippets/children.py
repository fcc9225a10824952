"""Children of cells."""

from __future__ import annotations

from mindspore import nn


def set_child(cell: nn.Cell, name: str, child: nn.Cell) -> None:
    """``setattr(module, name, child)`` as in PyTorch: a SequentialCell runs the new child too."""
    setattr(cell, name, child)
    if isinstance(cell, nn.SequentialCell):
        cell.cell_list = list(cell.cells())
