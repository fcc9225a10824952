"""Adapters: what stands for a torch class or function where its arguments are only known at run time.

An adapter has torch's name, as far as that is free, and takes torch's arguments. Most are made from the row
itself: the row's own rewriting, applied to a call that passes every parameter on.
"""

from __future__ import annotations

import ast
import keyword
from functools import cache

from msgspec.structs import replace

from astmigrate.analysis.kinds import UNKNOWN
from astmigrate.analysis.text import Text
from astmigrate.binding import Arguments, Parameter, bind, parameters
from astmigrate.handlers import handler
from astmigrate.model import NeedsAdapter, Unsupported
from astmigrate.rewrite.calls import write_call
from astmigrate.rewrite.handler_calls import handler_call
from astmigrate.rewrite.names import Names
from astmigrate.rewrite.settle import Target
from astmigrate.rewrite.splice import splice
from astmigrate.snippets import catalogue, imported
from astmigrate.tables import Form, Row

_NAMESPACES = {"torch.Tensor": "tensor_", "torch": "torch_", "torch.nn.functional": "", "torch.nn": ""}

_OF_INSTANCES = ("torch.Tensor.", "torch.nn.Module.", "torch.optim.Optimizer.")  # rows that have a receiver


def adapter_name(row: Row) -> str:
    """The name of a row's adapter in ``ms_snippets``; no other row's, and not that of a snippet there."""
    if row.adapter:
        return row.adapter.removeprefix("snippets.")
    namespace, _, leaf = row.name.rpartition(".")
    prefix = _NAMESPACES.get(namespace)
    name = f"{prefix}{leaf}" if prefix is not None else row.name.removeprefix("torch.").replace(".", "_")
    if name in catalogue() or name in imported():
        return f"{name}Adapter" if row.returns == "module" else f"{name}_adapter"
    return name


@cache
def _keywords(name: str) -> frozenset[str] | None:
    """The keywords that an adapter written by hand takes; None where its source alone does not tell."""
    source = catalogue().get(name)
    node = ast.parse(source).body[0] if source else None
    if isinstance(node, ast.ClassDef):
        node = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if not isinstance(node, ast.FunctionDef) or node.args.kwarg is not None:
        return None
    return frozenset(a.arg for a in (*node.args.args, *node.args.kwonlyargs))


def accepts(name: str, keyword: str | None) -> bool:
    """Whether the adapter ``name`` may be called with this keyword; ``**`` may hold any."""
    known = _keywords(name)
    return known is None or keyword is None or keyword in known


def adapter_source(row: Row) -> str:
    """The Python source of the adapter that is made from a row; ``Unsupported`` where none can be."""
    if row.forms or row.args is None or row.manual or not (row.target or row.template):
        raise Unsupported("its arguments are only known at run time")
    try:
        is_class = row.returns == "module" and row.template is None
        source = _class(row) if is_class else _function(row)
    except NeedsAdapter as error:
        raise Unsupported(f"its arguments are only known at run time: {error}") from error
    needs = Names(()).spell(row.target or "")[1] if row.target else ()
    imports = "".join(f"{need}\n" for need in needs if need.startswith("from "))
    return f"{imports}\n\n{source}" if imports else source


def _class(row: Row) -> str:
    base, _ = Names(()).spell(row.target or "")
    declared = parameters(row.args or ())
    name = adapter_name(row)
    call = _written(row, "super().__init__", init=True)
    checks = _checks(row, declared, "        ")
    return (
        f"class {name}({base}):\n"
        f'    """``{base}`` with the arguments of ``{row.name}``."""\n\n'
        f"    def __init__({', '.join(['self', *_signature(declared)])}):\n{checks}        {call}\n"
        + (_WRITING.format(row.mutates) if row.mutates else "")
    )


_WRITING = """        self.{0} = {0}

    def construct(self, input):
        result = super().construct(input)
        if not self.{0}:
            return result
        input[()] = result  # every name of the tensor sees it, as in PyTorch
        return input
"""


