"""Fourier transforms of Hermitian signals: the second call of MindSpore's own is wrong on CPU.

Measured with 2.10: every other call of ``ops.hfft`` and ``ops.ihfft`` gives the result for the conjugate.
"""

from __future__ import annotations

from mindspore import Tensor, ops


def other_norm(norm: str | None) -> str:
    """The scaling that the inverse transform needs for the same factor."""
    return {"forward": "backward", "ortho": "ortho"}.get(norm or "", "forward")


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """``torch.fft.hfft``: the inverse real transform of the conjugate."""
    return ops.irfft(ops.conj(input), n, dim, other_norm(norm))


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """``torch.fft.ihfft``: the conjugate of the real transform."""
    return ops.conj(ops.rfft(input, n, dim, other_norm(norm)))
