"""What a value is, by evidence; without evidence nothing is claimed."""

from __future__ import annotations

import pytest

from tests.analysis.reading import attribute, kind, sites

TENSORS = {
    "result of a function": "found = torch.relu(torch.zeros(2))",
    "result of a method": "found = torch.zeros(2).view(-1)",
    "annotation": "found: torch.Tensor = load()",
    "annotation as text": "found: 'torch.Tensor' = load()",
    "optional": "from typing import Optional\nfound: Optional[torch.Tensor] = load()",
    "arithmetic": "found = 2 * torch.zeros(2) + 1",
    "reflected arithmetic": "found = 1 - torch.zeros(2)",
    "matrix product": "found = torch.zeros(2) @ torch.zeros(2)",
    "comparison": "found = torch.zeros(2) > 0",
    "subscript": "found = torch.zeros(2)[0]",
    "slice": "found = torch.zeros(2)[:, None]",
    "item of a tuple": "found, _ = torch.max(torch.zeros(2), 0)",
    "literal index": "found = torch.max(torch.zeros(2), 0)[1]",
    "element of a list": "for found in torch.split(torch.zeros(2), 1): pass",
    "list literal": "for found in [torch.zeros(1), torch.zeros(2)]: pass",
    "conditional": "found = torch.zeros(1) if flag else torch.zeros(2)",
    "two branches": "if flag:\n    found = torch.zeros(1)\nelse:\n    found = torch.relu(2)",
    "own function": "def f():\n    return torch.zeros(2)\nfound = f()",
    "own function that passes on": "def f(x):\n    y = x\n    return torch.relu(y)\nfound = f(f(1))",
    "walrus": "print(found := torch.zeros(2))",
    "unary": "found = -torch.zeros(2)",
    "augmented": "found = torch.zeros(2)\nfound += 1",
    "parameter": "found = torch.nn.Parameter(torch.zeros(2))",
    "layer": "found = torch.nn.Linear(2, 3)(torch.zeros(2))",
}


@pytest.mark.parametrize("text", TENSORS.values(), ids=TENSORS.keys())
def test_tensors(text: str) -> None:
    """Each of these is a tensor."""
    found = kind(f"import torch\nimport torch.nn\n{text}\n")
    assert {v.kind for v in found.each if v.kind != "none"} == {"tensor"}


OTHERS = {
    "size": ("found = torch.zeros(2).shape", "size"),
    "one size": ("found = torch.zeros(2).shape[0]", "number"),
    "unpacked sizes": ("found, b = torch.zeros(2, 3).shape", "number"),
    "dtype": ("found = torch.zeros(2).dtype", "dtype"),
    "named dtype": ("found = torch.float32", "dtype"),
    "length": ("found = len(torch.zeros(2).shape)", "number"),
    "number of elements": ("found = torch.numel(torch.zeros(2))", "number"),
    "array": ("import numpy as np\nfound = np.zeros(3)", "array"),
    "text": ("found = 'a b'", "string"),
    "number": ("found = 3.5", "number"),
    "module": ("found = torch.nn.ReLU()", "module"),
    "unknown": ("found = load()", "unknown"),
}


@pytest.mark.parametrize(("text", "want"), OTHERS.values(), ids=OTHERS.keys())
def test_other_kinds(text: str, want: str) -> None:
    """Each has its own kind."""
    assert kind(f"import torch\nimport torch.nn\n{text}\n").kind == want


AMBIGUOUS = {
    "string": "def f():\n    return 'a b'.split()",
    "numpy": "import numpy as np\ndef f():\n    return np.zeros(3).view(np.int8).sum()",
    "numpy, derived": "import numpy as np\ndef f():\n    x = np.zeros(3) + 1\n    return x[0].max().view(-1)",
    "dictionary": "def f():\n    return {'a': 1}.values()",
    "number": "def f():\n    return (3).to(4)",
    "list of text": "def f():\n    return [x.split() for x in ['a b']]",
    "other class": "class C:\n    def view(self): return 1\ndef f():\n    return C().view()",
    "data frame": "import pandas as pd\ndef f():\n    return pd.read_csv('x').groupby('a').size()",
}


