"""Terms tell where values come from; what kind a value is does not depend on them."""

from __future__ import annotations

from astmigrate.analysis.kinds import NONE, UNKNOWN, Value, join
from tests.analysis.reading import attribute, kind

HEAD = "import torch\nfrom torch import nn\n"
NET = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, a, b: int, c: nn.Module, *args, **kwargs):
        super().__init__()
        self.plain, self.number, self.module = a, b, c
        self.made, self.read = a(1), a.layers.conv
        self.item = kwargs["conv"]
        self.any = args[0]
        for each in a:
            self.each = each
        self.children_of = [child for child in c.children()]
"""
)
F = "m.Net.__init__"


def test_terms_of_parameters_and_of_what_is_made_of_them() -> None:
    wanted = {
        "plain": f"{F}(a)",
        "module": f"{F}(c)",
        "made": f"{F}(a)()",
        "read": f"{F}(a).layers.conv",
        "item": f"{F}(**conv)",
        "any": f"{F}(*)",
        "each": f"{F}(a)",
    }
    assert {name: attribute(NET, "Net", name).flows for name in wanted} == {
        name: (term,) for name, term in wanted.items()
    }


def test_what_is_declared_has_no_terms() -> None:
    assert attribute(NET, "Net", "number").flows == ()


def test_the_kind_of_a_value_does_not_depend_on_its_terms() -> None:
    assert attribute(NET, "Net", "plain") == UNKNOWN
    assert attribute(NET, "Net", "module") == Value("module", "torch.nn.Module")


def test_a_union_keeps_the_terms_of_both() -> None:
    first, second = Value(flows=("f(a)",)), Value(flows=("f(b)",))
    assert join(first, second).flows == ("f(a)", "f(b)")
    assert join(first, UNKNOWN).flows == ("f(a)", "?")
    assert join(first, first).flows == ("f(a)",)
    assert [v.flows for v in join(first, NONE).alternatives] == [("f(a)",), ()]


def test_too_many_alternatives_keep_their_layers() -> None:
    found: Value | None = None
    for number in range(14):
        found = join(found, Value("module", f"m.Layer{number}"))
    assert found is not None
    assert found.kind == "unknown"
    values = [value for each in found.each for value in (*each.flows, each) if isinstance(value, Value)]
    assert [v.name for v in values if v.name] == [f"m.Layer{number}" for number in range(14)]


def test_a_lambda_is_named_by_its_place() -> None:
    assert kind("found = lambda n: n").flows == ("def:m.lambda:1:8",)


def test_branches_of_a_dictionary_are_joined() -> None:
    text = HEAD + "found = {}\nif x:\n    found['a'] = nn.ReLU()\nelse:\n    found['b'] = nn.Conv2d()\n"
    keys = dict(kind(text).keys)
    assert {key: (v.kind, v.name, v.flows) for key, v in keys.items()} == {
        "a": ("module", "torch.nn.ReLU", ("None",)),
        "b": ("module", "torch.nn.Conv2d", ("None",)),
    }
