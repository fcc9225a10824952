"""One training step in torch: the forward, the gradient of every parameter, the statistics afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from astmigrate.verify.model_jobs import TORCH, Failure, Stage, TorchAnswer
from astmigrate.verify.model_loading import SideError
from astmigrate.verify.projection import direction
from astmigrate.verify.tensor_files import TensorFiles
from astmigrate.verify.torch_side import tensor_value

_FUNCTIONS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")


def without_dropout() -> None:
    """Makes torch's dropout give its input from now on, for the frameworks' random streams differ."""
    functional = torch.nn.functional

    def unchanged(input: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        return input

    for name in _FUNCTIONS:
        setattr(functional, name, unchanged)
    attention = functional.scaled_dot_product_attention

    def scaled_dot_product_attention(
        query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, **rest: Any
    ) -> Any:
        return attention(query, key, value, attn_mask, 0.0, **rest)

    functional.scaled_dot_product_attention = scaled_dot_product_attention


def step(
    model: torch.nn.Module,
    run: Callable[[int], Any],
    listened: Callable[[int], Any],
    seed: int,
    answer: TorchAnswer,
    files: TensorFiles,
) -> Any:
    """The output of one training forward; gradients and statistics go into ``answer``.

    ``run`` calls the model with random generators seeded by its argument, ``listened`` does the same for
    the step itself. A model that still draws random numbers cannot be compared.
    """
    state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        again = [list(floats(run(seed + number))) for number in range(2)]
    pairs = zip(*again, strict=False)
    if not all(one.shape == two.shape and torch.allclose(one, two) for (_, one), (_, two) in pairs):
        reason = "the forward draws random numbers beyond dropout, so that no two runs agree"
        raise SideError(Failure(TORCH, Stage.RUN, "Random", reason))
    model.load_state_dict(state)
    output = listened(seed)
    parts = [
        (value.float() * torch.from_numpy(direction(path, tuple(value.shape)))).sum()
        for path, value in floats(output)
        if value.requires_grad
    ]
    if not parts:
        raise ValueError("no output depends on a parameter; there is no gradient to compare")
    torch.stack(parts).sum().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            answer.gradients.append(files.keep(name, tensor_value(gradient)))
    for name, buffer in model.named_buffers():
        if name in state and buffer.is_floating_point():
            answer.statistics.append(files.keep(name, tensor_value(buffer)))
    return output


def floats(value: Any, path: str = "y") -> Iterator[tuple[str, torch.Tensor]]:
    """The floating tensors inside tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        if value.is_floating_point():
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from floats(item, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from floats(item, f"{path}[{index}]")