@pytest.mark.parametrize("text", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_methods_of_other_things_are_not_torch(text: str) -> None:
    """Same name, other receiver: no site at all."""
    assert sites(f"import torch\n{text}\n") == []


def test_an_unknown_receiver_of_an_ambiguous_method_is_unclear() -> None:
    """``x.split`` of who knows what is neither claimed nor dropped in silence."""
    found = sites("import torch\ndef f():\n    x = load()\n    return x.split(2), x.view(-1)\n")
    assert found == ["4 unclear torch.Tensor.split", "4 unclear torch.Tensor.view"]


def test_a_method_that_only_tensors_have_is_evidence() -> None:
    """``unsqueeze`` needs no further evidence."""
    assert sites("import torch\ndef f():\n    return load().unsqueeze(0)\n") == [
        "3 method torch.Tensor.unsqueeze"
    ]


CONFLICTS = {
    "branches": "def f(flag):\n    if flag:\n        x = torch.zeros(2)\n    else:\n        x = 'a b'\n"
    "    return x.split(1)",
    "loop": "def f(items):\n    x = 'a'\n    for i in items:\n        x.split(1)\n        x = torch.zeros(2)",
    "conditional": "def f(flag):\n    return (torch.zeros(2) if flag else [1]).split(1)",
    "own function": "def g(flag):\n    if flag:\n        return 'a'\n    return torch.zeros(1)\n"
    "def f():\n    return g(1).split(1)",
}  # fmt: skip


@pytest.mark.parametrize("text", CONFLICTS.values(), ids=CONFLICTS.keys())
def test_conflicting_evidence_is_unclear(text: str) -> None:
    """A tensor here and text there: not touched, but said."""
    found = [site.split(" ", 1)[1] for site in sites(f"import torch\n{text}\n") if "split" in site]
    assert found == ["unclear torch.Tensor.split"]


def test_a_later_binding_replaces_an_earlier_one() -> None:
    """Straight-line code: the last assignment counts, at the place where it stands."""
    found = sites("""
        import torch
        def f():
            x = 'a b'
            x.split(1)
            x = torch.zeros(2)
            x.split(1)
            x = x.shape
            x.split(1)
    """)
    assert [site for site in found if "split" in site] == ["6 method torch.Tensor.split"]


def test_isinstance_narrows() -> None:
    """Under the guard the value is a tensor, after it it is not known."""
    found = sites("""
        import torch
        def f():
            x = load()
            if isinstance(x, torch.Tensor):
                x.split(1)
            x.split(2)
    """)
    assert "5 method torch.Tensor.split" in found
    assert "6 unclear torch.Tensor.split" in found


def test_annotation_wins_over_use() -> None:
    """An annotated list of text is no tensor, whatever its methods are called."""
    assert sites("import torch\ndef f(x: str):\n    return x.split(1)\n") == []


def test_forward_parameters_are_tensors() -> None:
    """What a module's ``forward`` is called with."""
    found = sites("""
        import torch.nn as nn
        class Net(nn.Module):
            def forward(self, x, sizes: list, name="a b"):
                name.split(1), sizes.split(1)
                return x.split(1)
    """)
    assert [site for site in found if "split" in site] == ["5 method torch.Tensor.split"]


def test_result_of_a_submodule_is_a_tensor() -> None:
    """``self.fc(x)`` is; an LSTM's is a tuple."""
    found = sites("""
        import torch.nn as nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(1, 2)
                self.rnn = nn.LSTM(1, 2)
            def forward(self, x):
                out, (h, c) = self.rnn(self.fc(x).split(1)[0])
                return out.split(2), h.split(3)
    """)
    assert [s for s in found if "split" in s] == ["8 method torch.Tensor.split"] + [
        "9 method torch.Tensor.split"
    ] * 2


def test_attribute_set_in_init_keeps_its_kind() -> None:
    """A string attribute is text, a buffer is a tensor."""
    text = """
        import torch
        class Net(torch.nn.Module):
            def __init__(self, sizes):
                super().__init__()
                self.name = 'a b'
                self.scale = torch.nn.Parameter(torch.zeros(1))
                self.register_buffer('table', torch.zeros(2))
            def forward(self, x):
                self.name.split(1)
                return self.table.split(1), self.scale.split(1)
    """
    assert attribute(text, "Net", "name").kind == "string"
    assert attribute(text, "Net", "table").kind == "tensor"
    assert [s for s in sites(text) if "split" in s] == ["10 method torch.Tensor.split"] * 2


def test_len_of_shape_and_sizes_stay() -> None:
    """Neither ``len(x.shape)`` nor arithmetic on sizes has a site of its own."""
    found = sites(
        "import torch\ndef f(x: torch.Tensor):\n    n = x.shape[0] * len(x.shape)\n    return n.max()\n"
    )
    assert [s for s in found if "annotation" not in s] == ["3 attribute torch.Tensor.shape"] * 2
