"""``astmigrate explain``: a row of the tables in words, its two signatures side by side."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from astmigrate.comparison import Known, Pair, pairs, read_signatures
from astmigrate.handlers import handler
from astmigrate.migrate import default_tables
from astmigrate.tables import Form, Proof, Row, Tables
from astmigrate.verify.results import Result, Standing, digest, read

if TYPE_CHECKING:
    from rich.console import Console

_STANDINGS = {
    Standing.RUN: "its proofs ran in PyTorch and MindSpore on a CPU: values, dtypes and shapes agree",
    Standing.SIGNATURE: "MindSpore has no CPU kernel: the call written binds to the target's real signature",
    Standing.MANUAL: "nothing is converted",
    Standing.UNPROVEN: "not yet: the row has no proof",
    Standing.FAILING: "FAILING: its proofs ran and do not agree",
}

# How people write it → where it stands.
_SHORT = {
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "functional": "torch.nn.functional",
    "init": "torch.nn.init",
    "optim": "torch.optim",
    "Tensor": "torch.Tensor",
    "utils": "torch.utils",
    "cuda": "torch.cuda",
    "distributed": "torch.distributed",
    "torchvision": "torchvision",
}

_SHOWN = 3  # proofs; a row may have twenty
_HEAD = Pair("PyTorch", "MindSpore", "what differs")


@dataclass(frozen=True, slots=True)
class Sides:
    """A table of parameters, and by how much its lines are indented."""

    pairs: tuple[Pair, ...]
    indent: str = "  "


Block = str | Sides  # a line or a table


def explain(name: str, tables: Tables | None = None) -> tuple[str, bool]:
    """The text about ``name`` in any usual spelling, and whether there is a row for it."""
    explained, found = _explained(name, tables or default_tables())
    texts = ["\n".join(line for block in blocks for line in _plain_lines(block)) for blocks in explained]
    return "\n\n".join(texts), found


def show(name: str, tables: Tables | None, console: Console) -> bool:
    """Prints what ``explain`` says on a terminal; whether there is a row."""
    explained, found = _explained(name, tables or default_tables())
    for number, blocks in enumerate(explained):
        console.print("\n" if number else "", end="")
        for place, block in enumerate(blocks):
            if isinstance(block, str):
                style = "bold" if place == 0 and found else None
                console.print(block, style=style, markup=False, highlight=False, soft_wrap=True)
            else:
                _print_table(block, console)
    return found


def _explained(name: str, tables: Tables) -> tuple[list[list[Block]], bool]:
    wanted = re.sub(r"\(.*\)?$", "", name.strip(), flags=re.DOTALL).strip()
    rows = _rows(wanted, tables)
    if not rows:
        near = _near(wanted, tables)
        return [[f"no row for {name}" + (f"; did you mean {', '.join(near)}?" if near else "")]], False
    docs = tables.folder.parent / "docs"  # beside the tables, in a checkout as in the wheel
    record, known = read(docs / "proofs.json"), read_signatures(docs)
    return [list(_lines(row, tables.proofs(row.name), record, known)) for row in rows], True


def _plain_lines(block: Block) -> Iterator[str]:
    if isinstance(block, str):
        yield block
        return
    widths = [
        max(len(getattr(pair, side)) for pair in (_HEAD, *block.pairs)) for side in ("torch", "mindspore")
    ]
    for pair in (_HEAD, *block.pairs):
        line = f"{block.indent}{pair.torch:<{widths[0]}}  {pair.mindspore:<{widths[1]}}  {pair.differs}"
        yield line.rstrip()


def _print_table(sides: Sides, console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (_HEAD.torch, _HEAD.mindspore, _HEAD.differs):
        table.add_column(title, overflow="fold")
    for pair in sides.pairs:
        style = "yellow" if pair.differs else ""
        table.add_row(*(Text(text, style) for text in (pair.torch, pair.mindspore, pair.differs)))
    console.print(Padding(table, (0, 0, 0, len(sides.indent))))


def _rows(wanted: str, tables: Tables) -> list[Row]:
    """The row of a full or shortened name; of a bare name every row that ends in it."""
    for full in _full_names(wanted):
        row = tables.row(full)
        if row is not None:
            return [row]
    leaf = wanted.rpartition(".")[2]
    head = wanted.partition(".")[0]
    if head in _SHORT or head in tables.packages:
        return []  # a name of torch that has no row must not become another one
    same = [tables.row(full) for full in tables.names() if full.rpartition(".")[2] == leaf]
    if "." in wanted:  # x.view: a method of some value
        same = [row for row in same if row is not None and row.name.startswith("torch.Tensor.")]
    return list({row.name: row for row in same if row is not None}.values())


def _full_names(wanted: str) -> Iterator[str]:
    head, dot, rest = wanted.partition(".")
    yield wanted
    if head in _SHORT:
        yield f"{_SHORT[head]}{dot}{rest}"
    if dot and head != "torch":
        yield f"torch.{wanted}"


def _near(wanted: str, tables: Tables) -> list[str]:
    """Names of rows that a typing error may have missed."""
    from difflib import get_close_matches  # only a typing error pays for it

    names = tables.names()
    for full in reversed(list(_full_names(wanted))):
        found = get_close_matches(full, names, 3, 0.8)
        if found:
            return found
    leaves: dict[str, list[str]] = {}
    for name in names:
        leaves.setdefault(name.rpartition(".")[2], []).append(name)
    close = get_close_matches(wanted.rpartition(".")[2], leaves, 3, 0.7)
    return [name for leaf in close for name in leaves[leaf]][:3]


def _lines(
    row: Row, proofs: tuple[Proof, ...], record: Mapping[str, Result], known: Known
) -> Iterator[Block]:
    yield row.name
    if not row.forms:
        yield from _form(row.name, row, known)
    for form in row.forms:
        yield f"  where {_conditions(form.when)}" if form.when else "  where the call fits"
        yield from (_deeper(block) for block in _form(row.name, form, known))
    yield from _pairs("weights", row.weights)
    yield from _pairs("attributes", row.attributes)
    if row.adapter:
        yield f"  as a value    {row.adapter} takes torch's own arguments"
    for proof in proofs[:_SHOWN]:
        yield "  proof"
        yield from textwrap.indent(proof.code.strip(), "      ").splitlines()
        if proof.inputs:
            yield "      with " + ", ".join(f"{name} = {spec}" for name, spec in proof.inputs.items())
        if proof.reason:
            yield f"      loosened: {proof.reason}"
    if len(proofs) > _SHOWN:
        yield f"  and           {len(proofs) - _SHOWN} more proofs"
    yield f"  verified      {verified(row, proofs, record)}"


def verified(row: Row, proofs: tuple[Proof, ...], record: Mapping[str, Result]) -> str:
    """What the last run of the row's proofs showed, and where."""
    result = record.get(row.name)
    if result is None:
        return "in no recorded run" if proofs else "not yet: the row has no proof"
    said = _STANDINGS[result.standing]
    if result.digest != digest(row, proofs):
        said += "; the row was edited since"
    return "; ".join([said, *(f"loosened: {reason}" for reason in result.loosened)])


