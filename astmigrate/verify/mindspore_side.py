"""Runs a migrated proof in MindSpore, in a process that cannot import torch.

https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.Cell.html (state_dict, load_state_dict)
"""

from __future__ import annotations

import ast
import inspect
import sys
from types import ModuleType
from typing import Any

import mindspore
import numpy as np

from astmigrate.verify.compare import TensorValue
from astmigrate.verify.jobs import Job, Reply, encode

PACKAGE = "proof_output"  # the output's package: a snippet import may be relative or absolute


class ProofError(Exception):
    """The migrated proof ran into something that is wrong, though MindSpore raised nothing."""


def run(job: Job) -> Reply:
    """The proof's variables, its module holding the converted weights; or the names that it binds."""
    mindspore.set_seed(job.seed)
    namespace = _load(job)
    if job.signature:
        return _bind(job, namespace)
    steps = namespace["proof"](*(tensor_of(value) for value in job.inputs.values()))
    left = next(steps)
    if not isinstance(left, dict):
        if job.weights is not None:
            _load_weights(left, job.weights)
            left.set_train(job.train)
        left = next(steps)
    elif job.weights is not None:
        raise ProofError("the migrated code does not stop behind its module")
    return Reply({name: encode(value, _leaf) for name, value in left.items() if name != "m"})


def _load(job: Job) -> dict[str, Any]:
    package, snippets = ModuleType(PACKAGE), ModuleType(f"{PACKAGE}.ms_snippets")
    package.__path__ = []
    sys.modules.update({PACKAGE: package, snippets.__name__: snippets, "ms_snippets": snippets})
    exec(compile(job.snippets, "<ms_snippets>", "exec"), snippets.__dict__)
    namespace: dict[str, Any] = {"__name__": f"{PACKAGE}.proof", "__package__": PACKAGE}
    exec(compile(job.code, "<migrated proof>", "exec"), namespace)
    return namespace


def _load_weights(module: Any, weights: dict[str, TensorValue]) -> None:
    """Loads by path; a name or a shape on one side only is an error, as it would be for a user."""
    if not isinstance(module, mindspore.nn.Cell):
        raise ProofError(f"m is a {type(module).__name__}, not a Cell")
    own = module.state_dict()
    wrong = [f"{name} has no weight" for name in own if name not in weights]
    wrong += [f"weight {name} fits no parameter" for name in weights if name not in own]
    for name in own.keys() & weights.keys():
        here, there = own[name], weights[name]
        if (tuple(here.shape), _dtype(here)) != (there.values.shape, there.dtype):
            wrong.append(f"{name} is {here.shape} {_dtype(here)}, not {there.values.shape} {there.dtype}")
    if wrong:
        raise ProofError("weights: " + "; ".join(wrong))
    module.load_state_dict({name: tensor_of(value) for name, value in weights.items()})


def tensor_of(value: TensorValue) -> mindspore.Tensor:
    """A MindSpore tensor with these numbers."""
    return mindspore.Tensor(
        np.ascontiguousarray(value.values), dtype=getattr(mindspore, _spelled(value.dtype))
    )


def _spelled(dtype: str) -> str:
    return "bool_" if dtype == "bool" else dtype


def _dtype(value: Any) -> str:
    return str(value.dtype).lower()


def tensor_value(value: mindspore.Tensor) -> TensorValue:
    """The tensor's values in numpy; bfloat16 as float32, which holds each of its values."""
    dtype = _dtype(value)
    plain = value.astype(mindspore.float32) if dtype == "bfloat16" else value
    return TensorValue(dtype, np.array(plain.asnumpy()))


def _leaf(value: Any) -> Any:
    if isinstance(value, mindspore.Tensor):
        return tensor_value(value)
    if isinstance(value, mindspore.dtype.Type):
        return f"dtype {str(value).lower()}"
    return None


def _bind(job: Job, namespace: dict[str, Any]) -> Reply:
    """Binds every call of the target in the code to its real signature, with its arguments left open."""
    target = _resolve(job.signature)
    method = job.signature.removeprefix("mindspore.Tensor.")
    calls = []
    for node in (n for n in ast.walk(ast.parse(job.code)) if isinstance(n, ast.Call)):
        if _callee(node.func, namespace) is target:
            calls.append((node, False))
        elif isinstance(node.func, ast.Attribute) and node.func.attr == method:
            calls.append((node, True))
    if not calls:
        raise ProofError(f"the migrated code does not call {job.signature}")
    for node, has_receiver in calls:
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            raise ProofError(f"a call of {job.signature} has arguments that only the run can tell")
        positional = [None] * (len(node.args) + has_receiver)
        inspect.signature(target).bind(*positional, **{k.arg: None for k in node.keywords if k.arg})
    return Reply({"bound": [ast.unparse(node) for node, _ in calls]})


def _resolve(name: str) -> Any:
    found: Any = mindspore
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


def _callee(node: ast.expr, namespace: dict[str, Any]) -> Any:
    """What a plain dotted name of the code refers to; None where it begins with a local variable."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in namespace:
        return None
    found = namespace[node.id]
    for part in reversed(parts):
        found = getattr(found, part, None)
    return found
