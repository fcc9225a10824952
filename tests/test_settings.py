"""``[tool.astmigrate]``: where it is looked for and what it may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from astmigrate.settings import Settings, SettingsError, WeightSettings, find, load


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_weights(tmp_path: Path) -> None:
    text = '[tool.astmigrate.weights]\nrules = "w.json"\nroot = "net:Net"\nmap = ["a=b"]\n'
    assert load(write(tmp_path, text)).weights == WeightSettings(str(tmp_path / "w.json"), "net:Net", ["a=b"])


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    outer = write(tmp_path, "")
    inner = write(tmp_path / "a", "")
    (tmp_path / "a" / "b").mkdir()
    (tmp_path / "a" / "b" / "m.py").write_text("")
    assert find([str(tmp_path / "a" / "b" / "m.py"), str(tmp_path)]) == inner
    assert find([str(tmp_path / "a")]) == inner
    assert find([str(tmp_path)]) == outer


def test_standard_input_looks_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert find(["-"]) == path


def test_every_key(tmp_path: Path) -> None:
    path = write(
        tmp_path, '[tool.astmigrate]\noutput = "o"\nreport = ["json"]\nexclude = ["t*"]\nquiet = true\n'
    )
    assert load(path) == Settings(str(tmp_path / "o"), ["json"], ["t*"], True)


@pytest.mark.parametrize("text", ["", "[tool.black]\nline-length = 3\n", "# astmigrate\n", "[tool]\n"])
def test_no_table_of_ours(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text)) == Settings()
    assert load(None) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.astmigrate]\nout = 'x'\n", "unknown field `out`"),
        ("[tool.astmigrate]\nquiet = 'yes'\n", "Expected `bool`, got `str` - at `$.tool.astmigrate.quiet`"),
        ("[tool.astmigrate]\nreport = ['pdf']\n", "Invalid enum value 'pdf'"),
        ("[tool.astmigrate\n", "pyproject.toml: Expected ']'"),
        ("tool = 3 # astmigrate\n", "Expected `object`, got `int` - at `$.tool`"),
        ("[tool]\nastmigrate = 3\n", "Expected `object`, got `int` - at `$.tool.astmigrate`"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text))
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "pyproject.toml"))
