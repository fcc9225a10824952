"""Plans subscripts and operators: what is assigned to, numpy's beside a tensor, what follows a mask."""

from __future__ import annotations

import ast

from astmigrate.analysis.sites import Site
from astmigrate.analysis.text import is_full, may_be_empty
from astmigrate.model import Edit, Level, Span
from astmigrate.plan.in_place import EMPTY
from astmigrate.plan.names import NamePlans
from astmigrate.rewrite.receivers import receiver_end

_MAYBE = "If this is a tensor, PyTorch changes the caller's too, MindSpore does not; annotate it then."
_MASK = "MindSpore takes what follows a mask of several dimensions from the wrong one."
_TWO_STEPS = "If there is such a mask here, index twice: x[mask][:, 1:] for x[mask, 1:]."
_SHARED = "With '...' as its index, MindSpore lets both tensors share their memory."


class IndexPlans(NamePlans):
    """Plans the roles of which the node is a subscript, an index, or an operand."""

    def _slices(self, site: Site) -> None:
        """``x[a:b, c:d] = y``, where a slice may be empty."""
        assert site.within is not None
        row, value = self.row(site), getattr(site.within, "value", site.node)
        if self.in_place.is_guarded(site.within, site.node):
            return
        guard = self.in_place.guard(site.within, site.node, value)
        if guard:
            start = self.text.start(site.within)
            self.edit(Edit(start, start, guard))
        self.findings.converted(site, "AM107", row.name, row.target or "", EMPTY, review=not guard)

    def _whole(self, site: Site) -> None:
        """``x[...] = y``."""
        assert isinstance(site.node, ast.Subscript)
        row, index = self.row(site), site.node.slice
        self.in_place.fills(site.node.value)
        self.edit(Edit(self.text.start(index), self.text.end(index), ("()",)))
        self.findings.converted(site, "AM107", row.name, row.target or "", _SHARED)

    def _item(self, site: Site) -> None:
        """``x[i] = y`` where i may be a tensor."""
        assert isinstance(site.node, ast.Subscript)
        tensor = site.node.value
        if isinstance(tensor, ast.Attribute) and tensor.attr == "data":  # of which only a copy would change
            self._cut_off(tensor)
            self.findings.converted(site, "AM107", site.name, "mindspore.Tensor.__setitem__")
        elif self.in_place.parts_ways(site, tensor):
            row = self.row(site)
            self.converted(site, "AM107", row, row.target or "", row.note)
        elif may_be_empty(site.node.slice):
            self._slices(site)

    def _augmented(self, site: Site) -> None:
        """``x += y``."""
        edits, note = self.in_place.augmented(site)
        assert site.receiver_value is not None
        if edits and site.receiver_value.kind != "tensor":
            self.findings.of(site, Level.REVIEW, "AM301", "mindspore.Tensor.__setitem__", _MAYBE)
        elif edits:
            self.change(site, *edits)
            target = "mindspore.Tensor.__setitem__"
            self.findings.converted(site, "AM107", site.name, target, note, review=bool(note))

    def _cut_off(self, node: ast.Attribute) -> None:
        self.edit(Edit(receiver_end(self.text, node), self.text.end(node), ()))

    def _bound(self, site: Site) -> None:
        """``x[a:b]`` with a bound of numpy's."""
        self._wrapped(site, "int")

    def _index(self, site: Site) -> None:
        """``x[i]`` with a number or an array of numpy's."""
        self._wrapped(site, self.spelled(site, "mindspore.Tensor"))

    def _operand(self, site: Site) -> None:
        """``numpy.sqrt(2) * x``: with MindSpore's tensors the result is numpy's, and has no gradient."""
        self._wrapped(site, self.spelled(site, f"snippets.{self.snippet(self.row(site))}"))

    def _wrapped(self, site: Site, function: str) -> None:
        row = self.row(site)
        start, end = self.text.start(site.node), self.text.end(site.node)
        self.edit(Edit(start, end, (f"{function}(", Span(start, end), ")")))
        self.converted(site, "AM107", row, row.target or "", row.note)

    def _trailing(self, site: Site) -> None:
        """``x[mask, :]`` is ``x[mask]``."""
        assert isinstance(site.node, ast.Subscript)
        assert isinstance(site.node.slice, ast.Tuple)
        items = site.node.slice.elts
        kept = next(item for item in reversed(items) if not is_full(item))
        comma = self.text.data.index(b",", self.text.end(kept))  # behind its parentheses, if it has any
        self.edit(Edit(comma, self.text.end(items[-1]), ()))
        row = self.row(site)
        self.converted(site, "AM107", row, row.target or "", _MASK)

    def _masked(self, site: Site) -> None:
        """``x[mask, 1:]`` where only the run tells whether it is a mask, and of how many dimensions."""
        self.findings.of(site, Level.REVIEW, "AM301", "mindspore.Tensor.__getitem__", f"{_MASK} {_TWO_STEPS}")