def _function(row: Row) -> str:
    declared = parameters(row.args or ())
    receiver = "self" if row.name.startswith(_OF_INSTANCES) or "{self}" in (row.template or "") else ""
    name = adapter_name(row)
    call = _written(row, f"self.{row.name.rpartition('.')[2]}" if receiver else row.name, receiver=receiver)
    checks = _checks(row, declared, "    ")
    arguments = ", ".join([*([receiver] if receiver else []), *_signature(declared)])
    summary = f'    """``{row.target or row.template}`` with the arguments of ``{row.name}``."""\n'
    return f"def {name}({arguments}):\n{summary}{checks}    return {call}\n"


def _signature(declared: tuple[Parameter, ...]) -> list[str]:
    found: list[str] = []
    marked = False
    for parameter in declared:
        if parameter.star:
            found.append(parameter.star + parameter.name)
            marked = True
            continue
        if parameter.keyword_only and not marked:
            found.append("*")
            marked = True
        default = parameter.default or ""
        default = "None" if default.startswith("torch.") else default  # a layout or format: dropped anyway
        found.append(_local(parameter) + (f"={default}" if default else ""))
    return found


def _written(row: Row, callee: str, *, init: bool = False, receiver: str = "") -> str:
    """The row's rewriting of a call that passes every parameter on under its own name."""
    passed = [_passed(p) for p in parameters(row.args or ())]
    text = Text(f"{callee}({', '.join(passed)})")
    statement = text.tree.body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    call = statement.value
    arguments = Arguments(call, (UNKNOWN,) * len(call.args), (UNKNOWN,) * len(call.keywords))
    bound = bind(row, arguments)
    if isinstance(bound, str):
        raise Unsupported(bound)
    receiver_node = call.func.value if receiver and isinstance(call.func, ast.Attribute) else None
    where = Target(text, call, Names(()), receiver_node, init)
    form: Form = replace(row, drop={**row.drop, **dict.fromkeys(row.unsupported, "*")}, unsupported={})
    form = replace(form, drop=dict.fromkeys(form.drop, "*"))
    if row.handler:
        form = handler(row.handler)(handler_call(row.name, form, bound, where, False, None), form)
    written = write_call(form, bound, where)
    return splice(text.data, written.edits).decode()


def _passed(parameter: Parameter) -> str:
    local = _local(parameter)
    if parameter.star:
        return f"{parameter.star}{local}"
    return f"{parameter.name}={local}" if parameter.keyword_only else local


def _local(parameter: Parameter) -> str:
    """The parameter's name; ``uniform_(from=...)`` has one that Python does not let a function have."""
    return f"{parameter.name}_" if keyword.iskeyword(parameter.name) else parameter.name


def _checks(row: Row, declared: tuple[Parameter, ...], indent: str) -> str:
    """Statements that refuse, at run time, what the row refuses when it sees it."""
    lines: list[str] = []
    for parameter in declared:
        harmless, reason = row.drop.get(parameter.name), row.unsupported.get(parameter.name)
        if harmless == "*" or (harmless is None and reason is None):
            continue
        values = [*(harmless or ()), *([parameter.default] if parameter.default is not None else [])]
        values = [v for v in dict.fromkeys(values) if not v.startswith("torch.")]
        if not values:  # only torch's own constants are harmless: none of them can come here
            continue
        message = reason or f"MindSpore has no {parameter.name} here"
        lines.append(f"{indent}if {parameter.name} not in ({', '.join(values)},):\n"
                     f"{indent}    raise NotImplementedError({message!r})\n")  # fmt: skip
    return "".join(lines)


def same_convention(row: Row) -> bool:
    """Whether MindSpore's API takes torch's arguments as they are, so that it can be passed on itself."""
    changed = row.rename or row.add or row.drop or row.wrap or row.handler or row.forms
    return not (changed or row.template is not None or row.positional is not None)
