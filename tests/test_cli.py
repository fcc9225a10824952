"""The commands as a user gives them: what is printed, what is written, and the exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import astmigrate
from astmigrate import places
from astmigrate.cli import main
from astmigrate.run import Options
from astmigrate.writers import terminal

MODEL = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)  # keep me

    def forward(self, x):
        return torch.relu(self.fc(x))
"""
UNKNOWN = "import torch\n\ny = torch.there_is_no_such_thing(1)\n"
PLAIN = "import os\n\nprint(os.sep)\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "plain.py").write_text(PLAIN)


def call(*arguments: str, stdin: str | bytes | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, input=stdin, prog_name="astmigrate")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def tree(folder: str = "out") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def test_default_command_writes_file_and_reports() -> None:
    result = call("model.py", "-o", "out")
    assert result.exit_code == 0, result.output
    assert tree() == ["model.py", "model.report.json", "model.report.txt", "model.weights.json"]
    code = Path("out/model.py").read_text()
    assert "class Net(nn.Cell):" in code
    assert "def construct(self, x):" in code
    assert "# keep me" in code
    assert "torch" not in code
    assert Path("model.py").read_text() == MODEL


def test_named_command_is_the_same() -> None:
    call("model.py", "-o", "one")
    assert call("migrate", "model.py", "-o", "two").exit_code == 0
    assert [Path("one", name).read_bytes() for name in tree("one")] == [
        Path("two", name).read_bytes() for name in tree("two")
    ]


def test_options_may_come_first() -> None:
    assert call("-o", "out", "model.py").exit_code == 0
    assert call("--diff", "model.py").stdout.startswith("--- model.py\n+++ model.py\n@@ ")


def test_diff_writes_nothing_and_applies(tmp_path: Path) -> None:
    result = call("model.py", "plain.py", "--diff", "-o", "out")
    assert result.exit_code == 0
    assert not Path("out").exists()
    assert "plain.py" not in result.stdout
    assert "\x1b" not in result.stdout
    assert "2 files, 1 changed" in result.stderr
    call("model.py", "-o", "out")
    subprocess.run(["git", "apply", "-p0"], input=result.stdout_bytes, check=True, cwd=tmp_path)
    assert Path("model.py").read_bytes() == Path("out/model.py").read_bytes()


def test_diff_keeps_bytes_of_the_file() -> None:
    data = (
        b"\xef\xbb\xbf# coding: utf-8\r\nimport torch\r\nx = torch.relu\x28y\x29  # \xc3\xa9\r\n\x0c\r\nz = 1"
    )
    Path("odd.py").write_bytes(data)
    diff = call("odd.py", "--diff").stdout_bytes
    call("odd.py", "-o", "out")
    subprocess.run(["git", "apply", "-p0", "--whitespace=nowarn"], input=diff, check=True)
    assert Path("odd.py").read_bytes() == Path("out/odd.py").read_bytes() != data


def test_check() -> None:
    result = call("model.py", "plain.py", "--check", "-o", "out")
    assert result.exit_code == 1
    assert "model.py: to be migrated\n" in result.stdout
    assert "plain.py" not in result.stdout
    assert not Path("out").exists()
    assert call("plain.py", "--check").exit_code == 0


def test_check_of_output_with_manual_findings() -> None:
    Path("left.py").write_text(UNKNOWN)
    call("left.py", "-o", "out")
    assert call("out/left.py", "--check").exit_code == 1


def test_check_and_diff_together() -> None:
    result = call("model.py", "--check", "--diff")
    assert result.exit_code == 1
    assert result.stdout.startswith("--- model.py\n")
    assert "to be migrated" not in result.stdout


def test_standard_input_to_standard_output() -> None:
    call("model.py", "-o", "out")
    result = call("-", stdin=MODEL)
    assert result.exit_code == 0
    assert result.stdout == Path("out/model.py").read_text()
    assert "1 file, 1 changed" in result.stderr


def test_standard_input_to_a_folder() -> None:
    assert call("-", "-o", "out", stdin=MODEL).exit_code == 0
    assert tree() == ["stdin.py", "stdin.report.json", "stdin.report.txt", "stdin.weights.json"]


def test_standard_input_that_cannot_be_read() -> None:
    result = call("-", stdin=b"x = 1\nprint 'a'\n")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "<stdin>:2: this is Python 2 (print statement)" in result.stderr


def test_report_selection() -> None:
    call("model.py", "-o", "out", "--report", "json")
    assert tree() == ["model.py", "model.report.json", "model.weights.json"]
    assert call("model.py", "--check", "--report", "json").stdout.startswith('{"version": 1, "files": [\n')
    assert call("model.py", "--check", "--report", "text").stdout.startswith(
        "astmigrate report\n\nmodel.py\n"
    )
    result = call("-", "--report", "text", stdin=UNKNOWN)
    assert "[UnConvert] 'torch.there_is_no_such_thing' didn't convert." in result.stderr
    assert "[UnConvert]" not in result.stdout


