"""Names by binding and scope, never by spelling."""

from __future__ import annotations

import pytest

from tests.analysis.reading import sites

IMPORTS = {
    "plain": "import torch\ntorch.relu(1)",
    "alias": "import torch as th\nth.relu(1)",
    "from": "from torch import relu\nrelu(1)",
    "from alias": "from torch import relu as r\nr(1)",
    "submodule": "import torch.nn\ntorch.relu(1)",
    "two in one": "import os, torch; import sys\ntorch.relu(1)",
    "in try": "try: import torch\nexcept ImportError: torch = None\n\ntorch.relu(1)",
}


@pytest.mark.parametrize("text", IMPORTS.values(), ids=IMPORTS.keys())
def test_every_import_reaches_the_call(text: str) -> None:
    """However torch gets its name, the call is torch.relu's."""
    assert any(site.endswith(" call torch.relu") for site in sites(text)), sites(text)


def test_namespace_aliases() -> None:
    """``nn``, ``F``, a dotted import with ``as`` and a name taken from a namespace."""
    found = sites("""
        import torch.nn as layers
        from torch.nn import functional as F, Linear as Dense
        import torch.nn.functional as fn
        layers.ReLU()
        F.relu(1)
        Dense(1, 2)
        fn.dropout(1)
    """)
    assert found == [
        "4 call torch.nn.ReLU",
        "5 call torch.nn.functional.relu",
        "6 call torch.nn.Linear",
        "7 call torch.nn.functional.dropout",
    ]


def test_class_bound_to_a_variable_is_a_value_and_its_call_is_not_a_direct_one() -> None:
    """``conv = nn.Conv2d`` needs torch's calling convention behind the variable."""
    found = sites("from torch import nn\nconv = nn.Conv2d\nconv(1, 2, 3)\n")
    assert "2 value torch.nn.Conv2d" in found
    assert not any(site.startswith("3 call") for site in found)


SHADOWED = {
    "parameter": "def f(torch):\n    return torch.relu(1)",
    "parameter with default": "def f(x, *, torch=None, **k):\n    return torch.relu(x)",
    "local": "def f():\n    torch = object()\n    return torch.relu(1)",
    "loop": "def f():\n    for torch in []:\n        torch.relu(1)",
    "with": "def f():\n    with open('x') as torch:\n        torch.relu(1)",
    "except": "def f():\n    try: pass\n    except OSError as torch:\n        torch.relu(1)",
    "comprehension": "x = [torch.relu(1) for torch in []]",
    "lambda": "f = lambda torch: torch.relu(1)",
    "walrus": "def f():\n    if (torch := g()):\n        torch.relu(1)",
    "local import": "def f():\n    import numpy as torch\n    return torch.relu(1)",
    "local function": "def f():\n    def torch(): pass\n    return torch.relu(1)",
    "local class": "def f():\n    class torch: pass\n    return torch.relu(1)",
    "unpacking": "def f():\n    a, (torch, *b) = 1, (2, 3)\n    return torch.relu(1)",
    "module level": "torch = object()\ntorch.relu(1)",
}


@pytest.mark.parametrize("text", SHADOWED.values(), ids=SHADOWED.keys())
def test_a_shadowed_name_is_not_torch(text: str) -> None:
    """A binding nearer to the use wins."""
    assert sites(f"import torch\n{text}\n") == []


def test_shadowing_ends_with_its_scope() -> None:
    """Around the scope that shadows, the name is torch's again."""
    found = sites("""
        import torch
        def f(torch):
            return torch.relu(1)
        y = [torch.relu(2) for x in [torch.relu(3)] if (lambda torch: torch)(x)]
        def g():
            return torch.relu(4)
        class C:
            torch = None
            def h(self):
                return torch.relu(5)
    """)
    assert found == ["4 call torch.relu", "4 call torch.relu", "6 call torch.relu", "10 call torch.relu"]


def test_strings_comments_and_attributes_are_not_names() -> None:
    """Neither text nor an attribute of something else called ``torch`` counts."""
    assert sites("import torch\nx = 'torch.relu(1)'  # torch.relu(1)\ny = config.torch.relu(1)\n") == []


def test_local_imports_belong_to_their_function() -> None:
    """A function-level import binds there and nowhere else."""
    found = sites("""
        def f():
            import torch
            return torch.relu(1)
        def g():
            return torch.relu(2)
        class C:
            import torch
            x = torch.relu(3)
    """)
    assert found == ["3 call torch.relu", "8 call torch.relu"]


def test_global_statement_binds_the_module_name() -> None:
    """``global`` makes a function's import the module's."""
    found = sites("""
        import os
        def load():
            global torch
            import torch
        load()
        def use():
            return torch.relu(1)
    """)
    assert found == ["7 call torch.relu"]


