"""Methods of values: a module's, a tensor's, or of what may be one."""

from __future__ import annotations

import ast
from contextlib import suppress
from string import Formatter

from msgspec.structs import replace

from astmigrate.analysis import complexes, containers, evidence, flows, kinds
from astmigrate.analysis.foreign import external_result
from astmigrate.analysis.kinds import NONE, TENSOR, UNKNOWN, Value, is_open
from astmigrate.analysis.members import Members
from astmigrate.analysis.sites import Site
from astmigrate.binding import Arguments

_RECEIVERS = {"tensor": "torch.Tensor", "size": "torch.Size", "dtype": "torch.dtype",
              "device": "torch.device", "optimizer": "torch.optim.Optimizer",
              "generator": "torch.Generator", "distribution": "torch.distributions.Distribution"}  # fmt: skip
_MUTATORS = frozenset(
    {"append", "extend", "insert", "add_module", "register_module", "update", "pop", "__setitem__"}
)


_MODULES_OF = frozenset({"children", "named_children", "modules", "named_modules"})
_MODULES_ONLY = frozenset({"parameters", "named_parameters", "modules", "named_modules", "children",
                           "named_children", "buffers", "named_buffers", "register_forward_hook",
                           "register_forward_pre_hook", "add_module", "register_module", "get_submodule",
                           "reset_parameters"})  # fmt: skip
_PYTHON_DTYPES = {"builtins.bool": "torch.bool", "builtins.int": "torch.int64",
                  "builtins.float": "torch.float64"}  # fmt: skip


class Methods(Members):
    """The method calls of a walk."""

    def method(self, node: ast.Call, func: ast.Attribute, receiver: Value) -> Value:
        receiver = self.used(func.value, receiver) if receiver.direct else receiver
        arguments = self.arguments(node)
        if receiver.kind in ("module", "self", "super", "class", "object"):
            return self._module_method(node, func, receiver, arguments)
        if func.attr == "format" and isinstance(receiver.literal, str):
            self._formats(receiver.literal, arguments)
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
        if row is None and (prefix != "torch.Tensor" or func.attr in evidence.AMBIGUOUS):
            return UNKNOWN  # no tensor has such a method: it is something else after all
        self.record(Site("method", row.name if row else name, func, arguments, func.value, receiver,
                         self.statement is node))  # fmt: skip
        if row is None:
            return TENSOR
        self.python_dtypes(arguments, func.attr in ("to", "type"))
        value = self.row_result(name, arguments)
        form_self = row.returns == "self" or (not row.returns and value is UNKNOWN)
        return receiver if form_self else complexes.like(value, (receiver,), func.attr)

    def _formats(self, template: str, arguments: Arguments) -> None:
        """``"{:.3f}".format(loss)``."""
        given = list(arguments.given())
        named = {keyword: number for number, (keyword, _, _) in enumerate(given) if keyword}
        with suppress(ValueError):  # no template of format's
            fields = [(name, spec) for _, name, spec, _ in Formatter().parse(template) if name is not None]
            for number, (name, spec) in enumerate(fields):
                at = number if not name else int(name) if name.isdigit() else named.get(name, len(given))
                if spec and at < len(given):
                    self.spelled_out(*given[at][1:])

    def spelled_out(self, node: ast.expr, value: Value) -> None:
        """A value that is formatted as a specification says."""
        if value.kind == "tensor" and self.active:
            self.record(Site("formatted", "torch.Tensor.__format__", node))

    def python_dtypes(self, arguments: Arguments, positional: bool = False) -> None:
        """``dtype=bool``: torch takes Python's types for its own, MindSpore does not."""
        for keyword, node, value in arguments.given():
            wanted = keyword == "dtype" or (positional and keyword == "")
            if wanted and value.name in _PYTHON_DTYPES:
                self.record(Site("value", _PYTHON_DTYPES[value.name], node))

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
        sized = func.attr == "size" and receiver.kind == "unknown"
        if sized or func.attr not in evidence.AMBIGUOUS or evidence.only_of_tensors(node, func.attr):
            return self._row_method(node, func, replace(receiver, kind="tensor"), arguments, "torch.Tensor")
        if not any(v.kind == "string" and not evidence.is_device(v.literal) for v in arguments.positional):
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
        found = self.attribute_of(receiver, func.attr)
        if found is not None:
            return self.called(node, found, arguments)
        if receiver.kind == "class" and func.attr in ("__init__", "__new__"):
            return UNKNOWN
        return self._module_row(node, func, receiver, arguments)

    def _module_row(
        self, node: ast.Call, func: ast.Attribute, receiver: Value, arguments: Arguments
    ) -> Value:
        for layer in self.layers(receiver):
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
            if func.attr == "register_buffer" and [v.kind for v in arguments.positional[1:]] == ["tensor"]:
                call = arguments.call
                self.record(Site("registered", "torch.nn.Module.register_buffer", call.args[0], arguments))
            self.owner.set(name, TENSOR, func.lineno, False)
