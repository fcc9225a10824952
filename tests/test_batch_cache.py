"""Results kept between runs: when they hold, when they no longer do, and that they never harm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

import astmigrate.migrate
from astmigrate import cache, places, told
from astmigrate.migrate import migrate_module
from astmigrate.model import Migration, WeightRules
from astmigrate.run import Options, run
from astmigrate.weights import whole
from astmigrate.writers import terminal

BASE = "import torch.nn as nn\n\n\nclass Base(nn.Module):\n    pass\n"
PLAIN = "import torch.nn as nn\n\n\nclass Base:\n    pass\n"
FILES: Mapping[str, str] = {
    "__init__.py": "",
    "base.py": BASE,
    "middle.py": "from .base import *\n",
    "net.py": "from . import middle\n\n\nclass Net(middle.Base):\n    def forward(self):\n        pass\n",
    "late.py": "def make(x):\n    from pkg import net; return net.Net().forward(x)\n",
    "other.py": "import torch\n\n\ndef f(x: torch.Tensor):\n    return x.size(0)\n",
    "typed.pyi": "import torch\nx: torch.Tensor\n",
    "bad.py": "x = (\n",
}


@pytest.fixture
def migrated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are migrated and not found in the cache."""
    names: list[str] = []

    def module(index: object, name: str) -> Migration:
        names.append(name)
        return migrate_module(index, name)  # type: ignore[arg-type]

    monkeypatch.setattr(astmigrate.migrate, "migrate_module", module)
    return names


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Runs:
    """Runs over one folder with one cache; each is compared with a run without any."""

    def __init__(self, folder: Path, migrated: list[str]) -> None:
        self.source = write(folder / "pkg", FILES)
        self.out, self.place, self.migrated = folder / "out", folder / "cache", migrated

    def again(self, **more: object) -> set[str]:
        """Runs again; the files that were migrated anew."""
        self.migrated.clear()
        code = run(Options([str(self.source)], self.out, cache=lambda: self.place, **more))  # type: ignore[arg-type]
        anew = set(self.migrated)
        plain = self.out.with_name("plain")
        assert run(Options([str(self.source)], plain, **more)) == code  # type: ignore[arg-type]
        assert contents(self.out) == contents(plain)
        return anew


@pytest.fixture
def runs(tmp_path: Path, migrated: list[str]) -> Runs:
    return Runs(tmp_path, migrated)


ALL = {"pkg", "pkg.base", "pkg.middle", "pkg.net", "pkg.late", "pkg.other", "typed.pyi"}


def test_second_run_migrates_nothing_but_what_failed(runs: Runs) -> None:
    assert runs.again() == ALL
    assert "class Net(middle.Base):\n    def construct(" in (runs.out / "pkg/net.py").read_text()
    before = {path: path.stat().st_mtime_ns for path in runs.out.rglob("*") if path.is_file()}
    assert runs.again() == set()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_changed_base_class_changes_what_derives_from_it(runs: Runs) -> None:
    runs.again()
    write(runs.source, {"base.py": PLAIN})
    assert runs.again() == {"pkg.base", "pkg.middle", "pkg.net", "pkg.late"}
    assert "def forward(" in (runs.out / "pkg/net.py").read_text()
    assert "net.Net().forward(x)" in (runs.out / "pkg/late.py").read_text()
    write(runs.source, {"base.py": BASE})
    assert runs.again() == {"pkg.base", "pkg.middle", "pkg.net", "pkg.late"}
    assert "net.Net().construct(x)" in (runs.out / "pkg/late.py").read_text()


def test_a_changed_leaf_changes_itself(runs: Runs) -> None:
    runs.again()
    write(runs.source, {"other.py": FILES["other.py"] + "\n\ng = f\n"})
    assert runs.again() == {"pkg.other"}


def test_what_others_import_of_a_file_counts(runs: Runs) -> None:
    """A name that another file takes from this one stays bound here."""
    write(runs.source, {"other.py": "from torch import relu\n", "user.py": "x = 1\n"})
    runs.again()
    assert "relu" not in (runs.out / "pkg/other.py").read_text()
    write(runs.source, {"user.py": "from .other import relu\n"})
    assert runs.again() == {"pkg.other", "pkg.user"}
    assert "relu" in (runs.out / "pkg/other.py").read_text()


def test_files_that_come_and_go(runs: Runs) -> None:
    write(
        runs.source,
        {"other.py": "from .missing import Base\n\n\nclass A(Base):\n    def forward(self): pass\n"},
    )
    runs.again()
    assert "def forward" in (runs.out / "pkg/other.py").read_text()
    write(runs.source, {"missing.py": BASE})
    assert runs.again() == {"pkg.missing", "pkg.other"}
    assert "def construct" in (runs.out / "pkg/other.py").read_text()
    (runs.source / "missing.py").unlink()
    (runs.out / "pkg/missing.py").unlink()
    (runs.out.with_name("plain") / "pkg/missing.py").unlink()
    assert runs.again() == {"pkg.other"}