def test_summary_and_quiet() -> None:
    Path("left.py").write_text(UNKNOWN)
    loud = call("left.py", "-o", "out").stdout.splitlines()
    assert re.fullmatch(r"1 file, 1 changed: 0 converted, \d info, 0 review, 1 manual", loud[0])
    assert loud[1].startswith("  1 x manual: 'torch.there_is_no_such_thing' didn't convert.")
    assert call("left.py", "-o", "out", "--quiet").output == ""


def test_ignore_comment() -> None:
    Path("ignored.py").write_text("import torch\n\ny = torch.relu(x)  # astmigrate: ignore\n")
    call("ignored.py", "-o", "out")
    assert "y = torch.relu(x)  # astmigrate: ignore\n" in Path("out/ignored.py").read_text()


USAGE = {
    "nothing to do": (["model.py"], "-o OUT to write there, --diff, or --check"),
    "no such file": (["nowhere.py", "-o", "out"], "nowhere.py"),
    "no source": (["-o", "out"], "SRC..."),
    "unknown option": (["model.py", "--fast"], "--fast"),
    "unknown report": (["model.py", "-o", "out", "--report", "pdf"], "pdf"),
    "output is a file": (["model.py", "-o", "plain.py"], "plain.py"),
    "over the source": (["model.py", "-o", "."], "model.py would be overwritten"),
    "output is the source": ([".", "-o", "."], "is the source folder . itself"),
    "unknown name": (["explain", "torch.there_is_no_such_thing"], "no row for torch.there_is_no_such_thing"),
    "stdin and a file without -o": (["-", "model.py"], "-o OUT"),
}


