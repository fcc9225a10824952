"""The order of migration: imported files first, cycles cut, long chains without recursion."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from astmigrate.analysis.module import Module
from astmigrate.order import order_of


def order(texts: Mapping[str, str]) -> list[str]:
    modules = {
        name: Module(name, text, f"{name}.py", any(other.startswith(f"{name}.") for other in texts))
        for name, text in texts.items()
    }
    return list(order_of(list(texts), modules).names)


@pytest.mark.parametrize(
    "text",
    [
        "import pkg.b\n",
        "import os, pkg.b as b\n",
        "from pkg import b\n",
        "from pkg.b import x\n",
        "from . import b\n",
        "from .b import x\n",
        "def f():\n    from .b import (\n        x,\n    )\n",
        "try:\n    from .b import *\nexcept ImportError:\n    pass\n",
        "from . \\\n  import \\\n    x, b\n",
        "from .b import(x, # )\n    y)\n",
        "important = 1; from.b import*\n",
        "if os: import os, pkg.b\n",
        "x = 1\rimport pkg.b\r",
    ],
)
def test_every_form_of_import(text: str) -> None:
    assert order({"pkg": "", "pkg.a": text, "pkg.b": ""}).index("pkg.b") == 1


def test_package_comes_after_what_it_gathers() -> None:
    found = order({"pkg": "from .a import A\nfrom .b import B\n", "pkg.a": "from .b import B\n", "pkg.b": ""})
    assert found == ["pkg.b", "pkg.a", "pkg"]


def test_without_imports_the_order_stays() -> None:
    assert order({"b": "import os\n", "a": "x = 1\n", "c": ""}) == ["b", "a", "c"]


def test_cycles_and_self() -> None:
    assert order({"a": "import b\nimport a\n", "b": "import a\n"}) == ["b", "a"]


def test_long_chains() -> None:
    texts = {f"m{i}": f"import m{i + 1}\n" for i in range(5000)}
    assert order({**texts, "m5000": ""}) == [f"m{i}" for i in range(5000, -1, -1)]


def test_what_a_module_may_see() -> None:
    texts = {
        "pkg": "",
        "pkg.a": "import pkg.b as b\n",
        "pkg.b": "import os\n",
        "pkg.c": "from .d import x\n",
        "pkg.d": "from . import c\n",
        "pkg.e": "from .a import y\n",
        "pkg.f": "import pkg\n",
    }
    modules = {name: Module(name, text, name, name == "pkg") for name, text in texts.items()}
    found = order_of(list(texts), modules)
    seen = {name: set(found.within(bits)) for name, bits in zip(found.names, found.reach, strict=True)}
    assert seen["pkg.b"] == {"pkg.b"}
    assert seen["pkg.e"] == {"pkg.a", "pkg.b", "pkg.e"}
    assert seen["pkg.c"] == seen["pkg.d"] == {"pkg", "pkg.c", "pkg.d"}
    assert seen["pkg.f"] == set(texts)  # ``pkg.e`` is an attribute once anyone has imported it
    assert abs(found.names.index("pkg.c") - found.names.index("pkg.d")) == 1
    assert found.names[-1] == "pkg.f"
