"""Plans attributes of tensors and modules: read, assigned to, or a method that may be another's."""

from __future__ import annotations

import ast

from astmigrate.analysis.kinds import Value
from astmigrate.analysis.sites import Site
from astmigrate.analysis.text import is_full, may_be_empty, parse_expression
from astmigrate.model import Edit, Level, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.plan.adapters import adapter_name
from astmigrate.plan.in_place import EMPTY
from astmigrate.plan.names import NamePlans
from astmigrate.plan.sites import described
from astmigrate.rewrite.arguments import ATOMIC, simple
from astmigrate.rewrite.names import SNIPPETS
from astmigrate.rewrite.receivers import receiver_end
from astmigrate.snippets import catalogue
from astmigrate.tables import Row

_HOST = "MindSpore crashes where an operator's result is loaded into and then assigned to."
_MAYBE = "If this is a tensor, PyTorch changes the caller's too, MindSpore does not; annotate it then."
_MODES = ("torch.nn.Module.eval", "torch.nn.Module.train")
_TAKEN = "It is taken for a module's."
_MASK = "MindSpore takes what follows a mask of several dimensions from the wrong one."
_TWO_STEPS = "If there is such a mask here, index twice: x[mask][:, 1:] for x[mask, 1:]."
_SHARED = "With '...' as its index, MindSpore lets both tensors share their memory."


def _given(site: Site) -> tuple[Value, ...]:
    return (*site.arguments.positional, *site.arguments.keywords) if site.arguments is not None else ()