@pytest.mark.parametrize(("arguments", "words"), USAGE.values(), ids=USAGE.keys())
def test_wrong_usage(arguments: list[str], words: str) -> None:
    before = tree(".")
    result = call(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert tree(".") == before


def test_no_arguments_is_help() -> None:
    result = call()
    assert result.exit_code == 2
    assert "Examples:" in result.output


def test_help() -> None:
    result = call("--help")
    assert result.exit_code == 0
    for words in ("astmigrate model.py -o out", "--diff", "--check", "weights", "explain", "Exit codes:"):
        assert words in result.output
    for command in ("migrate", "weights", "explain"):
        assert call(command, "--help").exit_code == 0


def test_version() -> None:
    assert call("--version").output == f"astmigrate {astmigrate.__version__}\n"


def test_settings_are_defaults_for_options() -> None:
    Path("pyproject.toml").write_text(
        '[tool.astmigrate]\noutput = "made"\nreport = ["text"]\nexclude = ["plain.py"]\nquiet = true\n'
    )
    assert call(".").output == ""
    assert tree("made") == ["model.py", "pyproject.toml", "report.txt", "weights.json"]
    assert call("model.py", "-o", "other", "--report", "json").exit_code == 0
    assert tree("other") == ["model.py", "model.report.json", "model.weights.json"]
    assert call("-", stdin=PLAIN).stdout == PLAIN


def test_weights_takes_its_options_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []

    def fake(checkpoint: Path, rules: Path, out: Path, **options: object) -> int:
        seen.append({"checkpoint": checkpoint, "rules": rules, "out": out, **options})
        return 1

    monkeypatch.setattr("astmigrate.weights.command.run", fake)
    arguments = ["weights", "plain.py", "-o", "c.ckpt"]
    result = call(*arguments)
    assert result.exit_code == 2
    assert "--rules OUT/weights.json" in result.stderr
    Path("pyproject.toml").write_text(
        '[tool.astmigrate.weights]\nrules = "w.json"\nroot = "m:A"\nmap = ["a=b"]\n'
    )
    assert call(*arguments).exit_code == 1
    assert (
        call(*arguments, "--rules", "model.py", "--root", "m:B", "--map", "c=d", "--reverse").exit_code == 1
    )
    first, second = seen
    assert (first["rules"], first["root"], first["maps"]) == (Path.cwd() / "w.json", "m:A", ["a=b"])
    assert (second["rules"], second["root"], second["maps"]) == (Path("model.py"), "m:B", ("c=d",))
    assert (second["reverse"], second["list_only"], second["key"]) == (True, False, None)
    assert (second["checkpoint"], second["out"]) == (Path("plain.py"), Path("c.ckpt"))


def test_broken_settings_are_usage() -> None:
    Path("pyproject.toml").write_text("[tool.astmigrate]\noutputt = 'made'\n")
    result = call("model.py", "-o", "out")
    assert result.exit_code == 2
    assert "pyproject.toml: Object contains unknown field `outputt`" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("tty", "environment", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour(
    tty: bool, environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: tty, raising=False)
    assert terminal.wants_colour(sys.stdout) is wanted


ENGINE = str(Path(astmigrate.__file__).parents[1])


def in_process(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": ENGINE, **more}
    command = [sys.executable, "-m", "astmigrate", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def in_shell(command: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of a command whose ``astmigrate`` is this one."""
    lines = f'astmigrate() {{ "{sys.executable}" -m astmigrate "$@"; }}\n{command}'
    environment = {**os.environ, "PYTHONPATH": ENGINE}
    return subprocess.run(["bash", "-c", lines], env=environment, capture_output=True, text=True, check=False)


def test_as_a_process_and_without_what_it_migrates() -> None:
    Path("torch.py").write_text("raise SystemExit('torch was imported')\n")
    Path("mindspore.py").write_text("raise SystemExit('mindspore was imported')\n")
    Path("model.py").write_text("raise SystemExit('the source was run')\n" + MODEL)
    result = in_process("model.py", "-o", "out", PYTHONPATH=f"{ENGINE}{os.pathsep}.")
    assert (result.returncode, result.stderr) == (0, "")
    assert "class Net(nn.Cell):" in Path("out/model.py").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    "arguments", ["model.py --diff", "model.py --check", "explain nn.Conv2d", "--version", "- < model.py"]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_is_full(
    arguments: str, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    Path("model.py").write_text(MODEL)
    result = in_shell(f"astmigrate {arguments} > /dev/full")
    assert result.returncode == 1
    said = [line for line in result.stderr.splitlines() if "1 file" not in line and "ms_snippets" not in line]
    assert said == ["standard output: No space left on device"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.skipif(os.name == "nt", reason="PIPESTATUS is of a shell that Windows does not have")
def test_standard_output_that_is_closed_early(unbuffered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    Path("model.py").write_text(MODEL + "x = torch.zeros(3)\n" * 20_000)  # more than a pipe holds
    result = in_shell("astmigrate model.py --diff 2> said | head -1; exit ${PIPESTATUS[0]}")
    assert (result.stdout, result.returncode) == ("--- model.py\n", 1)
    assert "Traceback" not in Path("said").read_text()


@pytest.mark.skipif(os.name == "nt", reason="closing a stream takes a shell that Windows does not have")
def test_streams_that_nobody_has_opened() -> None:
    Path("model.py").write_text(MODEL)
    assert in_shell("astmigrate model.py -o out <&- >&- 2>&-").returncode == 0
    assert "class Net(nn.Cell):" in Path("out/model.py").read_text()


def test_what_start_up_leaves_out() -> None:
    heavy = ["rich", "libcst", "multiprocessing", "hypothesis", "numpy", "shutil", "tempfile", "jinja2",
             "pathspec", "platformdirs", "hashlib"]  # fmt: skip
    program = (
        "import sys; from astmigrate.cli import main\n"
        "try: main(['model.py', '-o', 'out'])\n"
        f"except SystemExit: print([m for m in {heavy} if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": ENGINE}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_jobs_cache_and_ignored_files(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Options] = []
    monkeypatch.setattr("astmigrate.run.run", lambda options: seen.append(options) or 0)
    Path("pyproject.toml").write_text("[tool.astmigrate]\n")
    call(".", "-o", "out")
    call(".", "-o", "out", "-j", "3", "--no-cache", "--no-gitignore")
    Path("pyproject.toml").write_text("[tool.astmigrate]\njobs = 5\ncache = false\ngitignore = false\n")
    call(".", "-o", "out")
    call(".", "-o", "out", "-j", "2")
    said = [(options.jobs, options.cache, options.gitignore) for options in seen]
    assert said == [
        (places.cores(), places.cache_folder, True),
        (3, None, False),
        (5, None, False),
        (2, None, False),
    ]
    assert call(".", "-o", "out", "-j", "0").exit_code == 2
    Path("pyproject.toml").write_text("[tool.astmigrate]\njobs = 0\n")
    assert call(".", "-o", "out").exit_code == 2


def shown(total: int, **environment: str) -> str:
    """What a run over so many files shows on a terminal of its own."""
    for number in range(total):
        Path("src").mkdir(exist_ok=True)
        Path("src", f"m{number}.py").write_text(PLAIN)
    command = [
        sys.executable,
        "-m",
        "astmigrate",
        "src",
        "-o",
        "out",
        "-q" if "QUIET" in environment else "--no-cache",
    ]
    leader, follower = os.openpty()
    variables = {**os.environ, "PYTHONPATH": ENGINE, "TERM": "xterm"}
    process = subprocess.Popen(
        command, stderr=follower, stdout=subprocess.DEVNULL, env={**variables, **environment}
    )
    os.close(follower)
    found = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not part:
            break
        found += part
    os.close(leader)
    assert process.wait() == 0
    return found.decode()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_progress_on_a_terminal_only() -> None:
    bar = shown(40)
    assert "migrating" in bar
    assert "40/40" in bar
    assert shown(40, QUIET="1") == ""
    assert shown(40, TERM="dumb") == ""
    assert "migrating" not in in_process("src", "-o", "out2").stderr
