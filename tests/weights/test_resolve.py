"""Names and shapes alone: which layer a tensor is of, why, and when nothing may be guessed."""

from __future__ import annotations

from typing import Any

import pytest

from astmigrate.weights.evidence import Evidence
from astmigrate.weights.failures import RequestError
from astmigrate.weights.grammar import Grammar
from astmigrate.weights.index import Index, Root
from astmigrate.weights.moves import Moves
from astmigrate.weights.resolve import Decision, Resolver, Status
from astmigrate.weights.roots import find_root
from astmigrate.weights.rules import loads
from tests.weights.runs import LAYERS, one_class, rules_of

Shapes = dict[str, tuple[int, ...]]


def decide(classes: dict[str, Any], shapes: Shapes, root: str = "net.Net") -> dict[str, Decision]:
    """What becomes of each tensor."""
    rules = loads(rules_of(classes)).rules
    grammar = Grammar(rules)
    resolver = Resolver(grammar, Root(root), Evidence(grammar, Moves(rules.layers), Index(shapes)))
    return {name: resolver.decide(name) for name in shapes}


def targets(classes: dict[str, Any], shapes: Shapes) -> dict[str, str]:
    """The new names; the status of what has none."""
    found = decide(classes, shapes).items()
    return {name: d.target if d.status is Status.CONVERTED else str(d.status) for name, d in found}


BN: Shapes = {
    "a.weight": (4,),
    "a.bias": (4,),
    "a.running_mean": (4,),
    "a.running_var": (4,),
    "a.num_batches_tracked": (),
}


def test_statistics_make_a_batch_norm() -> None:
    assert targets(one_class(a="?"), BN) == {
        "a.weight": "a.gamma",
        "a.bias": "a.beta",
        "a.running_mean": "a.moving_mean",
        "a.running_var": "a.moving_variance",
        "a.num_batches_tracked": "dropped",
    }


def test_every_decision_says_why() -> None:
    assert (
        decide(one_class(a={"type": "torch.nn.BatchNorm2d", "line": 14}), BN)["a.weight"].why == "net.py:14"
    )
    why = decide(one_class(a="?"), BN)["a.weight"].why
    assert why.startswith("evidence: ")
    assert "running_mean (4,)" in why
    assert "torch.nn.BatchNorm2d" in why or "torch.nn.BatchNorm1d" in why


@pytest.mark.parametrize(
    ("shapes", "target"),
    [
        ({"a.weight": (4,), "a.bias": (4,)}, "a.gamma"),
        ({"a.weight": (4, 5), "a.bias": (4, 5)}, "a.gamma"),
        ({"a.weight": (8, 4, 3, 3)}, "a.weight"),
        ({"a.weight": (8, 4, 3, 3, 3)}, "a.weight"),
        ({"a.weight": (4, 5), "a.bias": (4,)}, "a.weight"),
        ({"a.weight": (1,)}, "a.w"),
        ({"a.weight_ih_l0": (8, 2), "a.weight_hh_l0": (8, 2)}, "a.weight_ih_l0"),
        (
            {"a.in_proj_weight": (12, 4), "a.out_proj.weight": (4, 4), "a.out_proj.bias": (4,)},
            "a.in_proj_weight",
        ),
        ({"a.cls_token": (1, 1, 4)}, "a.cls_token"),
        ({"a.weight": (4,), "a.bias": (4,), "a.extra": (4,)}, "a.weight"),
    ],
)
def test_evidence(shapes: Shapes, target: str) -> None:
    assert next(iter(targets(one_class(a="?"), shapes).values())) == target


def test_a_3d_weight_gains_a_dimension() -> None:
    decision = decide(one_class(a="?"), {"a.weight": (8, 4, 3), "a.bias": (8,)})["a.weight"]
    assert decision.move.shape((8, 4, 3)) == (8, 4, 1, 3)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"a.weight": (10, 4)}, ("torch.nn.Linear", "torch.nn.Embedding", "give its type")),
        ({"a.weight": (6,)}, ("torch.nn.PReLU", "torch.nn.LayerNorm", "give its type")),
        ({"a.weight": (3, 4, 5, 6, 7, 8)}, ("has the shape of no layer",)),
        ({"a.weight": (4, 5), "a.bias": (3,)}, ("has the shape of no layer",)),
    ],
)
def test_nothing_is_guessed(shapes: Shapes, words: tuple[str, ...]) -> None:
    decision = decide(one_class(a="?"), shapes)["a.weight"]
    assert decision.status is Status.UNMATCHED
    assert all(word in decision.why for word in words), decision.why


