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
    names = [_named(grammar, wanted)] if wanted else list(grammar.project)
    sample = keys[:: max(1, len(keys) // _SAMPLE)]
    roots = [Root(name, prefix) for prefix in _prefixes(keys) for name in names]
    scores = {root: _by_names(grammar, evidence.moves, root, sample) for root in roots}
    most = max(scores.values(), default=0)
    likely = [root for root in scores if scores[root] and 2 * scores[root] >= most]
    tried = sorted(likely, key=lambda root: -scores[root])[:_LIKELY]
    if len(tried) > _TRIED:
        found = {root: _by_shapes(grammar, evidence, root, sample) for root in tried}
        tried = sorted(tried, key=lambda root: found[root])[:_TRIED]
    if not tried:
        return Root(names[0] if wanted else ""), []
    failures = {root: _by_shapes(grammar, evidence, root, keys) for root in tried}
    best = min(tried, key=lambda root: failures[root])
    return best, [root.name for root in tried if failures[root] == failures[best] and root.name != best.name]


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


def _by_shapes(
    grammar: Grammar, evidence: Evidence, root: Root, keys: Sequence[str]
) -> tuple[float, int, int]:
    """What speaks against a class: what either side lacks, what it does not tell, names without tensors."""
    resolver, index = Resolver(grammar, root, evidence), evidence.index
    failed, guessed = 0.0, 0
    for key in keys:
        decision = resolver.decide(key)
        guessed += not decision.by_rule
        if decision.status not in (Status.CONVERTED, Status.DROPPED):
            failed += 1
        elif root.prefix and not key.startswith(root.prefix + "."):
            failed += 0.5
    names = {key for rule in grammar.lineage(root.name) for key in (*rule.children, *rule.parameters)}
    unused = names.difference(index.children(root.prefix))
    return failed + len(Demands(grammar, evidence.moves, index).missing(root)), guessed, len(unused)


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
    found = [c for c in grammar.project if c == name] or [
        c for c in grammar.project if c.endswith("." + name)
    ]
    if not found:  # the module may re-export the class from another file of its package
        module, _, leaf = wanted.partition(":")
        found = [c for c in grammar.project if leaf and c.startswith(module + ".") and c.endswith("." + leaf)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RequestError(f"--root {wanted} may be {', '.join(map(_shown, found))}; give the module too")
    close = get_close_matches(name, grammar.project, 3, 0.4) or list(grammar.project)[:5]
    known = f"; the rules have {', '.join(map(_shown, close))}" if close else "; the rules have no classes"
    raise RequestError(f"--root {wanted}: no such class in the rules{known}")


def _shown(name: str) -> str:
    module, _, last = name.rpartition(".")
    return f"{module}:{last}" if module else last
