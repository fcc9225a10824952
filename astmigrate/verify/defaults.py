"""Where a default of torch differs from its target's, and what the emitted code states for it.

For every row that calls its target, a call with nothing but torch's required arguments is migrated; the
arguments are those of the row's own proofs. Each parameter of the target's real signature whose default
is not torch's, or that torch does not have, must then be given by the emitted call, unless the default
means nothing is done. ``audit.py`` writes what is found, tests/test_defaults.py holds to it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from astmigrate import Migration, migrate_source
from astmigrate.binding import parameters
from astmigrate.tables import Form, Proof, Row, Tables
from astmigrate.verify.check_signatures import same_value
from astmigrate.verify.signatures import Signature, is_method, of_target, of_torch
from astmigrate.verify.wrapping import wrap

_MARK = "audited"  # the variable that the audited call is assigned to
_OFF = ("None", "False", "()", "''")

# Defaults that do what torch does where it has no such parameter, or has another word for it.
NEUTRAL: Mapping[tuple[str, str], str] = {
    ("axis", "None"): "over all axes, as torch's ()",
    ("order", "'C'"): "row by row, the only order torch has",
    ("data_format", "'NCHW'"): "torch's only layout",
    ("data_format", "'NCDHW'"): "torch's only layout",
    ("pad_mode", "'valid'"): "no padding, as torch's padding=0",
    ("gamma_init", "'ones'"): "torch's first values",
    ("beta_init", "'zeros'"): "torch's first values",
    ("moving_mean_init", "'zeros'"): "torch's first values",
    ("moving_var_init", "'ones'"): "torch's first values",
    ("keep_prob", "0.5"): "not read where p is given, and p is",
    ("norm_region", "'ACROSS_CHANNELS'"): "the only one torch has",
    ("begin_norm_axis", "-1"): "one axis is normalised; where there are more, the call states it",
    ("begin_params_axis", "-1"): "one axis is normalised; where there are more, the call states it",
    ("label_smoothing", "0.0"): "no smoothing",
    ("divisor_override", "0"): "no divisor of one's own",
    ("batch_dims", "0"): "no batch dimensions",
    ("message", "''"): "no message",
    ("dtype", "torch.float32"): "the default dtype",
    ("decimals", "0"): "to whole numbers",
    ("offset", "0"): "the main diagonal",
    ("axis1", "0"): "as torch's",
    ("axis2", "1"): "as torch's",
    ("on_value", "1"): "as torch's",
    ("off_value", "0"): "as torch's",
    ("copy", "True"): "a new tensor, or the same values",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A parameter of the target whose default is not torch's, and what the emitted call gives for it."""

    parameter: str
    default: str
    name: str  # torch's name of it, "" where torch has none
    torch: str
    stated: str | None