@pytest.mark.parametrize(
    ("alternatives", "shapes", "target"),
    [
        (["torch.nn.Linear", "torch.nn.Embedding"], {"a.weight": (4, 5), "a.bias": (4,)}, "a.weight"),
        (["torch.nn.Linear", "torch.nn.Embedding"], {"a.weight": (4, 5)}, "unmatched"),
        (["torch.nn.Linear", "?"], {"a.weight": (4, 5)}, "a.weight"),
        (["torch.nn.Identity", "torch.nn.Embedding"], {"a.weight": (4, 5)}, "a.embedding_table"),
        (["torch.nn.BatchNorm2d", "torch.nn.GroupNorm"], {"a.weight": (4,), "a.bias": (4,)}, "a.gamma"),
        (["torch.nn.LayerNorm", "torch.nn.PReLU"], {"a.weight": (4,)}, "unmatched"),
        (["torch.nn.Conv2d", "torch.nn.Conv1d"], {"a.weight": (4, 5, 3, 3)}, "a.weight"),
        (["torch.nn.Conv2d", "torch.nn.Linear"], {"a.weight": (4, 5, 3)}, "misshapen"),
    ],
)
def test_siblings_choose_between_alternatives(alternatives: list[str], shapes: Shapes, target: str) -> None:
    assert next(iter(targets(one_class(a=alternatives), shapes).values())) == target


def test_a_lone_vector_is_that_of_the_only_layer_in_use_that_has_one() -> None:
    shapes: Shapes = {"a.weight": (6,)}
    rules = loads(rules_of(one_class(a="?", b="torch.nn.PReLU"), layers={})).rules
    for others, expected in ((set(), Status.CONVERTED), ({"torch.nn.RMSNorm"}, Status.UNMATCHED)):
        layers = {layer: LAYERS.get(layer, {}) for layer in {"torch.nn.PReLU", *others}}
        grammar = Grammar(rules)
        evidence = Evidence(grammar, Moves(layers), Index(shapes))
        assert Resolver(grammar, Root("net.Net"), evidence).decide("a.weight").status is expected


def test_names_around_a_tensor_lead_to_a_class_of_the_project() -> None:
    """What holds ``norm`` and ``reduction`` is a Merging, whatever attribute it is under."""
    shapes: Shapes = {"a.0.reduction.weight": (8, 4), "a.0.norm.weight": (4,), "a.0.norm.bias": (4,)}
    merging = {"net.Merging": {"children": {"reduction": "torch.nn.Linear", "norm": "?"}}}
    assert targets(one_class(a="?"), shapes)["a.0.reduction.weight"] == "unmatched"
    assert targets({**one_class(a="?"), **merging}, shapes)["a.0.reduction.weight"] == "a.0.reduction.weight"
    other = {"net.Other": {"children": {"reduction": "torch.nn.Embedding", "norm": "?"}}}
    assert targets({**one_class(a="?"), **merging, **other}, shapes)["a.0.reduction.weight"] == "unmatched"


def test_a_class_of_the_project_that_looks_like_a_norm() -> None:
    """Where only the run knows the type, a class with the same parameters forbids to guess."""
    shapes: Shapes = {"a.weight": (4,), "a.bias": (4,)}
    own = {"net.Norm": {"parameters": ["weight", "bias"]}}
    assert targets({**one_class(a="?"), **own}, shapes)["a.weight"] == "unmatched"
    assert targets({**one_class(a=["net.Norm", "?"]), **own}, shapes)["a.weight"] == "a.weight"


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        ("torch.nn.Conv2d", {"a.weight": (4, 5, 3)}),
        ("torch.nn.Linear", {"a.weight": (4, 5), "a.bias": (5,)}),
        ("torch.nn.BatchNorm1d", {"a.weight": (4,), "a.running_mean": (5,), "a.running_var": (5,)}),
        ("torch.nn.ConvTranspose1d", {"a.weight": (4, 5, 3), "a.bias": (4,)}),
    ],
)
def test_a_shape_that_the_layer_cannot_have(layer: str, shapes: Shapes) -> None:
    decision = decide(one_class(a=layer), shapes)["a.weight"]
    assert decision.status is Status.MISSHAPEN
    assert layer in decision.why


