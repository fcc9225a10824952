"""Methods and attributes of values: a module's, a tensor's, or of what may be one."""

from __future__ import annotations

import ast
from dataclasses import replace

from astmigrate.analysis import containers, flows, kinds
from astmigrate.analysis.classes import FunctionInfo
from astmigrate.analysis.foreign import external_result
from astmigrate.analysis.kinds import AMBIGUOUS, MEMBER, NONE, TENSOR, UNKNOWN, Value, is_open
from astmigrate.analysis.sites import Site
from astmigrate.analysis.state import State
from astmigrate.binding import Arguments
from astmigrate.tables import Row

_RECEIVERS = {"tensor": "torch.Tensor", "size": "torch.Size", "dtype": "torch.dtype",
              "device": "torch.device", "optimizer": "torch.optim.Optimizer",
              "generator": "torch.Generator", "distribution": "torch.distributions.Distribution"}  # fmt: skip
_MUTATORS = frozenset(
    {"append", "extend", "insert", "add_module", "register_module", "update", "pop", "__setitem__"}
)


_LEAVES = ("weight", "bias")
_MODULES_OF = frozenset({"children", "named_children", "modules", "named_modules"})
_MODULES_ONLY = frozenset({"parameters", "named_parameters", "modules", "named_modules", "children",
                           "named_children", "buffers", "named_buffers", "register_forward_hook",
                           "register_forward_pre_hook"})  # fmt: skip


def _renamed(row: Row, name: str) -> str:
    """What a row makes of an attribute."""
    rule = row.attributes.get(name) or row.weights.get(name, name)
    return rule if isinstance(rule, str) else str(rule.get("name", name))


