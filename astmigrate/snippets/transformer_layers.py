"""Transformers with torch's arguments and parameter names.

MindSpore's know two activations, name their parameters otherwise and take other keywords for masks.

https://docs.pytorch.org/docs/stable/nn.html#transformer-layers
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.attention_layers import MultiheadAttention
    from astmigrate.snippets.containers import ModuleList
    from astmigrate.snippets.norm_layers import LayerNorm


def activation_of(activation: Any) -> Callable[[Tensor], Tensor]:
    """The function that a transformer's ``activation`` names or is."""
    return {"relu": ops.relu, "gelu": ops.gelu}[activation] if isinstance(activation, str) else activation


class TransformerLayer(nn.Cell):
    """What torch's encoder and decoder layers have in common."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        dtype = dtype or ms.float32
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
        )
        self.linear1 = nn.Dense(d_model, dim_feedforward, has_bias=bias, dtype=dtype)
        self.dropout = nn.Dropout(p=dropout)
        self.linear2 = nn.Dense(dim_feedforward, d_model, has_bias=bias, dtype=dtype)
        self.norm_first = norm_first
        for number in range(1, self.parts + 1):
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
            setattr(self, f"norm{number}", norm)
            setattr(self, f"dropout{number}", nn.Dropout(p=dropout))
        self.activation = activation_of(activation)

    parts = 2

    def attend(self, attention: nn.Cell, x: Tensor, memory: Tensor, mask: Any, padding: Any) -> Tensor:
        """What an attention makes of ``x``."""
        result: Tensor = attention(x, memory, memory, padding, False, mask)[0]
        return result

    def feed(self, x: Tensor) -> Tensor:
        """What the feed-forward part makes of ``x``."""
        result: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return result

    def joined(self, x: Tensor, norm: nn.Cell, dropout: nn.Cell, part: Callable[[Tensor], Tensor]) -> Tensor:
        """``x`` and what one part of the layer makes of it, normalized before or afterwards."""
        if self.norm_first:
            return x + dropout(part(norm(x)))
        result: Tensor = norm(x + dropout(part(x)))
        return result


class TransformerEncoderLayer(TransformerLayer):
    """``torch.nn.TransformerEncoderLayer``."""

    def construct(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        src = self.joined(
            src,
            self.norm1,
            self.dropout1,
            lambda x: self.attend(self.self_attn, x, x, src_mask, src_key_padding_mask),
        )
        return self.joined(src, self.norm2, self.dropout2, self.feed)


class TransformerDecoderLayer(TransformerLayer):
    """``torch.nn.TransformerDecoderLayer``."""

    parts = 3

    def __init__(self, d_model: int, nhead: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(d_model, nhead, *args, **kwargs)
        self.multihead_attn = copy.deepcopy(self.self_attn)

    def construct(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        tgt = self.joined(
            tgt,
            self.norm1,
            self.dropout1,
            lambda x: self.attend(self.self_attn, x, x, tgt_mask, tgt_key_padding_mask),
        )
        tgt = self.joined(
            tgt,
            self.norm2,
            self.dropout2,
            lambda x: self.attend(self.multihead_attn, x, memory, memory_mask, memory_key_padding_mask),
        )
        return self.joined(tgt, self.norm3, self.dropout3, self.feed)


class TransformerEncoder(nn.Cell):
    """``torch.nn.TransformerEncoder``."""

    def __init__(
        self,
        encoder_layer: nn.Cell,
        num_layers: int,
        norm: nn.Cell | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def construct(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(nn.Cell):
    """``torch.nn.TransformerDecoder``."""

    def __init__(self, decoder_layer: nn.Cell, num_layers: int, norm: nn.Cell | None = None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def construct(self, tgt: Tensor, memory: Tensor, *masks: Any, **options: Any) -> Tensor:
        known = {name: value for name, value in options.items() if not name.endswith("is_causal")}
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks[:4], **known)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(nn.Cell):
    """``torch.nn.Transformer``."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        custom_encoder: nn.Cell | None = None,
        custom_decoder: nn.Cell | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        options = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        for name, custom, count in (
            ("encoder", custom_encoder, num_encoder_layers),
            ("decoder", custom_decoder, num_decoder_layers),
        ):
            first = name == "encoder"
            layer = (TransformerEncoderLayer if first else TransformerDecoderLayer)(
                d_model, nhead, *options, dtype=dtype
            )
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
            stack = TransformerEncoder if first else TransformerDecoder
            setattr(self, name, custom or stack(layer, count, norm))
        for parameter in self.get_parameters():
            if parameter.ndim > 1:
                drawn = ms.common.initializer.XavierUniform()
                values = ms.common.initializer.initializer(drawn, parameter.shape, parameter.dtype)
                parameter.set_data(values)
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def construct(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask)
        result: Tensor = self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        )
        return result


def causal_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
    """``torch.nn.Transformer.generate_square_subsequent_mask``: minus infinity above the diagonal."""
    return ops.triu(ops.full((sz, sz), float("-inf"), dtype=dtype or ms.float32), 1)
