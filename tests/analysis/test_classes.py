"""Which classes are modules, what they hold, and what their names become."""

from __future__ import annotations

from astmigrate import migrate_source
from tests.analysis.reading import attribute, project, renames, sites


def test_a_module_through_several_bases() -> None:
    """Any number of the project's own classes may stand between."""
    found = renames("""
        import torch.nn as nn
        class A(nn.Module):
            def forward(self, x): return x
        class B(A): pass
        class C(B):
            def forward(self, x): return super().forward(x)
        class D(C, object):
            def forward(self, x): return C.forward(self, x)
    """)
    assert found == ["3 construct", "6 construct", "6 construct", "8 construct", "8 construct"]


def test_a_module_through_torch_layers_and_containers() -> None:
    """Classes derived from a layer, a Sequential or a ModuleList are modules."""
    found = renames("""
        from torch import nn
        class A(nn.Sequential):
            def forward(self, x): return x
        class B(nn.Linear):
            def forward(self, x): return x
        class C(nn.ModuleList):
            def forward(self, x): return x
    """)
    assert found == ["3 construct", "5 construct", "7 construct"]


def test_what_is_only_named_forward_stays() -> None:
    """Functions, other classes, attributes of other things, keywords and text."""
    found = renames("""
        import torch.nn as nn
        class Request:
            def forward(self, x): return x
        def forward(x): return x
        def f(x):
            forward(x)
            Request().forward(x)
            dict(forward=1)["forward"]
    """)
    assert found == []


def test_a_mixin_of_modules_is_renamed_with_them() -> None:
    """A class that is no module itself gives its ``forward`` to one."""
    found = renames("""
        import torch.nn as nn
        class Mixin:
            def forward(self, x): return super().forward(x)
        class Net(Mixin, nn.Linear):
            def forward(self, x): return super().forward(x)
    """)
    assert found == ["3 construct", "3 construct", "5 construct", "5 construct"]


def test_calls_of_forward_follow_the_module() -> None:
    """``self.forward``, a submodule's, and a local module's; bound or called."""
    found = renames("""
        import torch.nn as nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = nn.Linear(1, 1)
            def forward(self, x): return self.inner.forward(x)
            def twice(self, x):
                step = self.forward
                return self.forward(step(x))
        def run(x):
            net = Net()
            return net.forward(x)
    """)
    assert found == ["6 construct", "6 construct", "8 construct", "9 construct", "12 construct"]


def test_children_of_a_class() -> None:
    """Attributes hold the layers that were assigned, containers what is in them."""
    text = """
        from torch import nn
        class Net(nn.Module):
            def __init__(self, deep, act=nn.ReLU):
                super().__init__()
                self.fc = nn.Linear(1, 1)
                self.body = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
                self.blocks = nn.ModuleList([Net(False) for _ in range(3)])
                self.act = act()
                if deep:
                    self.extra = nn.Linear(1, 1)
                else:
                    self.extra = None
    """
    assert attribute(text, "Net", "fc").name == "torch.nn.Linear"
    body = attribute(text, "Net", "body")
    assert [(key, value.name) for key, value in body.keys] == [
        ("0", "torch.nn.Conv2d"),
        ("1", "torch.nn.BatchNorm2d"),
    ]
    blocks = attribute(text, "Net", "blocks")
    assert blocks.name == "torch.nn.ModuleList"
    assert blocks.element is not None
    assert blocks.element.name == "m.Net"
    assert {value.kind for value in attribute(text, "Net", "extra").each} == {"module", "none"}


def test_parameters_and_buffers_have_their_lines() -> None:
    """What the checkpoint holds besides the children."""
    index = project({"m.py": """
        import torch
        from torch import nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.zeros(1))
                self.register_buffer('table', torch.zeros(2))
                self.register_parameter('shift', None)
                self.plain = torch.zeros(1)
    """})  # fmt: skip
    assert index.walk("m") is not None
    info = index.classes["m.Net"]
    assert info.parameters == {"scale": 6, "shift": 8}
    assert info.buffers == {"table": 7}


