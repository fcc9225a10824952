"""Which class a checkpoint is of: the one asked for, else the one that explains most of its tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from astmigrate.weights.demands import Demands
from astmigrate.weights.evidence import Evidence
from astmigrate.weights.failures import RequestError
from astmigrate.weights.grammar import UNKNOWN, Grammar, Leaf
from astmigrate.weights.index import Root
from astmigrate.weights.layers import kind_of
from astmigrate.weights.moves import Moves
from astmigrate.weights.resolve import Resolver, Status, derive

_DEEPEST_PREFIX = 3
# Names alone choose so many classes, the shapes of a sample of the tensors so few of them to try on all.
_LIKELY = 100
_TRIED = 6
_SAMPLE = 60


def find_root(grammar: Grammar, evidence: Evidence, wanted: str | None) -> tuple[Root, list[str]]:
    """The root class, the prefix that its tensors have in the checkpoint, and classes that do as well."""
    keys = list(evidence.index.shapes)
    names = [_named(grammar, wanted)] if wanted else list(grammar.classes)
    sample = keys[:: max(1, len(keys) // _SAMPLE)]
    roots = [Root(name, prefix) for prefix in _prefixes(keys) for name in names]
    scores = {root: _by_names(grammar, evidence.moves, root, sample) for root in roots}
    tried = _best(scores, _LIKELY)
    if not scores[tried[0]]:
        return Root(names[0] if wanted else ""), []
    if len(tried) > _TRIED:
        tried = _best({root: _by_shapes(grammar, evidence, root, sample) for root in tried}, _TRIED)
    points = {root: _by_shapes(grammar, evidence, root, keys) for root in tried}
    best = _best(points, 1)[0]
    return best, [root.name for root in tried if points[root] == points[best] and root.name != best.name]


def _best(scores: dict[Root, float], count: int) -> list[Root]:
    """The best, at most ``count``, none with less than half of the points; in case of a tie the first."""
    ordered = sorted(scores, key=lambda root: -scores[root])
    return [root for root in ordered[:count] if 2 * scores[root] >= scores[ordered[0]]]


def _by_names(grammar: Grammar, moves: Moves, root: Root, keys: Sequence[str]) -> float:
    """Points for keys that the class leads to: most for attributes that it names, to a layer it names."""
    start = len(root.prefix.split(".")) if root.prefix else 0
    score = 0.0
    for key in keys:
        if start and not key.startswith(root.prefix + "."):
            continue
        leaves = derive(grammar, root, key)
        if leaves:
            known = any(_is_known(leaf, moves) for leaf in leaves)
            named = grammar.names(root.name, key.split(".")[start])
            score += (2 if known else 1) if named else 0.1
    return score


def _is_known(leaf: Leaf, moves: Moves) -> bool:
    """Whether the rules name the layer, and it is one that has such a tensor."""
    return leaf.layer != UNKNOWN and (kind_of(leaf.layer) is None or moves.knows(leaf.layer, leaf.name))


def _by_shapes(grammar: Grammar, evidence: Evidence, root: Root, keys: Sequence[str]) -> float:
    """Points for tensors whose shapes go with what the class says, less for what either side lacks."""
    resolver, index = Resolver(grammar, root, evidence), evidence.index
    score = 0.0
    for key in keys:
        decision = resolver.decide(key)
        found = decision.status in (Status.CONVERTED, Status.DROPPED)
        inside = not root.prefix or key.startswith(root.prefix + ".")
        score += (1.2 if decision.by_rule else 1 if inside else 0.5) if found else -1
    present = {*index.children(root.prefix)}
    names = {key for rule in grammar.lineage(root.name) for key in (*rule.children, *rule.parameters)}
    return score - len(Demands(grammar, evidence.moves, index).missing(root)) - 0.01 * len(names - present)


def _prefixes(keys: Sequence[str]) -> list[str]:
    """No prefix, and those that most of the keys have."""
    counts: Counter[str] = Counter()
    for key in keys:
        parts = key.split(".")[:-1][:_DEEPEST_PREFIX]
        counts.update(".".join(parts[: depth + 1]) for depth in range(len(parts)))
    return ["", *(prefix for prefix, count in counts.items() if 2 * count >= len(keys))]


def _named(grammar: Grammar, wanted: str) -> str:
    """The class that ``MODULE:CLASS``, or the end of it, names."""
    name = wanted.replace(":", ".")
    found = [c for c in grammar.classes if c == name] or [c for c in grammar.classes if c.endswith("." + name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RequestError(f"--root {wanted} may be {', '.join(map(_shown, found))}; give the module too")
    close = get_close_matches(name, grammar.classes, 3, 0.4) or list(grammar.classes)[:5]
    known = f"; the rules have {', '.join(map(_shown, close))}" if close else "; the rules have no classes"
    raise RequestError(f"--root {wanted}: no such class in the rules{known}")


def _shown(name: str) -> str:
    module, _, last = name.rpartition(".")
    return f"{module}:{last}" if module else last
