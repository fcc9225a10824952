"""Linear algebra in torch's order of results and arguments."""

from __future__ import annotations

from mindspore import Tensor, ops


def svd(A: Tensor, full_matrices: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """``torch.linalg.svd``: U, S and V transposed; ``ops.svd`` gives S, U and V."""
    values, left, right = ops.svd(A, full_matrices, True)
    return left, values, right.swapaxes(-2, -1)


def solve(A: Tensor, B: Tensor) -> Tensor:
    """``torch.linalg.solve`` by the inverse; ``B`` may be one vector for each matrix."""
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    solution = ops.matmul(ops.inverse(A), B.expand_dims(-1) if vector else B)
    return solution.squeeze(-1) if vector else solution


def svd_reduced(input: Tensor, some: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """``torch.svd``: U, S and V, not transposed."""
    values, left, right = ops.svd(input, not some, True)
    return left, values, right
