"""Plans attributes of tensors and modules: read, assigned to, or a method that may be another's."""

from __future__ import annotations

import ast

from astmigrate.analysis.sites import Site
from astmigrate.analysis.text import parse_expression
from astmigrate.model import Edit, NeedsAdapter, Piece, Span, Unsupported
from astmigrate.plan.adapters import adapter_name
from astmigrate.plan.indexing import IndexPlans
from astmigrate.plan.sites import described
from astmigrate.rewrite.arguments import ATOMIC, simple
from astmigrate.rewrite.names import SNIPPETS
from astmigrate.rewrite.receivers import receiver_end
from astmigrate.snippets import catalogue
from astmigrate.tables import Row

_HOST = "MindSpore crashes where an operator's result is loaded into and then assigned to."
_MODES = ("torch.nn.Module.eval", "torch.nn.Module.train")
_TAKEN = "It is taken for a module's."


class AttributePlans(IndexPlans):
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
        self._asked(site, node, name)
        self.findings.converted(site, "AM103", site.name, f"{SNIPPETS}.{name}")

    def _set_child(self, site: Site) -> None:
        """``setattr(module, name, child)``: a SequentialCell runs a list of its own."""
        local = self.spelled(site, "snippets.set_child")
        self.edit(Edit(self.text.start(site.node), self.text.end(site.node), (local,)))
        self.findings.converted(site, "AM107", site.name, f"{SNIPPETS}.set_child")

    def _stored_child(self, site: Site, stored: ast.Assign) -> None:
        """``module._modules[name] = child``: the same."""
        target = stored.targets[0]
        assert isinstance(site.node, ast.Attribute)
        assert isinstance(target, ast.Subscript)
        local = self.spelled(site, "snippets.set_child")
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
        local = self.spelled(site, "mindspore.Tensor")
        start, end = self.text.start(value), self.text.end(value)  # around the value's own edits
        self.edit(Edit(start, start, (f"{local}(",)))
        self.edit(Edit(end, end, (")",)))
        self.findings.converted(site, "AM107", site.name, "mindspore.nn.Cell.register_buffer", _HOST)

    def _is_of_host(self, value: ast.expr) -> bool:
        """Whether a tensor is made of numbers, by no operator."""
        made = next((s for s in self.analysis.sites if s.arguments and s.arguments.call is value), None)
        row = self.tables.row(made.name) if made is not None else None
        return row is not None and row.target in ("mindspore.tensor", "mindspore.Tensor")

    def _part(self, site: Site) -> None:
        """``x.real`` of a value of unknown kind: of MindSpore's tensors a method."""
        row = self.row(site)
        assert isinstance(site.node, ast.Attribute)
        name = self.snippet(row)
        self._asked(site, site.node, name)
        self.converted(site, "AM106", row, f"snippets.{name}")

    def _asked(self, site: Site, node: ast.Attribute, snippet: str) -> None:
        """``x.name`` becomes what a snippet says of ``x``."""
        local, start = self.spelled(site, f"snippets.{snippet}"), self.text.start(node)
        receiver = Span(start, receiver_end(self.text, node))
        self.edit(Edit(start, self.text.end(node), (f"{local}(", receiver, ")")))

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
            given = site.arguments.given() if site.arguments is not None else ()
            if site.name in _MODES and all(value.kind == "number" for _, _, value in given):
                self.change(site, *written.edits)
                self.converted(site, "AM101", row, row.target or described(form), _TAKEN, review=True)
                return
            changes = bool(written.edits) or bool(row.inplace)
        except NeedsAdapter:
            changes = True
        if changes:
            self.findings.manual(site, reason, row.target or "", "AM404")
