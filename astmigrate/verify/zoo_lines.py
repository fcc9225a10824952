"""Whether the report predicts that a model fails or differs: a finding on a line that the model passes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from astmigrate.verify.model_process import SETTINGS, package_path
from astmigrate.verify.models import Request
from astmigrate.verify.zoo_models import Constructor

_LEVELS = ("review", "manual")
_TRACE = """
import sys, json, importlib, traceback
from astmigrate.verify.missing_operators import with_declared
from astmigrate.verify.model_torch import as_tensor
from astmigrate.verify.model_values import make_inputs
import torch
path, root, args, inputs = json.loads(sys.argv[1])
sys.path.insert(0, path)
name, _, function = root.partition(":")
module, _ = with_declared(lambda: importlib.import_module(name))
passed = set()
def lines(frame, event, argument):
    if event == "line":
        passed.add((frame.f_code.co_filename, frame.f_lineno))
    return lines
def calls(frame, event, argument):
    return lines if frame.f_code.co_filename.startswith(path) else None
sys.settrace(calls)
try:
    model = eval(f"__root__({args})", {**vars(module), "__root__": getattr(module, function)}).eval()
    positional, named = make_inputs(tuple(inputs), 0)
    with torch.no_grad():
        model(*map(as_tensor, positional), **{k: as_tensor(v) for k, v in named.items()})
except Exception as error:  # what it has passed, and what the functions it failed in had yet to pass
    sys.settrace(None)
    for frame, failed in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        passed |= {(code.co_filename, line) for *_, line in code.co_lines() if (line or 0) > failed}
sys.settrace(None)
passed = sorted(place for place in passed if place[0].startswith(path))
json.dump(passed, open(sys.argv[2], "w"))
"""


def predicted(model: Constructor, request: Request, out: Path) -> str:
    """The first finding that the model's own lines have, as ``path:line: message``; "" if there is none."""
    site = str(Path(request.source).parent)
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "lines.json"
        arguments = json.dumps([site, request.root, request.args, request.inputs])
        command = [sys.executable, "-P", "-c", _TRACE, arguments, str(told)]
        environment = {**os.environ, **SETTINGS, "PYTHONPATH": package_path()}
        subprocess.run(command, env=environment, capture_output=True, timeout=600, check=False)
        if not told.exists():
            return ""
        passed = {(str(Path(file).relative_to(site)), line) for file, line in json.loads(told.read_text())}
    report = json.loads((out / model.package / "report.json").read_text(encoding="utf-8"))
    for file in report["files"]:
        for finding in file["findings"]:
            lines = range(finding["line"], finding["end_line"] + 1)
            if finding["level"] in _LEVELS and any((file["path"], line) in passed for line in lines):
                return f"{file['path']}:{finding['line']}: {finding['message']}"
    return ""
