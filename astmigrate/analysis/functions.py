"""Walks the bodies of functions: what their parameters are and what they return."""

from __future__ import annotations

import ast

from astmigrate.analysis import evidence, flows, kinds
from astmigrate.analysis.annotations import from_annotation
from astmigrate.analysis.classes import ClassInfo, FunctionInfo, Scope
from astmigrate.analysis.kinds import NONE, TENSOR, UNKNOWN, Value, join
from astmigrate.analysis.state import State
from astmigrate.binding import Arguments, bind
from astmigrate.model import NeedsAdapter


class Functions(State):
    """The functions of a walk; each is walked once its module's names are bound."""

    def result_of(self, info: FunctionInfo) -> Value:
        """What a function returns; walks it if no one has yet."""
        if info.state == "new" or (info.state == "early" and info.walk.finished):
            info.walk.enter(info)
            # called while its module is still walked: its sites are found again when all names are bound
            info.state = "done" if info.walk.finished else "early"
        return info.result or UNKNOWN

    def initialised(self, info: ClassInfo) -> None:
        """Makes sure that the ``__init__`` of a class has been walked."""
        if info.initialised:
            return
        states = set()
        for owner in info.lineage(self.index.classes):
            if "__init__" in owner.methods:
                self.result_of(owner.methods["__init__"])
                states.add(owner.methods["__init__"].state)
        info.initialised = info.walk.finished and states <= {"done"}

    def enter(self, info: FunctionInfo) -> None:
        """Walks the body of one of this module's functions."""
        saved = (self.scope, self.owner, self.function_info, self.optional, self.statement,
                 self.current, self.trying)  # fmt: skip
        info.state, info.result = "running", None
        self.scope, self.owner, self.function_info, self.optional = (
            Scope(info.scope, "function"),
            info.owner,
            info,
            0,
        )
        self._bind_parameters(info)
        self.body(info.node.body)
        info.result = self._declared(info, info.result or NONE)
        owner = info.owner if self.finished and info.node.name == "__init__" else None
        if owner is not None and owner.late and self.is_module(owner):
            assert isinstance(info.node, ast.FunctionDef)
            self.analysis.late_inits.append(info.node)
        (
            self.scope,
            self.owner,
            self.function_info,
            self.optional,
            self.statement,
            self.current,
            self.trying,
        ) = saved

    def _declared(self, info: FunctionInfo, found: Value) -> Value:
        """What a function returns: what its body shows, or what its annotation says where that is more."""
        declared = self.declared(info.node.returns)
        vague = found.kind == "unknown" or (
            found.kind == "sequence" and kinds.any_element(found) in (None, UNKNOWN)
        )
        return flows.declared(declared, found) if vague and declared.kind != "unknown" else found

    def _bind_parameters(self, info: FunctionInfo) -> None:
        arguments = info.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = list(zip(positional, defaults + list(arguments.defaults), strict=True))
        pairs += list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
        bound_first = (
            info.owner is not None and info.scope.kind == "class" and "staticmethod" not in info.decorators
        )
        open_ends = pairs[1:] if bound_first else pairs
        asked = any(a.annotation is None and getattr(d, "value", None) is None for a, d in open_ends)
        found = {}
        if self.active and asked:
            found = evidence.tensors(info.node, self.tensor_methods, self.fits)
        forward = info.node.name == "forward" and info.owner is not None and self.is_module(info.owner)
        for number, (arg, default) in enumerate(pairs):
            if number == 0 and bound_first:
                assert info.owner is not None
                self.set_name(
                    arg.arg, Value("class" if "classmethod" in info.decorators else "self", info.owner.name)
                )
            else:
                value = self._parameter(arg, default, found.get(arg.arg), forward)
                self.set_name(arg.arg, value if forward else flows.from_parameter(value, info.name, arg.arg))
        if arguments.vararg is not None:
            self.set_name(arguments.vararg.arg, flows.from_parameter(kinds.SEQUENCE, info.name, "*"))
        if arguments.kwarg is not None:
            self.set_name(arguments.kwarg.arg, flows.from_parameter(kinds.DICT, info.name, "**"))

    def declared(self, annotation: ast.expr | None) -> Value:
        """What an annotation says; a class of the project is one of its instances."""
        found = from_annotation(annotation, self.qualify)
        if isinstance(annotation, (ast.Name, ast.Attribute)) and found.kind == "unknown":
            info = self.index.classes.get(self.qualify(annotation))
            if info is not None:
                return Value("module" if self.is_module(info) else "object", info.name)
        return found

    def fits(self, call: ast.Call) -> bool:
        """Whether a method call's arguments are such as the tensor's method of that name takes."""
        assert isinstance(call.func, ast.Attribute)
        row = self.index.tables.row(f"torch.Tensor.{call.func.attr}")
        arguments = Arguments(call, (UNKNOWN,) * len(call.args), (UNKNOWN,) * len(call.keywords))
        try:
            return row is not None and any(
                isinstance(bind(form, arguments), list) for form in row.forms or (row,)
            )
        except NeedsAdapter:
            return True

    def _parameter(self, arg: ast.arg, default: ast.expr | None, tensor: bool | None, forward: bool) -> Value:
        """Evidence for a parameter, strongest first: annotation, default, use, being ``forward``'s."""
        declared = self.declared(arg.annotation)
        if declared.kind != "unknown" or declared.alternatives:
            return declared
        if isinstance(default, ast.Constant) and default.value is not None:
            return kinds.STRING if isinstance(default.value, str) else kinds.USUALLY_NUMBER
        if isinstance(default, (ast.Tuple, ast.List, ast.Dict)):
            return UNKNOWN
        if arg.arg == "device":
            return Value("device")
        if default is not None and not isinstance(default, ast.Constant):
            return self._quietly(default)
        if tensor is not None:
            return TENSOR if tensor else UNKNOWN
        return TENSOR if forward and arg.annotation is None else UNKNOWN

    def _quietly(self, node: ast.expr) -> Value:
        """A default's value: a class or function that may be replaced by the caller's."""
        name = self.qualify(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        return join(Value("ref", name), UNKNOWN) if self.is_torch(name) else UNKNOWN
