"""Source and checkpoint together: rules that the migration derived, weights they convert, equal numbers.

The fixtures show whole models; here each case is one way in which a source can hide what a tensor belongs to.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("mindspore")

from tests.migrating import migrate
from tests.parity import both_sides
from tests.parity.both_sides import Model

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n\n"

SOURCES: dict[str, tuple[str, dict[str, str]]] = {
    "types_as_values": (
        """
class Block(nn.Module):
    def __init__(self, planes, norm_layer=None, act=nn.PReLU):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        self.conv = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.norm = norm_layer(planes)
        self.act = act()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Block(3)
        self.second = Block(3, act=nn.ReLU)
        self.last = nn.Identity() if False else nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.last(self.second(self.first(x)))
""",
        {"x": "f32[2, 3, 6, 6]"},
    ),
    "lists_filled_later": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.ModuleList()
        self.right = nn.ModuleList([])
        for _ in range(2):
            self.left.append(nn.Linear(4, 4))
            self.right.append(nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)))

    def forward(self, x):
        for left, right in zip(self.left, self.right):
            x = torch.relu(left(x)) + right(x)
        return x
""",
        {"x": "f32[3, 4]"},
    ),
    "names_made_in_a_loop": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for n in range(3):
            self.add_module(f"conv{n}", nn.Conv1d(4, 4, 3, padding=1))
            setattr(self, "norm%d" % n, nn.BatchNorm1d(4))

    def forward(self, x):
        for n in range(3):
            x = getattr(self, f"norm{n}")(getattr(self, f"conv{n}")(x))
        return x
""",
        {"x": "f32[2, 4, 8]"},
    ),
    "a_class_that_holds_itself": (
        """
class Tree(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.mix = nn.Linear(4, 4)
        if depth > 0:
            self.inner = Tree(depth - 1)
        else:
            self.inner = None

    def forward(self, x):
        x = self.mix(self.norm(x))
        return x if self.inner is None else x + self.inner(x)


class Net(Tree):
    def __init__(self):
        super().__init__(2)
        self.head = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        return self.head(super().forward(x))
""",
        {"x": "f32[3, 4]"},
    ),
    "parameters_of_all_kinds": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.steps = nn.ParameterList([nn.Parameter(torch.ones(4)) for _ in range(2)])
        self.named = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.PReLU(4)})
        self.register_buffer("offset", torch.zeros(4))
        self.register_buffer("table", torch.arange(4), persistent=False)
        self.register_parameter("gain", nn.Parameter(torch.ones(1)))

    def forward(self, x):
        x = self.named["b"](self.named["a"](x * self.scale + self.offset))
        for step in self.steps:
            x = x * step
        return x * self.gain + self.table
""",
        {"x": "f32[3, 4]"},
    ),
    "layers_whose_weights_change_shape": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.down = nn.Conv1d(4, 6, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose1d(6, 4, 4, stride=2, padding=1, bias=False)
        self.norm = nn.GroupNorm(2, 4)
        self.flat = nn.Sequential(nn.Conv2d(1, 2, (1, 3)), nn.BatchNorm2d(2))

    def forward(self, ids):
        x = self.embed(ids).transpose(1, 2)
        x = self.norm(self.up(self.down(x)))
        return self.flat(x.unsqueeze(1))
""",
        {"ids": "i64[2, 8] 0..7"},
    ),
    "transformers": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8))
        self.last = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=4, batch_first=True)

    def forward(self, x, memory):
        x = self.last(self.encoder(x))
        return self.attention(x, memory, memory)[0]
""",
        {"x": "f32[2, 5, 8]", "memory": "f32[2, 3, 4]"},
    ),
    "reparametrized": (
        """
from torch.nn.utils import spectral_norm
from torch.nn.utils.parametrizations import weight_norm


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = weight_norm(nn.Linear(4, 6))
        self.second = nn.Sequential(spectral_norm(nn.Conv1d(1, 3, 3)), nn.ReLU())
        self.third = spectral_norm(nn.Linear(4, 2))

    def forward(self, x):
        return self.third(self.second(self.first(x).unsqueeze(1)))
""",
        {"x": "f32[3, 4]"},
    ),
    "volumes": (
        """
def block(norm):
    return nn.Sequential(nn.Conv3d(2, 2, 3, padding=1), norm(2), nn.ReLU())


class Net(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm3d):
        super().__init__()
        self.body = nn.Sequential(*[block(norm_layer) for _ in range(2)])
        self.last = nn.BatchNorm3d(2)

    def forward(self, x):
        return self.last(self.body(x))
""",
        {"x": "f32[2, 2, 4, 4, 4]"},
    ),
}


def model_of(name: str, folder: Path) -> Model:
    """The case as a model for both sides."""
    _, inputs = SOURCES[name]
    out = folder / "out"
    rules = out / f"{name}.weights.json"
    return Model(name, name, f"{name}:Net", "Net()", inputs, folder / "source", out, rules)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cases: migrated, run in torch, their checkpoints converted."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "source").mkdir()
    files = []
    for name, (source, _) in SOURCES.items():
        files.append(folder / "source" / f"{name}.py")
        files[-1].write_text(HEAD + source.lstrip("\n"))
    done = migrate(*files, out=folder / "out")
    assert done.returncode == 0, done.stderr
    models = [model_of(name, folder) for name in SOURCES]
    assert both_sides.run_in_torch(models, folder / "runs") == ""
    assert both_sides.convert_weights(models, folder / "runs") == ""
    return folder


@pytest.mark.parametrize("name", SOURCES)
def test_source_and_weights_agree(name: str, prepared: Path) -> None:
    model = model_of(name, prepared)
    assert both_sides.conversion(model, prepared / "runs") == ""
    assert both_sides.compare_in_mindspore(model, prepared / "runs") == ""
