"""What a user's machine does to a run: files that are broken in every way, and SIGKILL at any moment."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from astmigrate import schedule
from astmigrate.run import Options, run
from astmigrate.writers import atomic
from tests.test_batch import contents, project, write

FIXTURES = Path(__file__).parent.parent / "fixtures"


def truncated(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def shuffled(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    part = list(data[start : start + dice.choice([4, 40, 400])])
    dice.shuffle(part)
    return data[:start] + bytes(part) + data[start + len(part) :]


def unbracketed(data: bytes, dice: random.Random) -> bytes:
    places = [number for number, byte in enumerate(data) if byte in b"()[]{}"]
    gone = set(dice.sample(places, min(len(places), dice.choice([1, 2, 5]))))
    return bytes(byte for number, byte in enumerate(data) if number not in gone)


def inserted(data: bytes, dice: random.Random) -> bytes:
    what = dice.choice(
        [b"\0", b"\xff\xfe", b"\xe9", b"\x1a", b"\x0c", b"\\\n", b"\t", b"'''", b'"', b"\xe2\x80\xa8"]
    )
    at = dice.randrange(len(data))
    return data[:at] + what + data[at:]


def misdeclared(data: bytes, dice: random.Random) -> bytes:
    names = [b"utf-16", b"no-such", b"ascii", b"latin-1", b"utf-7", b"idna", b"rot13", b"unicode_escape"]
    return b"# -*- coding: " + dice.choice(names) + b" -*-\n" + data + "# é\n".encode()


def recoded(data: bytes, dice: random.Random) -> bytes:
    return data.decode("latin-1").encode(dice.choice(["utf-16", "utf-32", "utf-8-sig", "cp037"]))


def nested(data: bytes, dice: random.Random) -> bytes:
    depth = dice.choice([50, 150, 900, 5000])
    forms = [
        b"x = " + b"(" * depth + b"torch.relu(y)" + b")" * depth,
        b"x = " + b"torch.relu(" * depth + b"y" + b")" * depth,
        b"x = y" + b".relu()" * depth,
        b"x = " + b"-" * depth + b"torch.relu(y)",
        b"x = " + b"y + " * depth + b"torch.relu(y)",
        b"".join(b" " * n + b"if y:\n" for n in range(depth)) + b" " * depth + b"torch.relu(y)",
        b"if y: pass\n" + b"elif torch.relu(y): pass\n" * depth,
        b"x = lambda: " * depth + b"torch.relu(y)",
        b"x = " + b"[" * depth + b"torch.relu(y)" + b"]" * depth,
    ]
    return data + b"\n" + dice.choice(forms) + b"\n"


def reordered(data: bytes, dice: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncated, shuffled, unbracketed, inserted, misdeclared, recoded, nested, reordered,
)  # fmt: skip


def mutants(count: int) -> dict[str, bytes]:
    dice = random.Random(4)
    texts = [path.read_bytes() for path in sorted(FIXTURES.glob("*/before.py"))]
    originals = [text for text in texts if len(text) > 100]
    found = {}
    for number in range(count):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        found[f"{mutation.__name__}{number:03}.py"] = mutation(dice.choice(originals), dice)
    return found


def compiles(data: bytes) -> bool:
    try:
        compile(data, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@pytest.mark.filterwarnings("ignore")
def test_two_hundred_mutants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schedule, "WORTH", 1000)
    files = mutants(200)
    source, out = write(tmp_path / "src", files), tmp_path / "out"
    assert run(Options([str(source)], out)) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "internal error" not in said
    failed = {
        entry["path"]: entry for entry in json.loads((out / "report.json").read_text())["summary"]["failed"]
    }
    for name, data in files.items():
        if name in failed:
            assert failed[name]["line"] >= 1
            assert f"{source}/{name}:{failed[name]['line']}: {failed[name]['message']}" in said
            assert not (out / name).exists()
        else:
            assert compiles(data) <= compiles((out / name).read_bytes()), name
    assert 60 < len(failed) < 190  # the others are still Python
    assert run(Options([str(source)], tmp_path / "two", jobs=2)) == 1
    assert contents(tmp_path / "two") == contents(out)


def in_a_fork(options: Options, seconds: float) -> bool:
    """A run in a process that is killed after a while; whether it had ended by then."""
    child = os.fork()
    if not child:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        run(options)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_killed_at_fifty_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schedule, "WORTH", 100)
    source, out = write(tmp_path / "pkg", {**project(12), "data.bin": b"a" * 300_000}), tmp_path / "out"
    run(Options([str(source)], tmp_path / "old"))
    text = (source / "m3.py").read_text()
    write(source, {f"m{n}.py": text.replace("Block3", f"Block{n}") + f"\n\nc = {n}\n" for n in range(12)})
    (source / "data.bin").write_bytes(b"b" * 400_000)
    start = time.monotonic()
    run(Options([str(source)], tmp_path / "new"))
    duration = time.monotonic() - start
    old, new = contents(tmp_path / "old"), contents(tmp_path / "new")
    dice, cut, begun = random.Random(1), 0, 0
    for number in range(50):
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tmp_path / "old", out)
        options = Options([str(source)], out, jobs=1 + number % 2, cache=lambda: tmp_path / "cache")
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        cut += not in_a_fork(options, dice.uniform(0.1, 1.3) * duration)
        found = contents(out)
        whole = {name: data for name, data in found.items() if not atomic.is_temporary(Path(name).name)}
        assert all(data in (old.get(name), new.get(name)) for name, data in whole.items())
        assert whole.keys() >= old.keys()
        begun += any(whole[name] != old[name] for name in old)
        run(options)
        assert contents(out) == new
    capsys.readouterr()
    assert cut > 10
    assert begun  # some had replaced a part of the files


def test_what_a_killed_run_left_is_no_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = f".a.py.{2**22 + 1}.astmigrate-tmp"
    source = write(tmp_path / "src", {"a.py": "x = 1\n", left: "x = ", "sub/b.py": ""})
    out = write(
        tmp_path / "out", {left: "x", f"sub/{left}": "x", f".a.py.{os.getppid()}.astmigrate-tmp": "x"}
    )
    assert run(Options([str(source)], out)) == 0
    names = {name for name in contents(out) if name.endswith("tmp")}
    assert names == {f".a.py.{os.getppid()}.astmigrate-tmp"}  # of a process that still runs
