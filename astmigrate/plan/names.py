"""Plans names that are no calls: bases, types, annotations, decorators, what is passed on."""

from __future__ import annotations

import ast

from astmigrate.analysis.sites import Site
from astmigrate.analysis.text import parse_expression
from astmigrate.model import Edit, Level, Unsupported
from astmigrate.plan.adapters import adapter_name, same_convention
from astmigrate.plan.compared_classes import comparison
from astmigrate.plan.sites import SitePlans
from astmigrate.rewrite.arguments import ATOMIC
from astmigrate.rewrite.names import SNIPPETS
from astmigrate.tables import Row


class NamePlans(SitePlans):
    """Plans the roles of which the node is a name of torch's."""

    def _base(self, site: Site) -> None:
        row = self.row(site)
        info = site.owner
        assert info is not None
        bare = bool(row.args) and not any("__init__" in o.methods for o in info.lineage(self.index.classes))
        if id(info) in self._adapted_bases or bare or info.changed & set(row.adapter_if):
            self.adapter(site, row)
        else:
            self._type(site)

    def _type(self, site: Site, caution: str = "") -> None:
        row = self.row(site)
        if not row.target:
            raise Unsupported("MindSpore has no class of its own for it")
        self.replace(site, row, row.target, caution)

    _annotation = _type

    def _compared(self, site: Site) -> None:
        """A class that is compared with ``is``, ``==`` or ``in``: its adapter, a subclass, counts too."""
        row = self.row(site)
        if row.returns != "module" or not row.target or same_convention(row):
            self._type(site)
            return
        place = comparison(self.text, site.within, site.node)
        if place is None:
            name = f"{SNIPPETS}.{adapter_name(row)}"
            self._type(site, f"False for layers made by {name}, a subclass; isinstance is not.")
            return
        adapter = f"snippets.{self.snippet(row)}"
        spelled = [self.names.spell(name) for name in (row.target, adapter)]
        for _, needs in spelled:
            self.need(site, needs)
        both = ", ".join(name for name, _ in spelled)
        start, end = self.text.start(site.node), self.text.end(site.node)
        if place.operator is not None:
            self.edit(Edit(*place.operator, (place.membership,)))
            both = f"({both})"
        self.edit(Edit(start, end, (both,)))
        self.findings.converted(site, "AM102", row.name, row.target, row.note)

    def replace(self, site: Site, row: Row, target: str, caution: str = "") -> None:
        spelled, needs = self.names.spell(target)
        self.need(site, needs)
        start, end = self.text.start(site.node), self.text.end(site.node)
        if self.text.slice(start, end) != spelled:
            self.edit(Edit(start, end, (spelled,)))
        self.converted(site, "AM102", row, target, row.note, caution, review=bool(caution))

    def _value(self, site: Site) -> None:
        if site.name in self.tables.namespaces and self.tables.row(site.name) is None:
            raise Unsupported(
                "a whole namespace is passed as a value; only the run can tell what is used of it"
            )
        row = self.row(site)
        if row.args is None and row.template is not None:
            spelled, needs = self.names.expression(row.template)
            self.need(site, needs)
            loose = isinstance(parse_expression(spelled), ATOMIC) or self.loose(site, site.node)
            pieces = (spelled,) if loose else ("(", spelled, ")")
            self.edit(Edit(self.text.start(site.node), self.text.end(site.node), pieces))
            self.converted(site, "AM102", row, row.template, row.note)
        elif row.target and (row.args is None or same_convention(row)):
            self.replace(site, row, row.target)
        else:
            self.adapter(site, row)

    def _hasattr(self, site: Site) -> None:
        if site.name not in self.tables.namespaces:
            self.row(site)
        self.edit(Edit(self.text.start(site.node), self.text.end(site.node), ("True",)))
        self.findings.of(
            site, Level.CONVERTED, "AM102", "", f"'{site.name}' exists in PyTorch and is converted."
        )

    def _decorator(self, site: Site) -> None:
        row = self.row(site)
        if row.target == "" or row.template == "":
            start, end = self.text.start(site.node), self.text.end(site.node)
            line, stop = self.text.line_start(start), self.text.line_end(end)
            commented = b"#" in self.text.data[end:stop]  # a comment beside it stays
            at = start - len(self.text.data[line:start].lstrip())
            self.edit(Edit(at, end, ()) if commented else Edit(line, stop, ()))
            self.findings.of(
                site, Level.CONVERTED, "AM105", "", f"'{row.name}' is removed. {row.note}".rstrip()
            )
        elif site.arguments is not None:
            self._call(site)
        else:
            self._value(site)

    def _indirect(self, site: Site) -> None:
        """A name that is torch's or another's: its import brings an adapter, or it stays as it is."""
        assert isinstance(site.node, ast.Name)
        if site.node.id not in self.wanted.values:
            raise Unsupported("the name may also stand for something that is not PyTorch's")

    def _unbound(self, site: Site) -> None:
        """``nn.Module.__init__(self)``."""
        node = site.node
        assert isinstance(node, ast.Attribute)
        row = self.tables.row(site.name.rpartition(".")[0])
        if row is None or not row.target or node.attr != "__init__" or row.args:
            raise Unsupported("the method is called through its class")
        spelled, needs = self.names.spell(row.target)
        self.need(site, needs)
        self.edit(Edit(self.text.start(node.value), self.text.end(node.value), (spelled,)))
        self.findings.converted(site, "AM101", row.name, row.target)
