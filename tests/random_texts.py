"""What random calls are put together from: arguments, receivers, and the statements around them."""

from __future__ import annotations

ANNOTATIONS = (
    "", "", ": int", ": float", ": bool", ": str", "=None", "=1", ": tuple[int, int]", ": list[int]",
    ": torch.dtype", ": int | None = None",
)  # fmt: skip
OF_TENSORS = (
    "torch.relu(§)", "§.size()", "§[x > 0]",
)  # fmt: skip
TENSORS = (
    ": torch.Tensor", ": 'torch.Tensor'", ": torch.Tensor | None = None",
)  # fmt: skip
OUTS = (
    "§", "§", "x", "x[0]", "§[1:, n]", "self.t", "None", "(§, y)", "(x)", "§.k",
)  # fmt: skip
# § is the argument's own name, that is nowhere else: whether the output has it can be seen; ¤ a note
ARGUMENTS = (
    "§", "§", "§", "h(§)", "§ + 1", "-§", "(§)", "(§, 2)", "[§, §]", "§ if flag else 2", "§.shape[0]",
    "(\n        §  # ¤\n    )", "lambda: §", "§[1:]", "f'{§}'", "not §", "(w := §)", "((§))", "§ or None",
    "torch.float32 if § else None", "{'k': §}", "[§ for _ in q]",
)  # fmt: skip
# ¶ is the call
STATEMENTS = (
    "r = ¶", "r = ¶", "return ¶", "¶", "¶", "print(¶)", "print(k=¶)", "print(*¶)", "r: object = ¶",
    "r = s = ¶", "x += ¶", "r = ¶ + 1", "r = 1 - ¶", "r = -¶", "r = not ¶", "r = ¶[0]", "r = ¶.relu()",
    "r = ¶.shape[0]", "r = ¶ ** 2", "r = ¶ if flag else None", "r = flag and ¶", "r = ¶ == 1",
    "r = [¶ for i in q]", "r = [i for i in ¶ if i]", "r = {i: ¶ for i in q}",
    "if (r := ¶) is not None:\n        pass", "g = lambda: ¶", "g = lambda k=¶: k",
    "for i in ¶:\n        pass", "assert ¶, 'm'", "with ¶ as c:\n        pass", "yield ¶", "r, s = ¶",
    "r = ¶, 1", "q[¶] = 1", "r = q[¶:, 0]", "del q[¶]", "a = 1; ¶; b = 2", "if flag: ¶",
    "if flag: r = ¶  # note", "r = f'{¶}'", 'r = f"{¶!r:>{n}}"', "r = (¶)", "(¶)",
    "r = (\n        ¶  # note\n    )", "raise ValueError(¶)", "r = x @ ¶",
    "try:\n        r = ¶\n    except Exception:\n        r = None", "if ¶:\n        pass",
    "def g(a=¶):\n        return a", "x = ¶", "x[0] = ¶", "x.data = ¶", "r = ¶ \\\n        + 1",
    "'''text'''; ¶", "while ¶:\n        break", "match ¶:\n        case _:\n            pass",
)  # fmt: skip
RECEIVERS = (
    "x", "x", "x", "(x + y)", "x[0]", "x.relu()", "torch.relu(x)", "x.t().contiguous()", "§", "h(§)",
    "(\n        x  # ¤\n    )", "(-x)", "(x if flag else y)", "x .\\\n        ", "(x\n        )",
    "x.data", "self.t", "x[..., 0].mul_(2)", "(w := x)", "[x, y][0]",
)  # fmt: skip
HEADS = ("import torch", "import torch.nn as nn", "import torch.nn.functional as F")
FUNCTION = """def h(k):
    return k


def f(self, x: torch.Tensor, y: torch.Tensor, n, q, flag, *, §w=None):
    """
LAYER = """class M(nn.Module):
    def __init__(self, n, q, flag, x, *, §w=None):
        super().__init__()
    """
MADE = (
    "self.l = ¶", "self.l = nn.Sequential(¶, nn.ReLU())", "self.l = nn.ModuleList([¶ for _ in q])",
    "self.add_module('l', ¶)", "l = [¶]\n        self.l = nn.Sequential(*l)", "self.l = self.m = ¶",
    "self.l = ¶ if flag else None", "self.l = (¶)", "setattr(self, f'l{n}', ¶)", "self.l = {'k': ¶}['k']",
    "self.l = nn.ModuleDict({'a': ¶})", "self.l, self.m = ¶, None", "self.l = ¶.eval()",
)  # fmt: skip
USES = ("self.l(x)", "self.l(self.l(x), n)", "F.relu(self.l(x))", "self.l(x)[0].size(0)")
