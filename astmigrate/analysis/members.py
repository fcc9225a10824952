"""Attributes of modules: the project's own, and those of torch's layers."""

from __future__ import annotations

import ast

from msgspec.structs import replace

from astmigrate.analysis import kinds
from astmigrate.analysis.classes import FunctionInfo
from astmigrate.analysis.kinds import MEMBER, TENSOR, UNKNOWN, Value
from astmigrate.analysis.sites import Site
from astmigrate.analysis.state import State
from astmigrate.tables import Row

_LEAVES = ("weight", "bias")


def _renamed(row: Row, name: str) -> str:
    """What a row makes of an attribute."""
    rule = row.attributes.get(name) or row.weights.get(name, name)
    return rule if isinstance(rule, str) else str(rule.get("name", name))


class Members(State):
    """The attributes of modules in a walk."""

    def find_method(self, receiver: Value, name: str) -> FunctionInfo | None:
        """The project's method of that name, by the receiver's class and its bases."""
        info = self.index.classes.get(receiver.name)
        if info is None:
            return None
        for number, owner in enumerate(info.lineage(self.index.classes)):
            if name in owner.methods and not (receiver.kind == "super" and number == 0):
                return owner.methods[name]
        return None

    def attribute_of(self, receiver: Value, name: str) -> Value | None:
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
        found = self.attribute_of(base, node.attr)
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
            (row := self.index.tables.row(x)) is not None and name in row.weights for x in self.layers(base)
        )

    def of_alternatives(self, base: Value, node: ast.Attribute) -> Value:
        """An attribute of one of several layers: renamed where all agree, else asked for at run time."""
        names: set[str | None] = set()
        for each in base.each:
            layers = self.layers(each) if each.kind == "module" and each.name != "torch.nn.Module" else []
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
        for layer in self.layers(base):
            row = self.index.tables.row(layer)
            if row is not None and (node.attr in row.attributes or node.attr in row.weights):
                self.record(Site("member", f"{row.name}.{node.attr}", node, receiver=node.value,
                                 receiver_value=base))  # fmt: skip
                return _tensor(node.attr) if node.attr in row.weights else UNKNOWN
            attribute = self.index.tables.row(f"{layer}.{node.attr}")
            if attribute is not None and attribute.args is None:
                self.record(Site("attribute", attribute.name, node, receiver=node.value, receiver_value=base,
                                 store=isinstance(node.ctx, ast.Store)))  # fmt: skip
                return kinds.from_returns(attribute.returns)
        if node.attr in _LEAVES and self.layers(base):
            return _tensor(node.attr)
        return MEMBER if base.kind in ("module", "self") else UNKNOWN

    def layers(self, receiver: Value) -> list[str]:
        """The torch classes whose methods a module has, nearest first; empty for other objects."""
        info = self.index.classes.get(receiver.name)
        if info is None:
            return [receiver.name, "torch.nn.Module"] if receiver.kind in ("module", "self") else []
        layers = [b for b in info.torch_bases(self.index.classes) if self.is_torch(b)]
        return [*layers, "torch.nn.Module"] if self.is_module(info) else layers


def _tensor(name: str) -> Value:
    """A tensor that a layer holds: learned, or a statistic."""
    return kinds.PARAMETER if name in _LEAVES else TENSOR
