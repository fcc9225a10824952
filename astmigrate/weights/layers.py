"""What tensors torch's own layers have: names, ranks, and how the shapes of siblings go together.

Taken from the ``__init__`` of the classes in ``torch.nn.modules`` (torch 2.13); tests/weights/test_layers.py
builds each of them and compares. A layer that is not here is taken as the rules say, unchecked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
COUNTER = "num_batches_tracked"  # BatchNorm's, which MindSpore does not keep
CONTAINERS = ("torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict")


@dataclass(frozen=True, slots=True)
class Kind:
    """Layers that have the same tensors.

    ``tensors`` are regular expressions of their names with the ranks they may have.
    ``agrees`` tells whether shapes fit each other; ``evident`` whether names and shapes alone tell the
    kind; ``needs`` are tensors without which there is no such layer; ``paired`` says that a weight never
    comes without a bias.
    """

    names: tuple[str, ...]
    tensors: Mapping[str, tuple[int, ...]]
    needs: tuple[str, ...]
    agrees: Callable[[Shapes], bool]
    evident: Callable[[Shapes], bool]
    paired: bool = False

    def has(self, leaf: str) -> bool:
        """Whether such a layer can have a tensor of that name."""
        return any(re.fullmatch(pattern, _plain(leaf)) for pattern in self.tensors)

    def rank_fits(self, leaf: str, shape: Shape) -> bool:
        """Whether the tensor's number of dimensions is possible."""
        if leaf != _plain(leaf) and not leaf.endswith("_orig"):
            return len(shape) == 1
        ranks = next(r for pattern, r in self.tensors.items() if re.fullmatch(pattern, _plain(leaf)))
        return len(shape) in ranks

    def go_together(self, shapes: Shapes) -> bool:
        """Whether tensors that all have possible names and ranks can be of one layer."""
        return self.agrees(plain_shapes(shapes))

    def fits(self, shapes: Shapes) -> bool:
        """Whether these tensors, and no others, can be those of one such layer."""
        named = all(self.has(leaf) and self.rank_fits(leaf, shape) for leaf, shape in shapes.items())
        whole = not self.paired or ("weight" in shapes) == ("bias" in shapes)
        return named and whole and self.go_together(shapes)

    def tells(self, shapes: Shapes) -> bool:
        """Whether these tensors fit, and make it plain that the layer is of this kind."""
        return self.fits(shapes) and self.evident(plain_shapes(shapes))


# torch.nn.utils.spectral_norm keeps a weight as weight_orig beside its singular vectors weight_u, weight_v.
_SPECTRAL = re.compile(r"(weight\w*?)_(orig|u|v)")


def _plain(leaf: str) -> str:
    match = _SPECTRAL.fullmatch(leaf)
    return match[1] if match else leaf


def plain_shapes(shapes: Shapes) -> dict[str, Shape]:
    """The tensors as they are without spectral_norm."""
    return {_plain(leaf): s for leaf, s in shapes.items() if leaf == _plain(leaf) or leaf.endswith("_orig")}


def _never(shapes: Shapes) -> bool:
    return False


def _always(shapes: Shapes) -> bool:
    return True


def _same(shapes: Shapes) -> bool:
    """All tensors but counters have one shape."""
    return len({shape for leaf, shape in shapes.items() if leaf != COUNTER}) <= 1


def _bias_is(axis: int) -> Callable[[Shapes], bool]:
    def agrees(shapes: Shapes) -> bool:
        weight, bias = shapes.get("weight"), shapes.get("bias")
        return weight is None or bias is None or bias == weight[axis : axis + 1]

    return agrees


def _transposed(shapes: Shapes) -> bool:
    """The bias is as long as dimension 1 of the weight times the groups."""
    weight, bias = shapes.get("weight"), shapes.get("bias")
    return weight is None or bias is None or (weight[1] > 0 and bias[0] % weight[1] == 0)


def _has(*leaves: str) -> Callable[[Shapes], bool]:
    return lambda shapes: all(leaf in shapes for leaf in leaves)


def _prelu(shapes: Shapes) -> bool:
    """One number is a slope; a norm over one number would be pointless."""
    return shapes.get("weight") == (1,)


def _any_of(*leaves: str) -> Callable[[Shapes], bool]:
    return lambda shapes: any(leaf in shapes for leaf in leaves)


def _batch_norm(*names: str, evident: Callable[[Shapes], bool]) -> Kind:
    tensors = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (1,))
    needs = ("running_mean", "running_var") if "BatchNorm2d" in names else ()
    return Kind(names, {**tensors, COUNTER: (0,)}, needs, _same, evident, True)


