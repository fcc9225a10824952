"""Methods of ``torch.nn.Module`` that ``nn.Cell`` lacks, as functions of a cell.

https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops


def members_of(cell: nn.Cell, kind: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Tensor]]:
    """Paths and values of ``_params`` or ``_buffers``, those too that have several paths."""
    for name, value in getattr(cell, kind).items():
        if value is not None:
            yield f"{prefix}.{name}" if prefix else name, value
    for name, child in cell._cells.items() if recurse else ():
        if child is not None:
            yield from members_of(child, kind, f"{prefix}.{name}" if prefix else name, recurse)


def named_parameters_of(
    cell: nn.Cell, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
) -> Iterator[tuple[str, Parameter]]:
    """Paths and parameters; the statistics of normalizations are none, though MindSpore keeps them so."""
    every = members_of(cell, "_params", prefix, recurse)
    for name, parameter in cell.parameters_and_names(prefix, recurse) if remove_duplicate else every:
        if name.rpartition(".")[2] not in ("moving_mean", "moving_variance"):
            yield name, parameter


def parameters_of(cell: nn.Cell, recurse: bool = True) -> Iterator[Parameter]:
    """Parameters; the statistics of normalizations are none, though MindSpore keeps them so."""
    for _, parameter in named_parameters_of(cell, recurse=recurse):
        yield parameter


def named_buffers_of(
    cell: nn.Cell, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
) -> Iterator[tuple[str, Tensor]]:
    """Paths and buffers; the statistics of normalizations are buffers, though MindSpore has parameters."""
    every = members_of(cell, "_params", prefix, recurse)
    for name, parameter in cell.parameters_and_names(prefix, recurse) if remove_duplicate else every:
        if name.rpartition(".")[2] in ("moving_mean", "moving_variance"):
            yield name, parameter
    found = members_of(cell, "_buffers", prefix, recurse)
    yield from cell.named_buffers(prefix, recurse) if remove_duplicate else found


def buffers_of(cell: nn.Cell, recurse: bool = True) -> Iterator[Tensor]:
    """Buffers; the statistics of normalizations are buffers, though MindSpore has parameters."""
    for _, buffer in named_buffers_of(cell, recurse=recurse):
        yield buffer


def require_gradients(cell: nn.Cell, requires_grad: bool = True) -> nn.Cell:
    """Freezes all parameters of a cell, or thaws them."""
    for parameter in parameters_of(cell):
        parameter.requires_grad = requires_grad
    return cell


def move_cell(cell: nn.Cell, *args: Any, **kwargs: Any) -> nn.Cell:
    """``module.to(...)`` as far as it says a dtype; MindSpore places tensors itself."""
    for value in (*args, *kwargs.values()):
        dtype = value.dtype if isinstance(value, Tensor) else value
        if isinstance(dtype, type(ms.float32)):
            return cell.to(dtype=dtype)
    return cell


def get_parameter(cell: nn.Cell, target: str) -> Parameter:
    """The parameter at a path."""
    return dict(cell.parameters_and_names())[target]


class DataParallel(nn.Cell):
    """``torch.nn.DataParallel`` on one device: runs the module, whose parameters get the same path."""

    def __init__(
        self, module: nn.Cell, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module

    def construct(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def parameters_to_vector(parameters: Any) -> Tensor:
    """All parameters as one flat tensor."""
    return ops.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Any) -> None:
    """Sets parameters from one flat tensor."""
    start = 0
    for parameter in parameters:
        part = vec[start : start + parameter.size]
        parameter.set_data(part.reshape(parameter.shape).astype(parameter.dtype))
        start += parameter.size


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> nn.Cell:
    """``torch.nn.utils.skip_init``; MindSpore's parameters have values from the beginning."""
    return module_cls(*args, **kwargs)
