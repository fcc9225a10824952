"""einops: which names change, and that the snippets agree with einops on patterns made at random."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from astmigrate import Level, migrate_source
from astmigrate.snippets import assemble

FUNCTIONS = ("rearrange", "reduce", "repeat", "einops_einsum", "einops_pack", "einops_unpack", "EinopsError")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (
            "from einops import rearrange as re\n\ny = re(1, 'a -> a')\n",
            "from ms_snippets import rearrange\n\ny = rearrange(1, 'a -> a')\n",
        ),
        (
            "from einops.einops import rearrange, _recipes\n\ny = rearrange(1, 'a -> a')\n",
            "from einops.einops import _recipes\n"
            "from ms_snippets import rearrange\n\ny = rearrange(1, 'a -> a')\n",
        ),
        (  # what else is used of it needs its import
            "import einops\n\ny = einops.repeat(1, '-> a', a=3), einops.__version__\n",
            "import einops\nfrom ms_snippets import repeat\n\n"
            "y = repeat(1, '-> a', a=3), einops.__version__\n",
        ),
        (
            "from einops import *\n\ny = rearrange(1, '->'), other\n",
            "from einops import *\nfrom ms_snippets import rearrange\n\ny = rearrange(1, '->'), other\n",
        ),
        (
            "import einops\nfrom functools import reduce\n\n"
            "y = einops.reduce(1, '->', 'sum'), reduce(max, [1])\n",
            "from ms_snippets import reduce as ms_reduce\n"
            "from functools import reduce\n\ny = ms_reduce(1, '->', 'sum'), reduce(max, [1])\n",
        ),
        ("import einops.layers.keras\n\nx = einops.layers.keras.Rearrange('a -> a')\n", None),
        ("from einops import EinopsBackend\n\nx = EinopsBackend\n", None),
        ("from my.einops import rearrange\n\nx = rearrange(1, 'a -> a')\n", None),
        ("from .einops import rearrange\n\nx = rearrange(1, 'a -> a')\n", None),
        ("import einops\n\n\ndef f(einops):\n    return einops.rearrange(1)\n\n\nx = einops.VERSION\n", None),
        ("x = 'from einops import rearrange'  # einops.rearrange(x, 'a -> a')\n", None),
    ],
)  # fmt: skip
def test_names(source: str, code: str | None) -> None:
    migration = migrate_source(source)
    assert migration.code == (source if code is None else code)
    assert not [f for f in migration.findings if f.level is Level.MANUAL]
    assert migrate_source(migration.code).code == migration.code


def test_what_is_rearranged_is_a_tensor() -> None:
    source = (
        "import torch\nfrom einops import rearrange\n\n\ndef f(x: torch.Tensor, h):\n"
        "    q, k = map(lambda t: rearrange(t.contiguous(), 'b (h d) -> h b d', h=h), x.chunk(2, dim=-1))\n"
        "    return q @ k.transpose(-1, -2)\n"
    )
    assert "q @ k.swapaxes(-1, -2)" in migrate_source(source).code


def test_the_module_as_a_value_is_told() -> None:
    migration = migrate_source("import einops\n\nshow(einops)\ny = einops.rearrange(1, 'a -> a')\n")
    assert [(f.line, f.api) for f in migration.findings if f.level is Level.MANUAL] == [(3, "einops")]
    compile(migration.code, "<migrated>", "exec")
    assert "import einops" in migration.code


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    pytest.importorskip("mindspore")
    namespace: dict[str, Any] = {}
    exec(compile(assemble(dict.fromkeys(FUNCTIONS, "")), "<ms_snippets>", "exec"), namespace)
    return namespace


def _outcome(function: Any, *args: Any, **axes: int) -> Any:
    """The result's shape and values; a name for whatever is raised."""
    try:
        found = function(*args, **axes)
    except Exception as error:
        return "wrong" if type(error).__name__ in ("EinopsError", "ValueError") else repr(error)
    return found.shape, found.ravel().tolist()


@pytest.mark.parametrize("seed", range(40))
def test_random_patterns_agree_with_einops(ours: dict[str, Any], seed: int) -> None:
    np, einops = pytest.importorskip("numpy"), pytest.importorskip("einops")
    right = 0
    for number in range(25):
        function, shape, arguments, axes = _case(Random(f"{seed}/{number}"))
        array = np.arange(np.prod(shape, dtype=int), dtype="float64").reshape(shape)
        expected = _outcome(getattr(einops, function), array, *arguments, **axes)
        assert _outcome(ours[function], array, *arguments, **axes) == expected, (
            function,
            shape,
            arguments,
            axes,
        )
        right += expected != "wrong"
    assert right >= 5