class AttributePlans(NamePlans):
    """Plans the roles of which the node is an attribute of a value."""

    def _attribute(self, site: Site) -> None:
        row = self.row(site)
        node = site.node
        assert isinstance(node, ast.Attribute)
        if row.name == "torch.nn.Module._modules" and isinstance(site.within, ast.Assign):
            target = site.within.targets[0]
            if isinstance(target, ast.Subscript) and target.value is node:
                self._stored_child(site, site.within)
                return
        end = self.text.end(node)
        if row.template is not None:
            self._template_attribute(site, row, node)
            return
        new = (row.target or "").rpartition(".")[2]
        if new != node.attr:
            self.edit(Edit(end - len(node.attr.encode()), end, (new,)))
        if new != node.attr or row.level == "review":
            self.converted(site, "AM103", row, row.target or "", row.note)

    def _template_attribute(self, site: Site, row: Row, node: ast.Attribute) -> None:
        spelled, needs = self.names.expression(row.template or "")
        if spelled == "{self}" + f".{node.attr}":
            return
        if site.store and not spelled.startswith("{self}"):
            raise Unsupported("it is assigned to")
        receiver = Span(self.text.start(node), receiver_end(self.text, node))
        if spelled.count("{self}") > 1 and not simple(node.value):
            raise Unsupported("its object would be computed twice")
        pieces: list[Piece] = []
        for number, part in enumerate(spelled.split("{self}")):
            pieces += [receiver, part] if number else [part]
        atomic = isinstance(parse_expression(spelled.replace("{self}", "x")), ATOMIC)
        if not atomic and not self.loose(site, node):
            pieces = ["(", *pieces, ")"]
        self.need(site, needs)
        self.change(site, Edit(self.text.start(node), self.text.end(node), tuple(pieces)))
        self.converted(site, "AM103", row, described(row), row.note)

    def _member(self, site: Site) -> None:
        """An attribute of a layer, such as ``bn.weight`` or ``linear.in_features``."""
        layer, _, attr = site.name.rpartition(".")
        row = self.tables.row(layer)
        assert row is not None
        assert isinstance(site.node, ast.Attribute)
        rule = {**row.weights, **row.attributes}.get(attr)
        new = rule if isinstance(rule, str) else (rule or {}).get("name", attr)
        if not new and self._is_kept(site, row, attr):
            return
        if not new:
            raise Unsupported(f"{row.target} has no '{attr}'")
        axis = rule.get("insert_axis") if isinstance(rule, dict) and self._is_handed_on(site) else None
        if axis is not None:
            new = f"{new}.squeeze({axis})"
        if new == attr:
            return
        end = self.text.end(site.node)
        self.edit(Edit(end - len(attr.encode()), end, (new,)))
        self.findings.converted(site, "AM103", site.name, f"{row.target}.{new}")

    def _is_kept(self, site: Site, row: Row, attr: str) -> bool:
        """Whether the receiver is of a class whose base is an adapter that has the attribute."""
        derived = site.receiver_value is not None and site.receiver_value.name in self.index.classes
        source = catalogue().get(adapter_name(row), "") if derived else ""
        return not row.adapter_if and f"self.{attr} = " in source

    def _is_handed_on(self, site: Site) -> bool:
        """Whether a function of torch's that gives a tensor is called with an attribute."""
        calls = (
            [n for n in ast.walk(site.within) if isinstance(n, ast.Call)] if site.within is not None else []
        )
        around = [c for c in calls if site.node in (*c.args, *(keyword.value for keyword in c.keywords))]
        rows = [
            self.tables.row(other.name)
            for other in self.analysis.sites
            if other.role == "call" and other.arguments is not None and other.arguments.call in around
        ]
        return any(row is not None and row.returns == "tensor" and row.name[-1] != "_" for row in rows)

    def _leaf(self, site: Site) -> None:
        """``m.weight`` of a module of which only the run tells the layer."""
        node = site.node
        assert isinstance(node, ast.Attribute)
        if isinstance(node.ctx, ast.Store):
            raise Unsupported("it is assigned to, and the layer is only known at run time")
        name = f"{node.attr}_of"
        local, needs = self.names.spell(f"snippets.{name}")
        self.need(site, needs)
        receiver = Span(self.text.start(node), receiver_end(self.text, node))
        self.edit(Edit(self.text.start(node), self.text.end(node), (f"{local}(", receiver, ")")))
        self.findings.converted(site, "AM103", site.name, f"{SNIPPETS}.{name}")

    def _set_child(self, site: Site) -> None:
        """``setattr(module, name, child)``: a SequentialCell runs a list of its own."""
        local, needs = self.names.spell("snippets.set_child")
        self.need(site, needs)
        self.edit(Edit(self.text.start(site.node), self.text.end(site.node), (local,)))
        self.findings.converted(site, "AM107", site.name, f"{SNIPPETS}.set_child")

    def _stored_child(self, site: Site, stored: ast.Assign) -> None:
        """``module._modules[name] = child``: the same."""
        target = stored.targets[0]
        assert isinstance(site.node, ast.Attribute)
        assert isinstance(target, ast.Subscript)
        local, needs = self.names.spell("snippets.set_child")
        self.need(site, needs)
        pieces = (site.node.value, target.slice, stored.value)
        spans = [Span(self.text.start(piece), self.text.end(piece)) for piece in pieces]
        text = (f"{local}(", spans[0], ", ", spans[1], ", ", spans[2], ")")
        self.edit(Edit(self.text.start(stored), self.text.end(stored), text))
        self.findings.converted(site, "AM107", site.name, f"{SNIPPETS}.set_child")

    def _setting(self, site: Site) -> None:
        raise Unsupported("a layer of MindSpore reads it when it is made; setting it later changes nothing")

    def _dropped(self, site: Site) -> None:
        """``.data`` of a tensor that is filled in place."""
        assert isinstance(site.node, ast.Attribute)
        self._cut_off(site.node)

    def _cut_off(self, node: ast.Attribute) -> None:
        self.edit(Edit(receiver_end(self.text, node), self.text.end(node), ()))

    def _buffer(self, site: Site) -> None:
        """``self.buffer = x``: MindSpore refuses to bind a registered buffer anew, but not in its dictionary.

        ``self.buffer += x`` changes the buffer itself.
        """
        node = site.node
        assert isinstance(node, ast.Attribute)
        if isinstance(site.within, ast.AugAssign):
            self.edit(self.in_place.whole(node))
            target = "mindspore.Tensor.__setitem__"
        else:
            end = self.text.end(node)
            self.edit(Edit(receiver_end(self.text, node), end, (f'._buffers["{node.attr}"]',)))
            target = "mindspore.nn.Cell._buffers"
        self.findings.converted(site, "AM107", "torch.nn.Module.__setattr__", target)

    def _formatted(self, site: Site) -> None:
        """``f"{x:.3f}"``: the number is formatted, as PyTorch does."""
        start, end = self.text.start(site.node), self.text.end(site.node)
        loose = isinstance(site.node, ATOMIC)
        self.edit(Edit(end, end, (".item()" if loose else ").item()",)))
        if not loose:
            self.edit(Edit(start, start, ("(",)))
        self.findings.converted(site, "AM103", site.name, "mindspore.Tensor.item")

    def _registered(self, site: Site) -> None:
        """A buffer of which all is assigned to later: values of an operator may not take a checkpoint's."""
        assert isinstance(site.node, ast.Constant)
        assert site.arguments is not None
        value = site.arguments.call.args[1]
        if site.node.value not in self.in_place.filled or self._is_of_host(value):
            return
        local, needs = self.names.spell("mindspore.Tensor")
        self.need(site, needs)
        start, end = self.text.start(value), self.text.end(value)  # around the value's own edits
        self.edit(Edit(start, start, (f"{local}(",)))
        self.edit(Edit(end, end, (")",)))
        self.findings.converted(site, "AM107", site.name, "mindspore.nn.Cell.register_buffer", _HOST)

    def _is_of_host(self, value: ast.expr) -> bool:
        """Whether a tensor is made of numbers, by no operator."""
        made = next((s for s in self.analysis.sites if s.arguments and s.arguments.call is value), None)
        row = self.tables.row(made.name) if made is not None else None
        return row is not None and row.target in ("mindspore.tensor", "mindspore.Tensor")

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

    def _bound(self, site: Site) -> None:
        """``x[a:b]`` with a bound of numpy's."""
        self._wrapped(site, "int")

    def _trailing(self, site: Site) -> None:
        """``x[mask, :]`` is ``x[mask]``."""
        assert isinstance(site.node, ast.Subscript)
        assert isinstance(site.node.slice, ast.Tuple)
        items = site.node.slice.elts
        kept = next(item for item in reversed(items) if not is_full(item))
        comma = self.text.data.index(b",", self.text.end(kept))  # behind its parentheses, if it has any
        self.edit(Edit(comma, self.text.end(items[-1]), ()))
        self.converted(site, "AM107", self.row(site), self.row(site).target or "", _MASK)

    def _masked(self, site: Site) -> None:
        """``x[mask, 1:]`` where only the run tells whether it is a mask, and of how many dimensions."""
        self.findings.of(site, Level.REVIEW, "AM301", "mindspore.Tensor.__getitem__", f"{_MASK} {_TWO_STEPS}")

    def _operand(self, site: Site) -> None:
        """``numpy.sqrt(2) * x``: with MindSpore's tensors the result is numpy's, and has no gradient."""
        local, needs = self.names.spell(f"snippets.{self.snippet(self.row(site))}")
        self.need(site, needs)
        self._wrapped(site, local)

    def _index(self, site: Site) -> None:
        """``x[i]`` with a number or an array of numpy's."""
        local, needs = self.names.spell("mindspore.Tensor")
        self.need(site, needs)
        self._wrapped(site, local)

    def _wrapped(self, site: Site, function: str) -> None:
        row = self.row(site)
        start, end = self.text.start(site.node), self.text.end(site.node)
        self.edit(Edit(start, end, (f"{function}(", Span(start, end), ")")))
        self.converted(site, "AM107", row, row.target or "", row.note)

    def _part(self, site: Site) -> None:
        """``x.real`` of a value of unknown kind: of MindSpore's tensors a method."""
        row, start = self.row(site), self.text.start(site.node)
        assert isinstance(site.node, ast.Attribute)
        name = self.snippet(row)
        local, needs = self.names.spell(f"snippets.{name}")
        self.need(site, needs)
        receiver = Span(start, receiver_end(self.text, site.node))
        self.edit(Edit(start, self.text.end(site.node), (f"{local}(", receiver, ")")))
        self.converted(site, "AM106", row, f"snippets.{name}")

    def _unclear(self, site: Site) -> None:
        """An ambiguous method on a value of unknown kind: a finding where torch's would change.

        What only moves its receiver to a device goes in any case: MindSpore has nothing to be moved.
        ``eval()``, ``train()`` and ``train(False)`` are hardly ever anything but a module's.
        """
        kind = "module" if site.name.startswith("torch.nn.Module.") else "tensor"
        reason = f"it is not known whether this is a {kind}; annotate it if it is"
        if site.name == "torch.nn.Module.forward":
            self.findings.manual(site, reason, "mindspore.nn.Cell.construct", "AM404")
            return
        row = self.tables.row(site.name)
        if row is None or row.manual:
            return
        try:
            form, written = self.written(site, row)
            if form.template == "{self}":
                self.accept(site, row, form, written)
                return
            if site.name in _MODES and all(v.kind == "number" for v in _given(site)):
                self.change(site, *written.edits)
                self.converted(site, "AM101", row, row.target or described(form), _TAKEN, review=True)
                return
            changes = bool(written.edits) or bool(row.inplace)
        except NeedsAdapter:
            changes = True
        if changes:
            self.findings.manual(site, reason, row.target or "", "AM404")
