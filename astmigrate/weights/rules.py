"""WeightRules ⇄ weights.json, and the merging of the rules of several files.

The file is meant to be read and edited by hand: one line a child, names in a stable order, and every
mistake is answered with file, line and place. A child may be written short: ``"conv": "torch.nn.Conv2d"``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring as _quoted
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from astmigrate.model import ClassRule, Flows, LayerSpec, WeightRules
from astmigrate.weights.failures import RequestError

VERSION = 1
_WIDTH = 110
_encode = json.JSONEncoder().encode
# The same without the detour; a dictionary is a leaf where it is empty.
_LEAVES: Mapping[type, Callable[[Any], str]] = {str: _quoted, int: str, dict: lambda _: "{}"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RulesFile:
    """What a weights.json says: the rules, and renames of whole target names, in order."""

    rules: WeightRules
    rename: tuple[tuple[str, str], ...] = ()
    path: str = "weights.json"


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    line: int = 0
    items: dict[str, str | _Spec | list[str | _Spec]] = {}
    optional: bool = False


class _Class(msgspec.Struct, forbid_unknown_fields=True):
    path: str = ""
    line: int = 0
    bases: tuple[str, ...] = ("torch.nn.Module",)
    children: dict[str, str | _Spec | list[str | _Spec]] = {}
    parameters: dict[str, int] | list[str] = {}
    buffers: dict[str, int] | list[str] = {}


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    insert_axis: int | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    classes: dict[str, Any] = {}
    layers: dict[str, Any] = {}
    rename: list[tuple[str, str]] = []


def dumps(rules: WeightRules, rename: Iterable[tuple[str, str]] = ()) -> str:
    """The text of the weights.json that says ``rules``; equal rules give equal text."""
    content = {
        "version": VERSION,
        "classes": {name: _plain_class(rules.classes[name]) for name in sorted(rules.classes)},
        "layers": {name: dict(rules.layers[name]) for name in sorted(rules.layers)},
        "rename": [list(pair) for pair in rename],
    }
    return _pretty(content, 0) + "\n"


def _plain_class(rule: ClassRule) -> dict[str, Any]:
    return {
        "path": rule.path,
        "line": rule.line,
        "bases": list(rule.bases),
        "children": rule.children,
        "parameters": dict(rule.parameters),
        "buffers": dict(rule.buffers),
    }


def _plain_spec(spec: LayerSpec) -> dict[str, Any]:
    plain: dict[str, Any] = {"type": spec.type, "line": spec.line}
    if spec.items:
        plain["items"] = spec.items
    if spec.optional:
        plain["optional"] = True
    return plain


def _pretty(value: Any, indent: int) -> str:
    """``value`` as JSON: on one line where it fits, else one line an entry."""
    return _laid_out(value, indent)[0]


def _laid_out(value: Any, indent: int) -> tuple[str, str]:
    """``value`` as JSON, laid out and on one line; each part is made once, as there are thousands."""
    if isinstance(value, tuple) and len(value) == 1 and isinstance(spec := value[0], LayerSpec):
        if not spec.items and indent + len(line := f"[{_line(spec)}]") <= _WIDTH:
            return line, line  # as most attributes hold one layer
    elif isinstance(value, LayerSpec):
        if not value.items and indent + len(line := _line(value)) <= _WIDTH:
            return line, line
        value = _plain_spec(value)
    if isinstance(value, str | int) or not value:
        leaf = _LEAVES.get(type(value), _encode)(value)
        return leaf, leaf
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        opening, closing = "{}"
        names = [f"{_quoted(key)}: " for key in value]
        inner = [_laid_out(part, indent + 2) for part in value.values()]
    else:
        opening, closing = "[]"
        names = [""] * len(value)
        inner = [_laid_out(part, indent + 2) for part in value]
    line = f"{opening}{', '.join([name + part[1] for name, part in zip(names, inner)])}{closing}"
    if indent > 2 and indent + len(line) <= _WIDTH:
        return line, line
    entries = ",\n".join([pad + name + part[0] for name, part in zip(names, inner)])
    return f"{opening}\n{entries}\n{' ' * indent}{closing}", line


def _line(spec: LayerSpec) -> str:
    """A spec without items as JSON on one line; there are thousands, so no dictionary is made of it."""
    optional = ', "optional": true' if spec.optional else ""
    return f'{{"type": {_quoted(spec.type)}, "line": {spec.line}{optional}}}'


def load(path: Path) -> RulesFile:
    """The rules in the file ``path``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: is not UTF-8 (byte {error.start})") from error
    return loads(text, str(path))


def loads(text: str, path: str = "weights.json") -> RulesFile:
    """The rules that the text of a weights.json says; a mistake names its place."""
    return _Reader(text, path).read()


