"""``astmigrate explain``: a row of the tables in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import TypeVar

from astmigrate.binding import parameters
from astmigrate.handlers import handler
from astmigrate.migrate import default_tables
from astmigrate.tables import Form, Proof, Row, Tables
from astmigrate.verify.results import Result, Standing, digest, read

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

Value = TypeVar("Value")
_SHOWN = 3  # proofs; a row may have twenty


def explain(name: str, tables: Tables | None = None) -> tuple[str, bool]:
    """The text about ``name`` in any usual spelling, and whether there is a row for it."""
    tables = tables or default_tables()
    wanted = re.sub(r"\(.*\)?$", "", name.strip(), flags=re.DOTALL).strip()
    rows = _rows(wanted, tables)
    if rows:
        # Beside the tables, in a checkout as in the wheel.
        record = read(tables.folder.parent / "docs" / "proofs.json")
        return "\n\n".join("\n".join(_lines(row, tables.proofs(row.name), record)) for row in rows), True
    near = _near(wanted, tables)
    return f"no row for {name}" + (f"; did you mean {', '.join(near)}?" if near else ""), False


def _rows(wanted: str, tables: Tables) -> list[Row]:
    """The row of a full or shortened name; of a bare name every row that ends in it."""
    for full in _full_names(wanted):
        row = tables.row(full)
        if row is not None:
            return [row]
    leaf = wanted.rpartition(".")[2]
    head = wanted.partition(".")[0]
    if head in _SHORT or head == "torch":
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


def _lines(row: Row, proofs: tuple[Proof, ...], record: Mapping[str, Result]) -> Iterator[str]:
    yield row.name
    if not row.forms:
        yield from _form(row)
    for form in row.forms:
        yield f"  where {_conditions(form.when)}" if form.when else "  where the call fits"
        yield from ("  " + line for line in _form(form))
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


def _form(form: Form) -> Iterator[str]:
    """What a call becomes and what is said about its arguments."""
    if form.manual:
        yield f"  stays         {form.manual}"
        if form.target:
            yield f"  nearest       {form.target}"
        return
    if form.template or form.target:
        yield f"  becomes       {form.template or form.target}"
    if form.args is not None:
        yield f"  torch takes   ({', '.join(form.args)})"
    yield from _arguments(form)
    if form.inplace:
        yield f"  in place      becomes an assignment to {form.inplace}"
    if form.handler:
        yield f"  also          {_first_line(handler(form.handler).__doc__)}"
    if form.note or form.level == "review":
        yield f"  differs       {form.note or 'needs a look'}"


def _arguments(form: Form) -> Iterator[str]:
    """What is said about each argument that this form has; it inherits its row's fields for all of them."""
    own = {parameter.name for parameter in parameters(form.args or ())}
    for name, new in _of(own, form.rename):
        yield f"  argument      {name} is called {new}"
    for name, expression in _of(own, form.wrap):
        yield f"  argument      {name} is written {expression.replace('{}', name)}"
    for name, value in form.add.items():
        yield f"  argument      {name}={_plain(value)} is stated where the source says nothing"
    for name, harmless in _of(own, form.drop):
        values = "" if harmless == "*" else f" where it is {' or '.join(harmless)}"
        yield f"  argument      {name} is left out{values}"
    for name, reason in _of(own, form.unsupported):
        yield f"  argument      {name} stops the conversion: {reason}"
    for name, condition in _of(own, form.review):
        yield f"  argument      {name} needs a look: {condition}"


def _of(names: set[str], field: Mapping[str, Value]) -> list[tuple[str, Value]]:
    return [(name, value) for name, value in field.items() if name in names]


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


def _plain(value: str) -> str:
    return value.replace("mindspore.", "ms.", 1) if value.startswith("mindspore.") else value
