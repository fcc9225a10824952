"""Makes a module of a proof's code: what a user's file would look like, and what the workers run.

The code becomes the body of a function whose parameters are annotated as tensors, so that the analysis
knows the inputs as it knows those of any annotated function. It is a generator: it stops once behind
the statement that binds ``m``, where the runner loads weights into it, and ends by yielding its
variables. ::

    import torch

    def proof(x: torch.Tensor):
        m = torch.nn.Linear(3, 4)
        yield m
        y = m(x)
        yield locals()

Imports, classes and functions move above it, for a class is found where a user would put it.
"""

from __future__ import annotations

import ast
import textwrap

from astmigrate.model import TableError
from astmigrate.tables import Proof

_INSTANCES = ("torch.device", "torch.dtype", "torch.return_types", "torch.finfo", "torch.iinfo")
_TOP = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
_IMPORTS = {"torch": "import torch", "nn": "import torch.nn as nn", "F": "import torch.nn.functional as F"}


def wrap(proof: Proof) -> str:
    """The proof's code as a module with a generator ``proof``; only the names it uses are imported."""
    try:
        tree = ast.parse(proof.code)
    except SyntaxError as error:
        raise TableError(f"proof does not parse: {error}") from error
    pieces = [(node, _source(proof.code, node)) for node in tree.body]
    top = [text for node, text in pieces if isinstance(node, _TOP)]
    body = [(node, text) for node, text in pieces if not isinstance(node, _TOP)]
    stop = max((i for i, (node, _) in enumerate(body) if "m" in _bound(node)), default=None)
    inside: list[str] = []
    for i, (_, text) in enumerate(body):
        inside += [text] + ["yield m"] * (i == stop)
    signature = ", ".join(f"{name}: torch.Tensor" for name in proof.inputs)
    blocks = [_imports(tree, bool(proof.inputs)), *top]
    blocks.append(f"def proof({signature}):\n" + _indent([*inside, "yield locals()"]))
    return "\n\n\n".join(block for block in blocks if block) + "\n"


def mentions(code: str, name: str) -> bool:
    """Whether the code names the API: in full or imported; a method or an attribute on any value.

    Operators' methods (``__add__``) are not written out.
    """
    namespace, _, leaf = name.rpartition(".")
    of_values = namespace.rpartition(".")[2][:1].isupper() or namespace in _INSTANCES
    tree = ast.parse(code)
    names = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional", **_imported(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            text = ast.unparse(node)
            root, _, rest = text.partition(".")
            plain = text.replace(".", "").isidentifier() and root in names
            if plain and f"{names[root]}.{rest}".rstrip(".") == name:
                return True
            if of_values and not plain and isinstance(node, ast.Attribute) and node.attr == leaf:
                return True
    return leaf.startswith("__")


def _imported(tree: ast.Module) -> dict[str, str]:
    """Local name → qualified name of what the code imports itself."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots = {a.name.partition(".")[0] for a in node.names if not a.asname}
            names.update(dict(zip(roots, roots)))
            names.update({a.asname: a.name for a in node.names if a.asname})
        elif isinstance(node, ast.ImportFrom):
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return names


def _source(code: str, node: ast.stmt) -> str:
    """The text of a statement of the top level, with its decorators, without others on its lines."""
    first = min((d.lineno for d in getattr(node, "decorator_list", ())), default=node.lineno)
    decorators = code.splitlines()[first - 1 : node.lineno - 1]
    return "\n".join([*decorators, ast.get_source_segment(code, node) or ""])


def _indent(statements: list[str]) -> str:
    """Indented as a body; a statement with a string over several lines is respelled, not shifted."""
    quoted = ('"""' in text or "'''" in text for text in statements)
    respelled = (ast.unparse(ast.parse(t)) if q else t for t, q in zip(statements, quoted, strict=True))
    return "\n".join(textwrap.indent(text, "    ") for text in respelled)


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement, with all inside it, binds."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _imports(tree: ast.Module, annotated: bool) -> str:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    own = {alias.asname or alias.name for node in imports for alias in node.names}
    if annotated:
        used.add("torch")
    return "\n".join(line for name, line in _IMPORTS.items() if name in used - own)
