"""Writes what a conversion gives: the checkpoint, its record, the list; each file whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from astmigrate.weights.convert import Plan
from astmigrate.weights.entries import MINDSPORE, Entry
from astmigrate.weights.failures import RequestError, WeightsError
from astmigrate.weights.mindspore_files import write_ckpt
from astmigrate.weights.safetensors_files import write_safetensors
from astmigrate.weights.torch_files import write_torch
from astmigrate.writers.atomic import write_text

FORMATS = {False: (".ckpt", ".safetensors"), True: (".pth", ".pt", ".bin", ".safetensors")}


def check_format(out: Path, reverse: bool) -> None:
    """The output's suffix must be one that the other side reads."""
    if out.suffix not in FORMATS[reverse]:
        side = "PyTorch" if reverse else "MindSpore"
        raise RequestError(f"-o {out}: a checkpoint for {side} ends in {' or '.join(FORMATS[reverse])}")


def write_checkpoint(out: Path, entries: Sequence[Entry], reverse: bool) -> None:
    """The converted checkpoint, in the format of its suffix."""
    try:
        with _appearing(out) as temporary:
            if out.suffix == ".safetensors":
                write_safetensors(temporary, entries, "pt" if reverse else "ms")
            elif reverse:
                write_torch(temporary, entries)
            else:
                write_ckpt(temporary, entries)
    except OSError as error:
        raise WeightsError(f"{out}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A place beside ``out`` that becomes ``out`` when it is filled and goes away when that fails."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.stem[:100]}.{os.getpid()}.tmp{out.suffix}")
    try:
        temporary.touch()
        mode = temporary.stat().st_mode & 0o777
        yield temporary
        temporary.chmod(mode)  # mindspore.save_checkpoint leaves its files unwritable even for their owner
        temporary.replace(out)
    finally:
        for left in (temporary, temporary.with_suffix(".tmp")):
            left.unlink(missing_ok=True)


def write_record(out: Path, plan: Plan, model: str, reverse: bool) -> Path:
    """The JSON record of what became what, in the form that MindConverter established."""
    pairs = [
        (row.target, row.source) for row in plan.rows if row.target is not None and row.source is not None
    ]
    record = {
        model: [
            {"converted_weight": _side(target, not reverse), "source_weight": _side(source, reverse)}
            for target, source in pairs
        ]
    }
    path = out.with_suffix(".json")
    write_text(path, json.dumps(record, ensure_ascii=False, indent=2) + "\n")
    return path


def _side(entry: Entry, mindspore: bool) -> dict[str, Any]:
    dtype = MINDSPORE.get(entry.dtype, entry.dtype) if mindspore else entry.dtype
    return {"name": entry.name, "shape": list(entry.shape), "data_type": dtype}


def write_list(out: Path, plan: Plan, reverse: bool) -> Path:
    """The CSV list of names and shapes of both sides."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    sides = ("mindspore", "torch") if reverse else ("torch", "mindspore")
    table.writerow(
        [f"{side}_{column}" for side in sides for column in ("name", "shape", "dtype")] + ["status", "why"]
    )
    for row in plan.rows:
        columns = [*_columns(row.source, reverse), *_columns(row.target, not reverse)]
        table.writerow([*columns, str(row.status), row.why])
    for demand in plan.missing:
        table.writerow(["", "", "", demand.name, "", "", "missing", f"{demand.layer} ({demand.where})"])
    path = out.with_suffix(".csv")
    write_text(path, text.getvalue())
    return path


def _columns(entry: Entry | None, mindspore: bool) -> list[str]:
    if entry is None:
        return ["", "", ""]
    dtype = MINDSPORE.get(entry.dtype, entry.dtype) if mindspore else entry.dtype
    return [entry.name, str(list(entry.shape)), dtype]
