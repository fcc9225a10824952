"""Evaluates names and attributes: what they refer to, and the uses of torch among them."""

from __future__ import annotations

import ast
import builtins

from msgspec.structs import replace

from astmigrate.analysis import flows, kinds
from astmigrate.analysis.calls import Calls
from astmigrate.analysis.kinds import (
    ARRAY,
    MEMBER,
    SIZE,
    UNKNOWN,
    Value,
)  # fmt: skip
from astmigrate.analysis.sites import Site

_DTYPES = frozenset({"float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8",
                     "bool_", "bool", "complex64", "complex128"})  # fmt: skip
_BUILTINS = frozenset(dir(builtins))
_DTYPED = {"sequence": "torch.return_types", "tensor": "torch.Tensor", "size": "torch.Size",
           "dtype": "torch.dtype", "device": "torch.device", "optimizer": "torch.optim.Optimizer",
           "module": "torch.nn.Module", "generator": "torch.Generator",
           "distribution": "torch.distributions.Distribution"}  # fmt: skip


_PARTS = ("real", "imag")  # methods of MindSpore's tensors; numbers and arrays have them too
_MODULES_OWN = ("_modules", "_parameters", "_buffers")  # nothing but a module has them


class References(Calls):
    """The names and attributes of a walk."""

    def name(self, node: ast.Name) -> Value:
        value = self.scope.find(node.id)
        if value is None:
            return self._unbound(node.id)
        if value.alternatives:
            known = [v for v in value.alternatives if v.kind != "none"]
            if len({(v.name, v.direct) for v in known}) == 1 and known[0].direct:
                return known[0]
            if any(v.direct for v in known):
                self.analysis.indirect.add(node.id)
                torch = next(v for v in known if v.direct)
                if self.is_torch(torch.name):
                    self.record(Site("indirect", torch.name, node))
                return replace(
                    value, alternatives=tuple(replace(v, direct=False) for v in value.alternatives)
                )
        return value

    def _unbound(self, name: str) -> Value:
        for star in self.scope.module.stars:
            if self.index.tables.row(f"{star}.{name}") is not None:
                return Value("ref", f"{star}.{name}", direct=True)
        return Value("ref", f"builtins.{name}") if name in _BUILTINS else UNKNOWN

    def attribute(self, node: ast.Attribute) -> Value:
        base = self.reference(node.value)
        if base.kind == "ref" and (base.direct or base.name):
            found = self._of_reference(base, node)
            if found is not None:
                return found
        return flows.attribute(self.member(base, node), base, node.attr)

    def _of_reference(self, base: Value, node: ast.Attribute) -> Value | None:
        if self.index.is_project(base.name) and f"{base.name}.{node.attr}" not in self.index.tables.own_names:
            found = self.index.member(base.name, node.attr)
            return replace(found, direct=found.direct and self._is_namespace(found)) if found else UNKNOWN
        if base.direct and self.is_torch(base.name) and not self.is_torch(f"{base.name}.{node.attr}"):
            self._stays(node.value)
        if base.name == "mindspore" and node.attr in _DTYPES:  # an earlier run's
            return Value("dtype")
        if base.direct and self.is_torch(base.name):
            row = self.index.tables.row(base.name)
            if row is not None and row.args is None and row.returns in (*_DTYPED, "string"):
                self.used(node.value, base)
                return self.member(kinds.from_returns(row.returns), node)
        return Value("ref", f"{base.name}.{node.attr}", direct=base.direct)

    def _stays(self, node: ast.expr) -> None:
        """Keeps the import through which a name is used that no row maps."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.Name):
            self.analysis.staying.add(node.id)

    def _is_namespace(self, value: Value) -> bool:
        return self.index.is_project(value.name) or value.name in self.index.tables.namespaces

    def member(self, base: Value, node: ast.Attribute) -> Value:
        """``base.attr`` where it is read, not called."""
        prefix = _DTYPED.get(base.kind)
        if node.attr in _MODULES_OWN and base.kind in ("unknown", "member"):
            base = replace(base, kind="module")
        if any(each.kind == "module" for each in base.alternatives):
            return (
                self.of_alternatives(base, node) if base.kind != "module" else self.module_member(base, node)
            )
        if base.kind in ("module", "self", "class", "object", "super"):
            found = self.module_member(base, node)
            return Value("device") if found is UNKNOWN and node.attr == "device" else found
        if prefix and self.active:
            row = self.index.tables.row(f"{prefix}.{node.attr}")
            if row is not None and row.args is None:
                self.record(Site("attribute", row.name, node, receiver=node.value, receiver_value=base,
                                 store=isinstance(node.ctx, ast.Store)))  # fmt: skip
                return base if row.returns == "self" else kinds.from_returns(row.returns)
            return Value("bound", node.attr)
        if base.kind == "array":
            return SIZE if node.attr == "shape" else ARRAY
        if base.kind == "foreign":
            return base
        if node.attr == "shape":
            return SIZE
        if node.attr in ("dtype", "device"):
            return Value(node.attr)
        if node.attr in _PARTS and self.active and isinstance(node.ctx, ast.Load):
            self.record(
                Site("part", f"torch.Tensor.{node.attr}", node, receiver=node.value, receiver_value=base)
            )
            return base
        for key, value in base.keys:
            if key == node.attr:
                return value
        return MEMBER if base.kind == "member" else UNKNOWN
