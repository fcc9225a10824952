"""Evaluates calls: torch APIs by their rows, the project's own by walking them, methods by their receiver."""

from __future__ import annotations

import ast
import re
from typing import Any

from msgspec.structs import replace

from astmigrate.analysis import complexes, containers, flows, kinds
from astmigrate.analysis.classes import ClassInfo
from astmigrate.analysis.foreign import external_result
from astmigrate.analysis.kinds import CONTAINERS, TENSOR, UNKNOWN, Value, join
from astmigrate.analysis.methods import Methods
from astmigrate.analysis.sites import Site
from astmigrate.binding import Arguments, select
from astmigrate.model import NeedsAdapter, Unsupported


class Calls(Methods):
    """The calls of a walk."""

    def call(self, node: ast.Call) -> Value:
        func = node.func
        if isinstance(func, ast.Attribute):
            receiver = self.reference(func.value)
            if not (receiver.kind == "ref" and (receiver.direct or receiver.name)):
                return self.method(node, func, receiver)
        callee = self.reference(func)
        if callee.kind == "ref" and callee.name.startswith("builtins."):
            special = self._builtin(node, callee.name[9:])
            if special is not None:
                return special
        arguments = self.arguments(node)
        return self.called(node, callee, arguments)

    def arguments(self, node: ast.Call) -> Arguments:
        positional = tuple(self.expr(a) for a in node.args)
        return Arguments(node, positional, tuple(self.expr(k.value) for k in node.keywords))

    def called(self, node: ast.Call, callee: Value, arguments: Arguments) -> Value:
        if callee.alternatives:
            found: Value | None = None
            told = any(v.kind == "module" and v.name != "torch.nn.Module" for v in callee.alternatives)
            for value in callee.alternatives:
                if value.kind != "none" and not (told and value.name == "torch.nn.Module"):
                    found = join(found, self.called(node, value, arguments))
            self.flows_to(node, callee, arguments)
            return found or UNKNOWN
        self.flows_to(node, callee, arguments)
        if callee.kind == "ref" and self.is_torch(callee.name):
            return self._torch(node, callee, arguments)
        if callee.kind == "ref":
            if callee.direct:
                self.used(node.func, callee)
            return external_result(callee.name, arguments)
        if callee.kind == "class":
            return self._instance(callee, arguments)
        if callee.kind == "function":
            info = self.index.functions.get(callee.name)
            return self.result_of(info) if info else UNKNOWN
        if callee.kind == "lambda":
            return callee.element or UNKNOWN
        if callee.kind in ("module", "self"):
            return self.forward_result(callee)
        first = arguments.positional[0] if arguments.positional else UNKNOWN
        return TENSOR if first.kind == "tensor" else flows.called(callee)

    def _torch(self, node: ast.Call, callee: Value, arguments: Arguments) -> Value:
        """A call of a torch name; through a variable it keeps torch's convention and is no site."""
        name = callee.name
        if name.endswith(".__init__") or name.startswith(("torch.nn.Module.", "torch.Tensor.")):
            return self._unbound_method(node, name, arguments)
        row = self.index.tables.row(name)
        value = self.row_result(name, arguments)
        value = complexes.like(value, arguments.positional, name.rpartition(".")[2])
        if row is not None and row.name == "torch.nn.Parameter":
            value = kinds.PARAMETER
        if row is not None and value.kind == "module":
            value = containers.build(replace(value, name=row.name, line=node.lineno), arguments)
        if name.startswith("torch.nn.init.") and node.args:
            self._initialised(node.args[0])
        if callee.direct:
            self.python_dtypes(arguments)
            site = Site("call", name, node.func, arguments, statement=self.statement is node)
            if value.kind == "module" and row is not None and row.name in CONTAINERS:
                site.origin = kinds.Origin()
                value = replace(value, origins=(site.origin,))
            self.record(site)
        return value

    def _initialised(self, node: ast.expr) -> None:
        """The tensor that ``nn.init`` fills: the parameter itself, as MindSpore's ``data`` is a copy."""
        self.leaf(node)
        if isinstance(node, ast.Attribute) and node.attr == "data":
            self.record(Site("dropped", "torch.Tensor.data", node, receiver=node.value))

    def _unbound_method(self, node: ast.Call, name: str, arguments: Arguments) -> Value:
        """``nn.Module.__init__(self)`` or ``torch.Tensor.view(x, 1)``: the receiver comes first."""
        arguments = replace(arguments, skip=1)
        self.record(Site("unbound", name, node.func, arguments))
        return self.row_result(name, arguments)

    def row_result(self, name: str, arguments: Arguments) -> Value:
        row = self.index.tables.row(name)
        if row is None:
            return UNKNOWN
        form: Any = row
        if row.forms:
            try:
                form, _ = select(row, arguments)
            except (Unsupported, NeedsAdapter):
                return UNKNOWN
        if form.returns == "self":
            return arguments.positional[0] if arguments.positional else UNKNOWN
        return kinds.from_returns(form.returns)

    def _instance(self, callee: Value, arguments: Arguments) -> Value:
        info = self.index.classes[callee.name]
        kind = "module" if self.is_module(info) else "object"
        value = Value(kind, info.name)
        layer = next((b for b in info.torch_bases(self.index.classes) if b in CONTAINERS), "")
        if layer and "__init__" not in info.methods:
            value = replace(containers.build(replace(value, name=layer), arguments), name=info.name)
        return value

    def is_module(self, info: ClassInfo) -> bool:
        """Whether a class of the project is a ``torch.nn.Module``, through any number of bases."""
        for base in info.torch_bases(self.index.classes):
            if base == "torch.nn.Module":
                return True
            row = self.index.tables.row(base)
            if row is not None and row.returns == "module":
                return True
        return info.mixed_into_module

    def forward_result(self, value: Value) -> Value:
        """What calling a module yields: its ``forward``'s result, a tensor where that is unknown."""
        info = self.index.classes.get(value.name)
        if info is not None:
            for owner in info.lineage(self.index.classes):
                if "forward" in owner.methods:
                    found = self.result_of(owner.methods["forward"])
                    return TENSOR if found.kind == "unknown" and not found.alternatives else found
        names = [value.name] if info is None else info.torch_bases(self.index.classes)
        row = next((r for r in map(self.index.tables.row, names) if r is not None), None)
        return kinds.from_returns(row.result) if row is not None and row.result else TENSOR

    # builtins --------------------------------------------------------------------------------

    def _builtin(self, node: ast.Call, name: str) -> Value | None:
        if name == "super":
            for argument in node.args:
                self.reference(argument)
            return Value("super", self.owner.name) if self.owner else UNKNOWN
        if name in ("isinstance", "issubclass") and len(node.args) == 2:
            self.expr(node.args[0])
            self.types(node.args[1])
            return kinds.NUMBER
        if name == "abs" and len(node.args) == 1:
            arguments = self.arguments(node)
            if complexes.is_complex(arguments.positional[0]):
                self.record(Site("call", "torch.abs", node.func, arguments))
            return external_result("builtins.abs", arguments)
        if name == "map" and len(node.args) == 2 and isinstance(node.args[0], ast.Lambda):
            element = kinds.iterate(self.expr(node.args[1]))
            return kinds.sequence_of(self.function(node.args[0], [element]).element)
        if name == "setattr" and len(node.args) == 3:
            return self._set_by_name(node)
        if name in ("getattr", "hasattr") and len(node.args) >= 2 and isinstance(node.args[1], ast.Constant):
            base = self.reference(node.args[0])
            if base.kind == "ref" and base.direct and self.is_torch(base.name):
                return self._named(node, name, f"{base.name}.{node.args[1].value!s}")
            if base.direct:
                self.used(node.args[0], base)
        return None

    def _set_by_name(self, node: ast.Call) -> Value:
        """``setattr(self, name, value)``: a child or parameter whose name is a literal, or any."""
        base, name, value = (self.expr(argument) for argument in node.args)
        if base.kind == "self" and self.owner is not None and kinds.is_learned(value):
            self.owner.parameters.setdefault(_pattern(node.args[1], name), node.lineno)
        if base.kind == "module" and any(v.kind == "module" for v in value.each):
            self.record(Site("set_child", "torch.nn.Module.__setattr__", node.func))
        if base.kind == "self" and self.owner is not None and value.kind in ("module", "unknown", "member"):
            self.owner.changed.add("set")
            key = name.literal if isinstance(name.literal, str) else "*"
            known = self.owner.children.get(key)
            self.owner.children[key] = (join(known[0] if known else None, value), node.lineno)
        return kinds.NONE

    def _named(self, node: ast.Call, function: str, name: str) -> Value:
        """``getattr(nn, "ReLU")`` is ``nn.ReLU``; ``hasattr(nn, "ReLU")`` asks for its row."""
        for argument in node.args[2:]:
            self.expr(argument)
        self.record(Site("value" if function == "getattr" else "hasattr", name, node))
        return Value("ref", name) if function == "getattr" else kinds.NUMBER

    def types(self, node: ast.expr) -> None:
        """Records the torch classes that ``isinstance`` or a comparison with ``type(x)`` names."""
        if isinstance(node, ast.Tuple):
            for part in node.elts:
                self.types(part)
            return
        if isinstance(node, ast.BinOp):
            self.types(node.left)
            self.types(node.right)
            return
        value = self.reference(node)
        if value.direct and value.kind == "ref" and self.is_torch(value.name):
            self.record(Site("type", value.name, node))


def _pattern(node: ast.expr, value: Value) -> str:
    """The names that an expression may give, "*" for what is computed: ``cls_token_*``."""
    if isinstance(value.literal, str):
        return value.literal
    match node:
        case ast.JoinedStr(values=parts):
            texts = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts]
        case ast.BinOp(left=ast.Constant(value=str(start)), op=ast.Add()):
            texts = [start, "*"]
        case ast.BinOp(left=ast.Constant(value=str(template)), op=ast.Mod()):
            texts = [re.sub(r"%[^a-zA-Z%]*[a-zA-Z]", "*", template)]
        case _:
            texts = ["*"]
    return "".join(texts)
