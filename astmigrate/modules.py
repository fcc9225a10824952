"""The dotted names under which a project's files import each other, and where their snippets live.

A package's name starts at its topmost folder with an ``__init__.py``, wherever that lies; a loose file's
at the output folder. A loose file is also known by its bare name to its neighbours, as a script is.
Targets are split as text: thousands of path objects would take longer than all else before the analysis.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from itertools import accumulate

from astmigrate.analysis.module import Module
from astmigrate.layout import printable

INIT = "__init__.py"
_SUFFIX = ".py"


def module_names(targets: Iterable[str]) -> dict[str, str]:
    """Target → module name; a stub or a script without suffix stands for itself and has none."""
    split = [(target, *_split(target)) for target in targets]
    packages = {folder for _, folder, file in split if file == INIT}
    root: Callable[[str], str] = cache(partial(_root, packages=packages))
    names: dict[str, str] = {}
    taken: set[str] = set()
    for target, folder, file in split:
        if file.endswith(_SUFFIX) and file != _SUFFIX:
            name = _dotted(target[len(root(folder)) :])
            if name in taken:  # the same package in two places: tell them apart by the whole path
                name = _dotted(target)
            taken.add(name)
            names[target] = name
    return names


def modules_of(names: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Module]:
    """Every name that an import may use → its module; files without text are not there."""
    modules: dict[str, Module] = {}
    for target, name in names.items():
        if target in texts:
            modules[name] = Module(name, texts[target], printable(target), _split(target)[1] == INIT)
    return {**_other_names(names, modules), **modules}


def snippet_folders(target: str, module: Module, modules: Mapping[str, Module]) -> list[str]:
    """The folders that need the snippets of a file: "" or one that ends in a slash.

    A package's file imports them from its topmost package. A loose one by their bare name, which Python
    looks for beside a script, and in the output folder when the file is imported from there.
    """
    folder = _split(target)[0]
    package = modules.get(module.package)
    if package is not None and package.is_package:
        below = module.package.count(".")  # how deep in its topmost package
        return [_slashed(folder.rsplit("/", below)[0] if below else folder)]
    return list(dict.fromkeys((_slashed(folder), "")))


def _split(target: str) -> tuple[str, str]:
    """The folder, "" for the output folder itself, and the file's name."""
    folder, _, file = target.rpartition("/")
    return folder, file


def _slashed(folder: str) -> str:
    return f"{folder}/" if folder else ""


def _root(folder: str, packages: set[str]) -> str:
    """The folder from which the files of ``folder`` are imported: "" or one that ends in a slash."""
    if "" not in packages:
        for above in accumulate(folder.split("/"), "{}/{}".format):
            if above in packages:
                return _slashed(_split(above)[0])
    return ""


def _dotted(target: str) -> str:
    folder, file = _split(target)
    return (folder if folder and file == INIT else target.removesuffix(_SUFFIX)).replace("/", ".")


def _other_names(names: Mapping[str, str], modules: Mapping[str, Module]) -> dict[str, Module]:
    """Names by the path below the output folder, and bare names of loose files, where they are clear."""
    found: dict[str, Module] = {}
    stems = {target: _split(target)[1].removesuffix(_SUFFIX) for target in names}
    bare = Counter(stems.values())
    for target, name in names.items():
        module = modules.get(name)
        if module is None:
            continue
        found.setdefault(_dotted(target), module)
        stem = stems[target]
        loose = not module.is_package and module.package not in modules
        if loose and bare[stem] == 1 and stem not in sys.stdlib_module_names:
            found.setdefault(stem, module)
    return found
