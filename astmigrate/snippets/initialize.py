"""``torch.nn.init``: fills a parameter in place, by MindSpore's initializers, with torch's arguments.

https://docs.pytorch.org/docs/stable/nn.init.html
https://www.mindspore.cn/docs/en/master/api_python/mindspore.common.initializer.html
"""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor


def set_values(tensor: Tensor, values: Any) -> Tensor:
    """Gives a parameter, or the tensor that is its data, new values: of an initializer, array or tensor."""
    if isinstance(values, ms.common.initializer.Initializer):
        values = ms.common.initializer.initializer(values, tensor.shape, tensor.dtype).init_data()
    values = Tensor(values) if not isinstance(values, Tensor) else values
    if isinstance(tensor, Parameter):
        tensor.set_data(values.astype(tensor.dtype))
    else:
        tensor.copy_(values.astype(tensor.dtype))
    return tensor


def fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs and outputs a weight connects."""
    if tensor.ndim < 2:
        raise ValueError("a tensor of fewer than two axes has no fan in and fan out")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def fan(tensor: Tensor, mode: str) -> int:
    """The fan that ``mode`` names."""
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"mode {mode} is neither fan_in nor fan_out")
    return fan_in_and_fan_out(tensor)[mode.lower() == "fan_out"]


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain of a nonlinearity."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4, "linear": 1, "sigmoid": 1}
    if nonlinearity in gains:
        return gains[nonlinearity]
    if nonlinearity.startswith("conv"):
        return 1
    raise ValueError(f"the nonlinearity {nonlinearity} has no known gain")


def constant_(tensor: Tensor, val: float) -> Tensor:
    """``torch.nn.init.constant_``."""
    return set_values(tensor, ms.common.initializer.Constant(val))


def zeros_(tensor: Tensor) -> Tensor:
    """``torch.nn.init.zeros_``."""
    return set_values(tensor, ms.common.initializer.Zero())


def ones_(tensor: Tensor) -> Tensor:
    """``torch.nn.init.ones_``."""
    return set_values(tensor, ms.common.initializer.One())


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """``torch.nn.init.normal_``."""
    return set_values(tensor, ms.common.initializer.Normal(float(std), float(mean)))


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """``torch.nn.init.uniform_``."""
    drawn = ms.common.initializer.Uniform((b - a) / 2)
    values = ms.common.initializer.initializer(drawn, tensor.shape, ms.float32).init_data()
    return set_values(tensor, values + (a + b) / 2)


def inverse_erf(x: Any) -> Any:
    """The inverse error function of an array (Giles 2010); ``ops.erfinv`` is wrong near 1 on CPU."""
    near = [2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
            -0.00417768164, 0.246640727, 1.50140941]  # fmt: skip
    far = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
           0.00943887047, 1.00167406, 2.83297682]  # fmt: skip
    w = -np.log((1 - x) * (1 + x))
    return x * np.where(w < 5, np.polyval(near, w - 2.5), np.polyval(far, np.sqrt(np.maximum(w, 5)) - 3))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """``torch.nn.init.trunc_normal_``: ``a`` and ``b`` are values, not multiples of ``std``."""
    low, high = ((1 + math.erf((edge - mean) / (std * math.sqrt(2)))) / 2 for edge in (a, b))
    drawn = ms.common.initializer.Uniform(0.5)
    places = ms.common.initializer.initializer(drawn, tensor.shape, ms.float32).init_data().asnumpy() + 0.5
    quantiles = 2 * (low + (high - low) * places.astype(np.float64)) - 1
    values = mean + std * math.sqrt(2) * inverse_erf(np.clip(quantiles, -1 + 1e-12, 1 - 1e-12))
    return set_values(tensor, np.clip(values, a, b).astype(np.float32))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """``torch.nn.init.xavier_uniform_``."""
    bound = gain * math.sqrt(6.0 / sum(fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """``torch.nn.init.xavier_normal_``."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fan_in_and_fan_out(tensor))))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """``torch.nn.init.kaiming_uniform_``."""
    bound = math.sqrt(3.0 / fan(tensor, mode)) * calculate_gain(nonlinearity, a)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """``torch.nn.init.kaiming_normal_``."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(fan(tensor, mode)))


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """``torch.nn.init.orthogonal_``."""
    return set_values(tensor, ms.common.initializer.Orthogonal(float(gain)))


def eye_(tensor: Tensor) -> Tensor:
    """``torch.nn.init.eye_``."""
    rows, columns = tensor.shape
    return set_values(tensor, np.eye(rows, columns, dtype=np.float32))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """``torch.nn.init.dirac_``."""
    return set_values(tensor, ms.common.initializer.Dirac(groups))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """``torch.nn.init.sparse_``: in each column that share of the rows is zero."""
    rows = tensor.shape[0]
    drawn = ms.common.initializer.Normal(float(std))
    values = ms.common.initializer.initializer(drawn, tensor.shape, ms.float32).init_data().asnumpy().copy()
    keys = ms.common.initializer.initializer(
        ms.common.initializer.Uniform(1.0), tensor.shape, ms.float32
    ).init_data()
    order = np.argsort(keys.asnumpy(), axis=0)[: math.ceil(sparsity * rows)]
    np.put_along_axis(values, order, 0.0, axis=0)
    return set_values(tensor, values)
