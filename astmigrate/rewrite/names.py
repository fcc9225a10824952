"""How MindSpore's names are spelled in a file, and which imports that needs."""

from __future__ import annotations

import re
from collections.abc import Iterable

_STANDARD = frozenset({"math", "copy", "functools", "itertools", "contextlib"})
SPELLED = _STANDARD | {"mindspore", "snippets", "numpy", "builtins"}  # whose names an expression may have
_DOTTED = re.compile(rf"\b(?:{'|'.join(sorted(SPELLED))})(?:\.\w+)+")
_MEMBERS = {"nn": "nn", "ops": "ops", "Tensor": "Tensor", "mint": "mint"}
SNIPPETS = "ms_snippets"


class Names:
    """Spells targets; remembers what is used so that it can be imported."""

    def __init__(self, bound: Iterable[str], module: str = SNIPPETS) -> None:
        self.bound = frozenset(bound)
        self.snippet_module = module
        self.others: dict[str, str] = {}  # names of other libraries → what they are called in the file

    def spell(self, target: str) -> tuple[str, frozenset[str]]:
        """A target's name in the file and the imports it needs, as keys for ``import_lines``."""
        root, _, rest = target.partition(".")
        if root == "builtins":
            return rest, frozenset()
        if root == "snippets":
            member, _, tail = rest.partition(".")
            local = self.free(member)
            return (f"{local}.{tail}" if tail else local), frozenset({f"snippets.{member}"})
        if root == "mindspore":
            member, _, tail = rest.partition(".")
            if member in _MEMBERS:
                local = self.free(member)
                return (f"{local}.{tail}" if tail else local), frozenset({f"mindspore.{member}"})
            local = self.free("ms")
            return (f"{local}.{rest}" if rest else local), frozenset({"mindspore"})
        if root == "numpy":
            local = self.free("np", "numpy")
            return f"{local}.{rest}", frozenset({"numpy"})
        if root in _STANDARD:
            return target, frozenset({root})
        return self._member(target)

    def _member(self, target: str) -> tuple[str, frozenset[str]]:
        """A name of another library, such as a user's own table gives: ``from`` its module."""
        module, _, leaf = target.rpartition(".")
        taken = self.bound | _MEMBERS.keys() | {"ms", "np"}
        local = self.others.get(target, leaf)
        while local in taken or any(name == local for other, name in self.others.items() if other != target):
            local = f"ms_{local}"
        self.others[target] = local
        clause = leaf if local == leaf else f"{leaf} as {local}"
        return local, frozenset({f"from {module} import {clause}"})

    def expression(self, template: str) -> tuple[str, frozenset[str]]:
        """An expression of a row with its full names spelled as in the file."""
        needs: set[str] = set()

        def spelled(match: re.Match[str]) -> str:
            name, wanted = self.spell(match[0])
            needs.update(wanted)
            return name

        return _DOTTED.sub(spelled, template), frozenset(needs)

    def free(self, name: str, library: str = "") -> str:
        """The name, or ``ms_name`` where the user's file binds it to something else."""
        return f"ms_{name}" if name in self.bound and not library else name

    def import_lines(self, needs: Iterable[str]) -> list[str]:
        """Import statements for what ``spell`` asked for, in the usual order."""
        wanted = set(needs)
        lines = [f"import {name}" for name in sorted(wanted & _STANDARD)]
        if "numpy" in wanted:
            lines.append("import numpy as np")
        if "mindspore" in wanted:
            lines.append(f"import mindspore as {self.free('ms')}")
        members = sorted((n.partition(".")[2] for n in wanted if n.startswith("mindspore.")), key=str.lower)
        if members:
            lines.append("from mindspore import " + ", ".join(self._as(m) for m in members))
        others: dict[str, list[str]] = {}
        for line in sorted(name for name in wanted if name.startswith("from ")):
            module, _, clause = line.partition(" import ")
            others.setdefault(module, []).append(clause)
        lines += [f"{module} import {', '.join(clauses)}" for module, clauses in others.items()]
        snippets = sorted(n.partition(".")[2] for n in wanted if n.startswith("snippets."))
        if snippets:
            lines.append(f"from {self.snippet_module} import " + ", ".join(self._as(s) for s in snippets))
        return lines

    def _as(self, name: str) -> str:
        local = self.free(name)
        return name if local == name else f"{name} as {local}"