def test_super_init_with_arguments_is_the_base_class() -> None:
    """``super().__init__(...)`` of a class derived from torch's: both spellings, and the base by name."""
    found = sites("""
        from torch import nn
        class A(nn.Sequential):
            def __init__(self):
                super(A, self).__init__(nn.Linear(1, 2), nn.ReLU())
        class B(nn.Linear):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
        class C(nn.Linear):
            def __init__(self, n):
                nn.Linear.__init__(self, n, n)
    """)
    assert "4 init torch.nn.Sequential" in found
    assert "7 init torch.nn.Linear" in found
    assert any(site.startswith("10 ") and "torch.nn.Linear" in site for site in found)


def test_methods_of_modules_and_of_others() -> None:
    """``parameters()`` is torch's on a module only."""
    found = sites("""
        from torch import nn
        class Other:
            def parameters(self): return []
            def train(self): return self
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(1, 1)
                self.other = Other()
            def forward(self, x):
                self.other.parameters()
                self.other.train()
                self.train(False)
                return self.fc.parameters()
    """)
    assert [s for s in found if "Module." in s] == [
        "13 method torch.nn.Module.train",
        "14 method torch.nn.Module.parameters",
    ]


def test_an_overridden_method_is_the_projects() -> None:
    """A module's own ``train`` is not torch's; what it passes up to is."""
    found = sites("""
        from torch import nn
        class Net(nn.Module):
            def train(self, mode=True):
                return super().train(mode)
        def f():
            return Net().train()
    """)
    assert [s for s in found if s.endswith("Module.train")] == ["4 method torch.nn.Module.train"]


def test_isinstance_and_bases_name_the_class() -> None:
    """There the class itself is meant, not a way of calling it."""
    found = sites("""
        from torch import nn
        def f(m):
            if isinstance(m, (nn.Linear, nn.Conv2d)) or type(m) is nn.ReLU:
                return nn.Linear
            return issubclass(type(m), nn.BatchNorm2d)
    """)
    assert found == [
        "3 type torch.nn.Linear",
        "3 type torch.nn.Conv2d",
        "3 compared torch.nn.ReLU",
        "4 value torch.nn.Linear",
        "5 type torch.nn.BatchNorm2d",
    ]


def test_a_guard_tells_the_weights_of_a_layer() -> None:
    """``m.weight`` of a BatchNorm under isinstance is its gamma; of a Linear it keeps its name."""
    found = sites("""
        from torch import nn
        def init(m):
            if isinstance(m, nn.BatchNorm2d):
                m.weight.sum()
            elif isinstance(m, nn.Linear):
                m.weight.sum()
            else:
                m.weight
    """)
    assert [s for s in found if "weight" in s] == ["4 member torch.nn.BatchNorm2d.weight"]


def test_a_module_of_another_file() -> None:
    """Bases are followed across the files of a project."""
    files = {
        "pkg/__init__.py": "",
        "pkg/a.py": "from torch import nn as layers\nclass A(layers.Module): pass\n",
    }
    index = project(
        {**files, "pkg/b.py": "from . import a\nclass B(a.A):\n    def forward(self, x): return x\n"}
    )
    walk = index.walk("pkg.b")
    assert walk is not None
    assert [rename.new for rename in walk.analysis.renames] == ["construct"]


def test_children_added_by_keyword() -> None:
    text = """
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.add_module(module=nn.Linear(1, 1), name="a")
        for i in range(n):
            self.add_module(name=str(i), module=nn.Conv2d(1, 1, 1))
"""
    children = migrate_source(text, "net.py").weights.classes["net.Net"].children
    assert {key: [spec.type for spec in specs] for key, specs in children.items()} == {
        "a": ["torch.nn.Linear"],
        "*": ["torch.nn.Conv2d"],
    }