@pytest.mark.parametrize(
    ("classes", "name", "words"),
    [
        (one_class(a="torch.nn.Linear"), "b.weight", "no attribute of net.Net (net.py:1) leads to this name"),
        (one_class(a="torch.nn.Linear"), "a.gain", "torch.nn.Linear (net.py) has no tensor of this name"),
        (one_class(a="torch.nn.ReLU"), "a.weight", "no attribute"),
        (
            one_class(a={"type": "torch.nn.Sequential", "items": {"0": "torch.nn.ReLU"}}),
            "a.1.weight",
            "no attr",
        ),
    ],
)
def test_what_the_rules_exclude_is_unmatched(classes: dict[str, Any], name: str, words: str) -> None:
    decision = decide(classes, {name: (4, 4)})[name]
    assert decision.status is Status.UNMATCHED
    assert words in decision.why


def test_subclasses_of_layers_and_bases_outside_of_the_project() -> None:
    classes = {
        **one_class(a="net.Conv", b="net.Other"),
        "net.Conv": {"bases": ["torch.nn.Conv1d"], "parameters": ["gain"]},
        "net.Other": {"bases": ["elsewhere.Module"], "children": {"x": "torch.nn.PReLU"}},
    }
    shapes: Shapes = {
        "a.weight": (4, 5, 3),
        "a.gain": (1,),
        "b.x.weight": (3,),
        "b.y.weight": (3,),
        "b.y.bias": (3,),
    }
    assert targets(classes, shapes) == {
        "a.weight": "a.weight",
        "a.gain": "a.gain",
        "b.x.weight": "b.x.w",
        "b.y.weight": "b.y.gamma",
        "b.y.bias": "b.y.beta",
    }


def test_a_subclass_replaces_what_its_base_sets() -> None:
    base = {"net.Base": {"children": {"head": "torch.nn.Embedding"}}}
    sure = {"net.Net": {"bases": ["net.Base"], "children": {"head": "torch.nn.Linear"}}}
    perhaps = {
        "net.Net": {
            "bases": ["net.Base"],
            "children": {"head": {"type": "torch.nn.Linear", "optional": True}},
        }
    }
    assert targets({**base, **sure}, {"head.weight": (4, 5)}) == {"head.weight": "head.weight"}
    assert targets({**base, **perhaps}, {"head.weight": (4, 5)}) == {"head.weight": "unmatched"}


BN3D = {"weight": "bn2d.gamma", "bias": "bn2d.beta", "running_mean": "bn2d.m", "running_var": "bn2d.v"}


@pytest.mark.parametrize(
    ("convolution", "target"), [((4, 4, 3, 3), "x.a.gamma"), ((4, 4, 3, 3, 3), "x.a.bn2d.gamma")]
)
def test_convolutions_beside_a_batch_norm_tell_its_dimensions(
    convolution: tuple[int, ...], target: str
) -> None:
    """MindSpore's BatchNorm3d has its tensors one step further in."""
    layers = {**LAYERS, "torch.nn.BatchNorm3d": BN3D}
    rules = loads(rules_of(one_class(x="?"), layers=layers)).rules
    shapes: Shapes = {f"x.{name}": shape for name, shape in BN.items()} | {"x.conv.weight": convolution}
    shapes |= {"other.conv.weight": (4, 4, 3, 3, 3), "another.conv.weight": (4, 4, 3, 3)}
    grammar = Grammar(rules)
    evidence = Evidence(grammar, Moves(rules.layers), Index(shapes))
    assert Resolver(grammar, Root("net.Net"), evidence).decide("x.a.weight").target == target
    back = {target: (4,), target.replace("gamma", "beta"): (4,)}
    back |= {target.replace("gamma", "m"): (4,), target.replace("gamma", "v"): (4,)}
    if "bn2d" in target:
        evidence = Evidence(grammar, Moves(rules.layers, reverse=True), Index(back))
        assert Resolver(grammar, Root("net.Net"), evidence).decide(target).target == "x.a.weight"


