"""Puts layers in the place of the terms that stand for what parameters are given, by following all calls.

Which call gives what is not told apart: a parameter may be whatever any call of the project gives it, or its
default, and, where others may call its function too, anything. It is the usual closure over inclusions
(Andersen's), on strings; the terms are those of ``analysis.flows``, the values those of ``exported``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from astmigrate.model import FlowCall, Flows, LayerSpec, WeightRules
from astmigrate.weights.exported import ANY, Specs
from astmigrate.weights.placing import Key, Placing, key_of

_ATTRIBUTE = re.compile(r"(.*\)(?:\.[\w*]+)*)\.(\w+|\*)", re.DOTALL)
_PARAMETER = re.compile(r"(.*)\((\*{0,2}\w*)\)", re.DOTALL)
_PRIVATE = re.compile(r"(?:^|\.)_(?!_)|:")
_MOST = 48  # alternatives of one value


def closed(rules: WeightRules) -> WeightRules:
    """The rules without terms: each is replaced by the layers it stands for, "?" where there are none."""
    if not rules.flows.signatures:
        return replace(rules, flows=Flows())
    closure = _Closure(rules)
    closure.run()
    placing = Placing(closure.found)
    classes = {name: placing.rule(rule) for name, rule in rules.classes.items()}
    found = {name: rules.flows.layers[name] for name in sorted(placing.used & rules.flows.layers.keys())}
    return WeightRules(classes, {**found, **rules.layers})


def _parameter(term: str) -> str:
    """The parameter that a term is made of."""
    return term[: term.find(")") + 1]


class _Closure:
    def __init__(self, rules: WeightRules) -> None:
        self.rules, self.flows = rules, rules.flows
        self.found: dict[str, dict[Key, LayerSpec]] = {}
        self.targets: dict[str, list[str]] = {}  # term → terms that are all that it is
        self.called: set[str] = set()  # terms T of which T() is asked for
        self.read: dict[str, list[str]] = {}  # term T → names a of which T.a is asked for
        self.sites: dict[str, list[FlowCall]] = {}
        self.passed: dict[str, list[str]] = {}  # function → functions that are handed its **kwargs
        self.parameters: set[str] = set()  # those of which any term is made
        self.named: dict[str, dict[str, None]] = {}  # function → names of arguments in its **kwargs
        self.handed: set[tuple[str, str, str]] = set()  # function, one that it hands **kwargs to, argument
        self.shapes: dict[str, tuple[int, list[str], list[str]]] = {}
        self.queue: list[tuple[str, LayerSpec]] = []

    def run(self) -> None:
        self._find_used()
        for call in self.flows.calls:
            self.sites.setdefault(call.callee, []).append(call)
        for callee in self.sites:
            if callee.startswith(("class:", "def:")):
                for call in self.sites[callee]:
                    self._bind(LayerSpec(callee, 0), call)
            else:
                self._node(callee)
        for rule in self.rules.classes.values():
            for specs in rule.children.values():
                self._mention(specs)
        while self.queue:
            self._step(*self.queue.pop())

    def _find_used(self) -> None:
        """The parameters that any term is made of; what goes to others tells nothing."""
        stack = [specs for rule in self.rules.classes.values() for specs in rule.children.values()]
        stack += self.flows.values.values()
        for call in self.flows.calls:
            self.parameters.add(_parameter(call.callee))
            stack += [*call.positional, *call.keywords.values()]
        while stack:
            for spec in stack.pop():
                if "(" in spec.type:
                    self.parameters.add(_parameter(spec.type))
                if spec.items:
                    stack += spec.items.values()

    # terms -----------------------------------------------------------------------------------

    def _mention(self, specs: Specs) -> None:
        """Makes sure that the terms in containers are followed too."""
        for spec in specs:
            if "(" in spec.type:
                self._node(spec.type)
            for inner in spec.items.values():
                self._mention(inner)

    def _node(self, term: str) -> None:
        if term in self.found:
            return
        self.found[term] = {}
        if term.startswith(("class:", "def:")) and not term.endswith(")"):
            self._put(term, LayerSpec(term, 0))
            return
        attribute = None if term[-1] == ")" else _ATTRIBUTE.fullmatch(term)
        if term.endswith("()") and ("(" in term[:-2] or ":" in term.partition(".")[0]):
            self._derive(term[:-2], "()")
        elif attribute:
            self._derive(attribute[1], attribute[2])
        else:
            self._give(term, self.flows.values.get(term, ()))
            parameter = _PARAMETER.fullmatch(term)
            if parameter and parameter[2][:2] == "**" and len(parameter[2]) > 2:
                self.named.setdefault(parameter[1], {})[parameter[2][2:]] = None
            if parameter and parameter[2] and not _PRIVATE.search(parameter[1]):
                self._put(term, ANY)

    def _derive(self, base: str, how: str) -> None:
        self._node(base)
        if how == "()":
            self.called.add(base)
        else:
            self.read.setdefault(base, []).append(how)
        for spec in list(self.found[base].values()):
            self._made(base, spec, how)

    def _give(self, term: str, specs: Specs) -> None:
        """The term may be each of ``specs``."""
        if specs:
            self._node(term)
        for spec in specs:
            if "(" in spec.type:
                self._join(spec.type, term)
            else:
                self._mention((spec,))
                self._put(term, spec)

    def _join(self, source: str, target: str) -> None:
        self._node(source)
        self._node(target)
        targets = self.targets.setdefault(source, [])
        if target not in targets and target != source:
            targets.append(target)
            for spec in list(self.found[source].values()):
                self._put(target, spec)

    def _put(self, term: str, spec: LayerSpec) -> None:
        found = self.found[term]
        if len(found) >= _MOST:
            spec = ANY
        key = key_of(spec)
        if key not in found:
            found[key] = spec
            self.queue.append((term, spec))

    def _step(self, term: str, spec: LayerSpec) -> None:
        for target in self.targets.get(term, ()):
            self._put(target, spec)
        for call in self.sites.get(term, ()):
            self._bind(spec, call)
        if term in self.called:
            self._made(term, spec, "()")
        for name in self.read.get(term, ()):
            self._made(term, spec, name)

    def _made(self, term: str, spec: LayerSpec, how: str) -> None:
        """What ``term()`` or ``term.how`` is where the term is ``spec``."""
        kind, colon, name = spec.type.partition(":")
        made = f"{term}{how}" if how == "()" else f"{term}.{how}"
        self._node(made)
        if spec.type == "?":
            self._put(made, ANY)
        elif how != "()":
            self._give(made, self._attribute(spec, how))
        elif colon and kind == "class":
            module = name.startswith("torch.") or name in self.rules.classes
            self._put(made, LayerSpec(name if module else f"object:{name}", 0))
        elif colon and kind == "def":
            self._join(f"{name}()", made)

    def _attribute(self, spec: LayerSpec, name: str) -> Specs:
        if name == "*":
            return self._children(spec)
        if name in spec.items:
            return spec.items[name]
        for owner in self._lineage(spec.type.removeprefix("object:").removeprefix("class:")):
            rule = self.rules.classes.get(owner)
            found = self.flows.values.get(f"{owner}.{name}") or (rule.children.get(name) if rule else None)
            if found:
                return found
        return ()

    def _children(self, spec: LayerSpec) -> Specs:
        """All modules that a module holds."""
        found = [inner for specs in spec.items.values() for inner in specs]
        for owner in self._lineage(spec.type):
            rule = self.rules.classes.get(owner)
            found += [inner for specs in rule.children.values() for inner in specs] if rule else ()
        return tuple(found)

    def _lineage(self, name: str) -> Iterator[str]:
        queue, seen = [name], set()
        while queue:
            current = queue.pop(0)
            if current not in seen:
                seen.add(current)
                yield current
                queue += self.flows.bases.get(current, ())

    # calls -----------------------------------------------------------------------------------

    def _bind(self, callee: LayerSpec, call: FlowCall) -> None:
        """Gives the arguments of a call to the parameters of one that it may call."""
        kind, _, name = callee.type.partition(":")
        function = self.flows.inits.get(name, "") if kind == "class" else name if kind == "def" else ""
        signature = self.flows.signatures.get(function)
        if signature is None:
            return
        split, names, used = self._shape(function, signature)
        free = dict.fromkeys(used)
        for number, specs in enumerate(call.positional):
            starred = 0 <= call.star <= number
            wanted = names[number:split] if starred else names[number : min(number + 1, split)]
            for parameter in wanted:
                self._give_used(f"{function}({parameter})", specs)
                free.pop(parameter, None)
            if signature[split] == "*" and (starred or number >= split):
                self._give(f"{function}(*)", specs)
        for keyword, specs in call.keywords.items():
            if keyword in names:
                self._give_used(f"{function}({keyword})", specs)
                free.pop(keyword, None)
            elif keyword != "**" and "**" in signature and self._is_read(function, keyword):
                self._named(function, keyword, specs)
        self._spread(function, list(free), call.keywords.get("**", ()))

    def _shape(self, function: str, signature: Sequence[str]) -> tuple[int, list[str], list[str]]:
        """Where positional parameters end, the names of all, and of those that any term is made of."""
        if function not in self.shapes:
            split = next(i for i, p in enumerate(signature) if p in ("*", "/"))
            names = [p for p in signature if p not in ("*", "/", "**")]
            used = [p for p in names if f"{function}({p})" in self.parameters]
            self.shapes[function] = split, names, used
        return self.shapes[function]

    def _is_read(self, function: str, keyword: str) -> bool:
        """Whether the function hands its ``**kwargs`` on, or takes that argument out of it."""
        return not self.parameters.isdisjoint((f"{function}(**)", f"{function}(**{keyword})"))

    def _give_used(self, parameter: str, specs: Specs) -> None:
        if parameter in self.parameters:
            self._give(parameter, specs)

    def _named(self, function: str, keyword: str, specs: Specs) -> None:
        """An argument that ``**kwargs`` takes; it is handed on by name."""
        self._give(f"{function}(**{keyword})", specs)
        for target in self.passed.get(function, ()):
            self._hand(function, target, keyword)

    def _hand(self, function: str, target: str, keyword: str) -> None:
        """Hands an argument in ``**kwargs`` on, once: functions may hand theirs round in a circle."""
        if keyword in self.flows.signatures[target] or (function, target, keyword) in self.handed:
            return
        self.handed.add((function, target, keyword))
        self._named(target, keyword, (LayerSpec(f"{function}(**{keyword})", 0),))

    def _spread(self, function: str, free: list[str], specs: Specs) -> None:
        """A call's ``**`` argument, for the parameters that have none yet."""
        for spec in specs:
            if not spec.type.endswith("(**)"):
                for parameter in free:
                    self._give(f"{function}({parameter})", (spec,))
                continue
            source = spec.type[:-4]
            for parameter in free:
                self._give(f"{function}({parameter})", (LayerSpec(f"{source}(**{parameter})", 0),))
            targets = self.passed.setdefault(source, [])
            if "**" in self.flows.signatures[function] and function not in targets and function != source:
                targets.append(function)
                for keyword in list(self.named.get(source, ())):
                    self._hand(source, function, keyword)
