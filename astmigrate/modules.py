"""The dotted names under which a project's files import each other, and where their snippets live.

A package's name starts at its topmost folder with an ``__init__.py``, wherever that lies; a loose file's
at the output folder. A loose file is also known by its bare name to its neighbours, as a script is.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from astmigrate.analysis.module import Module
from astmigrate.layout import printable

INIT = "__init__.py"


def module_names(targets: Iterable[str]) -> dict[str, str]:
    """Target → module name; a stub or a script without suffix stands for itself and has none."""
    paths = [PurePosixPath(target) for target in targets]
    packages = {path.parent for path in paths if path.name == INIT}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path in paths:
        if path.suffix == ".py":
            root = _root(path, packages)
            name = _dotted(path.relative_to(root))
            if name in taken:  # the same package in two places: tell them apart by the whole path
                name = _dotted(path)
            taken.add(name)
            names[str(path)] = name
    return names


def modules_of(names: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Module]:
    """Every name that an import may use → its module; files without text are not there."""
    modules: dict[str, Module] = {}
    for target, name in names.items():
        if target in texts:
            is_package = PurePosixPath(target).name == INIT
            modules[name] = Module(name, texts[target], printable(target), is_package)
    return {**_other_names(names, modules), **modules}


def snippet_folders(target: str, module: Module, modules: Mapping[str, Module]) -> list[str]:
    """The folders that need the snippets of a file: "" or one that ends in a slash.

    A package's file imports them from its topmost package. A loose one by their bare name, which Python
    looks for beside a script, and in the output folder when the file is imported from there.
    """
    folder = PurePosixPath(target).parent
    package = modules.get(module.package)
    if package is not None and package.is_package:
        depth = len(module.package.split("."))
        folder = PurePosixPath(*folder.parts[: len(folder.parts) - depth + 1])
        return [_slashed(folder)]
    return list(dict.fromkeys((_slashed(folder), "")))


def _slashed(folder: PurePosixPath) -> str:
    return f"{folder}/" if folder.parts else ""


def _root(path: PurePosixPath, packages: set[PurePosixPath]) -> PurePosixPath:
    """The folder from which the file is imported."""
    topmost = [folder for folder in path.parents if folder in packages]
    return topmost[-1].parent if topmost else PurePosixPath()


def _dotted(path: PurePosixPath) -> str:
    parts = path.parent.parts if path.name == INIT else path.with_suffix("").parts
    return ".".join(parts) or path.stem


def _other_names(names: Mapping[str, str], modules: Mapping[str, Module]) -> dict[str, Module]:
    """Names by the path below the output folder, and bare names of loose files, where they are clear."""
    found: dict[str, Module] = {}
    bare = Counter(PurePosixPath(target).stem for target in names)
    for target, name in names.items():
        path = PurePosixPath(target)
        if name not in modules:
            continue
        found.setdefault(_dotted(path), modules[name])
        loose = not modules[name].is_package and modules[name].package not in modules
        if loose and bare[path.stem] == 1 and path.stem not in sys.stdlib_module_names:
            found.setdefault(path.stem, modules[name])
    return found
