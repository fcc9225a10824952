"""A framework's process: imported once, forked for each job, so that every proof runs in a fresh process.

An error of one proof can never surface in another, and a job costs a fork instead of an import: 0.1 s
measured against 2 s. The server itself must never run an operator: MindSpore's threads do not survive
a fork, and a child forked after they started hangs.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from astmigrate.verify.blocking import block
from astmigrate.verify.jobs import Job, Reply

# On AVX-512 machines MindSpore's oneDNN otherwise picks a convolution that is fifty times slower.
_SETTINGS = {"ONEDNN_MAX_CPU_ISA": "AVX2", "GLOG_v": "4", "OMP_NUM_THREADS": "1"}
_BLOCKED = ("torch", "torchvision", "torchaudio", "torchtext")


def serve(side: str, fd: int) -> None:
    """Answers (job, seconds) with a reply each, until the other end closes."""
    connection: Connection[Any, Any] = Connection(fd)
    run = _runner(side)
    connection.send("ready")
    while True:
        try:
            job, seconds = connection.recv()
        except EOFError:
            return
        if side == "torch":
            _import_torchvision(job.code)
        connection.send(_forked(run, job, seconds, blocked=side == "mindspore"))


def _import_torchvision(code: str) -> None:
    """Imports what a proof needs of torchvision once for all proofs: that takes seconds."""
    if "torchvision" in code and "torchvision" not in sys.modules:
        from astmigrate.verify.missing_operators import with_declared

        with suppress(ImportError):  # the proof says so itself
            with_declared(lambda: importlib.import_module("torchvision"))


def _runner(side: str) -> Callable[[Job], Reply]:
    if side == "torch":
        from astmigrate.verify.torch_side import run

        return run
    block(*_BLOCKED)
    from astmigrate.verify.mindspore_side import run as run_mindspore

    return run_mindspore


def _forked(run: Callable[[Job], Reply], job: Job, seconds: float, blocked: bool) -> Reply:
    receiver, sender = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            sender.send(_guarded(run, job, blocked))
        finally:
            os._exit(0)
    sender.close()
    try:
        if not receiver.poll(seconds):
            os.kill(child, signal.SIGKILL)
            return Reply(error=f"no result after {seconds:g} s")
        reply: Reply = receiver.recv()
        return reply
    except EOFError:
        return Reply(error="the process died without a word")
    finally:
        receiver.close()
        os.waitpid(child, 0)


def _guarded(run: Callable[[Job], Reply], job: Job, blocked: bool) -> Reply:
    """The reply; an exception becomes its words. The output must not import astmigrate either."""
    own = sys.modules["astmigrate"]
    try:
        if blocked:
            sys.modules["astmigrate"] = None  # type: ignore[assignment]
        return run(job)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename.startswith("<")]
        where = f" (line {lines[-1]} of the code)" if lines else ""
        return Reply(error=f"{type(error).__name__}{where}: {_shortened(str(error))}")
    finally:
        sys.modules["astmigrate"] = own


def _shortened(message: str) -> str:
    """MindSpore appends the C++ call stack under a dashed heading; its first paragraph says it all."""
    return " ".join(message.split("\n----")[0].split())[:500] or "no message"


class Side:
    """The caller's end: starts the process when it is first needed, again after it was closed."""

    def __init__(self, side: str, packages: Path | None = None) -> None:
        """``packages`` is a folder of modules that the process can import beside those installed."""
        self.side, self.packages = side, packages
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._ready = False

    def run(self, job: Job, seconds: float = 60) -> Reply:
        """The job's reply; a process that is gone is an error like any other."""
        try:
            self.start()
            assert self._connection is not None
            if not self._ready:
                self._ready = self._connection.recv() == "ready"
            self._connection.send((job, seconds))
            reply: Reply = self._connection.recv()
            return reply
        except (EOFError, OSError) as error:
            self.close()
            return Reply(error=f"{self.side}'s process does not answer: {type(error).__name__} {error}")

    def close(self) -> None:
        """Ends the process; the next job has a new one."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()  # it holds nothing, and MindSpore takes seconds to end by itself
            self._process.wait()
        self._connection = self._process = None

    def start(self) -> None:
        """Starts the process without waiting for it, unless it is there."""
        if self._connection is not None:
            return
        self._connection, other = Pipe()
        self._ready = False
        command = [sys.executable, "-m", "astmigrate.verify.server", self.side, str(other.fileno())]
        root = Path(__file__).parents[2]
        path = os.pathsep.join(
            filter(None, (str(root), str(self.packages or ""), os.environ.get("PYTHONPATH", "")))
        )
        environment = {**os.environ, **_SETTINGS, "PYTHONPATH": path}
        self._process = subprocess.Popen(
            command, env=environment, pass_fds=(other.fileno(),), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        other.close()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