@dataclass(frozen=True, slots=True)
class Audit:
    """One row's call, as written and as emitted; ``why`` says what kept it from being audited."""

    name: str
    source: str = ""
    emitted: str = ""
    target: str = ""
    differences: tuple[Difference, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A call in a proof, cut down to its required arguments, with the statements before it."""

    proof: Proof
    before: tuple[ast.stmt, ...]
    call: ast.Call


def audit(tables: Tables, name: str) -> Audit | None:
    """The audit of one row; None where it calls nothing."""
    row = tables.row(name)
    if row is None or row.name != name or all(f.manual or f.args is None for f in (row.forms or (row,))):
        return None
    why = "no proof calls it by its name"
    for found in _calls(row, tables.proofs(name)):
        source = ast.unparse(found.call)
        migration = _migrated(found, tables)
        emitted = _emitted(migration.code)
        if emitted is None or any(f.level == "manual" and f.api == name for f in migration.findings):
            why = "it needs more than its required arguments"
            continue
        target, call = _target(emitted, _imported(migration.code), row)
        told = [f.target for f in migration.findings if f.api == name]
        if told and not any(target.rpartition(".")[2] in text for text in told):
            target = ""  # the row returns an argument, and the call is that argument's own
        real = of_target(target) if target else None
        if call is None or real is None:
            return Audit(name, source, ast.unparse(emitted), target, why="no signature to compare with")
        return Audit(
            name, source, ast.unparse(emitted), target, tuple(_differences(tables, row, target, real, call))
        )
    return Audit(name, why=why)


# the call -------------------------------------------------------------------------------------


def _calls(row: Row, proofs: tuple[Proof, ...]) -> Iterator[_Found]:
    for proof in proofs:
        body = ast.parse(proof.code).body
        for number, statement in enumerate(body):
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and _is_call_of(node, row.name):
                    yield _Found(proof, tuple(body[:number]), _required(row, node))


def _is_call_of(node: ast.Call, name: str) -> bool:
    """By the full name; a method by its last, on whatever is no module of torch."""
    spelled = ast.unparse(node.func)
    if not is_method(name):
        return spelled in (name, name.replace("torch.nn.functional.", "F."), name.replace("torch.nn.", "nn."))
    leaf = name.rpartition(".")[2]
    return (
        isinstance(node.func, ast.Attribute) and node.func.attr == leaf and not spelled.startswith("torch.")
    )


def _required(row: Row, node: ast.Call) -> ast.Call:
    """The call without the arguments that torch has defaults for."""
    declared = parameters(_first(row).args or ())
    required = {p.name for p in declared if p.default is None}
    places = [p for p in declared if not p.keyword_only]
    positional: list[ast.expr] = []
    for number, argument in enumerate(node.args):
        place = places[min(number, len(places) - 1)] if places else None
        if place is None or (place.name not in required and not place.star):
            break
        positional.append(argument)
    return ast.Call(node.func, positional, [k for k in node.keywords if k.arg in required])


def _migrated(found: _Found, tables: Tables) -> Migration:
    assignment = ast.Assign([ast.Name(_MARK, ast.Store())], found.call, lineno=1)
    module = ast.fix_missing_locations(ast.Module([*found.before, assignment], []))
    code = wrap(Proof(code=ast.unparse(module), inputs=found.proof.inputs))
    return migrate_source(code, filename="audited.py", tables=tables)


# what is emitted ------------------------------------------------------------------------------


def _emitted(code: str) -> ast.expr | None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == _MARK:
            return node.value
    return None


def _imported(code: str) -> dict[str, str]:
    """Local name → qualified name; of snippets ``snippets.x``."""
    names: dict[str, str] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update({a.asname or a.name: a.name for a in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = re.sub(r"^(.*\.)?ms_snippets$", "snippets", node.module)
            names.update({a.asname or a.name: f"{module}.{a.name}" for a in node.names})
    return names


def _target(emitted: ast.expr, imported: Mapping[str, str], row: Row) -> tuple[str, ast.Call | None]:
    """The MindSpore function that the expression calls, and the call; a method where the row says so."""
    methods = {f.target for f in (row, *row.forms) if f.target and is_method(f.target)}
    if not isinstance(emitted, ast.Call):
        return "", None
    root, _, rest = ast.unparse(emitted.func).partition(".")
    if root in imported:
        return f"{imported[root]}.{rest}".rstrip("."), emitted
    if isinstance(emitted.func, ast.Attribute):
        own = next((m for m in methods if m.rpartition(".")[2] == emitted.func.attr), "")
        return own, emitted if own else None
    return "", None


def _differences(
    tables: Tables, row: Row, target: str, real: Signature, call: ast.Call
) -> Iterator[Difference]:
    given = _given(real, call)
    form = _first(row)
    names, defaults = _names(row, form, target, real), _torch_defaults(row, form)
    for parameter in real:
        if parameter.default is None or parameter.star:
            continue
        own = torch_spelling(parameter.default)
        name = names.get(parameter.name, "")
        theirs = defaults.get(name)
        if (name and theirs is None) or (theirs is not None and same_value(theirs, own)):
            continue
        converted = tables.row(theirs) if theirs and "." in theirs else None
        if converted is not None and converted.target == f"snippets.{own}":
            continue
        stated = given.get(parameter.name)
        harmless = (parameter.name, own) in NEUTRAL or (not name and own in _OFF)
        if harmless and stated in (None, parameter.default):
            continue
        yield Difference(parameter.name, parameter.default, name, theirs or "", stated)


def torch_spelling(default: str) -> str:
    """A default that names a dtype, as torch spells it."""
    return re.sub(r"^(ms|mindspore|mstype)\.(?=\w+$)", "torch.", default).replace("torch.long", "torch.int64")


def _given(real: Signature, call: ast.Call) -> dict[str, str]:
    """Parameter → what the call passes for it."""
    places = [p for p in real if not p.keyword_only]
    given = {k.arg: ast.unparse(k.value) for k in call.keywords if k.arg}
    for number, argument in enumerate(call.args):
        place = places[min(number, len(places) - 1)] if places else None
        if place is not None:
            given.setdefault(place.name, ast.unparse(argument))
    return given


def _torch_defaults(row: Row, form: Form) -> dict[str, str]:
    """torch's own defaults; where overloads differ, that of the row."""
    found: dict[str, list[str]] = {}
    for parameter in (p for signature in of_torch(row.name).signatures for p in signature):
        if parameter.default is not None:
            found.setdefault(parameter.name, []).append(parameter.default)
    for argument in parameters(form.args or ()):
        own = argument.default
        if own is not None and (
            argument.name not in found or any(same_value(own, d) for d in found[argument.name])
        ):
            found[argument.name] = [own]
    return {name: torch_spelling(defaults[0]) for name, defaults in found.items()}


def _first(row: Row) -> Form:
    """The form that a call with nothing but the required arguments takes."""
    return row.forms[0] if row.forms else row


def _names(row: Row, form: Form, target: str, real: Signature) -> dict[str, str]:
    """The target's parameter → torch's: by the row's renames, by name, else by place."""
    found: dict[str, str] = {}
    names = {p.name for p in real}
    declared = [p for p in parameters(form.args or ()) if not p.star]
    for parameter in declared:
        new = form.rename.get(parameter.name, parameter.name)
        if new in names:
            found.setdefault(new, parameter.name)
    if form.template is not None or form.handler:
        return found
    places = [p.name for p in real if not p.keyword_only and not p.star]
    offset = int(is_method(row.name)) - int(is_method(target))
    for number, parameter in enumerate(p for p in declared if not p.keyword_only):
        at = number + offset
        if 0 <= at < len(places) and parameter.name not in {*found.values(), *form.drop, *form.unsupported}:
            found.setdefault(places[at], parameter.name)
    return found
