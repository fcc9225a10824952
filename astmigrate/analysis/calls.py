"""Evaluates calls: torch APIs by their rows, the project's own by walking them, methods by their receiver."""

from __future__ import annotations

import ast
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from astmigrate.analysis import containers, kinds
from astmigrate.analysis.classes import ClassInfo, FunctionInfo, Scope
from astmigrate.analysis.foreign import external_result
from astmigrate.analysis.kinds import AMBIGUOUS, CONTAINERS, MEMBER, NONE, TENSOR, UNKNOWN, Value, join
from astmigrate.analysis.sites import Analysis, Rename, Site
from astmigrate.binding import Arguments, select
from astmigrate.model import NeedsAdapter, Unsupported

if TYPE_CHECKING:
    from astmigrate.analysis.index import ProjectIndex
    from astmigrate.analysis.text import Text

_RECEIVERS = {"tensor": "torch.Tensor", "size": "torch.Size", "dtype": "torch.dtype", "device": "torch.device",
              "optimizer": "torch.optim.Optimizer"}  # fmt: skip
_MUTATORS = frozenset({"append", "extend", "insert", "add_module", "register_module", "update", "pop", "__setitem__"})


class Calls:
    """The calls of a walk."""

    index: ProjectIndex
    text: Text
    scope: Scope
    analysis: Analysis
    active: bool
    owner: ClassInfo | None

    if TYPE_CHECKING:

        def expr(self, node: ast.expr) -> Value: ...
        def reference(self, node: ast.expr) -> Value: ...
        def used(self, node: ast.expr, value: Value) -> Value: ...
        def is_torch(self, name: str) -> bool: ...
        def record(self, site: Site) -> None: ...
        def set_name(self, name: str, value: Value) -> None: ...
        def bind(self, target: ast.expr, value: Value) -> None: ...
        def defaults(self, arguments: ast.arguments) -> None: ...
        def narrowed(self, test: ast.expr) -> AbstractContextManager[None]: ...
        def result_of(self, function: FunctionInfo) -> Value: ...
        def initialised(self, info: ClassInfo) -> None: ...

    statement: ast.Call | None = None  # the call of the expression statement that is walked

    def call(self, node: ast.Call) -> Value:
        func = node.func
        if isinstance(func, ast.Attribute):
            receiver = self.reference(func.value)
            if not (receiver.kind == "ref" and (receiver.direct or receiver.name)):
                return self._method(node, func, receiver)
        callee = self.reference(func)
        if callee.kind == "ref" and callee.name.startswith("builtins."):
            special = self._builtin(node, callee.name[9:])
            if special is not None:
                return special
        arguments = self._arguments(node)
        return self._called(node, callee, arguments)

    def _arguments(self, node: ast.Call) -> Arguments:
        positional = tuple(self.expr(a) for a in node.args)
        return Arguments(node, positional, tuple(self.expr(k.value) for k in node.keywords))

    def _called(self, node: ast.Call, callee: Value, arguments: Arguments) -> Value:
        if callee.alternatives:
            found: Value | None = None
            for value in callee.alternatives:
                if value.kind != "none":
                    found = join(found, self._called(node, value, arguments))
            return found or UNKNOWN
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
        return TENSOR if first.kind == "tensor" else UNKNOWN

    def _torch(self, node: ast.Call, callee: Value, arguments: Arguments) -> Value:
        """A call of a torch name; through a variable it keeps torch's convention and is no site."""
        name = callee.name
        role = "call"
        if name.endswith(".__init__") or name.startswith(("torch.nn.Module.", "torch.Tensor.")):
            return self._unbound_method(node, name, arguments)
        row = self.index.tables.row(name)
        value = self._row_result(name, arguments)
        if row is not None and row.name == "torch.nn.Parameter":
            value = replace(TENSOR, name=row.name)
        if row is not None and value.kind == "module":
            value = containers.build(replace(value, name=row.name, line=node.lineno), arguments)
        if callee.direct:
            site = Site(role, row.name if row else name, node.func, arguments, statement=self.statement is node)
            if value.kind == "module" and row is not None and row.name in CONTAINERS:
                site.origin = kinds.Origin()
                value = replace(value, origins=(site.origin,))
            self.record(site)
        return value

    def _unbound_method(self, node: ast.Call, name: str, arguments: Arguments) -> Value:
        """``nn.Module.__init__(self)`` or ``torch.Tensor.view(x, 1)``: the receiver comes first."""
        arguments = replace(arguments, skip=1)
        self.record(Site("unbound", name, node.func, arguments))
        return self._row_result(name, arguments)

    def _row_result(self, name: str, arguments: Arguments) -> Value:
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

    # methods ---------------------------------------------------------------------------------

    def _method(self, node: ast.Call, func: ast.Attribute, receiver: Value) -> Value:
        receiver = self.used(func.value, receiver) if receiver.direct else receiver
        arguments = self._arguments(node)
        if receiver.kind in ("module", "self", "super", "class", "object"):
            return self._module_method(node, func, receiver, arguments)
        prefix = _RECEIVERS.get(receiver.kind)
        if prefix and self.active:
            return self._row_method(node, func, receiver, arguments, prefix)
        if receiver.kind in ("array", "foreign"):
            takes_tensor = any(v.kind == "tensor" for v in arguments.positional[:1])
            return UNKNOWN if takes_tensor and receiver.kind == "foreign" else receiver
        if receiver.kind in ("sequence", "dict"):
            return containers.method(self, func, receiver, arguments)
        if receiver.kind in ("unknown", "member") and not receiver.alternatives or receiver.kind == "unknown":
            return self._of_unknown(node, func, receiver, arguments)
        return external_result(f"{receiver.kind}.{func.attr}", arguments)

    def _row_method(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments, prefix: str
    ) -> Value:
        name = f"{prefix}.{func.attr}"
        row = self.index.tables.row(name)
        if row is None and prefix != "torch.Tensor":
            return UNKNOWN
        self.record(Site("method", row.name if row else name, func, arguments, func.value, receiver,
                         self.statement is node))  # fmt: skip
        if row is None:
            return TENSOR
        value = self._row_result(name, arguments)
        form_self = row.returns == "self" or (not row.returns and value is UNKNOWN)
        return receiver if form_self else value

    def _of_unknown(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments
    ) -> Value:
        row = self.index.tables.row(f"torch.Tensor.{func.attr}") if self.active else None
        if row is None:
            if func.attr == "forward" and receiver.kind == "member":
                self.rename_forward(func)
            first = arguments.positional[0] if arguments.positional else UNKNOWN
            return TENSOR if first.kind == "tensor" and receiver.kind == "member" else UNKNOWN
        if func.attr not in AMBIGUOUS or (func.attr == "size" and receiver.kind == "unknown"):
            return self._row_method(node, func, replace(receiver, kind="tensor"), arguments, "torch.Tensor")
        if not any(v.kind == "string" for v in arguments.positional):
            self.record(Site("unclear", row.name, func, arguments, func.value, receiver))
        return UNKNOWN

    def _module_method(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments
    ) -> Value:
        info = self.index.classes.get(receiver.name)
        method = self.find_method(receiver, func.attr)
        if func.attr == "forward" and (info is None or self.is_module(info)):
            self.rename_forward(func)
            return self.forward_result(receiver)
        if method is not None:
            return self.result_of(method)
        if receiver.kind == "super" and func.attr == "__init__":
            return self._super_init(node, func, receiver, arguments)
        self._changed(func, receiver, arguments)
        self._registered(func, receiver, arguments)
        found = self._attribute_of(receiver, func.attr)
        if found is not None:
            return self._called(node, found, arguments)
        if receiver.kind == "class" and func.attr in ("__init__", "__new__"):
            return UNKNOWN
        return self._module_row(node, func, receiver, arguments)

    def _module_row(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments
    ) -> Value:
        for layer in self._layers(receiver):
            name = f"{layer}.{func.attr}"
            row = self.index.tables.row(name)
            if row is None:
                continue
            if receiver.kind == "class":
                arguments = replace(arguments, skip=1)
            self.record(Site("method", row.name, func, arguments, func.value, receiver, self.statement is node))
            value = self._row_result(name, arguments)
            if row.returns == "self":
                return replace(receiver, kind="module")
            if value.kind == "sequence" and kinds.any_element(value) == Value("module"):
                return kinds.sequence_of(kinds.any_element(replace(receiver, kind="module")) or Value("module"))
            return value
        first = arguments.positional[0] if arguments.positional else UNKNOWN
        return TENSOR if first.kind == "tensor" else UNKNOWN

    def _layers(self, receiver: Value) -> list[str]:
        """The torch classes whose methods a module has, nearest first; empty for other objects."""
        info = self.index.classes.get(receiver.name)
        if info is None:
            return [receiver.name, "torch.nn.Module"] if receiver.kind in ("module", "self") else []
        layers = [b for b in info.torch_bases(self.index.classes) if self.is_torch(b)]
        return [*layers, "torch.nn.Module"] if self.is_module(info) else layers

    def _super_init(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments
    ) -> Value:
        """``super().__init__(...)`` of a class whose next base is torch's: its arguments are the row's."""
        info = self.index.classes.get(receiver.name)
        layer = next(iter(info.torch_bases(self.index.classes)), "") if info else ""
        if info is not None and layer and self.is_torch(layer):
            self.record(Site("init", layer, func, arguments, owner=info))
            built = containers.build(Value("module", layer), arguments)
            for key, value in built.keys:
                info.children[key] = (value, node.lineno)
            if built.element is not None:
                info.children["*"] = (built.element, node.lineno)
        return NONE

    def _changed(self, func: ast.Attribute, receiver: Value, arguments: Arguments) -> None:
        """Notes that children are added to a container or to a module, and which."""
        if func.attr not in _MUTATORS:
            return
        for origin in receiver.origins:
            origin.changed.add(func.attr)
        grown = containers.grown(receiver, func.attr, arguments)
        if receiver.kind == "self" and self.owner is not None:
            self.owner.changed.add(func.attr)
            self.owner.late = True
            for key, value in grown.keys:
                self.owner.children[key] = (value, func.lineno)
            if grown.element is not None:
                self.owner.children["*"] = (grown.element, func.lineno)
        elif isinstance(func.value, (ast.Name, ast.Attribute)):
            if isinstance(func.value, ast.Attribute) and self.owner is not None:
                self.owner.late = True
            self.bind(func.value, grown)

    def _registered(self, func: ast.Attribute, receiver: Value, arguments: Arguments) -> None:
        """``self.register_buffer("name", ...)`` and ``register_parameter`` name what the checkpoint holds."""
        if func.attr not in ("register_buffer", "register_parameter") or self.owner is None:
            return
        name = arguments.positional[0].literal if arguments.positional else None
        if receiver.kind == "self" and isinstance(name, str):
            names = self.owner.buffers if func.attr == "register_buffer" else self.owner.parameters
            names.setdefault(name, func.lineno)
            self.owner.set(name, TENSOR, func.lineno, False)

    def find_method(self, receiver: Value, name: str) -> FunctionInfo | None:
        """The project's method of that name, by the receiver's class and its bases."""
        info = self.index.classes.get(receiver.name)
        if info is None:
            return None
        for number, owner in enumerate(info.lineage(self.index.classes)):
            if name in owner.methods and not (receiver.kind == "super" and number == 0):
                return owner.methods[name]
        return None

    def _attribute_of(self, receiver: Value, name: str) -> Value | None:
        info = self.index.classes.get(receiver.name)
        if info is None:
            return next((v for k, v in receiver.keys if k == name), None)
        self.initialised(info)
        for owner in info.lineage(self.index.classes):
            if name in owner.attributes:
                return owner.attributes[name].value
            if name in owner.children:
                return owner.children[name][0]
        return None

    def module_member(self, base: Value, node: ast.Attribute) -> Value:
        """``module.attr``: the project's attribute or method, else a layer's, else unknown."""
        found = self._attribute_of(base, node.attr)
        if found is not None and not (found.kind == "tensor" and self._renames(base, node.attr)):
            return found
        method = self.find_method(base, node.attr)
        info = self.index.classes.get(base.name)
        if node.attr == "forward" and base.kind != "object" and (info is None or self.is_module(info)):
            self.rename_forward(node)
            return MEMBER
        if method is not None:
            return self.result_of(method) if "property" in method.decorators else Value("function", method.name)
        return self._layer_attribute(base, node)

    def _renames(self, base: Value, name: str) -> bool:
        return any((row := self.index.tables.row(x)) is not None and name in row.weights for x in self._layers(base))

    def _layer_attribute(self, base: Value, node: ast.Attribute) -> Value:
        for layer in self._layers(base):
            row = self.index.tables.row(layer)
            if row is not None and (node.attr in row.attributes or node.attr in row.weights):
                self.record(Site("member", f"{row.name}.{node.attr}", node, receiver=node.value,
                                 receiver_value=base))  # fmt: skip
                return TENSOR if node.attr in row.weights else UNKNOWN
            attribute = self.index.tables.row(f"{layer}.{node.attr}")
            if attribute is not None and attribute.args is None:
                self.record(Site("attribute", attribute.name, node, receiver=node.value, receiver_value=base,
                                 store=isinstance(node.ctx, ast.Store)))  # fmt: skip
                return kinds.from_returns(attribute.returns)
        if node.attr in ("weight", "bias") and self._layers(base):
            return TENSOR
        return MEMBER if base.kind in ("module", "self") else UNKNOWN

    def rename_forward(self, func: ast.Attribute) -> None:
        """``x.forward`` → ``x.construct``."""
        end = self.text.end(func)
        rename = Rename(end - len("forward"), end, "construct", "torch.nn.Module.forward", "mindspore.nn.Cell.construct")
        self.analysis.renames.append(rename)

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
        if name in ("getattr", "hasattr") and len(node.args) >= 2 and isinstance(node.args[1], ast.Constant):
            base = self.reference(node.args[0])
            if base.kind == "ref" and base.direct and self.is_torch(base.name):
                return self._named(node, name, f"{base.name}.{node.args[1].value!s}")
            if base.direct:
                self.used(node.args[0], base)
        return None

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
