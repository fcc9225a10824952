"""What the parts of a walk share: where it is, what it has found, what each part asks of another."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from astmigrate.analysis.classes import ClassInfo, FunctionInfo, Scope
from astmigrate.analysis.kinds import Value
from astmigrate.analysis.sites import Analysis, Rename, Site
from astmigrate.analysis.text import Text
from astmigrate.binding import Arguments

if TYPE_CHECKING:
    from astmigrate.analysis.index import Module, ProjectIndex


class State(ABC):
    """The state of a walk over one module."""

    def __init__(self, module: Module, index: ProjectIndex) -> None:
        self.module, self.index = module, index
        self.text = Text(module.text, module.path)
        self.scope = Scope(None, "module")
        self.analysis = Analysis()
        self.active = False  # whether the file uses torch at all: only then do methods mean a tensor's
        self.finished = False  # whether all statements of the module have been walked
        self.owner: ClassInfo | None = None  # the class whose body or method is walked
        self.function_info: FunctionInfo | None = None
        self.statement: ast.Call | None = None  # the call that is the whole of the current statement
        self.current: ast.stmt | None = None
        self.block: Sequence[ast.stmt] = ()  # the statements among which ``current`` is
        self.optional = 0  # depth of conditions and loops
        self.trying = False
        self.later: list[FunctionInfo] = []
        self.classes: list[ClassInfo] = []  # those that this module defines
        self.placed: set[int] = set()  # f-strings whose positions are right
        self.sites: dict[int, Site] = {}
        self.handed: dict[tuple[int, str], tuple[str, Arguments]] = {}  # the arguments of calls
        self.given: dict[int, Value] = {}  # parameters' default values
        self.lambdas: dict[str, tuple[ast.arguments, Value]] = {}

    def record(self, site: Site) -> None:
        """Keeps a site; a later pass over the same node takes its place."""
        if self.active or site.role in ("value", "type", "annotation", "decorator"):
            site.within, site.at_import = self.current, self.function_info is None
            self.sites[id(site.node)] = site

    def flows_to(self, node: ast.Call, callee: Value, arguments: Arguments) -> None:
        """Keeps what a call hands to the project's functions and classes, or to what a parameter is."""
        if not arguments.positional and not arguments.keywords:
            return
        if callee.kind in ("class", "function") and callee.name:
            name = f"{'class' if callee.kind == 'class' else 'def'}:{callee.name}"
            self.handed[id(node), name] = (name, arguments)
        for term in callee.flows:
            if isinstance(term, str) and term not in ("", "?"):
                self.handed[id(node), term] = (term, arguments)

    def flows_to_method(
        self, node: ast.Call, receiver: Value, method: FunctionInfo, arguments: Arguments
    ) -> None:
        """The same of a method, whose receiver may be the first argument."""
        bound = receiver.kind != "class" or method.decorators & {"classmethod", "staticmethod"}
        handed = arguments if bound else replace(arguments, skip=1)
        self.flows_to(node, Value("function", method.name), handed)

    def is_torch(self, name: str) -> bool:
        """Whether a qualified name is torch's, or another library's that the tables map."""
        return self.index.is_mapped(name)

    def rename_forward(self, func: ast.Attribute) -> None:
        """``x.forward`` → ``x.construct``."""
        self._rename(self.text.end(func) - len("forward"))

    def rename_definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """``def forward`` → ``def construct``."""
        self._rename(self.text.data.index(b"forward", self.text.start(node)))

    def _rename(self, start: int) -> None:
        self.analysis.renames.append(
            Rename(
                start,
                start + len("forward"),
                "construct",
                "torch.nn.Module.forward",
                "mindspore.nn.Cell.construct",
            )
        )

    @property
    def tensor_methods(self) -> frozenset[str]:
        """The names of all tensor methods that the tables know."""
        return self.index.tables.members("torch.Tensor")

    @property
    def module_methods(self) -> frozenset[str]:
        """The names of all module methods that the tables know, and ``forward``."""
        return self.index.tables.members("torch.nn.Module") | {"forward"}

    @abstractmethod
    def body(self, statements: Sequence[ast.stmt]) -> None: ...

    @abstractmethod
    def expr(self, node: ast.expr) -> Value: ...

    @abstractmethod
    def function(self, node: ast.Lambda, values: Sequence[Value] = ()) -> Value: ...

    @abstractmethod
    def reference(self, node: ast.expr) -> Value: ...

    @abstractmethod
    def used(self, node: ast.expr, value: Value) -> Value: ...

    @abstractmethod
    def types(self, node: ast.expr) -> None: ...

    @abstractmethod
    def arguments(self, node: ast.Call) -> Arguments: ...

    @abstractmethod
    def is_module(self, info: ClassInfo) -> bool: ...

    @abstractmethod
    def set_name(self, name: str, value: Value) -> None: ...

    @abstractmethod
    def bind(self, target: ast.expr, value: Value) -> None: ...

    @abstractmethod
    def defaults(self, arguments: ast.arguments) -> None: ...

    @abstractmethod
    def narrowed(self, test: ast.expr) -> AbstractContextManager[None]: ...

    @abstractmethod
    def result_of(self, info: FunctionInfo) -> Value: ...

    @abstractmethod
    def enter(self, info: FunctionInfo) -> None: ...

    @abstractmethod
    def leaf(self, node: ast.expr) -> None: ...

    @abstractmethod
    def declared(self, annotation: ast.expr | None) -> Value: ...

    @abstractmethod
    def fits(self, call: ast.Call) -> bool: ...

    @abstractmethod
    def called(self, node: ast.Call, callee: Value, arguments: Arguments) -> Value: ...

    @abstractmethod
    def row_result(self, name: str, arguments: Arguments) -> Value: ...

    @abstractmethod
    def forward_result(self, value: Value) -> Value: ...

    @abstractmethod
    def member(self, base: Value, node: ast.Attribute) -> Value: ...

    @abstractmethod
    def initialised(self, info: ClassInfo) -> None: ...

    @abstractmethod
    def qualify(self, node: ast.expr) -> str: ...
