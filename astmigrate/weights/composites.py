"""torch's own modules that are made of modules, as classes of the grammar.

From their ``__init__`` in torch/nn/modules/transformer.py (torch 2.13). MindSpore's side keeps the names of
the parts, and a tensor changes as those of its part do: ``norm1.weight`` → ``norm1.gamma``.
"""

from __future__ import annotations

from astmigrate.model import ClassRule, LayerSpec

_ATTENTION, _LINEAR, _NORM = "torch.nn.MultiheadAttention", "torch.nn.Linear", "torch.nn.LayerNorm"


def _class(name: str, **children: tuple[LayerSpec, ...]) -> ClassRule:
    qualified = f"torch.nn.{name}"
    return ClassRule(qualified, qualified, 0, ("torch.nn.Module",), children, {}, {})


def _sure(layer: str) -> tuple[LayerSpec, ...]:
    return (LayerSpec(layer, 0),)


def _usual(layer: str) -> tuple[LayerSpec, ...]:
    """That layer, unless the user gives another or none."""
    return LayerSpec(layer, 0, optional=True), LayerSpec("?", 0, optional=True)


def _stack(layer: str) -> tuple[LayerSpec, ...]:
    return (LayerSpec("torch.nn.ModuleList", 0, {"*": _usual(f"torch.nn.{layer}")}),)


_FEED = {"linear1": _sure(_LINEAR), "linear2": _sure(_LINEAR), "norm1": _sure(_NORM), "norm2": _sure(_NORM)}

COMPOSITES = {
    rule.name: rule
    for rule in (
        _class("TransformerEncoderLayer", self_attn=_sure(_ATTENTION), **_FEED),
        _class(
            "TransformerDecoderLayer",
            self_attn=_sure(_ATTENTION),
            multihead_attn=_sure(_ATTENTION),
            norm3=_sure(_NORM),
            **_FEED,
        ),
        _class("TransformerEncoder", layers=_stack("TransformerEncoderLayer"), norm=_usual(_NORM)),
        _class("TransformerDecoder", layers=_stack("TransformerDecoderLayer"), norm=_usual(_NORM)),
        _class(
            "Transformer",
            encoder=_usual("torch.nn.TransformerEncoder"),
            decoder=_usual("torch.nn.TransformerDecoder"),
        ),
    )
}
