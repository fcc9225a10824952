"""Layers' classes in comparisons: what an adapter made counts too."""

from __future__ import annotations

import pytest

from astmigrate import Level, migrate_source


def migrated(expression: str) -> str:
    return migrate_source(f"import torch.nn as nn\n\n\ndef f(m):\n    return {expression}\n").code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("type(m) is nn.ReLU6", "type(m) in (nn.ReLU6, ReLU6)"),
        ("type(m)==nn.Linear", "type(m) in (nn.Dense, Linear)"),
        ("type(m) is not nn.Linear", "type(m) not in (nn.Dense, Linear)"),
        ("type(m) != nn.Linear", "type(m) not in (nn.Dense, Linear)"),
        ("type(m) in (nn.Linear, nn.Sigmoid)", "type(m) in (nn.Dense, Linear, nn.Sigmoid)"),
        ("type(m) in [int, nn.Linear]", "type(m) in [int, nn.Dense, Linear]"),
        ("type(m) is nn.Sigmoid", "type(m) is nn.Sigmoid"),  # nothing makes another Sigmoid
        ("isinstance(m, nn.Linear)", "isinstance(m, nn.Dense)"),  # an adapter is one
    ],
)
def test_the_adapter_stands_beside_the_class(before: str, after: str) -> None:
    assert f"    return {after}\n" in migrated(before)


def test_where_there_is_no_place_for_it_the_finding_says_so() -> None:
    text = "import torch.nn as nn\n\n\ndef f(m):\n    return type(m) is (nn.Linear)\n"
    findings = migrate_source(text).findings
    told = [f for f in findings if f.level is Level.REVIEW]
    assert [f.line for f in told] == [5]
    assert "a subclass" in told[0].message


def test_another_librarys_class_stays() -> None:
    text = "import torch.nn as nn\nfrom mine import Linear\n\n\ndef f(m):\n    return type(m) is Linear, nn\n"
    assert "type(m) is Linear" in migrate_source(text).code
