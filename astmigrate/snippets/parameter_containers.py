"""Lists and dictionaries of parameters as modules.

https://docs.pytorch.org/docs/stable/generated/torch.nn.ParameterList.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mindspore import Parameter, nn


class ParameterList(nn.Cell):
    """``torch.nn.ParameterList``; tensors in it that are no parameters belong to no checkpoint."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.entries: dict[str, Any] = {}
        self.extend(values or ())

    def __getitem__(self, index: Any) -> Any:
        values = [self._params.get(key, value) for key, value in self.entries.items()]
        return self.__class__(values[index]) if isinstance(index, slice) else values[index]

    def __setitem__(self, index: int, value: Any) -> None:
        key = str(range(len(self))[index])
        self._params.pop(key, None)
        self.entries[key] = value
        if isinstance(value, Parameter):
            self.insert_param_to_cell(key, value)

    def __len__(self) -> int:
        return len(self.entries)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __iter__(self) -> Iterator[Any]:
        return iter(self[index] for index in range(len(self)))

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def append(self, value: Any) -> ParameterList:
        """Adds a value behind the last one."""
        self.entries[str(len(self))] = None
        self[len(self) - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Adds values behind the last one."""
        for value in list(values):
            self.append(value)
        return self


class ParameterDict(nn.Cell):
    """``torch.nn.ParameterDict``; tensors in it that are no parameters belong to no checkpoint."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.entries: dict[str, Any] = {}
        self.update(parameters or {})

    def __getitem__(self, key: str) -> Any:
        return self._params.get(key, self.entries[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self._params.pop(key, None)
        self.entries[key] = value
        if isinstance(value, Parameter):
            self._params[key] = value
            value.name = key

    def __delitem__(self, key: str) -> None:
        del self.entries[key]
        self._params.pop(key, None)

    def __len__(self) -> int:
        return len(self.entries)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def keys(self) -> Any:
        """The keys."""
        return self.entries.keys()

    def values(self) -> Any:
        """The parameters."""
        return [self[key] for key in self.entries]

    def items(self) -> Any:
        """The keys, each with its parameter."""
        return [(key, self[key]) for key in self.entries]

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of that key, or ``default``."""
        return self[key] if key in self.entries else default

    def pop(self, key: str) -> Any:
        """Takes the parameter of that key out."""
        value = self[key]
        del self[key]
        return value

    def update(self, parameters: Any) -> None:
        """Adds the parameters of a mapping or of pairs."""
        pairs = parameters.items() if isinstance(parameters, (Mapping, ParameterDict)) else parameters
        for key, value in pairs:
            self[key] = value
