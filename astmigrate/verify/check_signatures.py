"""Compares a row's parameters with the real ones of torch and of its target.

Everything that a row says of signatures is held against them: names, order and defaults on torch's side,
and on MindSpore's the names it passes and the arguments it leaves in their places.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from astmigrate.binding import Parameter as Argument
from astmigrate.binding import parameters
from astmigrate.tables import Form, Row
from astmigrate.verify.signatures import (
    MISSING,
    Parameter,
    Signature,
    is_method,
    of_target,
    of_torch,
    resolve,
)

# Keywords that every maker of tensors takes; documentation and schemas leave them out at will.
_MAKERS = ("dtype", "layout", "device", "pin_memory", "requires_grad", "memory_format", "generator")


def against_torch(row: Row, form: Form) -> list[str] | None:
    """What of ``args`` torch does not have; None where nothing tells torch's parameters."""
    if form.args is None:
        return []
    known = of_torch(row.name)
    if not known.signatures:
        return None
    declared = parameters(form.args)
    if known.exact:
        return min((list(_differences(declared, s)) for s in known.signatures), key=len)
    return list(_undocumented(declared, known.signatures))


def _differences(declared: Sequence[Argument], real: Signature) -> Iterator[str]:
    names = {p.name: p for p in real}
    takes_any = {p.star for p in real if p.star}
    places = [p.name for p in real if not p.keyword_only and not p.star]
    position = 0
    for argument in declared:
        found = names.get(argument.name)
        if found is None:
            if not argument.star and not takes_any:
                yield f"torch has no parameter '{argument.name}'"
            continue
        if not argument.star and not argument.keyword_only:
            at = places.index(argument.name) if argument.name in places else -1
            if at < 0:
                yield f"'{argument.name}' is keyword-only in torch"
            elif at != position:
                yield f"'{argument.name}' is argument {position + 1} in args and {at + 1} in torch"
            position += 1
        if not (argument.star or found.star or same_value(argument.default, found.default)):
            own, torch = _shown(argument.default), _shown(found.default)
            yield f"default of '{argument.name}' is {own}, in torch {torch}"
    given = {argument.name for argument in declared}
    if not any(argument.star for argument in declared):
        lacking = [p.name for p in real if p.name not in given and not p.star and p.name[0] != "_"]
        yield from (f"torch's parameter '{name}' is not in args" for name in lacking)


def _undocumented(declared: Sequence[Argument], overloads: Sequence[Signature]) -> Iterator[str]:
    """What no overload of a builtin has; documentation and schemas together say more than each alone."""
    position = 0
    for argument in declared:
        found = [(s, p) for s in overloads for p in s if p.name == argument.name]
        if argument.star or (argument.name in _MAKERS and argument.keyword_only):
            continue
        if not found:
            yield f"torch documents no parameter '{argument.name}'"
            continue
        if not argument.keyword_only:
            if not any(_at(s, position) in (p, None) for s, p in found):
                yield f"'{argument.name}' is argument {position + 1} in args, elsewhere in torch"
            position += 1
        defaults = dict.fromkeys(p.default for _, p in found if p.default is not None)
        if not defaults or argument.default is None:  # a form may demand what an overload does
            continue
        if not any(same_value(argument.default, default) for default in defaults):
            yield f"default of '{argument.name}' is {argument.default}, in torch {' or '.join(defaults)}"


def _at(signature: Signature, position: int) -> Parameter | None:
    """The parameter in that place; None behind a starred one, where a place tells nothing."""
    places = [p for p in signature if not p.keyword_only]
    return places[position] if position < len(places) and not places[position].star else None


def _shown(default: str | None) -> str:
    return "required" if default is None else default


_ARITHMETIC = (ast.Expression, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)


def same_value(first: str | None, second: str | None) -> bool:
    """Whether two defaults are the same value, however it is written."""
    if first is None or second is None:
        return first is second
    values = [_value(text) for text in (first, second)]
    if second[0] == "<" or first == repr(second.rpartition(".")[2]):
        return True  # an object that no source text makes; "relu" for torch.nn.functional.relu
    return bool(values[0] == values[1]) and isinstance(values[0], bool) == isinstance(values[1], bool)


def _value(text: str) -> Any:
    try:
        tree = ast.parse(text, mode="eval")
        if all(isinstance(node, _ARITHMETIC) for node in ast.walk(tree)):
            return eval(compile(tree, "<default>", "eval"))  # numbers and operators only: 1 / 8
        value = ast.literal_eval(tree)
    except (ValueError, SyntaxError):
        return text.replace(" ", "")
    return tuple(value) if isinstance(value, list) else value


def against_mindspore(row: Row, form: Form) -> list[str] | None:
    """What of the target's parameters is not so; None where nothing tells them (builtins, snippets)."""
    target = form.target or ""
    if form.manual or form.template is not None or form.args is None or not target:
        return None if form.template is not None else []
    if target.startswith("mindspore.") and resolve(target) is MISSING:
        return [f"target {target} does not exist"]
    real = of_target(target)
    return None if real is None else list(_misfits(row, form, real))


def _misfits(row: Row, form: Form, real: Signature) -> Iterator[str]:
    target = form.target or ""
    names = {p.name for p in real}
    takes_any = any(p.star == "**" for p in real)
    passed = list(_passed(row, form))
    for name in [*(new for _, new, _ in passed), *form.add]:
        if name not in names and not takes_any and name not in _handled(form):
            yield f"{target} has no parameter '{name}'"
    places = [p.name for p in real if not p.keyword_only and not p.star]
    starred = any(p.star == "*" for p in real)
    for number, (old, new, stays) in enumerate(passed):
        if not stays:
            break
        if number >= len(places):
            if not starred:
                yield f"'{old}' stays argument {number + 1}, but {target} takes {len(places)} in places"
            break
        if places[number] != new and not starred:
            yield f"'{old}' stays argument {number + 1}, which is '{places[number]}' of {target}"


def _passed(row: Row, form: Form) -> Iterator[tuple[str, str, bool]]:
    """Each argument that reaches the target: torch's name, MindSpore's, and whether it keeps its place."""
    declared = [p for p in parameters(form.args or ()) if not p.star and form.when.get(p.name) != "absent"]
    method, to_method = is_method(row.name), is_method(form.target or "")
    limit = len(declared) if form.positional is None else form.positional
    starred = any(p.star == "*" for p in parameters(form.args or ()))
    if to_method and not method:
        declared = declared[1:]  # becomes the receiver; its own place counts as one
        limit -= 1
    if method and not to_method:
        first = of_target(form.target or "") or ()
        yield "self", first[0].name if first else "self", True
    stays = True
    for number, parameter in enumerate(declared):
        if form.drop.get(parameter.name) == "*" or parameter.name in {*form.drop, *form.unsupported}:
            stays = False  # what follows a dropped argument is written with its keyword
            continue
        stays = stays and number < limit and not parameter.keyword_only and not starred
        yield parameter.name, form.rename.get(parameter.name, parameter.name), stays


def _handled(form: Form) -> tuple[str, ...]:
    """Arguments that a handler is free to treat otherwise than the fields say."""
    if not form.handler:
        return ()
    return tuple(form.rename.get(p.name, p.name) for p in parameters(form.args or ()))