@dataclass(slots=True)
class _Reader:
    text: str
    path: str
    _seen: list[str] = field(default_factory=list)

    def read(self) -> RulesFile:
        try:
            raw = json.loads(self.text, object_pairs_hook=self._no_duplicates)
        except json.JSONDecodeError as error:
            raise RequestError(f"{self.path}:{error.lineno}:{error.colno}: {error.msg}") from error
        except RecursionError as error:
            raise RequestError(f"{self.path}:1:1: is nested too deeply") from error
        file = self._convert(raw, _File)
        if file.version != VERSION:
            wrong = f"is version {file.version}; this astmigrate reads version {VERSION}"
            raise self._error((), wrong, "version")
        classes = {n: self._class(n, self._convert(v, _Class, "classes", n)) for n, v in file.classes.items()}
        layers = {n: self._layer(n, value) for n, value in file.layers.items()}
        for pattern, replacement in file.rename:
            self._check_rename(pattern, replacement)
        return RulesFile(WeightRules(classes, layers), tuple(file.rename), self.path)

    def _no_duplicates(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise self._error((), f'"{key}" stands twice in one object', key, last=True)
            found[key] = value
        return found

    def _convert(self, value: Any, kind: type[_T], *place: str) -> _T:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._error(place, str(error), place[-1] if place else "") from error

    def _class(self, name: str, rule: _Class) -> ClassRule:
        children = {key: _specs(value) for key, value in rule.children.items()}
        parameters, buffers = _lines(rule.parameters), _lines(rule.buffers)
        return ClassRule(name, rule.path, rule.line, rule.bases, children, parameters, buffers)

    def _layer(self, name: str, value: Any) -> dict[str, Any]:
        changes: dict[str, str | _Change] = self._convert(value, dict[str, str | _Change], "layers", name)
        return {leaf: c if isinstance(c, str) else _plain_change(c) for leaf, c in changes.items()}

    def _check_rename(self, pattern: str, replacement: str) -> None:
        problem = rename_problem(pattern, replacement)
        if problem:
            raise self._error(("rename",), problem, pattern)

    def _error(self, place: Sequence[str], message: str, word: str, last: bool = False) -> RequestError:
        """The mistake at the line where ``word`` stands after the words of ``place``."""
        start = 0
        for step in place:
            start = max(start, self.text.find(json.dumps(step, ensure_ascii=False), start))
        quoted = json.dumps(word, ensure_ascii=False)
        at = self.text.rfind(quoted) if last else self.text.find(quoted, start) if word else 0
        line = self.text.count("\n", 0, max(at, 0)) + 1
        where = ".".join(place)
        return RequestError(f"{self.path}:{line}: {where + ': ' if where else ''}{message}")


def _specs(value: str | _Spec | list[str | _Spec]) -> tuple[LayerSpec, ...]:
    return tuple(_spec(one) for one in (value if isinstance(value, list) else [value]))


def _spec(value: str | _Spec) -> LayerSpec:
    if isinstance(value, str):
        return LayerSpec(value, 0)
    items = {key: _specs(inner) for key, inner in value.items.items()}
    return LayerSpec(value.type, value.line, items, value.optional)


def _plain_change(change: _Change) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": change.name}
    return plain if change.insert_axis is None else {**plain, "insert_axis": change.insert_axis}


def _lines(names: Mapping[str, int] | list[str]) -> dict[str, int]:
    return dict.fromkeys(names, 0) if isinstance(names, list) else dict(names)


def rename_problem(pattern: str, replacement: str) -> str:
    """What is wrong with a rename, "" where nothing is."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"the regular expression {pattern!r} is broken: {error}"
    try:
        re.sub(f"(?:{pattern})|", replacement, "")
    except (re.error, IndexError) as error:
        return f"the replacement {replacement!r} does not fit {pattern!r}: {error}"
    return ""


def merge(*several: WeightRules) -> WeightRules:
    """The rules of several files as one; of a class that stands in two, either may be meant."""
    classes: dict[str, ClassRule] = {}
    layers: dict[str, dict[str, Any]] = {}
    for rules in several:
        for name, rule in rules.classes.items():
            known = classes.get(name)
            classes[name] = rule if known is None or known == rule else _either(known, rule)
        for name, changes in rules.layers.items():
            if layers.setdefault(name, changes) != changes:
                raise ValueError(f"two rules for the weights of {name}: {layers[name]} and {changes}")
    return WeightRules(classes, layers, _joined([rules.flows for rules in several]))


def _joined(several: Sequence[Flows]) -> Flows:
    """The flows of several files; what two say of one value is both true."""
    joined = Flows(calls=tuple(call for flows in several for call in flows.calls))
    values = joined.values
    for flows in several:
        joined.signatures.update(flows.signatures)
        joined.inits.update(flows.inits)
        joined.bases.update(flows.bases)
        joined.layers.update(flows.layers)
        for term, specs in flows.values.items():
            values[term] = values[term] + specs if term in values else specs
    return joined


def _either(first: ClassRule, second: ClassRule) -> ClassRule:
    children: dict[str, tuple[LayerSpec, ...]] = {}
    for key in [*first.children, *(k for k in second.children if k not in first.children)]:
        children[key] = _union(first.children.get(key), second.children.get(key))
    bases = first.bases + tuple(b for b in second.bases if b not in first.bases)
    parameters = {**second.parameters, **first.parameters}
    buffers = {**second.buffers, **first.buffers}
    return ClassRule(first.name, first.path, first.line, bases, children, parameters, buffers)


def _union(
    first: tuple[LayerSpec, ...] | None, second: tuple[LayerSpec, ...] | None
) -> tuple[LayerSpec, ...]:
    if first is None or second is None:
        only = first or second or ()
        return tuple(LayerSpec(s.type, s.line, s.items, optional=True) for s in only)
    return first + tuple(spec for spec in second if spec not in first)