def test_patterns_of_names() -> None:
    classes = one_class(**{"layer*": "torch.nn.Conv1d", "*": "torch.nn.PReLU"})
    shapes: Shapes = {"layer1.weight": (4, 5, 3), "act.weight": (1,)}
    rules = loads(rules_of(classes)).rules
    layers = [leaf.layer for leaf in Grammar(rules).leaves("net.Net", ["act", "weight"])]
    assert layers == ["torch.nn.PReLU", "?"]
    assert targets(classes, shapes)["act.weight"] == "act.w"


ROOTS = {
    "net.Block": {"children": {"conv": "torch.nn.Conv2d", "bn": "torch.nn.BatchNorm2d"}},
    "net.Net": {
        "children": {
            "stem": "torch.nn.Conv2d",
            "layers": {"type": "torch.nn.ModuleList", "items": {"*": "net.Block"}},
        }
    },
    "other.Net": {"children": {"stem": "torch.nn.Conv2d"}},
}
KEYS = ["stem.weight", *(f"layers.{n}.{leaf}.weight" for n in range(3) for leaf in ("conv", "bn"))]


def root_of(keys: list[str], wanted: str | None = None, classes: dict[str, Any] = ROOTS) -> Root:
    """The root that is found for tensors of these names, convolutions all."""
    rules = loads(rules_of(classes)).rules
    index = Index({key: (4,) if ".bn." in key else (4, 4, 3, 3) for key in keys})
    grammar = Grammar(rules)
    return find_root(grammar, Evidence(grammar, Moves(rules.layers), index), wanted)[0]


@pytest.mark.parametrize("prefix", ["", "model.", "a.b.net."])
def test_the_class_that_explains_most_is_the_root(prefix: str) -> None:
    keys = [prefix + key for key in KEYS] + ["loss.scale"]
    assert root_of(keys) == Root("net.Net", prefix.rstrip("."))
    assert root_of(keys, "net:Net") == Root("net.Net", prefix.rstrip("."))


def test_a_class_that_takes_any_name_does_not_win() -> None:
    anything = {"net.Any": {"bases": ["torch.nn.Sequential"], "children": {"*": "torch.nn.Conv2d"}}}
    assert root_of(KEYS, classes={**anything, **ROOTS}) == Root("net.Net")


