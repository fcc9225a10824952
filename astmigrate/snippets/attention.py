"""Attention as ``torch.nn.functional`` has it."""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, ops


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``torch.nn.functional.scaled_dot_product_attention`` by its definition."""
    if enable_gqa:
        key = ops.repeat_interleave(key, query.shape[-3] // key.shape[-3], -3)
        value = ops.repeat_interleave(value, query.shape[-3] // value.shape[-3], -3)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = ops.matmul(query * scale, key.swapaxes(-2, -1))
    if is_causal:
        attn_mask = ops.tril(ops.ones(scores.shape[-2:])) > 0
    scores = mask_scores(scores, attn_mask, True)
    weights = ops.softmax(scores, -1)
    if dropout_p > 0.0:
        weights = ops.dropout(weights, dropout_p, True)
    return ops.matmul(weights, value)


def mask_scores(scores: Tensor, mask: Tensor | None, keep: bool) -> Tensor:
    """Scores with a mask: one of floats is added, one of bools says what to ``keep`` or what to hide."""
    if mask is None:
        return scores
    if mask.dtype != ms.bool_:
        return scores + mask
    return ops.masked_fill(scores, ops.logical_not(mask) if keep else mask, float("-inf"))


def project_heads(
    tokens: tuple[Tensor, Tensor, Tensor],
    weights: tuple[Tensor, Tensor, Tensor],
    bias: Tensor | None,
    extra: tuple[Tensor | None, Tensor | None],
    num_heads: int,
    add_zero_attn: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values as (batch, heads, length, size of a head), from (length, batch, size)."""
    parts = (None, None, None) if bias is None else ops.chunk(bias, 3, 0)
    projected = [ops.dense(t, w, b) for t, w, b in zip(tokens, weights, parts)]
    for place, more in enumerate(extra, 1):
        if more is not None:
            row = ops.broadcast_to(more, (1, *projected[place].shape[1:]))
            projected[place] = ops.cat((projected[place], row), 0)
    heads = []
    for place, part in enumerate(projected):
        length, batch, size = part.shape
        part = part.reshape(length, batch, num_heads, size // num_heads).transpose(1, 2, 0, 3)
        if place and add_zero_attn:
            part = ops.cat((part, ops.zeros_like(part[:, :, :1])), 2)
        heads.append(part)
    return heads[0], heads[1], heads[2]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: None = None,
    static_v: None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """``torch.nn.functional.multi_head_attention_forward``: tokens are (length, batch, size)."""
    batched = query.ndim == 3
    tokens = (query, key, value) if batched else (query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1))
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    weights = separate if use_separate_proj_weight else ops.chunk(in_proj_weight, 3, 0)
    q, k, v = project_heads(tokens, weights, in_proj_bias, (bias_k, bias_v), num_heads, add_zero_attn)
    scores = ops.matmul(q * q.shape[-1] ** -0.5, k.swapaxes(-2, -1))
    more = scores.shape[-1] - key.shape[0]
    if attn_mask is not None:
        mask = ops.pad(attn_mask, (0, more)) if more else attn_mask
        mask = mask.reshape(-1, num_heads, *mask.shape[-2:]) if mask.ndim == 3 else mask
        scores = mask_scores(scores, mask, False)
    if key_padding_mask is not None:
        padding = key_padding_mask if batched else key_padding_mask.unsqueeze(0)
        padding = ops.pad(padding, (0, more)) if more else padding
        scores = mask_scores(scores, padding[:, None, None, :], False)
    attention = ops.softmax(scores, -1)
    dropped = ops.dropout(attention, dropout_p, training)
    joined = ops.matmul(dropped, v).transpose(2, 0, 1, 3).reshape(q.shape[2], q.shape[0], -1)
    output = ops.dense(joined, out_proj_weight, out_proj_bias)
    average = ops.mean(attention, 1) if average_attn_weights else attention
    if not batched:
        output, average = output.squeeze(1), average.squeeze(0)
    return output, average if need_weights else None