def _case(random: Random) -> tuple[str, tuple[int, ...], list[str], dict[str, int]]:
    """A function with an array's shape, a pattern that mostly fits, and sizes that are mostly enough."""
    sizes = {name: random.randint(1, 3) for name in random.sample("abcdef", random.randint(1, 5))}
    names = list(sizes)
    hidden = [random.randint(1, 3) for _ in range(random.randint(0, 2))] if random.random() < 0.4 else None
    left = _grouped(random, names)
    given = {name: sizes[name] for group in left for name in group[1:]}
    parts = [("(" + " ".join(group) + ")" if len(group) > 1 else group[0]) for group in left]
    shape = [_product(sizes[name] for name in group) for group in left]
    if random.random() < 0.3:
        place = random.randint(0, len(parts))
        parts.insert(place, random.choice(["1", "()"]))
        shape.insert(place, 1)
    if hidden is not None:
        place = random.randint(0, len(parts))
        parts.insert(place, "...")
        shape[place:place] = hidden
    function = random.choice(["rearrange", "reduce", "repeat"])
    kept = random.sample(names, len(names))
    if function == "reduce":
        kept = kept[: random.randint(0, len(kept))]
    if function == "repeat":
        kept.insert(random.randint(0, len(kept)), random.choice(["2", "z"]))
        given.update({"z": 2} if "z" in kept else {})
    right = [
        ("(" + " ".join(group) + ")" if len(group) > 1 else group[0]) for group in _grouped(random, kept)
    ]
    if hidden is not None and not (function == "reduce" and random.random() < 0.3):
        right.insert(random.randint(0, len(right)), random.choice(["...", "(...)"]))
    if random.random() < 0.1:  # something is wrong
        random.choice([parts, right]).append(random.choice(["q", "(", "a", "2", "...", "a)"]))
    pattern = f"{' '.join(parts)} -> {' '.join(right)}"
    reduction = [random.choice(["sum", "max", "min", "mean", "prod"])] if function == "reduce" else []
    return function, tuple(shape), [pattern, *reduction], given


def _grouped(random: Random, names: list[str]) -> list[list[str]]:
    groups: list[list[str]] = []
    for name in names:
        if groups and random.random() < 0.3:
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


def _product(numbers: Any) -> int:
    found = 1
    for number in numbers:
        found *= number
    return found


def test_errors_say_where(ours: dict[str, Any]) -> None:
    np = pytest.importorskip("numpy")
    array = np.zeros((6, 4))
    cases = {
        ("(a b) c -> a b c", ("a", 4)): "a dimension of 6 cannot be divided by 4, as (a b) asks",
        ("a b c -> c b a", None): "expected 3 dimensions, not 2",
        ("a b -> a", None): "rearrange cannot lose axes: b",
        ("(a b) c -> a b c", None): "could not infer the sizes of a, b",
    }
    for (pattern, size), message in cases.items():
        with pytest.raises(ours["EinopsError"]) as error:
            ours["rearrange"](array, pattern, **dict([size] if size else []))
        with_sizes = " with a=4" if size else ""
        assert str(error.value) == f"rearrange of shape (6, 4) by '{pattern}'{with_sizes}: {message}"


def test_arrays_stay_arrays(ours: dict[str, Any]) -> None:
    np, einops = pytest.importorskip("numpy"), pytest.importorskip("einops")
    a, b = np.arange(6.0).reshape(2, 3), np.arange(24.0).reshape(2, 4, 3)
    packed, shapes = ours["einops_pack"]([a, b], "n * d")
    expected, there = einops.pack([a, b], "n * d")
    assert (packed == expected).all()
    assert shapes == [tuple(shape) for shape in there] == [(), (4,)]
    for mine, theirs in zip(ours["einops_unpack"](packed, shapes, "n * d"), (a, b), strict=True):
        assert (mine == theirs).all()
    product = ours["einops_einsum"](a, b, "n d, n k d -> k")
    assert np.allclose(product, einops.einsum(a, b, "n d, n k d -> k"))
    assert (
        ours["rearrange"]([a, a], "n a b -> b (n a)") == einops.rearrange([a, a], "n a b -> b (n a)")
    ).all()