def test_star_import_gives_rows_and_yields_to_bindings() -> None:
    """``from torch.nn import *`` gives what it exports; a definition of the file's own wins."""
    found = sites("""
        from torch.nn import *
        from torch.nn.functional import *
        def dropout(x): return x
        ReLU()
        relu(1)
        dropout(2)
        print(3)
    """)
    assert found == ["4 call torch.nn.ReLU", "5 call torch.nn.functional.relu"]


def test_conditional_import_with_a_fallback_of_the_same_class() -> None:
    """An optional package and torch as its fallback: the name may be either."""
    found = sites("""
        try:
            from apex import Linear
        except ImportError:
            from torch.nn import Linear
        import torch.nn as nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = Linear(1, 2)
            def forward(self, x):
                return self.fc(x).unsqueeze(0)
    """)
    assert "6 base torch.nn.Module" in found
    assert "11 method torch.Tensor.unsqueeze" in found


def test_conditional_import_of_one_name_in_two_ways() -> None:
    """Both branches bind the same namespace."""
    found = sites("""
        import sys
        if sys.version_info > (3,):
            import torch.nn.functional as F
        else:
            from torch.nn import functional as F
        F.relu(1)
    """)
    assert found == ["6 call torch.nn.functional.relu"]


def test_type_checking_import_serves_annotations() -> None:
    """What is imported for the type checker only is a name in annotations, text or not."""
    found = sites("""
        from __future__ import annotations
        from typing import TYPE_CHECKING, Optional
        if TYPE_CHECKING:
            from torch import Tensor
        def f(x: Tensor, y: "Optional[Tensor]" = None) -> Tensor:
            return x.view(-1)
    """)
    assert found.count("5 annotation torch.Tensor") == 3
    assert "6 method torch.Tensor.view" in found


PACKAGE = {
    "pkg/__init__.py": "from .layers import *\nfrom . import compat as c\n",
    "pkg/compat.py": "import torch\nfrom torch import nn\n"
    "from torch.nn import functional as F, Linear as Dense\n",
    "pkg/layers.py": "from .compat import nn, F\n__all__ = ['Base', 'swish']\nclass Base(nn.Module):\n"
    "    def forward(self, x): return F.relu(x)\ndef swish(x): return F.relu(x)\nhidden = nn.ReLU\n",
}


def test_reexports_inside_the_project() -> None:
    """A namespace imported through a file of the project is torch's.

    A class that is re-exported is a value there; whoever imports it calls it by torch's convention.
    """
    found = sites("from pkg.compat import nn, F, Dense\nnn.ReLU()\nF.relu(1)\nDense(1, 2)\n", PACKAGE)
    assert found == ["2 call torch.nn.ReLU", "3 call torch.nn.functional.relu"]


def test_reexported_module_by_attribute() -> None:
    """``package.module.name`` follows the project's modules."""
    found = sites("import pkg.compat\nfrom pkg import c\npkg.compat.nn.ReLU()\nc.F.relu(1)\n", PACKAGE)
    assert found == ["3 call torch.nn.ReLU", "4 call torch.nn.functional.relu"]


def test_relative_imports_of_the_project() -> None:
    """Relative imports count levels from the package, ``__init__`` included."""
    files = {**PACKAGE, "pkg/sub/__init__.py": "from ..compat import nn\nnn.ReLU()\n",
             "pkg/sub/deep.py": "from .. import compat\nfrom ..compat import F as G\n"
             "compat.nn.ReLU()\nG.relu(1)\n"}  # fmt: skip
    assert sites("", files, "pkg.sub") == ["2 call torch.nn.ReLU"]
    assert sites("", files, "pkg.sub.deep") == ["3 call torch.nn.ReLU", "4 call torch.nn.functional.relu"]


def test_star_import_of_a_project_file_follows_its_all() -> None:
    """``__all__`` limits a star; classes that come through it are modules."""
    found = sites("""
        from pkg import *
        class Net(Base):
            def forward(self, x):
                return super().forward(x).unsqueeze(0)
        hidden()
    """, PACKAGE)  # fmt: skip
    assert found == ["4 method torch.Tensor.unsqueeze"]


def test_a_cycle_of_imports_ends() -> None:
    """Two files that import each other are both read."""
    files = {"a.py": "import torch\nfrom b import B\nclass A(torch.nn.Module): pass\n",
             "b.py": "from torch import nn\nfrom a import A\nclass B(nn.Module):\n    x = A\n"}  # fmt: skip
    assert sites("", files, "a") == ["3 base torch.nn.Module"]
    assert sites("", files, "b") == ["3 base torch.nn.Module"]


def test_a_project_module_called_torch_is_not_torch() -> None:
    """The project's own file wins over the framework's name."""
    assert sites("import torch\ntorch.relu(1)\n", {"torch.py": "def relu(x): return x\n"}) == []


def test_other_libraries_are_not_torch() -> None:
    """Names that only end or begin like torch's."""
    assert sites("import torchmetrics as torch\nfrom jax import nn\ntorch.relu(1)\nnn.relu(1)\n") == []
    assert sites("from my.torch import nn\nfrom .torch import relu\nnn.ReLU()\nrelu(1)\n") == []
