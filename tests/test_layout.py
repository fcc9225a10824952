"""Which files a run reads, where they land, and what does not go together."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from astmigrate.layout import Kind, Layout, LayoutError, lay_out


def make(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def targets(layout: Layout, kind: Kind | None = None) -> list[str]:
    return [item.target for item in layout.inputs if kind in (None, item.kind)]


def test_package_lands_under_its_name(tmp_path: Path) -> None:
    package = make(tmp_path / "net", {"__init__.py": "", "b.py": "", "a/__init__.py": "", "data.json": "{}"})
    layout = lay_out([str(package)], tmp_path / "out")
    assert targets(layout, Kind.PYTHON) == ["net/__init__.py", "net/a/__init__.py", "net/b.py"]
    assert targets(layout, Kind.COPY) == ["net/data.json"]
    assert layout.reports == [""]


def test_folder_lands_by_its_contents(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", {"train.py": "", "net/__init__.py": "", "run.sh": ""})
    assert targets(lay_out([str(folder)])) == ["net/__init__.py", "run.sh", "train.py"]


def test_dot_is_the_folder_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make(tmp_path / "net", {"__init__.py": ""}))
    assert targets(lay_out(["."], tmp_path / "out")) == ["net/__init__.py"]
    (tmp_path / "net" / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "net" / "sub")
    assert targets(lay_out([".."], tmp_path / "out")) == ["net/__init__.py"]


def test_file_has_its_own_reports(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": "", "b.py": ""})
    layout = lay_out([str(tmp_path / "a.py"), str(tmp_path / "b.py")], tmp_path / "out")
    assert targets(layout) == ["a.py", "b.py"]
    assert layout.reports == ["a", "b"]


def test_scripts_and_stubs_are_python_and_caches_are_nothing(tmp_path: Path) -> None:
    files = {
        "tool": "#!/usr/bin/env python3\n",
        "note": "text",
        "a.pyi": "",
        "__pycache__/a.pyc": "",
        "b.pyc": "",
    }
    files |= {
        ".git/config": "",
        "venv/pyvenv.cfg": "",
        "venv/x.py": "",
        ".flake8": "",
        "node_modules/x.py": "",
    }
    layout = lay_out([str(make(tmp_path / "src", files))])
    assert targets(layout, Kind.PYTHON) == ["a.pyi", "tool"]
    assert targets(layout, Kind.COPY) == [".flake8", "note"]


@pytest.mark.parametrize("pattern", ["tests", "*_test.py", "net/skip.py", "net/s*"])
def test_exclude(tmp_path: Path, pattern: str) -> None:
    files = {"tests/a.py": "", "net/a_test.py": "", "net/skip.py": "", "net/keep.py": ""}
    everything = lay_out([str(make(tmp_path / "src", files))])
    rest = targets(lay_out([str(tmp_path / "src")], None, [pattern]))
    assert "net/keep.py" in rest
    assert len(rest) == len(targets(everything)) - 1


def test_output_inside_the_source_is_not_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", {"a.py": "", "out/a.py": "", "out/report.txt": ""})
    assert targets(lay_out([str(folder)], folder / "out")) == ["a.py"]


def test_an_earlier_output_inside_the_source_is_not_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", {"a.py": "", "old/a.py": "", "old/report.txt": "astmigrate report\n"})
    layout = lay_out([str(folder)], folder / "new")
    assert targets(layout) == ["a.py"]
    assert [remark.text for remark in layout.remarks] == ["the output of an earlier run is left out"]
    assert targets(lay_out([str(folder / "old")], folder / "new")) == ["a.py"]


def test_source_inside_the_output(tmp_path: Path) -> None:
    folder = make(tmp_path / "out" / "src", {"a.py": ""})
    assert targets(lay_out([str(folder)], tmp_path / "out")) == ["a.py"]


def test_output_that_is_the_source(tmp_path: Path) -> None:
    for files in ({"a.py": ""}, {"__init__.py": ""}):
        folder = make(tmp_path / f"src{len(str(files))}", files)
        with pytest.raises(LayoutError, match=r"is the source folder .* itself"):
            lay_out([str(folder)], folder)


def test_output_through_a_link_to_the_source(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", {"a.py": ""})
    (tmp_path / "out").symlink_to(folder)
    with pytest.raises(LayoutError, match="itself"):
        lay_out([str(folder)], tmp_path / "out")


def test_never_over_a_source(tmp_path: Path) -> None:
    make(tmp_path, {"net/__init__.py": "", "model.py": ""})
    for source in ("net", "model.py"):
        with pytest.raises(LayoutError, match="would be overwritten"):
            lay_out([str(tmp_path / source)], tmp_path)


def test_never_outside_through_a_link_in_the_output(tmp_path: Path) -> None:
    make(tmp_path, {"src/net/a.py": "", "elsewhere/a.py": "mine"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "net").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LayoutError, match="would land outside of"):
        lay_out([str(tmp_path / "src")], tmp_path / "out")


def test_two_sources_for_one_place(tmp_path: Path) -> None:
    make(tmp_path, {"one/model.py": "", "two/model.py": ""})
    one, two = str(tmp_path / "one" / "model.py"), str(tmp_path / "two" / "model.py")
    with pytest.raises(LayoutError) as caught:
        lay_out([one, two], tmp_path / "out")
    assert one in str(caught.value)
    assert two in str(caught.value)
    assert targets(lay_out([one, one], tmp_path / "out")) == ["model.py"]


def test_a_file_in_the_place_of_a_report(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", {"a.py": "", "report.txt": "annual report"})
    with pytest.raises(LayoutError, match=r"report\.txt and astmigrate's own report\.txt"):
        lay_out([str(folder)], tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "text"), [("report.txt", "astmigrate report\n"), ("report.json", '{"version": 1, "files": []')]
)
def test_own_reports_are_no_source(tmp_path: Path, name: str, text: str) -> None:
    folder = make(tmp_path / "src", {"a.py": "", name: text, "weights.json": "{}"})
    assert targets(lay_out([str(folder)], tmp_path / "out")) == ["a.py"]


def test_output_that_is_a_file(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": "", "out": ""})
    with pytest.raises(LayoutError, match="is a file"):
        lay_out([str(tmp_path / "a.py")], tmp_path / "out")


def test_links(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", {"net/a.py": "", "a.py": ""})
    make(tmp_path / "far", {"x.py": ""})
    for name, target in {
        "loop": ".",
        "alias": "net",
        "self": "self",
        "broken": "nowhere",
        "far": "../far",
        "b.py": "a.py",
        "net/up": "..",
    }.items():
        (folder / name).symlink_to(target)
    layout = lay_out([str(folder)], tmp_path / "out")
    assert targets(layout, Kind.PYTHON) == ["a.py", "b.py", "net/a.py"]
    assert targets(layout, Kind.LINK) == ["alias", "loop", "net/up"]
    assert [(remark.target, remark.text, remark.failed) for remark in layout.remarks] == [
        ("broken", "a broken or circular link is left out", False),
        ("far", "a link to a folder outside of the source is left out; give that folder too", False),
        ("self", "a broken or circular link is left out", False),
    ]


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", {"a.py": ""})
    os.mkfifo(folder / "pipe.py")
    layout = lay_out([str(folder)])
    assert targets(layout) == ["a.py"]
    (remark,) = layout.remarks
    assert (remark.shown, remark.text) == (f"{folder}/pipe.py", "neither a file nor a folder; left out")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    with open(os.fsencode(tmp_path) + b"/src/\xff.py", "wb"):
        pass
    (item,) = lay_out([str(tmp_path / "src")], tmp_path / "out").inputs
    assert item.shown.endswith("src/\ufffd.py")
    assert os.fsencode(item.target) == b"\xff.py"


IGNORING: Mapping[str, str] = {
    ".gitignore": "*.log\n/build/\nsecret.py\n# a comment\n\n",
    "build/a.py": "",
    "net/build/b.py": "",
    "net/c.log": "",
    "net/secret.py": "",
    "net/.gitignore": "!secret.py\n/gen/*\n!/gen/kept.py\nlate\n",
    "net/gen/made.py": "",
    "net/gen/kept.py": "",
    "other/secret.py": "",
    "other/gen/made.py": "",
    "other/late": "",
}
KEPT = ["net/build/b.py", "net/gen/kept.py", "net/secret.py", "other/gen/made.py"]


def test_what_git_ignores(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", IGNORING)
    assert targets(lay_out([str(folder)]), Kind.PYTHON) == KEPT
    assert "net/c.log" not in targets(lay_out([str(folder)]))
    everything = targets(lay_out([str(folder)], gitignore=False))
    assert sorted(everything) == sorted(IGNORING)


def test_git_agrees(tmp_path: Path) -> None:
    folder = make(tmp_path / "src", IGNORING)
    listing = ["git", "ls-files", "--others", "--exclude-standard"]
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    listed = subprocess.run(listing, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert targets(lay_out([str(folder)])) == sorted(listed.split(), key=lambda name: name.split("/"))


def test_a_repository_above(tmp_path: Path) -> None:
    repository = make(tmp_path / "repo", {**IGNORING, ".git/info/exclude": "other\n"})
    assert targets(lay_out([str(repository)]), Kind.PYTHON) == [name for name in KEPT if "other" not in name]
    assert targets(lay_out([str(repository / "net")]), Kind.PYTHON) == [
        "build/b.py",
        "gen/kept.py",
        "secret.py",
    ]
    # asked for by name, though ignored: then whole
    assert targets(lay_out([str(repository / "build")]), Kind.PYTHON) == ["a.py"]
    assert targets(lay_out([str(repository / "other")]), Kind.PYTHON) == ["gen/made.py", "secret.py"]
    assert targets(lay_out([str(repository / "other/secret.py")])) == ["secret.py"]


def test_patterns_above_without_a_repository_do_not_count(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "*.py\n"})
    folder = make(tmp_path / "src", {"a.py": ""})
    assert targets(lay_out([str(folder)])) == ["a.py"]
