"""Handlers of ``torch.nn`` rows: containers of modules, and parameters."""

from __future__ import annotations

import ast

from msgspec.structs import replace

from astmigrate.handlers.nn import argument, is_none
from astmigrate.model import Call, NeedsAdapter, Unsupported
from astmigrate.tables import Form


def module_list(call: Call, form: Form) -> Form:
    """``nn.CellList`` takes a list of cells; of anything else that can be iterated, a list is made.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.CellList.html
    """
    modules = argument(call, "modules")
    if is_none(modules):
        return replace(form, drop={**form.drop, "modules": "*"})
    node = ast.parse(f"({modules.text})", mode="eval").body
    if isinstance(node, ast.GeneratorExp):
        raise NeedsAdapter("a generator without parentheses of its own")
    if isinstance(node, ast.List) and any(isinstance(item, ast.Constant) for item in node.elts):
        raise NeedsAdapter("nn.CellList holds cells only")
    cells = "{modules}" if isinstance(node, ast.List | ast.ListComp) else "list({modules})"
    return replace(form, template=f"{form.target}({cells})")  # nn.CellList ignores keywords


def parameter(call: Call, form: Form) -> Form:
    """MindSpore's parameters have values from the beginning.

    https://www.mindspore.cn/docs/en/master/api_python/mindspore/mindspore.Parameter.html
    """
    if is_none(argument(call, "data")):
        raise Unsupported("MindSpore's parameters need values; give it some, e.g. ops.zeros(shape)")
    return form