def test_a_package_that_becomes_a_folder(runs: Runs) -> None:
    """Then its files have other names, and their snippets another place."""
    runs.again()
    (runs.source / "__init__.py").unlink()
    for out in (runs.out, runs.out.with_name("plain")):
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    assert runs.again() >= {"base", "net", "typed.pyi"}


def test_another_table_or_engine_makes_all_anew(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "own.toml"
    table.write_text('["wrappers.conv"]\ntarget = "mindspore.nn.Conv2d"\n')
    runs.again()
    assert runs.again(tables=(table,)) == ALL
    assert runs.again(tables=(table,)) == set()
    table.write_text('["wrappers.conv"]\ntarget = "mindspore.nn.Conv3d"\n')
    assert runs.again(tables=(table,)) == ALL
    monkeypatch.setattr(cache, "__version__", "another")
    assert runs.again(tables=(table,)) == ALL


@pytest.mark.parametrize(("suffix", "anew"), [(".results", ALL), (".text", set())])
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "text", "folder"])
def test_a_damaged_file_counts_for_nothing(runs: Runs, damage: str, suffix: str, anew: set[str]) -> None:
    runs.again()
    kept = list(runs.place.glob(f"*{suffix}"))
    assert kept
    for place in kept:
        data = place.read_bytes()
        if damage == "folder":
            place.unlink()
            place.mkdir()
        else:
            changed = data[:-1] + bytes([data[-1] ^ 1])
            place.write_bytes({"cut": data[:-9], "changed": changed, "empty": b"", "text": b"x" * 99}[damage])
    assert runs.again() == anew
    if damage != "folder":
        assert runs.again() == set()


def test_a_folder_that_cannot_be_made_costs_nothing(runs: Runs, tmp_path: Path) -> None:
    runs.place = write(tmp_path, {"file": ""}) / "file" / "below"
    assert runs.again() == ALL


def test_the_oldest_go_first(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.again()
    mine = set(runs.place.iterdir())
    old, left = runs.place / f"{'0' * 32}.results", runs.place / f".x.results.{2**22 + 1}.astmigrate-tmp"
    old.write_bytes(b"x" * 100_000)
    os.utime(old, (1, 1))
    left.write_bytes(b"begun by a run that was killed")
    monkeypatch.setattr(cache, "LIMIT", sum(place.stat().st_size for place in mine) + 5000)
    write(runs.source, {"other.py": "y = 2\n"})
    runs.again()
    assert {old, left}.isdisjoint(runs.place.iterdir())
    assert mine <= set(runs.place.iterdir())
    assert {place.suffix for place in set(runs.place.iterdir()) - mine} == {".text"}


def test_one_file_needs_none(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    assert run(Options([str(tmp_path / "a.py")], tmp_path / "out", cache=lambda: tmp_path / "cache")) == 0
    assert not (tmp_path / "cache").exists()


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(places.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if os.name == "posix" and not (Path.home() / "Library").exists():
        assert places.cache_folder() == tmp_path / "astmigrate"
    monkeypatch.setenv(places.VARIABLE, str(tmp_path / "mine"))
    assert places.cache_folder() == tmp_path / "mine"


def test_file_names_that_are_not_unicode(runs: Runs) -> None:
    name = os.fsencode(runs.source) + b"/caf\xe9.py"
    with open(name, "wb") as file:
        file.write(BASE.encode())
    runs.again()
    assert runs.again() == {os.fsdecode(b"pkg.caf\xe9")}


def test_a_run_without_changes_makes_no_report_anew(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it read what its results say; a problem of the moment is not kept in their texts."""
    runs.again()

    def fail(*_: object) -> str:
        raise AssertionError("made anew")

    monkeypatch.setattr(whole, "text_of", fail)
    monkeypatch.setattr(told, "dumps", fail)
    monkeypatch.setattr(terminal, "summary", fail)
    before = contents(runs.out)
    shutil.rmtree(runs.out)
    options = Options([str(runs.source)], runs.out, cache=lambda: runs.place)
    assert run(options) == 1  # bad.py
    assert contents(runs.out) == before
    (runs.source / "notes.txt").write_text("copied beside")
    with pytest.raises(AssertionError, match="made anew"):
        run(options)


def test_rules_of_several_files_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    text_of = whole.text_of

    def counted(several: Iterable[WeightRules]) -> str:
        made.append(1)
        return text_of(several)

    monkeypatch.setattr(whole, "text_of", counted)
    names = [str(write(tmp_path, {f"{name}.py": BASE}) / f"{name}.py") for name in "abc"]
    assert run(Options(names, tmp_path / "out", quiet=True)) == 0
    assert made == [1]
    assert len(list((tmp_path / "out").glob("*.weights.json"))) == 3
