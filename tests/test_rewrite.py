"""How calls, imports and classes are rewritten: what is written, and what must stay as it is."""

from __future__ import annotations

import pytest

from astmigrate import Level, migrate_source

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


def line(source: str) -> str:
    """The last lines that ``source`` becomes behind the usual imports."""
    code = migrate_source(f"{HEAD}def f(x: torch.Tensor, y: torch.Tensor, n: int):\n    {source}\n").code
    return code.partition("):\n    ")[2].rstrip("\n")


CALLS = {
    # renamed and stated
    "nn.Conv2d(3, 8, 3)": "nn.Conv2d(3, 8, 3, pad_mode='pad', has_bias=True)",
    "nn.Conv2d(3, 8, 3, 1, 1)": "nn.Conv2d(3, 8, 3, 1, padding=1, pad_mode='pad', has_bias=True)",
    "nn.Linear(3, out_features=4)": "nn.Dense(3, out_channels=4)",
    "nn.BatchNorm2d(8, momentum=0.01)": "nn.BatchNorm2d(8, momentum=0.99)",
    "nn.BatchNorm2d(8, momentum=n)": "nn.BatchNorm2d(8, momentum=1 - n)",
    "nn.BatchNorm2d(8, momentum=n + 1)": "nn.BatchNorm2d(8, momentum=1 - (n + 1))",
    # dropped, with one comma and with comments beside
    "nn.ReLU(inplace=True)": "ReLU(inplace=True)",
    "torch.cat((x, y), dim=1)": "ops.cat((x, y), axis=1)",
    "torch.cat((x, y), 1,)": "ops.cat((x, y), 1,)",
    "x.size()": "x.shape",
    "x.size(0)": "x.shape[0]",
    "(x + y).size(-1)": "(x + y).shape[-1]",
    "x.softmax(dim=1)": "x.softmax(axis=1)",
    "x.relu()": "ops.relu(x)",
    "(x + y).relu()": "ops.relu(x + y)",
    "x.relu().relu()": "ops.relu(ops.relu(x))",
    "x.repeat(1, 2)": "x.tile((1, 2))",
    "nn.LayerNorm(8)": "nn.LayerNorm((8,), epsilon=1e-5)",
    "nn.MaxPool2d(2)": "nn.MaxPool2d(2, stride=2)",
    "nn.AvgPool1d(n + 1)": "nn.AvgPool1d(n + 1, stride=n + 1)",
    "nn.AvgPool1d((m := n), ceil_mode=True)": "AvgPool1d((m := n), ceil_mode=True)",  # not bound twice
    "nn.Dropout(0.5)": "nn.Dropout(p=0.5)",
    # in place
    "x.add_(1)": "x[()] = x + 1",
    "x.mul_(2).add_(y)": "x[()] = (x * 2) + y",
    "x[0].add_(1)": "x[0] = x[0] + 1",
    "x.unsqueeze_(0)": "x = x.unsqueeze(0)",
    "x.data.fill_(0)": "x.data = ops.full_like(x.data, 0)",
    # numbers in texts, and Python's types
    "f'{x:.3f} {x + y:>8} {x} {n:d}'": "f'{x.item():.3f} {(x + y).item():>8} {x} {n:d}'",
    "'{:.2f} {} {n}'.format(x, x, n=x)": "'{:.2f} {} {n}'.format(x.item(), x, n=x)",
    "'{1:.2f} {{}} {a:d}'.format(n, -x, a=x)": "'{1:.2f} {{}} {a:d}'.format(n, (-x).item(), a=x.item())",
    "torch.ones(2, dtype=bool)": "ops.ones(2, dtype=ms.bool_)",
    "x.sum(dtype=float)": "x.sum(dtype=ms.float64)",
    "numpy.ones(2, dtype=bool)": "numpy.ones(2, dtype=bool)",
    # what an unknown value is called with tells a tensor
    "load().transpose(1, 2)": "load().swapaxes(1, 2)",
    "load().transpose(-1, -2)": "load().swapaxes(-1, -2)",
    "load().transpose(0, 1)": "load().transpose(0, 1)",
    "load().transpose(n, 2)": "load().transpose(n, 2)",
    "load().transpose((2, 0, 1))": "load().transpose((2, 0, 1))",
    "load().var(dim=1, unbiased=False)": "load().var(axis=1, ddof=0)",
    "load().var(1)": "load().var(1)",
    "load().expand(n, -1)": "load().broadcast_to(n, -1)",
    "load().expand(n)": "load().expand(n)",
    "load().repeat(1, 1, n)": "load().tile((1, 1, n))",
    "load().repeat(2, 1)": "load().repeat(2, 1)",
    # nothing has to be moved, whatever it is
    "load().to('cuda:1', non_blocking=True)": "load()",
    "load().to(n.device)": "load()",
    "load().cuda(non_blocking=True)": "load()",
    "load().to('metres')": "load().to('metres')",
    "load().to(load())": "load().to(load())",
    "load().eval()": "load().set_train(False)",
    "load().eval('x + 1')": "load().eval('x + 1')",
    # what follows a mask
    "x[x > 0, :] + load()[y, :]": "x[x > 0] + load()[y]",
    "x[:, ~y, :, ...] + x[0, :] + x[n, :]": "x[:, ~y] + x[0, :] + x[n, :]",
    "x[y, 1:]": "x[y, 1:]",  # a review
    # parts of complex numbers, of whatever they are
    "load().real + x.imag": "real_part(load()) + x.imag()",
    "abs(torch.fft.rfft(x)[0] * 2) + abs(x)": "magnitude(ops.rfft(x)[0] * 2) + abs(x)",
    "torch.fft.fft(x).permute(1, 0).abs()": "magnitude(ops.fft(x).permute(1, 0))",
    "torch.abs(torch.fft.fft(x).real)": "ops.abs(ops.fft(x).real())",
    "torch.__version__.split('.')": "ms.__version__.split('.')",
    "torch.full((2,), n, device=load())": "full((2,), n, device=load())",
    "hasattr(torch, 'compiler')": "True",
    # nothing of torch's
    "print('torch.cat', x)  # torch.cat": "print('torch.cat', x)  # torch.cat",
}


