"""Recurrent layers with torch's arguments, packed sequences and single sequences included.

https://docs.pytorch.org/docs/stable/nn.html#recurrent-layers
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from astmigrate.snippets.packed import PackedSequence, pack_padded_sequence, pad_packed_sequence


def each_state(state: Any, change: Any) -> Any:
    """``change`` of a state, or of both states of an LSTM."""
    if state is None:
        return None
    return tuple(change(part) for part in state) if isinstance(state, (tuple, list)) else change(state)


def run_recurrent(layer: Any, cell: nn.Cell, input: Any, hx: Any) -> Any:
    """Runs ``layer``, a MindSpore class, as ``cell`` on packed, unbatched or plain input."""
    if isinstance(input, PackedSequence):
        return run_packed(layer, cell, input, hx)
    if input.ndim == 3:
        return layer.construct(cell, input, each_state(hx, lambda part: part))
    axis = 0 if cell.batch_first else 1
    state = each_state(hx, lambda part: part.unsqueeze(1))
    output, state = layer.construct(cell, input.unsqueeze(axis), state)
    return output.squeeze(axis), each_state(state, lambda part: part.squeeze(1))


def run_packed(layer: Any, cell: nn.Cell, packed: PackedSequence, hx: Any) -> Any:
    """Runs ``layer`` on padded sequences with their lengths, and packs what it yields."""
    order, back = packed.sorted_indices, packed.unsorted_indices
    padded, lengths = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes), cell.batch_first)
    if order is not None:
        hx = each_state(hx, lambda part: ops.gather(part, order, 1))
    output, state = layer.construct(cell, padded, hx, lengths.astype(ms.int32))
    if back is not None:
        state = each_state(state, lambda part: ops.gather(part, back, 1))
    again = pack_padded_sequence(output, lengths, cell.batch_first)
    return PackedSequence(again.data, packed.batch_sizes, order, back), state


def recurrent_options(
    bias: bool, batch_first: bool, dropout: float, bidirectional: bool, proj_size: int, dtype: Any
) -> dict[str, Any]:
    """torch's arguments as those of MindSpore's recurrent layers."""
    if proj_size:
        raise NotImplementedError("MindSpore's LSTM has no projections (proj_size)")
    options = {"has_bias": bool(bias), "batch_first": bool(batch_first), "dropout": float(dropout)}
    return {**options, "bidirectional": bool(bidirectional), "dtype": dtype or ms.float32}


class LSTM(nn.LSTM):
    """``nn.LSTM`` with the arguments and inputs of ``torch.nn.LSTM``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        options = recurrent_options(bias, batch_first, dropout, bidirectional, proj_size, dtype)
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.input_size = input_size

    def construct(self, x: Any, hx: Any = None) -> Any:
        return run_recurrent(nn.LSTM, self, x, hx)


class GRU(nn.GRU):
    """``nn.GRU`` with the arguments and inputs of ``torch.nn.GRU``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        options = recurrent_options(bias, batch_first, dropout, bidirectional, 0, dtype)
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.input_size = input_size

    def construct(self, x: Any, hx: Any = None) -> Any:
        return run_recurrent(nn.GRU, self, x, hx)


class RNN(nn.RNN):
    """``nn.RNN`` with the arguments and inputs of ``torch.nn.RNN``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        options = recurrent_options(bias, batch_first, dropout, bidirectional, 0, dtype)
        super().__init__(input_size, hidden_size, num_layers, nonlinearity=nonlinearity, **options)
        self.input_size = input_size

    def construct(self, x: Any, hx: Any = None) -> Any:
        return run_recurrent(nn.RNN, self, x, hx)


def run_step(layer: Any, cell: nn.Cell, input: Tensor, hx: Any, states: int) -> Any:
    """One step of ``layer``, a MindSpore class, as ``cell``; without a state it starts with zeros."""
    batched = input.ndim == 2
    x = input if batched else input.unsqueeze(0)
    if hx is None:
        zeros = ops.zeros((x.shape[0], cell.hidden_size), x.dtype)
        hx = (zeros,) * states if states > 1 else zeros
    elif not batched:
        hx = each_state(hx, lambda part: part.unsqueeze(0))
    state = layer.construct(cell, x, each_state(hx, lambda part: part))
    return state if batched else each_state(state, lambda part: part.squeeze(0))


class LSTMCell(nn.LSTMCell):
    """``nn.LSTMCell`` with the arguments of ``torch.nn.LSTMCell``; its state may be left out."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bool(bias), dtype=dtype or ms.float32)

    def construct(self, x: Tensor, hx: Any = None) -> Any:
        return run_step(nn.LSTMCell, self, x, hx, 2)


class GRUCell(nn.GRUCell):
    """``nn.GRUCell`` with the arguments of ``torch.nn.GRUCell``; its state may be left out."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bool(bias), dtype=dtype or ms.float32)

    def construct(self, x: Tensor, hx: Any = None) -> Any:
        return run_step(nn.GRUCell, self, x, hx, 1)


class RNNCell(nn.RNNCell):
    """``nn.RNNCell`` with the arguments of ``torch.nn.RNNCell``; its state may be left out."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bool(bias), nonlinearity, dtype=dtype or ms.float32)

    def construct(self, x: Tensor, hx: Any = None) -> Any:
        return run_step(nn.RNNCell, self, x, hx, 1)
