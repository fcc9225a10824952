"""A framework's process that imports a package once and is forked for each model.

    python -P -m astmigrate.verify.model_server SIDE PATH MODULE

Reads the file of a job (model_jobs.py) from each line of its input, does it in a forked child, and writes
the child's process number and, when it ended, its exit code. A model then costs a fork instead of seconds
of imports. No operator may run before a fork: the frameworks' threads do not survive one.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from astmigrate.verify.model_jobs import TORCH
from astmigrate.verify.model_process import SETTINGS, ended, package_path, watch

_MODULES = {True: "astmigrate.verify.model_torch", False: "astmigrate.verify.model_mindspore"}


class ModelServer:
    """One side's process, for one package; ``run`` is called by one thread at a time."""

    def __init__(self, side: str, path: str, module: str) -> None:
        self._arguments = (side, path, module)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def run(self, module: str, job: Path, seconds: float, memory: int | None) -> str:
        """Does a job in a fresh child; the same as ``model_process.run_side``."""
        del module  # of this server's side
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{job}\n")
            process.stdin.flush()
            first = process.stdout.readline()
            if not first:
                self.close()
                return f"{self._arguments[2]} cannot be imported"
            done = threading.Event()
            lines: list[str] = []

            def wait() -> None:
                assert process.stdout is not None
                lines.append(process.stdout.readline())
                done.set()

            threading.Thread(target=wait, daemon=True).start()
            why = watch(int(first), done.wait, seconds, memory)
            done.wait()
            return why or ended(int(lines[0] or 1), job.with_suffix(".log"))

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            environment = {**os.environ, **SETTINGS, "PYTHONPATH": package_path(), "OMP_NUM_THREADS": "1"}
            command = [sys.executable, "-P", "-m", "astmigrate.verify.model_server", *self._arguments]
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        return self._process


def serve(side: str, path: str, module: str) -> None:
    """Answers jobs until the other end closes."""
    worker = importlib.import_module(_MODULES[side == TORCH])
    sys.path.insert(0, path)
    worker.preload(module)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _do(worker.run_job, Path(line.strip()))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _do(run: object, job: Path) -> None:
    """The child: does the job, with what it prints in a file beside it, and never returns."""
    os.setsid()
    log = os.open(job.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    code = 1
    try:
        assert callable(run)
        run(job)
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:4])