@pytest.mark.parametrize("before", CALLS)
def test_call(before: str) -> None:
    assert line(before) == CALLS[before]


def test_what_is_passed_on_takes_torchs_arguments() -> None:
    migrated = migrate_source(HEAD + "act = nn.ReLU\nlayer = act(inplace=True)\n")
    assert "from ms_snippets import ReLU" in migrated.code
    assert "act = ReLU\nlayer = act(inplace=True)\n" in migrated.code
    assert "class ReLU(nn.ReLU)" in migrated.snippets["ReLU"]


def test_a_number_of_numpys_on_the_left_of_a_tensor() -> None:
    """It would make the result numpy's, and cut off the gradient."""
    source = "import numpy as np\nimport torch\n\nx = torch.ones(3)\n"
    code = migrate_source(
        source + "y = -np.sqrt(3) * x + x * np.sqrt(3) - np.log(2) * np.pi * x.shape[0]\n"
    ).code
    assert "y = python_number(-np.sqrt(3)) * x + x * np.sqrt(3) - np.log(2) * np.pi * x.shape[0]\n" in code


def test_what_only_may_be_a_modules_is_told() -> None:
    body = "    net.eval()\n    net.train()\n    net.train(False)\n    net.train(loader)\n"
    migrated = migrate_source(f"{HEAD}def test(net, loader):\n{body}")
    found = [(f.line, f.level) for f in migrated.findings if f.api.startswith("torch.nn.Module")]
    assert found == [(line, Level.REVIEW) for line in (5, 6, 7)] + [(8, Level.MANUAL)]
    assert "net.set_train(False)\n    net.set_train()\n    net.set_train(False)\n" in migrated.code


@pytest.mark.parametrize(
    "body",
    [
        "if image.mode != kind:\n        image = image.convert(kind)",  # torch.Tensor.mode is not called
        "return self.pick(image), image.copy(), image.keys()",  # as no tensor can be called
        "for key in torch.relu(kind).tolist():\n        key.append(image)",
    ],
)
def test_no_tensor_has_it(body: str) -> None:
    migrated = migrate_source(f"import torch\n\ndef f(self, image, kind):\n    {body}\n")
    assert not [f for f in migrated.findings if f.level is Level.MANUAL]


def test_starred_arguments_need_an_adapter() -> None:
    migrated = migrate_source(HEAD + "def f(*a, **k):\n    return nn.Linear(*a, **k)\n")
    assert "return Linear(*a, **k)" in migrated.code


def test_comments_of_a_composed_call_are_kept() -> None:
    migrated = migrate_source(HEAD + "def f(x: torch.Tensor):\n    y = x.size(\n        0  # batch\n    )\n")
    assert "    # batch\n    y = x.shape[0]\n" in migrated.code


def test_an_unconverted_name_keeps_a_guarded_import() -> None:
    code = migrate_source("import torch\n\ndef f():\n    return torch.no_such_thing()\n").code
    assert code.startswith("try:\n    import torch\nexcept ImportError:\n    torch = None\n")
    namespace: dict[str, object] = {}
    exec(compile(code, "migrated", "exec"), {"__builtins__": __builtins__}, namespace)
    assert callable(namespace["f"])


def test_an_unconverted_name_whose_module_name_is_taken_is_spelled_in_full() -> None:
    migrated = migrate_source("from torch import nn\n\ndef f():\n    return nn.NoSuchLayer(nn.ReLU())\n")
    assert "return torch.nn.NoSuchLayer(nn.ReLU())" in migrated.code
    assert [f.level for f in migrated.findings if "NoSuchLayer" in f.api] == [Level.MANUAL]


def test_a_second_run_changes_nothing() -> None:
    method = "    def forward(self, x):\n        return F.relu(x.view(x.size(0), -1))\n"
    source = f"{HEAD}class A(nn.Module):\n{method}"
    once = migrate_source(source).code
    assert once != source
    assert migrate_source(once).code == once


def test_a_block_never_loses_its_only_statement() -> None:
    code = migrate_source("import torch\n\ndef f():\n    import torch.nn as nn\n").code
    assert "def f():\n    pass\n" in code


@pytest.mark.parametrize(
    "source",
    [
        "class nn:\n    Conv2d = print\n\nnn.Conv2d(3, 8, 3)\n",
        "from other import nn\n\nnn.Conv2d(3, 8, 3)\n",
        "import numpy as np\n\nx = np.zeros(3).view(np.int8).sum()\n",
        "def f(torch):\n    return torch.cat([1])\n",
        "text = 'import torch'\n# import torch\n",
        "d = {}\nfor v in d.values():\n    print(v.split(','), d.items())\n",
    ],
)
def test_nothing_of_torchs_stays(source: str) -> None:
    migrated = migrate_source(source)
    assert migrated.code == source
    assert migrated.findings == ()
