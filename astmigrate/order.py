"""The order in which a project's files are migrated: what a file imports comes before it.

Then a file's tree is dropped before the next ones are read, which bounds memory, and no chain of imports
is followed through the stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from astmigrate.analysis.index import Module, absolute

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+)|import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
_NAME = re.compile(r"(\w+)(?:[ \t]+as[ \t]+\w+)?")


def imports_first(names: Sequence[str], modules: Mapping[str, Module]) -> list[str]:
    """``names`` with imported modules before those that import them; a cycle is cut where it is met."""
    ordered: list[str] = []
    seen: set[str] = set()
    for name in names:
        path = [(name, _imports(modules[name]))] if name not in seen else []
        seen.add(name)
        while path:
            current, imported = path[-1]
            target = next(
                (modules[i].name for i in imported if i in modules and modules[i].name not in seen), None
            )
            if target is None:
                ordered.append(current)
                path.pop()
            else:
                seen.add(target)
                path.append((target, _imports(modules[target])))
    return ordered


def _imports(module: Module) -> Iterator[str]:
    """What a module's text seems to import; a string that looks so only costs a better order."""
    for match in _IMPORT.finditer(module.text):
        if match[3] is not None:
            yield from (name[1] for name in re.finditer(r"([\w.]+)(?:[ \t]+as[ \t]+\w+)?", match[3]))
            continue
        source = absolute(match[1], module.package)
        yield source
        yield from (f"{source}.{name[1]}" for name in _NAME.finditer(match[2].strip("()")))
