"""Random valid calls of the tables' rows, in random surroundings, as strategies of hypothesis.

What a row's own proofs pass for a parameter, its default, and expressions around names of their own are
its arguments; they stand in their places, by keyword or are left out, as the row's ``args`` allow.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from astmigrate.binding import Parameter, parameters
from astmigrate.tables import Form
from tests.random_subjects import Subject, subjects
from tests.random_texts import (
    ANNOTATIONS,
    ARGUMENTS,
    FUNCTION,
    HEADS,
    LAYER,
    MADE,
    OF_TENSORS,
    OUTS,
    RECEIVERS,
    STATEMENTS,
    TENSORS,
    USES,
)

OWN_NAMES = {"x", "y", "n", "q", "r", "s", "w", "h", "g", "k", "i", "f", "a", "b", "c", "self", "flag", "M"}


@dataclass(slots=True)
class Drawn:
    """An argument that was drawn: its parameter and the names in it that are nowhere else."""

    subject: Subject
    parameter: str
    names: list[str]


@dataclass(slots=True)
class Program:
    """A source under construction, and what it was made of."""

    imports: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)  # local name → what it stands for
    names: list[str] = field(default_factory=list)  # of the function's own parameters
    annotations: dict[str, str] = field(default_factory=dict)
    subjects: list[Subject] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)
    notes: int = 0
    source: str = ""

    def fresh(self) -> str:
        """A name that is nowhere else."""
        self.names.append(f"v{len(self.names)}_")
        return self.names[-1]

    def filled(self, pattern: str, name: str) -> str:
        """A pattern with this name and a comment of its own."""
        text = pattern.replace("§", name)
        return text.replace("# ¤", "" if self.notes else self.note()) if "¤" in text else text

    def note(self) -> str:
        """A comment that is nowhere else."""
        self.notes += 1
        return f"# note {self.notes}"


def argument(draw: st.DrawFn, program: Program, subject: Subject, parameter: Parameter, depth: int) -> str:
    """An expression for one parameter."""
    known = subject.values.get(parameter.name, ())
    kind = draw(st.integers(0, 9))
    names: list[str] = []
    if parameter.name == "out":
        names = [program.fresh()]
        text = draw(st.sampled_from(OUTS)).replace("§", names[0])
    elif kind < 5 and known:
        text = draw(st.sampled_from(known))
    elif kind == 5 and parameter.default is not None:
        text = parameter.default
    elif kind == 6 and depth and any("x" in text for text in known):
        first = len(program.names)
        text = call(draw, program, draw(st.sampled_from(subjects(("torch", "torch.Tensor")))), depth - 1)
        names = program.names[first:]
    else:
        names = [program.fresh()]
        annotations = ANNOTATIONS + TENSORS if any("x" in text for text in known) else ANNOTATIONS
        program.annotations[names[0]] = draw(st.sampled_from(annotations))
        shapes = ARGUMENTS if annotations is ANNOTATIONS else ARGUMENTS + OF_TENSORS
        text = program.filled(draw(st.sampled_from(shapes)), names[0])
    program.drawn.append(Drawn(subject, parameter.name, names))
    return text


def written_arguments(
    draw: st.DrawFn, program: Program, subject: Subject, form: Form, depth: int
) -> list[str]:
    """The arguments of a call that binds to the form, as they are written."""
    declared = parameters(form.args or ())
    places = [p for p in declared if not p.keyword_only and not p.star]
    required = sum(p.default is None for p in places)
    starred = any(p.star == "*" for p in declared)  # torch wants one such argument at least
    counts = [0, required, required, len(places), draw(st.integers(0, len(places)))]
    in_place = len(places) if starred else draw(st.sampled_from(counts))
    written: list[str] = []
    for parameter in places[:in_place]:
        written.append(argument(draw, program, subject, parameter, depth))
    for parameter in (p for p in declared if p.star == "*" and in_place == len(places)):
        many = [argument(draw, program, subject, parameter, depth) for _ in range(draw(st.integers(1, 3)))]
        written += many if draw(st.booleans()) else [f"*{program.fresh()}"]
    rest = [p for p in declared if not p.star and p not in places[:in_place]]
    named = [p for p in rest if not keyword.iskeyword(p.name)]
    chosen = [p for p in named if p.default is None or draw(st.integers(0, 2)) == 0]
    for parameter in draw(st.permutations(chosen)):
        equals = draw(st.sampled_from(("=", "=", "=", " = ")))
        written.append(f"{parameter.name}{equals}{argument(draw, program, subject, parameter, depth)}")
    if draw(st.integers(0, 24)) == 0:
        written.append(f"**{program.fresh()}")
    return written


def laid_out(draw: st.DrawFn, program: Program, written: Sequence[str]) -> str:
    """The arguments between their parentheses, in one of the ways that people lay them out."""
    # comments of a call that is composed anew go above its statement: none may stand in what stays inside
    commented = ("block",) if program.notes else ("block", "notes", "notes")
    style = draw(st.sampled_from(("plain",) * 4 + ("tight", "trailing", "lines", "wide", *commented)))
    if len(written) == 1 and not written[0].startswith("*"):
        style = draw(st.sampled_from(("plain", style)))
    if style == "plain" or not written:
        return f"({', '.join(written)})"
    if style == "tight":
        return f"({','.join(written)})"
    if style == "trailing":
        return f"({', '.join(written)},)"
    if style == "wide":
        return f"( {' , '.join(written)} )"
    if style == "lines":
        return "(" + ",\n        ".join(written) + ")"
    if style == "block":
        return "(\n        " + ",\n        ".join(written) + ",\n    )"
    lines = [f"{text},  {program.note()}" if draw(st.booleans()) else f"{text}," for text in written]
    above = [program.note()] if draw(st.booleans()) else []
    return "(" + "".join(f"\n        {line}" for line in [*above, *lines]) + "\n    )"


def spelled(draw: st.DrawFn, program: Program, name: str) -> str:
    """A name with an import that brings it, in one of the ways to import it."""
    namespace, _, leaf = name.rpartition(".")
    style = draw(st.sampled_from(("full", "full", "member", "member as", "module as")))
    if style == "full" or not namespace:
        program.imports.append(f"import {_module(name)}")
        return name
    if style == "module as":
        local = "t_" + namespace.replace(".", "_")
        if _module(name) == namespace:
            program.imports.append(f"import {namespace} as {local}")
            return f"{local}.{leaf}"
    reserved = hasattr(builtins, leaf) or leaf in OWN_NAMES or program.taken.get(leaf, name) != name
    if _module(name) != namespace:
        program.imports.append(f"import {_module(name)}")
        return name
    if style == "member as" or reserved:
        local = f"t_{name.replace('.', '_')}"
        program.imports.append(f"from {namespace} import {leaf} as {local}")
        return local
    program.taken[leaf] = name
    program.imports.append(f"from {namespace} import {leaf}")
    return leaf


def _module(name: str) -> str:
    """The module that holds a name: what stands before its first class, or before its last part."""
    parts = name.split(".")
    classes = (i for i, part in enumerate(parts) if part[:1].isupper() or part in ("finfo", "device"))
    return ".".join(parts[: max(1, min([*classes, len(parts) - 1]))])


def call(draw: st.DrawFn, program: Program, subject: Subject, depth: int = 1) -> str:
    """A use of the row: a call where it takes arguments, and seldom its bare name."""
    program.subjects.append(subject)
    if subject.of_instance:
        if subject.namespace == "torch.Tensor":
            name = program.fresh()
            receiver = program.filled(draw(st.sampled_from(RECEIVERS)), name)
            program.drawn.append(Drawn(subject, "self", [name]))
        else:
            receiver = program.fresh()
            program.drawn.append(Drawn(subject, "self", [receiver]))
            program.annotations[receiver] = f": {subject.namespace}"
            program.imports.append(f"import {_module(subject.namespace)}")
        callee = f"{receiver}.{subject.leaf}"
    else:
        callee = spelled(draw, program, subject.name)
    form: Form = draw(st.sampled_from(subject.forms))
    if form.args is None or draw(st.integers(0, 39)) == 0:
        return callee
    gap: str = draw(st.sampled_from(("",) * 15 + (" ",)))
    return callee + gap + laid_out(draw, program, written_arguments(draw, program, subject, form, depth))


def finished(draw: st.DrawFn, program: Program, body: str, head: str) -> Program:
    """The program with its imports and its function; invalid Python is drawn anew."""
    lines = dict.fromkeys([*HEADS, *program.imports] if draw(st.booleans()) else [*program.imports, *HEADS])
    own = [name + program.annotations.get(name, "") for name in program.names]
    own.sort(key=lambda text: "=" in text)
    text = "\n".join(lines) + "\n\n\n" + head.replace("§", "".join(f"{name}, " for name in own)) + body + "\n"
    newline = draw(st.sampled_from(("\n",) * 9 + ("\r\n",)))
    program.source = text.replace("\n", newline)
    return program


@st.composite
def programs(draw: st.DrawFn, namespaces: tuple[str, ...]) -> Program:
    """A function in which a row is used once, with other rows in its arguments."""
    program = Program()
    statement = draw(st.sampled_from(STATEMENTS))
    text = call(draw, program, draw(st.sampled_from(subjects(namespaces))))
    return finished(draw, program, statement.replace("¶", text), FUNCTION)


@st.composite
def layers(draw: st.DrawFn) -> Program:
    """A module class that makes a layer and uses it."""
    program = Program()
    made = [s for s in subjects(("torch.nn",)) if s.row.returns == "module"]
    text = call(draw, program, draw(st.sampled_from(made)))
    statement = "    " + draw(st.sampled_from(MADE))
    use = draw(st.sampled_from(USES))
    below = f"\n\n    def forward(self, x, n=None):\n        return {use}"
    return finished(draw, program, statement.replace("¶", text) + below, LAYER)
