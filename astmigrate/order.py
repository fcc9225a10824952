"""The order in which a project's files are analysed, and what each of them may see of the others.

What a file imports comes before it. Then a file's tree is dropped before the next ones are read, which
bounds memory, and no chain of imports is followed through the stack. What a file may see is found from
the text alone, so that it is known before anything is analysed, and is rather too much than too little:
results are kept and work is shared out by it (``cache``, ``batch``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from astmigrate.analysis.module import Module


class Order(msgspec.Struct, frozen=True):
    """Modules, imported ones first, and for each the bits of the places of those that it may see.

    A module sees itself. Two that import each other see the same ones.
    """

    names: tuple[str, ...]
    reach: tuple[int, ...]

    def within(self, bits: int) -> Iterator[str]:
        """The names whose places are set, in order."""
        return (self.names[place] for place in places(bits))


def places(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, ascending."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def order_of(names: Sequence[str], modules: Mapping[str, Module]) -> Order:
    """The order of ``names``, each the name that its module itself has; a cycle is cut where it is met.

    Modules that import each other stand together, in their places from the first to the last.
    """
    seen = _Seen(modules)
    edges = {name: seen.by(modules[name]) for name in names}
    ordered = imports_first(names, edges)
    reach = dict(zip(ordered, _reach(ordered, edges), strict=True))
    last = {bits: place for place, bits in enumerate(reach.values())}  # a cycle's bits are the same
    ordered.sort(key=lambda name: last[reach[name]])
    return Order(tuple(ordered), tuple(_reach(ordered, edges)))


def _reach(ordered: Sequence[str], edges: Mapping[str, Sequence[str]]) -> list[int]:
    """The bits of all places that the edges lead to from each place, its own too."""
    place = {name: number for number, name in enumerate(ordered)}
    bits = [1 << number for number in range(len(ordered))]
    targets = [[place[target] for target in edges[name]] for name in ordered]
    changed = True
    while changed:  # once for each cycle within a cycle: imported ones are complete already
        changed = False
        for number, wanted in enumerate(targets):
            found = bits[number]
            for target in wanted:
                found |= bits[target]
            changed = changed or found != bits[number]
            bits[number] = found
    return bits


def imports_first(names: Sequence[str], edges: Mapping[str, Sequence[str]]) -> list[str]:
    """``names`` with those that ``edges`` lead to before those that they come from."""
    ordered: list[str] = []
    seen: set[str] = set()
    for name in names:
        path = [(name, iter(edges[name]))] if name not in seen else []
        seen.add(name)
        while path:
            current, imported = path[-1]
            target = next((target for target in imported if target not in seen), None)
            if target is None:
                ordered.append(current)
                path.pop()
            else:
                seen.add(target)
                path.append((target, iter(edges[target])))
    return ordered


class _Seen:
    """What the text of a module imports of a project."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = modules
        self._sorted = sorted(modules)
        self._roots = {name.partition(".")[0] for name in modules}
        self._above = {name[:end] for name in modules for end, sign in enumerate(name) if sign == "."}

    def by(self, module: Module) -> list[str]:
        """The modules that its imports name or make reachable as attributes, first the nearest."""
        found: dict[str, None] = {}
        wide: list[str] = []
        for name, open_below in _imports(module):
            if name.partition(".")[0] in self._roots:
                target = self._nearest(name)
                if target:
                    found[target] = None
                if open_below and name in self._above:
                    wide.append(name)
        for name in dict.fromkeys(wide):
            found.update(dict.fromkeys(self._below(name)))
        found.pop(module.name, None)
        return list(found)

    def _nearest(self, name: str) -> str:
        """The module of that name, or the one whose member it is."""
        while name and name not in self._modules:
            name = name.rpartition(".")[0]
        return self._modules[name].name if name else ""

    def _below(self, name: str) -> Iterator[str]:
        """All modules that begin with a name: ``import pkg`` gives ``pkg.a.b`` once anyone imported that."""
        start = bisect_left(self._sorted, f"{name}.")
        for other in self._sorted[start:]:
            if not other.startswith(f"{name}."):
                break
            yield self._modules[other].name


def _imports(module: Module) -> Iterator[tuple[str, bool]]:
    """Names that a text imports, and whether what lies below them is open to it as well."""
    for source, names in module.imports:
        if source is None:
            for name, alias in names:
                yield name, False
                yield (name if alias else name.partition(".")[0]), True
            continue
        yield source, False
        for name, _ in names:
            yield f"{source}.{name}", True
