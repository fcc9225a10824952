"""Padding, resizing and rearranging layers that ``mindspore.nn`` lacks, or has for some arguments only.

https://docs.pytorch.org/docs/stable/nn.html#padding-layers
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.conv_layers import pad_circular
    from astmigrate.snippets.resampling import interpolate


def crop(input: Tensor, padding: Sequence[int]) -> tuple[Tensor, tuple[int, ...]]:
    """Negative padding as a smaller tensor, and what is left to pad; ``ops.pad`` reads beyond the tensor."""
    for number in range(len(padding) // 2):
        axis = input.ndim - 1 - number
        before, after = max(-padding[2 * number], 0), max(-padding[2 * number + 1], 0)
        if before or after:
            input = input.narrow(axis, before, input.shape[axis] - before - after)
    return input, tuple(max(size, 0) for size in padding)


class Pad(nn.Cell):
    """What torch's padding layers have in common."""

    mode = "constant"
    axes = 2

    def __init__(self, padding: int | Sequence[int], value: float = 0.0) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self.axes) if isinstance(padding, int) else tuple(padding)
        self.value = value

    def construct(self, input: Tensor) -> Tensor:
        input, padding = crop(input, self.padding)
        if self.mode == "circular":
            return pad_circular(input, padding)
        if self.mode == "constant":
            return ops.pad(input, padding, "constant", self.value)
        layers = {
            "reflect": (nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d),
            "replicate": (nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d),
        }
        return layers[self.mode][self.axes - 1](padding)(input)


class ConstantPad1d(Pad):
    """``torch.nn.ConstantPad1d``."""

    axes = 1


class ConstantPad2d(Pad):
    """``torch.nn.ConstantPad2d``."""


class ConstantPad3d(Pad):
    """``torch.nn.ConstantPad3d``."""

    axes = 3


class ZeroPad1d(Pad):
    """``torch.nn.ZeroPad1d``."""

    axes = 1


class ZeroPad2d(Pad):
    """``torch.nn.ZeroPad2d``."""


class ZeroPad3d(Pad):
    """``torch.nn.ZeroPad3d``."""

    axes = 3


class ReflectionPad1d(Pad):
    """``torch.nn.ReflectionPad1d``."""

    mode = "reflect"
    axes = 1


class ReflectionPad2d(Pad):
    """``torch.nn.ReflectionPad2d``."""

    mode = "reflect"


class ReflectionPad3d(Pad):
    """``torch.nn.ReflectionPad3d``."""

    mode = "reflect"
    axes = 3


class ReplicationPad1d(Pad):
    """``torch.nn.ReplicationPad1d``."""

    mode = "replicate"
    axes = 1


class ReplicationPad2d(Pad):
    """``torch.nn.ReplicationPad2d``."""

    mode = "replicate"


class ReplicationPad3d(Pad):
    """``torch.nn.ReplicationPad3d``."""

    mode = "replicate"
    axes = 3


class CircularPad1d(Pad):
    """``torch.nn.CircularPad1d``."""

    mode = "circular"
    axes = 1


class CircularPad2d(Pad):
    """``torch.nn.CircularPad2d``."""

    mode = "circular"


class CircularPad3d(Pad):
    """``torch.nn.CircularPad3d``."""

    mode = "circular"
    axes = 3


class Upsample(nn.Upsample):
    """``nn.Upsample`` in all of torch's modes, for any scale."""

    def construct(self, x: Tensor) -> Tensor:
        return interpolate(
            x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )


class UpsamplingNearest2d(Upsample):
    """``torch.nn.UpsamplingNearest2d``."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """``torch.nn.UpsamplingBilinear2d``."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class Unfold(nn.Cell):
    """``torch.nn.Unfold``; ``nn.Unfold`` takes other arguments and orders its result otherwise."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation = kernel_size, dilation
        self.padding, self.stride = padding, stride

    def construct(self, input: Tensor) -> Tensor:
        return ops.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(nn.Cell):
    """``torch.nn.Fold``."""

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.output_size = (output_size,) * 2 if isinstance(output_size, int) else tuple(output_size)
        self.kernel_size, self.dilation = kernel_size, dilation
        self.padding, self.stride = padding, stride

    def construct(self, input: Tensor) -> Tensor:
        size = Tensor(list(self.output_size), ms.int32)
        return ops.fold(input, size, self.kernel_size, self.dilation, self.padding, self.stride)


class Embedding(nn.Embedding):
    """``nn.Embedding`` with torch's arguments; the row of ``padding_idx`` is not trained."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if max_norm is not None or scale_grad_by_freq:
            raise NotImplementedError("MindSpore's embedding has neither max_norm nor scale_grad_by_freq")
        if padding_idx is not None and padding_idx < 0:
            padding_idx += num_embeddings
        table = ms.common.initializer.Normal(1.0) if _weight is None else _weight
        super().__init__(
            num_embeddings,
            embedding_dim,
            embedding_table=table,
            dtype=dtype or ms.float32,
            padding_idx=padding_idx if _weight is None else None,
        )
        self.padding_idx = padding_idx
        if _weight is None and dtype is not None:
            self.embedding_table.set_dtype(dtype)  # nn.Embedding makes a table of float32 whatever dtype says
        self.embedding_table.requires_grad = not _freeze

    @property
    def weight(self) -> ms.Parameter:
        """The table by torch's name."""
        return self.embedding_table

    def construct(self, ids: Tensor) -> Tensor:
        found = super().construct(ids)
        if self.padding_idx is None:
            return found
        return ops.where((ids == self.padding_idx).unsqueeze(-1), ops.stop_gradient(found), found)


class AlphaDropout(nn.Cell):
    """``torch.nn.AlphaDropout``: dropped elements become the negative saturation of SELU."""

    whole_channels = False

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = p

    def construct(self, input: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return input
        low = -1.7580993408473766
        scale = ((1 - self.p) * (1 + self.p * low**2)) ** -0.5
        shape = input.shape[:2] + (1,) * (input.ndim - 2) if self.whole_channels else input.shape
        kept = ops.rand(*shape) >= self.p
        return (ops.where(kept, input, ops.full_like(input, low)) - self.p * low) * scale


class FeatureAlphaDropout(AlphaDropout):
    """``torch.nn.FeatureAlphaDropout``: ``AlphaDropout`` of whole channels."""

    whole_channels = True


def embedding_from_pretrained(
    embeddings: Tensor,
    freeze: bool = True,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Embedding:
    """``torch.nn.Embedding.from_pretrained``."""
    rows, size = embeddings.shape
    return Embedding(
        rows, size, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze
    )
