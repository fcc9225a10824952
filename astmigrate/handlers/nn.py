"""Handlers of ``torch.nn`` rows."""

from __future__ import annotations

from msgspec.structs import replace

from astmigrate.model import Call, NeedsAdapter, Unsupported
from astmigrate.tables import Form


def conv_padding(call: Call, form: Form) -> Form:
    """Padding as MindSpore takes it: an int, or both sides of every axis; "same" is a ``pad_mode``.

    https://www.mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.Conv2d.html
    """
    padding = call.arguments["padding"]
    if padding.kind == "number":
        return form
    if not padding.is_literal:
        raise NeedsAdapter
    if isinstance(padding.literal, str):
        if padding.literal not in ("same", "valid"):
            raise Unsupported(f"padding {padding.text} is neither a size nor 'same' nor 'valid'")
        return replace(form, drop={**form.drop, "padding": "*"}, add={**form.add, "pad_mode": padding.text})
    sides = ", ".join(f"{size}, {size}" for size in padding.literal)
    return replace(form, wrap={**form.wrap, "padding": f"({sides})"})
