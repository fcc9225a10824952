"""Evaluates comparisons: of values, with torch's classes, and with the names that torch has."""

from __future__ import annotations

import ast

from astmigrate.analysis.kinds import COMPARED, NUMBER, UNKNOWN, Value
from astmigrate.analysis.references import References
from astmigrate.analysis.sites import Site

_TENSORS = ("torch.Tensor", "torch.nn.Parameter")  # classes whose rows say what they make


class Comparisons(References):
    """The comparisons of a walk."""

    def compare(self, node: ast.Compare) -> Value:
        if self._asks_for_name(node):
            return NUMBER
        values = [self.expr(node.left)]
        for comparator in node.comparators:
            if not self._compared_types(comparator):
                values.append(self.expr(comparator))
        if all(isinstance(op, (ast.In, ast.NotIn, ast.Is, ast.IsNot)) for op in node.ops):
            return NUMBER
        told = next((v for v in values if v.kind in ("tensor", "array")), None)
        return told or (COMPARED if any(v.kind in ("unknown", "member") for v in values) else NUMBER)

    def _asks_for_name(self, node: ast.Compare) -> bool:
        """``"silu" in dir(F)`` asks what ``hasattr(F, "silu")`` does."""
        match node:
            case ast.Compare(
                left=ast.Constant(value=str(name)),
                ops=[ast.In()],
                comparators=[ast.Call(func=ast.Name(id="dir"), args=[names], keywords=[])],
            ):
                base = self.reference(names)
                if base.kind == "ref" and base.direct and self.is_torch(base.name):
                    self.record(Site("hasattr", f"{base.name}.{name}", node))
                    return True
        return False

    def _compared_types(self, node: ast.expr) -> bool:
        """``t is nn.ReLU``, ``type(m) in (nn.ReLU, nn.SiLU)``: the classes themselves are meant."""
        parts = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
        torchs: list[ast.expr] = []
        for part in parts:
            value = self.reference(part) if isinstance(part, (ast.Name, ast.Attribute)) else UNKNOWN
            if value.direct and value.kind == "ref" and self._is_class(value.name):
                self.record(Site("compared", value.name, part))
                torchs.append(part)
        for part in parts if torchs else ():
            if part not in torchs:
                self.expr(part)
        return bool(torchs)

    def _is_class(self, name: str) -> bool:
        row = self.index.tables.row(name) if self.is_torch(name) else None
        return row is not None and (row.returns in ("module", "class") or row.name in _TENSORS)
