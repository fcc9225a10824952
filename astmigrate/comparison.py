"""PyTorch's and MindSpore's parameters of a call side by side, and what becomes of each.

PyTorch's are those of the row, MindSpore's come from ``docs/signatures.json``, which ``make coverage``
writes: no framework is started.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from astmigrate.binding import Parameter, parameters
from astmigrate.tables import Form

SIGNATURES = "signatures.json"
NOTHING = "-"
_OF_INSTANCES = ("torch.Tensor.", "torch.nn.Module.", "torch.optim.Optimizer.", "torch.Size.")
Known = Mapping[str, Sequence[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A parameter on both sides, ``NOTHING`` where one lacks it, and what is said of it."""

    torch: str
    mindspore: str
    differs: str = ""


def read_signatures(folder: Path) -> Known:
    """Target → its signatures, as the last ``make coverage`` found them; none where there is no record."""
    path = folder / SIGNATURES
    if not path.exists():
        return {}
    known: Known = json.loads(path.read_text(encoding="utf-8"))
    return known


def pairs(name: str, form: Form, known: Known) -> list[Pair]:
    """The parameters of the torch API ``name`` in the order of torch, then those that only MindSpore has."""
    return list(_Sides(name, form, known).pairs())


class _Sides:
    """Both parameter lists of one form of a row."""

    def __init__(self, name: str, form: Form, known: Known) -> None:
        self.form = form
        self.torch = list(parameters(form.args or ()))
        target = form.target or ""
        method, to_method = name.startswith(_OF_INSTANCES), target.startswith("mindspore.Tensor.")
        self.receiver = method and not to_method  # becomes MindSpore's first argument
        self.to_receiver = to_method and not method  # the first argument becomes the receiver
        self.mindspore = _likeliest(form, _signatures(target, known) if form.template is None else [])
        self.matched: set[str] = set()

    def pairs(self) -> Iterator[Pair]:
        rest = list(self.torch)
        if self.receiver and self.mindspore:
            yield self._taken("the value itself", self.mindspore[0].name, "its first argument")
        if self.to_receiver and rest:
            yield Pair(_shown(rest.pop(0)), "the value itself", "its method is called")
        for place, parameter in enumerate(rest, self.receiver):
            yield self._pair(place, parameter)
        for other in self.mindspore:
            if other.name not in self.matched and not other.star:
                stated = self.form.add.get(other.name)
                said = "" if other.default is None else "keeps its default"
                yield Pair(NOTHING, _shown(other), said if stated is None else f"stated as {plain(stated)}")
        if not self.mindspore:
            names = {p.name for p in self.torch}
            for name, value in self.form.add.items():
                if name not in names | set(self.form.rename.values()):
                    yield Pair(NOTHING, name, f"stated as {plain(value)}")

    def _taken(self, torch: str, mindspore: str, differs: str) -> Pair:
        self.matched.add(mindspore)
        return Pair(torch, mindspore, differs)

    def _pair(self, place: int, parameter: Parameter) -> Pair:
        form, name = self.form, parameter.name
        told = list(_told(form, name))
        if (name in form.drop or name in form.unsupported) and name not in form.rename:
            left = next((p for p in self.mindspore if p.name == name), None)
            self.matched.add(name)
            return Pair(_shown(parameter), NOTHING if left is None else _shown(left), "; ".join(told))
        new = form.rename.get(name, name)
        if form.template is not None:
            used = f"{{{name}}}" in form.template or f"{{*{name}}}" in form.template
            return Pair(_shown(parameter), "in the expression" if used else NOTHING, "; ".join(told))
        found = self._counterpart(parameter, new)
        if found is None:
            takes = any(p.star for p in self.mindspore)
            unknown = not self.mindspore or takes or parameter.star
            return Pair(_shown(parameter), new if unknown else NOTHING, "; ".join(
                [*told, *(["called " + new] if new != name and unknown else [])]))  # fmt: skip
        self.matched.add(found.name)
        said = [*self._differences(place, parameter, found), *told]
        return Pair(_shown(parameter), _shown(found), "; ".join(said))

    def _counterpart(self, parameter: Parameter, new: str) -> Parameter | None:
        """MindSpore's parameter: that of the name; for ``*sizes`` another starred or a required one."""
        same = [p for p in self.mindspore if p.name == new and bool(p.star) <= bool(parameter.star)]
        if same or not parameter.star:
            return same[0] if same else None
        open_ones = [p for p in self.mindspore if p.name not in self.matched]
        starred = [p for p in open_ones if p.star == parameter.star]
        needed = [p for p in open_ones if parameter.star == "*" and p.default is None and not p.star]
        return next(iter([*starred, *needed]), None)

    def _differences(self, place: int, ours: Parameter, theirs: Parameter) -> Iterator[str]:
        if ours.star:
            if not theirs.star:
                yield "as one sequence"
            return
        if ours.name != theirs.name:
            yield f"called {theirs.name}"
        positions = [p.name for p in self.mindspore if not p.keyword_only and not p.star]
        if theirs.keyword_only and not ours.keyword_only:
            yield "by keyword only"
        elif not ours.keyword_only and positions.index(theirs.name) != place:
            yield f"argument {positions.index(theirs.name) + 1} instead of {place + 1}"
        if not _same(ours.default, theirs.default):
            stated = self.form.add.get(theirs.name)
            if stated is not None:
                yield f"{plain(stated)} is stated where the source says nothing"
            elif theirs.default is None:
                yield "must be given"
            elif ours.default is None:
                yield "has a default"
            else:
                yield "another default"


def _told(form: Form, name: str) -> Iterator[str]:
    """What the row says of an argument."""
    if name in form.wrap:
        yield f"written {form.wrap[name].replace('{}', name)}"
    harmless = form.drop.get(name)
    if harmless is not None:
        yield "left out" if harmless == "*" else f"left out where it is {' or '.join(harmless)}"
    if name in form.unsupported:
        yield f"stops the conversion: {form.unsupported[name]}"
    if name in form.review:
        yield f"needs a look: {form.review[name]}"


def _signatures(target: str, known: Known) -> list[tuple[Parameter, ...]]:
    """A target's parameters, those of a snippet as its source has them."""
    if not target.startswith("snippets."):
        return [parameters(tuple(signature)) for signature in known.get(target, ())]
    from astmigrate.verify.signatures import of_target  # reads all snippets

    found = of_target(target)
    return (
        [] if found is None else [tuple(Parameter(p.name, p.default, p.star, p.keyword_only) for p in found)]
    )


def _likeliest(form: Form, choices: Sequence[tuple[Parameter, ...]]) -> tuple[Parameter, ...]:
    """Of overloads the one that has most of what is passed."""
    wanted = {form.rename.get(p.name, p.name) for p in parameters(form.args or ())} | form.add.keys()
    return max(choices, key=lambda signature: len(wanted & {p.name for p in signature}), default=())


def _shown(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f"={parameter.default}"
    return f"{parameter.star}{parameter.name}{default}"


def _same(first: str | None, second: str | None) -> bool:
    if first is None or second is None:
        return first is second
    plainer = [plain(text).replace("torch.", "ms.").replace('"', "'") for text in (first, second)]
    try:
        return plainer[0] == plainer[1] or float(plainer[0]) == float(plainer[1])
    except ValueError:
        return False


def plain(value: str) -> str:
    """An expression of a row as a person writes it."""
    return value.replace("mindspore.", "ms.", 1) if value.startswith("mindspore.") else value
