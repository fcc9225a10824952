"""Handlers of ``torch.optim`` rows.

https://www.mindspore.cn/docs/en/master/api_python/mindspore.experimental.html
"""

from __future__ import annotations

from msgspec.structs import replace

from astmigrate.model import Call
from astmigrate.tables import Form

_FLOATS = ("rho", "eps", "lambd", "t0", "gamma", "power", "betas")  # MindSpore refuses an int for these


def floats(call: Call, form: Form) -> Form:
    """``StepLR(optimizer, 3, gamma=1)``: an int where MindSpore wants a float is written as one."""
    wrap = dict(form.wrap)
    for name in _FLOATS:
        argument = call.arguments.get(name)
        if argument is None or not argument.given or not argument.is_literal:
            continue
        value = argument.literal
        if isinstance(value, int) and not isinstance(value, bool):
            wrap[name] = repr(float(value))
        elif isinstance(value, tuple) and any(isinstance(item, int) for item in value):
            wrap[name] = repr(tuple(float(item) for item in value))
    return replace(form, wrap=wrap)