class Methods(State):
    """The method calls of a walk."""

    def method(self, node: ast.Call, func: ast.Attribute, receiver: Value) -> Value:
        receiver = self.used(func.value, receiver) if receiver.direct else receiver
        arguments = self.arguments(node)
        if receiver.kind in ("module", "self", "super", "class", "object"):
            return self._module_method(node, func, receiver, arguments)
        prefix = _RECEIVERS.get(receiver.kind)
        if prefix and self.active:
            return self._row_method(node, func, receiver, arguments, prefix)
        if receiver.kind in ("array", "foreign"):
            takes_tensor = any(v.kind == "tensor" for v in arguments.positional[:1])
            return UNKNOWN if takes_tensor and receiver.kind == "foreign" else receiver
        if receiver.kind in ("sequence", "dict"):
            found = containers.method(self, func, receiver, arguments)
            return flows.method(found, receiver, func.attr) if receiver.flows else found
        if receiver.kind == "unknown" or (receiver.kind == "member" and not receiver.alternatives):
            return self._of_anything(node, func, receiver, arguments)
        return external_result(f"{receiver.kind}.{func.attr}", arguments)

    def _of_anything(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments
    ) -> Value:
        found = self._of_unknown(node, func, receiver, arguments)
        self.flows_to(node, flows.attribute(UNKNOWN, receiver, func.attr), arguments)
        return flows.method(found, receiver, func.attr)

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
        value = self.row_result(name, arguments)
        form_self = row.returns == "self" or (not row.returns and value is UNKNOWN)
        return receiver if form_self else value

    def _of_unknown(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments
    ) -> Value:
        row = self.index.tables.row(f"torch.Tensor.{func.attr}") if self.active and self.fits(node) else None
        if (
            self.active
            and func.attr in _MODULES_ONLY
            and self.index.tables.row(f"torch.nn.Module.{func.attr}")
        ):
            return self._module_row(node, func, replace(receiver, kind="module"), arguments)
        if row is None:
            if func.attr == "forward" and receiver.kind == "member":
                self.rename_forward(func)
            elif self.active and func.attr in self.module_methods:
                name = f"torch.nn.Module.{func.attr}"
                self.record(Site("unclear", name, func, arguments, func.value, receiver))
            first = arguments.positional[0] if arguments.positional else UNKNOWN
            return TENSOR if first.kind == "tensor" and receiver.kind == "member" else UNKNOWN
        if func.attr.endswith("_"):
            self.leaf(func.value)
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
            self.flows_to_method(node, receiver, method, arguments)
            return self.result_of(method)
        if receiver.kind == "super" and func.attr == "__init__":
            return self._super_init(node, func, receiver, arguments)
        self._changed(func, receiver, arguments)
        self._registered(func, receiver, arguments)
        found = self._attribute_of(receiver, func.attr)
        if found is not None:
            return self.called(node, found, arguments)
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
            self.record(
                Site("method", row.name, func, arguments, func.value, receiver, self.statement is node)
            )
            value = self.row_result(name, arguments)
            if row.returns == "self":
                return replace(receiver, kind="module")
            if value.kind == "sequence" and kinds.any_element(value) == Value("module"):
                found = kinds.any_element(replace(receiver, kind="module")) or Value("module")
                return kinds.sequence_of(flows.children(found, receiver.flows) if receiver.flows else found)
            if receiver.flows and func.attr in _MODULES_OF and is_open(receiver):
                return flows.children(value, receiver.flows)
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
        for base in list(info.lineage(self.index.classes))[1:2] if info is not None else ():
            self.flows_to(node, Value("class", base.name), arguments)
        layer = next(iter(info.torch_bases(self.index.classes)), "") if info else ""
        if info is not None and layer and self.is_torch(layer):
            self.record(Site("init", layer, func, arguments, owner=info))
            built = containers.build(Value("module", layer), arguments)
            for key, value in built.keys:
                info.children[key] = (value, node.lineno)
            element = flows.content(built.element, built)
            if element is not None:
                info.children["*"] = (element, node.lineno)
        return NONE

    def _changed(self, func: ast.Attribute, receiver: Value, arguments: Arguments) -> None:
        """Notes that children are added to a container or to a module, and which."""
        if func.attr not in _MUTATORS:
            return
        used = self.statement is not arguments.call
        for origin in receiver.origins:
            origin.changed |= {func.attr, f"{func.attr}()"} if used else {func.attr}
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
            return (
                self.result_of(method) if "property" in method.decorators else Value("function", method.name)
            )
        return self._layer_attribute(base, node)

    def _renames(self, base: Value, name: str) -> bool:
        return any(
            (row := self.index.tables.row(x)) is not None and name in row.weights for x in self._layers(base)
        )

    def of_alternatives(self, base: Value, node: ast.Attribute) -> Value:
        """An attribute of one of several layers: renamed where all agree, else asked for at run time."""
        names: set[str | None] = set()
        for each in base.each:
            layers = self._layers(each) if each.kind == "module" and each.name != "torch.nn.Module" else []
            rows = [row for row in map(self.index.tables.row, layers) if row is not None]
            if rows or each.kind != "none":
                names.add(_renamed(rows[0], node.attr) if rows else None)
        if len(names) == 1 and None not in names:
            first = next(each for each in base.each if each.kind == "module")
            return self._layer_attribute(replace(first, alternatives=()), node)
        if node.attr in _LEAVES:
            self.leaf(node)
            return TENSOR
        return UNKNOWN

    def leaf(self, node: ast.expr) -> None:
        """Records the weight or bias (or its data) of a module of which only the run tells the layer."""
        while isinstance(node, ast.Attribute) and node.attr == "data":
            node = node.value
        if not isinstance(node, ast.Attribute) or node.attr not in _LEAVES or id(node) in self.sites:
            return
        base = self.reference(node.value)
        if base.alternatives and all(each.kind == "module" for each in base.alternatives):
            return  # decided by ``of_alternatives``
        if base.kind in ("unknown", "member") or (
            base.kind == "module" and base.name in ("", "torch.nn.Module")
        ):
            self.record(
                Site("leaf", f"torch.nn.Module.{node.attr}", node, receiver=node.value, receiver_value=base)
            )

    def _layer_attribute(self, base: Value, node: ast.Attribute) -> Value:
        if base.alternatives:
            return self.of_alternatives(base, node)
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
