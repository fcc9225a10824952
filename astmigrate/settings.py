"""Options from ``[tool.astmigrate]`` of the nearest pyproject.toml.

[tool.astmigrate]
output = "build/mindspore"      # relative to the pyproject.toml
report = ["json"]
exclude = ["tests", "*_test.py"]
quiet = true
jobs = 4                        # the most processes; default: one a core
cache = false                   # do not keep results for the next run
gitignore = false               # migrate what git ignores, too
tables = ["wrappers.toml"]      # rows of your own, relative to the pyproject.toml

[tool.astmigrate.weights]       # for `astmigrate weights`
rules = "build/mindspore/weights.json"
root = "net:Net"
map = ["down=downsample"]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

FILE = "pyproject.toml"
ReportKind = Literal["text", "json", "html", "sarif"]


class SettingsError(Exception):
    """The file holds something that is no setting; the message names file and key."""


class WeightSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of ``[tool.astmigrate.weights]``."""

    rules: str | None = None
    root: str | None = None
    map: list[str] = []


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of ``[tool.astmigrate]``, each the default of the option of that name."""

    output: str | None = None
    report: list[ReportKind] | None = None
    exclude: list[str] = []
    quiet: bool = False
    jobs: Annotated[int, msgspec.Meta(ge=1)] | None = None
    cache: bool = True
    gitignore: bool = True
    tables: list[str] = []
    weights: WeightSettings = WeightSettings()


class _Tool(msgspec.Struct, frozen=True):
    astmigrate: Settings = Settings()


class _File(msgspec.Struct, frozen=True):
    tool: _Tool = _Tool()


def find(sources: Sequence[str]) -> Path | None:
    """The pyproject.toml nearest to the first source, upwards; from the working folder for standard input."""
    first = Path(sources[0]) if sources and sources[0] != "-" else Path()
    start = first.resolve()
    for folder in (start, *start.parents) if start.is_dir() else start.parents:
        candidate = folder / FILE
        if candidate.is_file():
            return candidate
    return None


def load(path: Path | None) -> Settings:
    """The settings in ``path``; the defaults where there is no file or no table of ours in it."""
    if path is None:
        return Settings()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    if b"astmigrate" not in content:
        return Settings()  # most projects say nothing about us: do not read the rest
    settings = _convert(content, path)
    return msgspec.structs.replace(
        settings,
        output=_from(path, settings.output),
        tables=[str(path.parent / table) for table in settings.tables],
        weights=msgspec.structs.replace(settings.weights, rules=_from(path, settings.weights.rules)),
    )


def _from(path: Path, name: str | None) -> str | None:
    """A path in the settings is relative to their file."""
    return None if name is None else str(path.parent / name)


def _convert(content: bytes, path: Path) -> Settings:
    import tomllib  # not at the top: the tables often need it, the settings seldom

    try:
        return msgspec.convert(tomllib.loads(content.decode("utf-8")), _File).tool.astmigrate
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