def test_no_class_explains_anything() -> None:
    assert root_of(["x.weight"]) == Root()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("Net", "may be net:Net, other:Net"),
        ("net:Nett", "no such class in the rules; the rules have net:Net"),
    ],
)
def test_a_root_that_is_not_one(wanted: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        root_of(KEYS, wanted)


def test_modules_of_torch_that_are_made_of_modules() -> None:
    """Encoders and decoders of nn.Transformer; a tensor changes as those of the part that it is of."""
    shapes: Shapes = {
        "t.encoder.layers.0.norm1.weight": (4,),
        "t.encoder.layers.0.self_attn.out_proj.weight": (4, 4),
        "t.encoder.layers.0.linear1.weight": (8, 4),
        "t.decoder.layers.1.norm3.bias": (4,),
        "t.decoder.norm.weight": (4,),
    }
    assert targets(one_class(t="torch.nn.Transformer"), shapes) == {
        "t.encoder.layers.0.norm1.weight": "t.encoder.layers.0.norm1.gamma",
        "t.encoder.layers.0.self_attn.out_proj.weight": "t.encoder.layers.0.self_attn.out_proj.weight",
        "t.encoder.layers.0.linear1.weight": "t.encoder.layers.0.linear1.weight",
        "t.decoder.layers.1.norm3.bias": "t.decoder.layers.1.norm3.beta",
        "t.decoder.norm.weight": "t.decoder.norm.gamma",
    }


def test_the_parts_of_a_transformer_layer_tell_it() -> None:
    shapes: Shapes = {"t.self_attn.in_proj_weight": (12, 4), "t.self_attn.out_proj.weight": (4, 4)}
    shapes |= {f"t.{part}.weight": (4, 4) for part in ("linear1", "linear2")}
    shapes |= {f"t.{part}.weight": (4,) for part in ("norm1", "norm2")}  # bias=False: a lone vector
    found = targets(one_class(t="?"), shapes)
    assert found["t.norm1.weight"] == "t.norm1.gamma"
    assert found["t.linear2.weight"] == "t.linear2.weight"


@pytest.mark.parametrize("layer", ["torch.nn.Conv1d", "?", "torch.nn.utils.spectral_norm"])
def test_spectral_norm_keeps_its_three_tensors(layer: str) -> None:
    shapes: Shapes = {"a.weight_orig": (4, 5, 3), "a.weight_u": (4,), "a.weight_v": (15,), "a.bias": (4,)}
    found = decide(one_class(a=layer), shapes)
    assert {name: decision.target for name, decision in found.items()} == {name: name for name in shapes}
    assert found["a.weight_orig"].move.shape((4, 5, 3)) == (4, 5, 1, 3)
    back = Moves(LAYERS, reverse=True).move("torch.nn.Conv1d", "weight_orig")
    assert back is not None
    assert back.shape((4, 5, 1, 3)) == (4, 5, 3)


def test_tails_of_composite_layers() -> None:
    """A row may name tensors deep inside of a torch module of modules."""
    changes = {"linear1.weight": "dense1.weight", "norm1.weight": "norm1.gamma"}
    layers = {**LAYERS, "torch.nn.TransformerEncoder": changes}
    moves = Moves(layers)
    move = moves.move("torch.nn.TransformerEncoder", "layers.3.norm1.weight")
    assert move is not None
    assert move.name == "layers.3.norm1.gamma"
    back = Moves(layers, reverse=True).move("torch.nn.TransformerEncoder", "layers.3.dense1.weight")
    assert back is not None
    assert back.name == "layers.3.linear1.weight"


FROZEN = {"net.Frozen": {"buffers": ["weight", "bias", "running_mean", "running_var"]}}


def test_a_counter_tells_a_batch_norm_from_a_class_with_the_same_tensors() -> None:
    classes = one_class(a=["net.Frozen", "torch.nn.BatchNorm2d"]) | FROZEN
    assert targets(classes, BN)["a.weight"] == "a.gamma"
    without = {name: shape for name, shape in BN.items() if "num" not in name}
    assert targets(classes, without)["a.weight"] == "a.weight"
    assert targets(one_class(a=["net.Frozen"]) | FROZEN, without)["a.weight"] == "a.weight"


def test_a_weight_of_four_dimensions_is_a_convolutions_before_a_layer_norms() -> None:
    either = one_class(a=["torch.nn.LayerNorm", "torch.nn.Conv2d"])
    assert targets(either, {"a.weight": (4, 3, 1, 1)}) == {"a.weight": "a.weight"}
    assert targets(either, {"a.weight": (4,), "a.bias": (4,)})["a.weight"] == "a.gamma"
    assert targets(one_class(a="torch.nn.LayerNorm"), {"a.weight": (4, 3, 1, 1)}) == {"a.weight": "a.gamma"}


def test_the_convolutions_beside_tell_the_dimensions_of_a_norm() -> None:
    layers = LAYERS | {"torch.nn.BatchNorm3d": {"weight": "bn2d.gamma"}}
    children = {"a": ["torch.nn.BatchNorm2d", "torch.nn.BatchNorm3d"], "conv": "?"}
    grammar = Grammar(loads(rules_of(one_class(**children), layers=layers)).rules)
    for rank, name in ((4, "a.gamma"), (5, "a.bn2d.gamma")):
        index = Index({**BN, "conv.weight": (4,) * rank})
        resolver = Resolver(grammar, Root("net.Net"), Evidence(grammar, Moves(layers), index))
        assert resolver.decide("a.weight").target == name
