"""Runs one side of a model in a process of its own, within limits of time and memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# On AVX-512 machines MindSpore's oneDNN otherwise picks a convolution that is fifty times slower.
SETTINGS = {"ONEDNN_MAX_CPU_ISA": "AVX2", "GLOG_v": "4", "PYTHONWARNINGS": "ignore"}
_EVERY = 0.1  # seconds between two looks at the process
_PACKAGE = Path(__file__).parents[2]


def run_side(module: str, job: Path, seconds: float, memory: int | None) -> str:
    """Runs ``python -m module JOB``; "" when it ended well, else why not, in words.

    ``memory`` is in bytes of resident memory. What the user's code prints goes to ``OUTPUT`` beside the job.
    """
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": package_path(), "PYTHONDONTWRITEBYTECODE": "1"}
    # -P: the working directory is no import root; the source must not stand in for its migration.
    command = [sys.executable, "-P", "-m", module, str(job)]
    log = job.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            why = watch(process.pid, lambda wait: _waited(process, wait), seconds, memory)
        finally:
            _end(process)
    return why or ended(process.returncode, log)


def package_path() -> str:
    """The import path of a side's process: this package is found wherever that one is started."""
    return os.pathsep.join(filter(None, (str(_PACKAGE), os.environ.get("PYTHONPATH", ""))))


def ended(code: int, log: Path) -> str:
    """What a process that ended by itself has to say; "" if all is well."""
    if code == 0:
        return ""
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    said = f": {last[0][:300]}" if last else ""
    if code < 0:
        return f"the process died of {signal.Signals(-code).name}{said}"
    return f"the process ended with exit code {code}{said}"


def _waited(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def watch(pid: int, waited: Callable[[float], bool], seconds: float, memory: int | None) -> str:
    """Waits for the end of a process; ends it, and says why, where it goes beyond a limit.

    ``waited`` waits for so many seconds and says whether the process has ended.
    """
    until = time.monotonic() + seconds
    while not waited(_EVERY):
        why = ""
        if time.monotonic() > until:
            why = f"no result after {seconds:g} s"
        elif memory is not None and _resident(pid) > memory:
            why = f"needs more than {memory / 2**30:.1f} GiB"
        if why:
            with suppress(ProcessLookupError):  # it may end by itself just now
                os.killpg(pid, signal.SIGKILL)
            return why
    return ""


def _resident(pid: int) -> int:
    """The process's resident memory in bytes; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and those it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):  # it may end by itself just now
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
