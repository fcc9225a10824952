"""``astmigrate weights``: reads, converts, writes, and shows what became of every tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from astmigrate.weights.checkpoint import open_checkpoint
from astmigrate.weights.convert import Plan, plan_conversion, refuse, shape_text
from astmigrate.weights.failures import RequestError, WeightsError
from astmigrate.weights.mindspore_files import refused
from astmigrate.weights.outputs import check_format, write_checkpoint, write_list, write_record
from astmigrate.weights.resolve import Status
from astmigrate.weights.rules import load

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from astmigrate.weights.entries import Entry

_STYLES = {
    Status.CONVERTED: "",
    Status.DROPPED: "dim",
    Status.ADDED: "dim",
    Status.UNMATCHED: "bold red",
    Status.MISSHAPEN: "bold red",
}


def run(
    checkpoint: Path,
    rules: Path,
    out: Path,
    *,
    root: str | None,
    maps: Sequence[str],
    list_only: bool,
    reverse: bool,
    key: str | None,
    console: Console,
) -> int:
    """Converts ``checkpoint`` by ``rules`` into ``out``; gives the exit code: 0, 1 if incomplete, 2 usage."""
    try:
        check_format(out, reverse)
        _check_places(checkpoint, rules, out)
        plan = plan_conversion(
            open_checkpoint(checkpoint, key), load(rules), root=root, maps=maps, reverse=reverse
        )
        if not reverse:
            refuse(plan, lambda entry: refused(entry, out.suffix))
        written = [write_list(out, plan, reverse)] if list_only else _write(checkpoint, out, plan, reverse)
    except WeightsError as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 2 if isinstance(error, RequestError) else 1
    _show(plan, console, reverse)
    for path in written:
        console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    return 0 if plan.complete else 1


def _check_places(checkpoint: Path, rules: Path, out: Path) -> None:
    """Nothing that is read may be overwritten."""
    for read in (checkpoint, rules):
        for written in (out, out.with_suffix(".json"), out.with_suffix(".csv")):
            if written.resolve() == read.resolve():
                raise RequestError(
                    f"{written} would be written over what is read; choose another output name"
                )


def _write(checkpoint: Path, out: Path, plan: Plan, reverse: bool) -> list[Path]:
    if not plan.targets:
        raise WeightsError(
            f"{checkpoint}: no tensor can be converted: {plan.rows[0].source_name}: {plan.rows[0].why}"
        )
    write_checkpoint(out, plan.targets, reverse)
    model = plan.root.name.rpartition(".")[2] or checkpoint.name.partition(".")[0]
    return [out, write_record(out, plan, model, reverse)]


def _show(plan: Plan, console: Console, reverse: bool) -> None:
    """The table of both sides, then what needs a look, then the counts."""
    from rich.table import Table
    from rich.text import Text

    table = Table(highlight=False)
    for side in ("MindSpore", "PyTorch") if reverse else ("PyTorch", "MindSpore"):
        table.add_column(side, overflow="fold")
        table.add_column("shape", overflow="fold")
    table.add_column("status")
    for row in plan.rows:
        table.add_row(*_cells(row.source), *_cells(row.target), Text(row.status), style=_STYLES[row.status])
    for demand in plan.missing:
        table.add_row("", "", Text(demand.name), "", Text("missing"), style="bold red")
    console.print(table)
    for line in _details(plan):
        console.print(line, highlight=False, soft_wrap=True)


def _cells(entry: Entry | None) -> tuple[Text, Text]:
    from rich.text import Text

    if entry is None:
        return Text(""), Text("")
    return Text(entry.name), Text(shape_text(entry.shape) if entry.dtype else "")


def _details(plan: Plan) -> list[Text]:
    from rich.text import Text

    lines = [Text(f"note: {note}") for note in plan.notes]
    for row in plan.rows:
        if row.status in (Status.UNMATCHED, Status.MISSHAPEN):
            lines.append(Text(f"{row.status}: {row.source_name}: {row.why}", style="red"))
    for demand in plan.missing:
        text = f"missing: {demand.name}: {demand.layer} ({demand.where}) needs it, the checkpoint has none"
        lines.append(Text(text, style="red"))
    counts: Counter[str] = Counter(str(row.status) for row in plan.rows)
    counts["missing"] = len(plan.missing)
    shown = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    where = f" as {plan.root.name}" if plan.root.name else ""
    below = f" below '{plan.root.prefix}.'" if plan.root.prefix else ""
    lines.append(Text(f"{shown}{where}{below}", style="bold"))
    return lines
