"""Containers of modules with all that torch's can do.

``nn.SequentialCell`` does not run children that are added by name, ``nn.CellList`` takes lists only, and
``nn.CellDict`` takes neither lists nor sequences of cells, nor keys that are attributes of a cell.

https://docs.pytorch.org/docs/stable/nn.html#containers
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mindspore import nn


def adopt(parent: nn.Cell, key: str, child: nn.Cell | None) -> None:
    """Makes ``child`` the child of that name, and names its parameters by their path."""
    if child is not None and not isinstance(child, nn.Cell):
        raise TypeError(f"{type(child).__name__} is not a Cell")
    parent._cells[key] = child
    for name, parameter in () if child is None else child.parameters_and_names():
        parameter.name = f"{key}.{name}"


class Sequential(nn.SequentialCell):
    """``nn.SequentialCell`` that runs all its children, however they came to be."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.refresh()

    def refresh(self) -> None:
        """What is run are the children that there are now."""
        object.__setattr__(self, "cell_list", list(self._cells.values()))
        object.__setattr__(self, "_is_dynamic_name", [key.isdigit() for key in self._cells])

    def insert_child_to_cell(self, child_name: str, child_cell: nn.Cell | None) -> None:
        super().insert_child_to_cell(child_name, child_cell)
        self.refresh()

    def renew(self, cells: Iterable[nn.Cell]) -> Sequential:
        """Holds ``cells``, numbered anew."""
        children = list(cells)
        self._cells.clear()
        for number, cell in enumerate(children):
            adopt(self, str(number), cell)
        self.refresh()
        return self

    def __setitem__(self, index: int, cell: nn.Cell) -> None:
        adopt(self, list(self._cells)[index], cell)
        self.refresh()

    def __delitem__(self, index: Any) -> None:
        cells = list(self._cells.values())
        del cells[index]
        self.renew(cells)  # as PyTorch does, which numbers children anew that had names too

    def __iter__(self) -> Iterator[nn.Cell]:
        return iter(list(self._cells.values()))

    def __add__(self, other: Iterable[nn.Cell]) -> Sequential:
        return Sequential(*self, *other)

    def __iadd__(self, other: Iterable[nn.Cell]) -> Sequential:
        return self.extend(other)

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*(list(self) * times))

    def append(self, cell: nn.Cell) -> Sequential:
        """Adds a cell behind the last one."""
        adopt(self, str(len(self)), cell)
        self.refresh()
        return self

    def extend(self, cells: Iterable[nn.Cell]) -> Sequential:
        """Adds cells behind the last one."""
        for cell in list(cells):
            self.append(cell)
        return self

    def insert(self, index: int, cell: nn.Cell) -> Sequential:
        """Adds a cell before the one at ``index``."""
        cells = list(self)
        cells.insert(index, cell)
        return self.renew(cells)

    def pop(self, index: Any) -> Any:
        """Takes the cell at ``index`` out."""
        cell = self[index]
        del self[index]
        return cell


class ModuleList(nn.CellList):
    """``nn.CellList`` for any iterable, of any cells or None."""

    def __init__(self, modules: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def renew(self, cells: Iterable[Any]) -> ModuleList:
        """Holds ``cells``, numbered anew."""
        children = list(cells)
        self._cells.clear()
        return self.extend(children)

    def __getitem__(self, index: Any) -> Any:
        cells = list(self._cells.values())
        return self.__class__(cells[index]) if isinstance(index, slice) else cells[index]

    def __setitem__(self, index: int, cell: Any) -> None:
        adopt(self, str(range(len(self))[index]), cell)

    def __delitem__(self, index: Any) -> None:
        cells = list(self._cells.values())
        del cells[index]
        self.renew(cells)

    def __add__(self, other: Iterable[Any]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Any]) -> ModuleList:
        return self.extend(other)

    def append(self, cell: Any) -> ModuleList:
        """Adds a cell behind the last one."""
        adopt(self, str(len(self)), cell)
        return self

    def extend(self, cells: Iterable[Any]) -> ModuleList:
        """Adds cells behind the last one."""
        for cell in list(cells):
            self.append(cell)
        return self

    def insert(self, index: int, cell: Any) -> None:
        """Adds a cell before the one at ``index``."""
        cells = list(self._cells.values())
        cells.insert(index, cell)
        self.renew(cells)

    def pop(self, index: Any) -> Any:
        """Takes the cell at ``index`` out."""
        cell = self[index]
        del self[index]
        return cell


class ModuleDict(nn.Cell):
    """``torch.nn.ModuleDict``."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Any:
        return self._cells[key]

    def __setitem__(self, key: str, cell: Any) -> None:
        adopt(self, key, cell)

    def __delitem__(self, key: str) -> None:
        del self._cells[key]

    def __len__(self) -> int:
        return len(self._cells)

    def __bool__(self) -> bool:
        return bool(self._cells)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __contains__(self, key: object) -> bool:
        return key in self._cells

    def keys(self) -> Any:
        """The keys."""
        return self._cells.keys()

    def values(self) -> Any:
        """The cells."""
        return self._cells.values()

    def items(self) -> Any:
        """The keys, each with its cell."""
        return self._cells.items()

    def clear(self) -> None:
        """Takes all cells out."""
        self._cells.clear()

    def pop(self, key: str) -> Any:
        """Takes the cell of that key out."""
        return self._cells.pop(key)

    def update(self, modules: Any) -> None:
        """Adds the cells of a mapping or of pairs."""
        for key, cell in modules.items() if hasattr(modules, "items") else modules:
            self[key] = cell
