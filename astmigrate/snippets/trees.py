"""Nested containers as trees, as ``torch.utils._pytree`` has them: dicts, lists, tuples and named tuples.

https://github.com/pytorch/pytorch/blob/main/torch/utils/_pytree.py
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class TreeSpec:
    """The shape of a tree: the tree itself, of which only the containers count."""

    def __init__(self, tree: Any, is_leaf: Callable[[Any], bool] | None) -> None:
        self.tree = tree
        self.is_leaf = is_leaf
        self.num_leaves = len(tree_leaves(tree, is_leaf))

    def filled(self, values: Iterator[Any], tree: Any) -> Any:
        """The containers of ``tree`` with the next values as leaves."""
        if is_tree_leaf(tree, self.is_leaf):
            return next(values)
        if isinstance(tree, dict):
            pairs = [(key, self.filled(values, value)) for key, value in tree.items()]
            return (
                defaultdict(tree.default_factory, pairs) if type(tree) is defaultdict else type(tree)(pairs)
            )
        items = [self.filled(values, value) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)


def is_tree_leaf(tree: Any, is_leaf: Callable[[Any], bool] | None) -> bool:
    """Whether a value is no container, or is said to be a leaf."""
    known = type(tree) in (dict, list, tuple, OrderedDict, defaultdict) or hasattr(tree, "_fields")
    return not known or (is_leaf is not None and is_leaf(tree))


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """``tree_leaves``: what is in the containers, from the left to the right."""
    if is_tree_leaf(tree, is_leaf):
        return [tree]
    values = tree.values() if isinstance(tree, dict) else tree
    return [leaf for value in values for leaf in tree_leaves(value, is_leaf)]


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """``tree_flatten``: the leaves, and what ``tree_unflatten`` needs to put others in their places."""
    return tree_leaves(tree, is_leaf), TreeSpec(tree, is_leaf)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """``tree_unflatten``: a tree of the shape with these leaves."""
    values = list(leaves)
    if len(values) != treespec.num_leaves:
        raise ValueError(f"the tree has {treespec.num_leaves} leaves, {len(values)} were given")
    return treespec.filled(iter(values), treespec.tree)


def tree_map(
    func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None
) -> Any:
    """``tree_map``: the function of each leaf, and of those in the same place of other trees."""
    columns = [tree_leaves(other, is_leaf) for other in (tree, *rests)]
    return tree_unflatten([func(*leaves) for leaves in zip(*columns, strict=True)], TreeSpec(tree, is_leaf))


def tree_map_only(
    kind: Any, func: Callable[[Any], Any], tree: Any, is_leaf: Callable[[Any], bool] | None = None
) -> Any:
    """``tree_map_only``: the function of the leaves of a type, or of those a function chooses."""
    chooses = isinstance(kind, type) or not callable(kind)
    return tree_map(
        lambda leaf: func(leaf) if (isinstance(leaf, kind) if chooses else kind(leaf)) else leaf,
        tree,
        is_leaf=is_leaf,
    )
