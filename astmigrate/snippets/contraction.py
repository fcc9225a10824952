"""``torch.einsum`` by permute, reshape and bmm; MindSpore's own has no CPU kernel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from mindspore import Tensor, ops


def einsum(equation: str, *operands: Any) -> Tensor:
    """``torch.einsum`` of any number of tensors; an ellipsis stands for leading dimensions."""
    tensors = list(operands[0]) if isinstance(operands[0], (list, tuple)) else list(operands)
    terms, output = einsum_terms(equation, [tensor.ndim for tensor in tensors])
    labels, result = einsum_diagonal(terms[0], tensors[0])
    for place in range(1, len(terms)):
        kept = set(output).union(*terms[place + 1 :])
        labels, result = einsum_pair(labels, result, *einsum_diagonal(terms[place], tensors[place]), kept)
    return einsum_select(labels, result, output)


def einsum_terms(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The labels of every operand and of the output; dimensions of an ellipsis get labels of their own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    hidden = [rank - len(term.replace("...", "")) if "..." in term else 0 for term, rank in zip(terms, ranks)]
    most = max(hidden)
    names = "".join(chr(0x100 + place) for place in range(most))
    terms = [term.replace("...", names[most - count :]) for term, count in zip(terms, hidden)]
    if arrow:
        return terms, right.replace("...", names)
    letters = "".join(terms)
    once = sorted(label for label in set(letters) - set(names) if letters.count(label) == 1)
    return terms, names + "".join(once)


def einsum_diagonal(labels: str, tensor: Tensor) -> tuple[str, Tensor]:
    """A tensor whose labels are all different: where one repeats, its diagonal."""
    for label in labels:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            tensor = ops.diagonal(tensor, 0, first, second)
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    return labels, tensor


def einsum_select(labels: str, tensor: Tensor, output: str) -> Tensor:
    """Sums over the labels that the output lacks, and puts the others in its order."""
    gone = tuple(place for place, label in enumerate(labels) if label not in output)
    if gone:
        tensor = ops.sum(tensor, gone)
        labels = "".join(label for label in labels if label in output)
    order = tuple(labels.index(label) for label in output)
    return tensor if order == tuple(range(len(order))) else ops.permute(tensor, order)


def einsum_pair(first: str, a: Tensor, second: str, b: Tensor, kept: Collection[str]) -> tuple[str, Tensor]:
    """The product of two tensors, summed over the labels that nothing needs any more."""
    shared = [label for label in first if label in second]
    batch = "".join(label for label in shared if label in kept)
    inner = "".join(label for label in shared if label not in kept)
    rows = "".join(label for label in first if label in kept and label not in second)
    columns = "".join(label for label in second if label in kept and label not in first)
    a = einsum_select(first, a, batch + rows + inner)
    b = einsum_select(second, b, batch + inner + columns)
    size = dict(zip(batch + rows + inner, a.shape))
    for label, length in zip(batch + inner + columns, b.shape):
        size[label] = max(size.get(label, 1), length) if length != 0 else 0
    left, right = (batch + rows + inner, batch + inner + columns)
    a = ops.broadcast_to(a, tuple(size[label] for label in left)) if left else a
    b = ops.broadcast_to(b, tuple(size[label] for label in right)) if right else b
    count = [1, 1, 1, 1]
    for place, group in enumerate((batch, rows, inner, columns)):
        for label in group:
            count[place] *= size[label]
    product = ops.bmm(a.reshape(count[0], count[1], count[2]), b.reshape(count[0], count[2], count[3]))
    labels = batch + rows + columns
    return labels, product.reshape(tuple(size[label] for label in labels))


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``torch.nn.functional.bilinear``: a quadratic form of both inputs for each output."""
    product = einsum("...i,oij,...j->...o", input1, weight, input2)
    return product if bias is None else product + bias
