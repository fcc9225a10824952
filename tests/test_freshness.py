"""Layers with ``inplace=True``: plain where nobody sees what they write, writing where somebody may."""

from __future__ import annotations

import textwrap

import pytest

from astmigrate import migrate_source

CLASS = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
{body}
"""


def migrated(body: str) -> str:
    text = CLASS.format(body=textwrap.indent(textwrap.dedent(body).strip(), " " * 8))
    return migrate_source(text, filename="net.py").code


UNSEEN = [
    "return self.act(self.conv(x))",
    "y = self.conv(x)\ny = self.act(y)\nreturn y",
    "y = self.conv(x)\ny += x\nreturn self.act(y)",
    "y = x + 1\nz = self.act(y)\nreturn z",
    "y = self.conv(x)\nif y.shape[0] > 1:\n    y = self.act(y)\nreturn y",
]
SEEN = [
    "return self.act(x)",
    "identity = x\nx = self.act(x)\nreturn x + identity",
    "y = self.conv(x)\nz = self.act(y)\nreturn y + z",
    "y = self.conv(x)\nreturn y + self.act(y)",
    "y = self.conv(x)\nkept = [y]\ny = self.act(y)\nreturn kept, y",
    "y = x.view(-1)\ny = self.act(y)\nreturn y",
    "y = F.relu(x, inplace=True)\ny = self.act(y)\nreturn y",
    "return [self.act, x]",
    "return self.conv(x)",
]


@pytest.mark.parametrize("body", UNSEEN)
def test_a_tensor_of_its_own_may_be_written_to(body: str) -> None:
    assert "self.act = nn.ReLU()" in migrated(body)


@pytest.mark.parametrize("body", SEEN)
def test_a_tensor_that_others_have_is_written_to(body: str) -> None:
    assert "self.act = ReLU(inplace=True)" in migrated(body)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True))", "nn.ReLU())"),
        ("nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1))", "(ReLU(inplace=True), "),
        ("nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))", "ReLU(inplace=True))"),
        ("[nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)]", "nn.ReLU()]"),
        ("nn.ReLU(inplace=False)", "nn.ReLU()"),
    ],
)
def test_in_a_row_the_first_writes(before: str, after: str) -> None:
    code = migrate_source(f"import torch.nn as nn\nlayers = {before}\n", filename="net.py").code
    assert after in code


@pytest.mark.parametrize(
    ("first", "made"), [("nn.Linear(2, 2)", "nn.ReLU())"), ("block", "ReLU(inplace=True))")]
)
def test_a_layer_added_behind_another(first: str, made: str) -> None:
    body = f"layers = []\nlayers.append({first})\nlayers.append(nn.ReLU(inplace=True))\nreturn layers"
    assert f"layers.append({made}" in migrated(body)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("y = self.conv(x)\ny = F.relu(y, inplace=True)\nreturn y", "y = ops.relu(y)"),
        ("y = x\nx = F.relu(x, inplace=True)\nreturn x + y", "x[()] = ops.relu(x)"),
        ("x = F.relu(x, inplace=True)\nreturn x", "x[()] = ops.relu(x)"),
    ],
)
def test_a_function_writes_where_its_tensor_has_another_name(body: str, line: str) -> None:
    assert line in migrated(body)
