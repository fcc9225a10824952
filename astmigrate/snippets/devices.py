"""``torch.device`` as a value: MindSpore has one device for the whole process."""

from __future__ import annotations

import mindspore as ms


class device:
    """``torch.device``: a type and an index, for code that passes it on or compares it."""

    def __init__(self, type: str | int | device, index: int | None = None) -> None:
        name, _, number = str(f"cuda:{type}" if isinstance(type, int) else type).partition(":")
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device({str(self)!r})"


def device_count() -> int:
    """``torch.cuda.device_count``: the accelerators of the target that MindSpore uses."""
    target = ms.get_context("device_target")
    return 0 if target == "CPU" else int(ms.hal.device_count(target))