def _deeper(block: Block) -> Block:
    return f"  {block}" if isinstance(block, str) else Sides(block.pairs, f"  {block.indent}")


def _form(name: str, form: Form, known: Known) -> Iterator[Block]:
    """What a call becomes and what is said about its arguments."""
    if form.manual:
        yield f"  stays         {form.manual}"
        if form.target:
            yield f"  nearest       {form.target}"
        return
    if form.template or form.target:
        yield f"  becomes       {form.template or form.target}"
    if form.args is not None:
        found = pairs(name, form, known)
        if found:
            yield Sides(tuple(found))
        else:
            yield "  arguments     none"
    if form.inplace:
        yield f"  in place      becomes an assignment to {form.inplace}"
    if form.handler:
        yield f"  also          {_first_line(handler(form.handler).__doc__)}"
    if form.note or form.level == "review":
        yield f"  differs       {form.note or 'needs a look'}"


def _pairs(title: str, values: Mapping[str, object]) -> Iterator[str]:
    for name, new in values.items():
        if isinstance(new, dict):
            axis = f" with a new axis {new['insert_axis']}" if "insert_axis" in new else ""
            yield f"  {title:<13} {name} is called {new.get('name', name)}{axis}"
        else:
            said = f"is called {new}" if new else "has no counterpart"
            yield f"  {title:<13} {name} {said}"


def _conditions(when: Mapping[str, str]) -> str:
    return " and ".join(f"{name} is {condition}" for name, condition in when.items())


def _first_line(text: str | None) -> str:
    return " ".join((text or "").strip().partition("\n\n")[0].split())