_HAS_WEIGHT = _has("weight")


def _weighted(
    *names: str,
    rank: int,
    agrees: Callable[[Shapes], bool],
    evident: Callable[[Shapes], bool] = _HAS_WEIGHT,
) -> Kind:
    return Kind(names, {"weight": (rank,), "bias": (1,)}, ("weight",), agrees, evident)


_ANY = (1, 2, 3, 4)
_RNN = {r"weight_(ih|hh|hr)_l\d+(_reverse)?": (2,), r"bias_(ih|hh)_l\d+(_reverse)?": (1,)}
_CELL = {"weight_(ih|hh)": (2,), "bias_(ih|hh)": (1,)}
_ATTENTION = {
    r"in_proj_weight|[qkv]_proj_weight|out_proj\.weight": (2,),
    r"in_proj_bias|out_proj\.bias": (1,),
    "bias_[kv]": (3,),
}

KINDS = (
    _batch_norm("BatchNorm2d", "BatchNorm1d", "BatchNorm3d", "SyncBatchNorm", evident=_has("running_mean")),
    _batch_norm("InstanceNorm2d", "InstanceNorm1d", "InstanceNorm3d", evident=_never),
    Kind(("LayerNorm",), {"weight": _ANY, "bias": _ANY}, (), _same, _has("weight", "bias")),
    Kind(("GroupNorm",), {"weight": (1,), "bias": (1,)}, (), _same, _never, True),
    Kind(("RMSNorm",), {"weight": _ANY}, (), _always, _never),
    Kind(("PReLU",), {"weight": (1,)}, ("weight",), _always, _prelu),
    _weighted("Conv1d", rank=3, agrees=_bias_is(0)),
    _weighted("Conv2d", rank=4, agrees=_bias_is(0)),
    _weighted("Conv3d", rank=5, agrees=_bias_is(0)),
    _weighted("ConvTranspose1d", rank=3, agrees=_transposed, evident=_has("weight", "bias")),
    _weighted("ConvTranspose2d", rank=4, agrees=_transposed, evident=_has("weight", "bias")),
    _weighted("ConvTranspose3d", rank=5, agrees=_transposed, evident=_has("weight", "bias")),
    _weighted("Linear", rank=2, agrees=_bias_is(0)),
    _weighted("Bilinear", rank=3, agrees=_bias_is(0), evident=_never),
    Kind(("Embedding", "EmbeddingBag"), {"weight": (2,)}, ("weight",), _always, _has("weight")),
    Kind(("LSTM", "GRU", "RNN"), _RNN, ("weight_ih_l0", "weight_hh_l0"), _always, _has("weight_ih_l0")),
    Kind(("LSTMCell", "GRUCell", "RNNCell"), _CELL, ("weight_ih", "weight_hh"), _always, _has("weight_ih")),
    Kind(
        ("MultiheadAttention",),
        _ATTENTION,
        ("out_proj.weight",),
        _always,
        _any_of("in_proj_weight", "q_proj_weight"),
    ),
)

# Layers that have no tensor, whatever their arguments: an attribute that may be an nn.Identity or a
# convolution is a convolution where the checkpoint has a weight.
_EMPTY = re.compile(
    r"torch\.nn\.(Identity|Flatten|Unflatten|(Alpha|Feature\w+)?Dropout\w*|\w*Pool\w*|MaxUnpool\w*|\w+Pad\w*|Fold|Unfold"
    r"|Upsample\w*|Upsampling\w*|Pixel\w+|ChannelShuffle|(?!P)\w*ReLU6?|RReLU|LeakyReLU|ELU|CELU|SELU|GLU|GELU|SiLU|Mish"
    r"|(Log|Hard)?[Ss]igmoid|(Hard)?[Tt]anh|Tanhshrink|Hard(swish|shrink)|Soft(plus|shrink|sign|max\w*|min)|LogSoftmax"
    r"|Threshold|LocalResponseNorm|CrossMapLRN2d|CosineSimilarity|PairwiseDistance)"
)


@cache
def kind_of(layer: str) -> Kind | None:
    """The kind of a layer by its qualified torch name; None where nothing is known of it."""
    package, _, name = layer.rpartition(".")
    if not package.startswith("torch."):
        return None
    name = name.removeprefix("Lazy")
    return next((kind for kind in KINDS if name in kind.names), None)


@cache
def is_empty(layer: str) -> bool:
    """Whether the layer has no tensors at all."""
    return _EMPTY.fullmatch(layer) is not None


def is_leaf_name(leaf: str) -> bool:
    """Whether some torch layer calls a tensor so."""
    return any(kind.has(leaf) for kind in KINDS)
