"""Runs a proof in torch: draws random weights for its module and describes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from astmigrate.verify.compare import TensorValue
from astmigrate.verify.jobs import Job, Reply, encode


def run(job: Job) -> Reply:
    """The proof's variables, and the weights that its module had when the rest of the code ran."""
    torch.manual_seed(job.seed)
    namespace: dict[str, Any] = {"__name__": "proof"}
    exec(compile(job.code, "<proof>", "exec"), namespace)
    steps = namespace["proof"](*(_tensor(value) for value in job.inputs.values()))
    left = next(steps)
    if isinstance(left, dict):
        return _reply(left)
    if not isinstance(left, torch.nn.Module):
        return _reply(next(steps))
    randomise(left, job.seed)
    left.train(job.train)
    versions = _versions(left)
    state = {name: tensor_value(value) for name, value in left.state_dict().items()}
    modules = {path: _qualified(module) for path, module in left.named_modules()}
    reply = _reply(next(steps), state, modules)
    return reply if _versions(left) == versions else replace(reply, changed=(*reply.changed, "m"))


def randomise(module: torch.nn.Module, seed: int) -> None:
    """Gives every parameter and floating buffer values that a wrong mapping cannot hide behind.

    Variances and gammas stay positive and away from 0, statistics and biases differ per channel.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            leaf = name.rpartition(".")[2]
            if not value.is_floating_point() or value.numel() == 0:
                continue
            if "var" in leaf or (leaf in ("weight", "weight_g") and value.ndim == 1):
                drawn = 0.5 + torch.rand(value.shape, generator=random)
            elif value.ndim > 1:
                scale = max(value[0].numel(), 1) ** -0.5
                drawn = torch.randn(value.shape, generator=random) * scale
            else:
                drawn = torch.randn(value.shape, generator=random) * 0.5
            value.copy_(drawn.to(value.dtype))


def tensor_value(value: torch.Tensor) -> TensorValue:
    """The tensor's values in numpy; bfloat16 as float32, which holds each of its values."""
    plain = value.detach().to_dense() if value.layout is not torch.strided else value.detach()
    dtype = str(plain.dtype).removeprefix("torch.")
    plain = plain.cpu().resolve_conj().resolve_neg()
    return TensorValue(dtype, (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy().copy())


def _tensor(value: TensorValue) -> torch.Tensor:
    return torch.tensor(value.values).to(getattr(torch, value.dtype))


def _reply(
    variables: dict[str, Any],
    state: dict[str, TensorValue] | None = None,
    modules: dict[str, str] | None = None,
) -> Reply:
    changed = tuple(name for name, value in variables.items() if _is_changed(value))
    kept = {name: encode(value, _leaf) for name, value in variables.items() if name != "m"}
    return Reply(kept, state, modules or {}, changed)


def _is_changed(value: Any) -> bool:
    """Whether torch's own version counter says that the tensor was written in place."""
    return isinstance(value, torch.Tensor) and not value.is_inference() and value._version > 0


def _versions(module: torch.nn.Module) -> list[int]:
    return [value._version for value in [*module.parameters(), *module.buffers()]]


def _leaf(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return None if value.is_quantized else tensor_value(value)
    if isinstance(value, torch.dtype):
        return f"dtype {str(value).removeprefix('torch.')}"
    return None


def _qualified(module: torch.nn.Module) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"
