"""weights.json: what is written is read back; what a hand broke is answered with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astmigrate.model import ClassRule, LayerSpec, WeightRules
from astmigrate.weights.failures import RequestError
from astmigrate.weights.rules import dumps, load, loads, merge

BLOCK = ClassRule(
    "net.Block",
    "net.py",
    3,
    ("torch.nn.Module",),
    {"conv": (LayerSpec("torch.nn.Conv2d", 5), LayerSpec("?", 7, optional=True))},
    {"scale": 8},
    {"mask": 9},
)
NET = ClassRule(
    "net.Net",
    "net.py",
    20,
    ("net.Base",),
    {"layers": (LayerSpec("torch.nn.Sequential", 22, {"*": (LayerSpec("net.Block", 23),), "é": ()}),)},
    {},
    {},
)
RULES = WeightRules(
    {"net.Net": NET, "net.Block": BLOCK},
    {"torch.nn.PReLU": {"weight": "w"}, "torch.nn.Conv1d": {"weight": {"name": "weight", "insert_axis": 2}}},
)


def test_round_trip() -> None:
    text = dumps(RULES, [("a", "b")])
    file = loads(text)
    assert file.rules == RULES
    assert file.rename == (("a", "b"),)


def test_order_is_stable_and_one_child_takes_one_line() -> None:
    swapped = WeightRules(dict(reversed(RULES.classes.items())), dict(reversed(RULES.layers.items())))
    assert dumps(swapped) == dumps(RULES)
    conv = [line for line in dumps(RULES).splitlines() if '"conv"' in line]
    assert len(conv) == 1
    assert "torch.nn.Conv2d" in conv[0]
    assert list(json.loads(dumps(RULES))) == ["version", "classes", "layers", "rename"]


def test_short_forms_for_hands() -> None:
    text = '{"version": 1, "classes": {"N": {"children": {"a": "torch.nn.PReLU", "b": ["?", {"type": "N"}]},'
    rule = loads(text + ' "parameters": ["p"]}}}').rules.classes["N"]
    assert rule.children == {
        "a": (LayerSpec("torch.nn.PReLU", 0),),
        "b": (LayerSpec("?", 0), LayerSpec("N", 0)),
    }
    assert rule.parameters == {"p": 0}
    assert rule.bases == ("torch.nn.Module",)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{\n"version": 1,\n}', "3:1", "Expecting property name"),
        ('{"version": 2}', "1", "version 2"),
        ("[]", "1", "Expected `object`"),
        ('{"version": 1,\n"clases": {}}', "1", "clases"),
        ('{"version": 1, "classes": {\n"a.B": {\n"children": {"c": 3}}}}', "2", "classes.a.B"),
        ('{"version": 1, "classes": {\n"a.B": {\n"child": {}}}}', "2", "child"),
        (
            '{"version": 1, "classes": {"a.A": {},\n\n"a.B": {"line": "x"}}}',
            "3",
            "classes.a.B: Expected `int`",
        ),
        ('{"version": 1, "layers": {\n"L": {"weight": {"nam": "x"}}}}', "2", "layers.L"),
        ('{"version": 1,\n"classes": {},\n"classes": {}}', "3", '"classes" stands twice'),
        ('{"version": 1, "rename": [\n["a(", "b"]]}', "2", "regular expression 'a('"),
        ('{"version": 1, "rename": [\n["a", "\\\\2"]]}', "2", "replacement"),
    ],
)
def test_a_broken_file_names_its_place(text: str, line: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        loads(text, "my.json")
    message = str(caught.value)
    assert message.startswith(f"my.json:{line}: "), message
    assert words in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="No such file"):
        load(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"version": 1, "classes": {"\xe9": {}}}')
    with pytest.raises(RequestError, match="not UTF-8"):
        load(tmp_path / "latin.json")
    (tmp_path / "bom.json").write_bytes(b'\xef\xbb\xbf{"version": 1}')
    assert load(tmp_path / "bom.json").rules == WeightRules()


def test_merge_takes_all_and_keeps_both_of_two() -> None:
    other = ClassRule(
        "net.Block", "net.py", 30, ("torch.nn.Module",), {"conv": (LayerSpec("?", 31),)}, {}, {}
    )
    merged = merge(
        WeightRules({"net.Block": BLOCK}), WeightRules({"net.Block": other, "net.Net": NET}), RULES
    )
    assert set(merged.classes) == {"net.Block", "net.Net"}
    assert [spec.type for spec in merged.classes["net.Block"].children["conv"]] == [
        "torch.nn.Conv2d",
        "?",
        "?",
    ]
    assert merged.layers == RULES.layers
    with pytest.raises(ValueError, match="two rules for the weights of L"):
        merge(WeightRules({}, {"L": {"a": "b"}}), WeightRules({}, {"L": {"a": "c"}}))
