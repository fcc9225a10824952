"""Layers that reach their place through parameters: the rules name them, by following the calls."""

from __future__ import annotations

import textwrap

import pytest

from astmigrate import migrate_source
from astmigrate.analysis.index import Module, ProjectIndex
from astmigrate.migrate import default_tables, migrate_module
from astmigrate.model import LayerSpec, WeightRules
from astmigrate.weights.closure import closed
from astmigrate.weights.grammar import OWN, Grammar
from astmigrate.weights.rules import dumps, merge
from tests.migrating import module_name

HEAD = "from functools import partial\nimport torch\nfrom torch import nn\n"


def shown(spec: LayerSpec) -> str:
    """A layer's last name, its items in brackets."""
    inner = [f"{key}:{'|'.join(map(shown, specs))}" for key, specs in spec.items.items()]
    return spec.type.rpartition(".")[2] + (f"[{' '.join(inner)}]" if inner else "")


def child(text: str, owner: str, name: str) -> list[str]:
    """What ``owner.name`` may be, as the rules of the one file say."""
    rules = migrate_source(HEAD + textwrap.dedent(text), "m.py").weights
    return [shown(spec) for spec in rules.classes[f"m.{owner}"].children[name]]


BLOCK = """
class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.bn = norm(4)
"""
WAYS = {
    "argument": """
        def make():
            return Block(nn.BatchNorm2d)
        """,
    "keyword": """
        def make():
            return Block(norm=nn.BatchNorm2d)
        """,
    "partial": """
        def make():
            return Block(partial(nn.BatchNorm2d, eps=1e-3))
        """,
    "lambda": """
        def make():
            return Block(lambda n: nn.BatchNorm2d(n))
        """,
    "returned lambda": """
        def bn():
            return lambda n: nn.BatchNorm2d(n)
        def make():
            return Block(bn())
        """,
    "function": """
        def bn(n):
            return nn.BatchNorm2d(n)
        def make():
            return Block(bn)
        """,
    "two steps": """
        def inner(norm):
            return Block(norm)
        def make():
            return inner(nn.BatchNorm2d)
        """,
    "class given": """
        def inner(block, norm):
            return block(norm)
        def make():
            return inner(Block, nn.BatchNorm2d)
        """,
    "**kwargs": """
        def inner(**kwargs):
            return Block(**kwargs)
        def make():
            return inner(norm=nn.BatchNorm2d)
        """,
    "**kwargs twice": """
        def one(**kwargs):
            return Block(**kwargs)
        def two(**more):
            return one(**more)
        def make():
            return two(norm=nn.BatchNorm2d, other=nn.Linear)
        """,
    "*args": """
        def inner(*args):
            return Block(*args)
        def make():
            return inner(nn.BatchNorm2d)
        """,
    "list": """
        def inner(norms):
            return [Block(n) for n in norms]
        def make():
            return inner([nn.BatchNorm2d] * 3)
        """,
    "item": """
        def inner(norms):
            return Block(norms[0])
        def make():
            return inner([nn.BatchNorm2d])
        """,
    "dict": """
        def inner(norms):
            return Block(norms['a'])
        def make():
            return inner({'a': nn.BatchNorm2d})
        """,
    "subclass": """
        class Sub(Block):
            def __init__(self, norm):
                super().__init__(norm)
        def make():
            return Sub(nn.BatchNorm2d)
        """,
    "dataclass": """
        from dataclasses import dataclass
        @dataclass
        class Base:
            norm: object
        class Conf(Base):
            def __init__(self, norm):
                super().__init__(norm)
        def inner(conf):
            return Block(conf.norm)
        def make():
            return inner(Conf(nn.BatchNorm2d))
        """,
    "attribute": """
        class Net(nn.Module):
            def __init__(self, norm):
                super().__init__()
                self._norm = norm
                self.block = self._make()
            def _make(self):
                return Block(self._norm)
        def make():
            return Net(nn.BatchNorm2d)
        """,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_class_that_is_handed_on_is_named(way: str) -> None:
    assert child(BLOCK + textwrap.dedent(WAYS[way]), "Block", "bn") == ["BatchNorm2d", "?"]


@pytest.mark.parametrize("way", WAYS)
def test_what_another_class_of_the_same_attribute_gets_is_not(way: str) -> None:
    other = BLOCK.replace("Block", "Other") + "def other():\n    return Other(nn.GroupNorm)\n"
    assert child(BLOCK + textwrap.dedent(WAYS[way]) + other, "Block", "bn") == ["BatchNorm2d", "?"]
    assert child(BLOCK + textwrap.dedent(WAYS[way]) + other, "Other", "bn") == ["GroupNorm", "?"]


def test_only_what_others_can_call_may_get_anything() -> None:
    private = BLOCK.replace("Block", "_Block") + "def make():\n    return _Block(nn.BatchNorm2d)"
    assert child(private, "_Block", "bn") == ["BatchNorm2d"]
    assert child(BLOCK, "Block", "bn") == ["?"]


def test_default_and_argument_count_both() -> None:
    text = BLOCK.replace("norm):", "norm=nn.BatchNorm2d):") + "def make():\n    return Block(nn.GroupNorm)"
    assert child(text, "Block", "bn") == ["BatchNorm2d", "GroupNorm", "?"]


def test_none_that_is_replaced_and_a_list_that_is_spread() -> None:
    text = """
        class Layers(nn.Sequential):
            def __init__(self, norm=None, conv=nn.Conv2d):
                if norm is None:
                    norm = nn.BatchNorm2d
                layers = [conv(3, 4, 1)]
                if norm is not None:
                    layers.append(norm(4))
                super().__init__(*layers)
        """
    assert sorted(child(text, "Layers", "*")) == ["?", "BatchNorm2d", "Conv2d"]


def test_modules_that_are_handed_over_keep_their_children() -> None:
    text = """
        class Net(nn.Module):
            def __init__(self, body, head):
                super().__init__()
                self.body, self.head = body, head
        def make():
            return Net(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), head=nn.Linear(4, 2))
        """
    assert child(text, "Net", "body") == ["Sequential[0:Conv2d 1:ReLU]", "?"]
    assert child(text, "Net", "head") == ["Linear", "?"]


def test_children_of_a_module_that_is_handed_over() -> None:
    text = """
        class Features(nn.ModuleDict):
            def __init__(self, model: nn.Module):
                layers = {}
                for name, module in model.named_children():
                    layers[name] = module
                super().__init__(layers)
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.fc = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)
        def make():
            return Features(Net())
        """
    assert child(text, "Features", "*") == ["Conv2d", "Linear", "?"]


def test_children_that_may_be_missing_are_optional() -> None:
    text = """
        class Net(nn.Module):
            def __init__(self, size=None):
                super().__init__()
                layers = {}
                if size is None:
                    layers["head"] = nn.Linear(4, 2)
                else:
                    layers["pre"] = nn.Linear(4, size)
                    layers["head"] = nn.Linear(size, 2)
                self.heads = nn.Sequential(layers)
        """
    rules = migrate_source(HEAD + textwrap.dedent(text), "m.py").weights
    items = rules.classes["m.Net"].children["heads"][0].items
    assert [s.optional for s in items["pre"]] == [True]
    assert not any(s.optional for s in items["head"])


def test_a_deleted_child_leaves_numbers() -> None:
    text = """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                body = nn.Sequential()
                body.add_module("a", nn.Conv2d(3, 4, 1))
                body.add_module("b", nn.Linear(4, 4))
                del body[-1]
                self.body = body
        """
    assert child(text, "Net", "body") == ["Sequential[*:Conv2d|Linear]"]
    assert child(text.replace("del body[-1]", "del text[-1]"), "Net", "body") == [
        "Sequential[a:Conv2d b:Linear]"
    ]


def test_recursion_ends() -> None:
    text = """
        def nest(make, depth):
            return nest(lambda: nn.Sequential(make(), make), depth - 1) if depth else make()
        class Net(nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = nest(inner, 3)
        def make():
            return Net(Net)
        """
    assert "?" in child(text, "Net", "inner")


FILES = {
    "pkg/__init__.py": "from .net import Net",
    "pkg/block.py": HEAD + textwrap.dedent(BLOCK),
    "pkg/net.py": HEAD
    + "from .block import Block\nclass Net(nn.Module):\n    def __init__(self, block=Block):\n"
    "        super().__init__()\n        self.block = block(nn.LayerNorm)\n",
}


def of_project(order: list[str]) -> WeightRules:
    """The rules of all files, before they are closed, migrated in that order."""
    modules = {
        module_name(path): Module(module_name(path), text, path, path.endswith("__init__.py"))
        for path, text in FILES.items()
    }
    index = ProjectIndex(modules, default_tables())
    found = {path: migrate_module(index, module_name(path)).weights for path in order}
    return merge(*(found[path] for path in sorted(found)))


def test_the_files_of_a_project_are_followed_together_in_any_order() -> None:
    first = closed(of_project(list(FILES)))
    assert [shown(s) for s in first.classes["pkg.block.Block"].children["bn"]] == ["LayerNorm", "?"]
    assert [shown(s) for s in first.classes["pkg.net.Net"].children["block"]] == ["Block", "?"]
    assert "torch.nn.LayerNorm" in first.layers
    assert dumps(closed(of_project(list(reversed(FILES))))) == dumps(first)


def test_no_term_is_left_in_a_file() -> None:
    text = dumps(migrate_source(HEAD + BLOCK + textwrap.dedent(WAYS["dataclass"]), "m.py").weights)
    assert not [mark for mark in ("(", "def:", "class:") if mark in text]


def test_arguments_that_go_round_in_a_circle() -> None:
    text = """
        def _first(again, norm=nn.Identity, **kwargs):
            return _second(again, **kwargs) if again else norm(2)


        def _second(again, **kwargs):
            return _third(again, **kwargs)


        def _third(again, **kwargs):
            return _second(again, **kwargs) if again else _first(again, **kwargs)


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm = _second(True, norm=nn.BatchNorm2d)
    """
    assert {"BatchNorm2d", "Identity"} <= set(child(text, "Net", "norm"))


def test_a_layers_weight_becomes_a_parameter_of_its_own() -> None:
    text = """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                conv, norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
                self.k, self.b, self.mean = conv.weight, norm.bias, norm.running_mean
    """
    rules = migrate_source(HEAD + textwrap.dedent(text), "m.py").weights
    assert [*rules.classes["m.Net"].parameters] == ["k", "b"]


def test_parameters_under_computed_names() -> None:
    text = """
        class Net(nn.Module):
            def __init__(self, n, name):
                super().__init__()
                for i in range(n):
                    setattr(self, f"cls_{i}_token", nn.Parameter(torch.zeros(1)))
                    setattr(self, "pos_" + str(i), nn.Parameter(torch.zeros(1)))
                    setattr(self, "scale%02d" % i, nn.Parameter(torch.zeros(1)))
                setattr(self, name, nn.Parameter(torch.zeros(1)))
                setattr(self, "last", nn.Parameter(torch.zeros(1)))
                self.fc = nn.Linear(1, 2)
    """
    rules = migrate_source(HEAD + textwrap.dedent(text), "m.py").weights
    assert [*rules.classes["m.Net"].parameters] == ["cls_*_token", "pos_*", "scale*", "*", "last"]
    grammar = Grammar(rules)
    assert [leaf.layer for leaf in grammar.leaves("m.Net", ["pos_3"])] == [OWN]
    assert [leaf.layer for leaf in grammar.leaves("m.Net", ["fc", "weight"])] == ["torch.nn.Linear"]
