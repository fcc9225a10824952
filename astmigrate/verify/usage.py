"""How much of what people write hits a row that converts: the tables weighed by a census of 90 projects.

``docs/api-usage.tsv`` counts the uses of each torch API in 90 public projects, ``torch.Tensor`` names only
where the receiver was inferred to be a tensor.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from astmigrate.tables import Tables, is_manual

CENSUS = Path(__file__).parents[2] / "docs" / "api-usage.tsv"
MOST = 40  # so many of those that do not convert are listed
_TENSOR = "torch.Tensor."


@dataclass(frozen=True, slots=True)
class Use:
    """One API of the census."""

    api: str
    uses: int
    projects: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """A part of the census: its uses, those that hit a converting row, and the APIs that do not, by uses."""

    label: str
    uses: int
    converting: int
    left: tuple[Use, ...]

    @property
    def share(self) -> float:
        """The share of uses that convert, 0 to 1."""
        return self.converting / self.uses if self.uses else 0.0


def census(path: Path = CENSUS) -> list[Use]:
    """The counts, as the file has them."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Use(row["api"], int(row["uses"]), int(row["projects"])) for row in rows]


def weigh(tables: Tables, uses: Iterable[Use]) -> tuple[Weighed, Weighed]:
    """torch's names, and those of tensors."""
    everything = list(uses)
    tensor = [use for use in everything if use.api.startswith(_TENSOR)]
    other = [use for use in everything if not use.api.startswith(_TENSOR)]
    return _weighed("torch.*", other, tables), _weighed("torch.Tensor.*", tensor, tables)


def _weighed(label: str, uses: list[Use], tables: Tables) -> Weighed:
    left = [use for use in uses if not converts(use.api, tables)]
    total = sum(use.uses for use in uses)
    left.sort(key=lambda use: (-use.uses, use.api))
    return Weighed(label, total, total - sum(use.uses for use in left), tuple(left))


def converts(api: str, tables: Tables) -> bool:
    """Whether the API has a row that is not manual."""
    row = tables.row(api)
    return row is not None and not is_manual(row)


def section(tables: Tables) -> str:
    """The page's part: the shares, and the most used APIs that do not convert with the reason."""
    parts = weigh(tables, census())
    lines = ["## By use", "", "Uses in 90 public projects that hit a row that converts.", ""]
    lines += ["| | uses | converting | |", "|---|---|---|---|"]
    lines += [f"| `{p.label}` | {p.uses:,} | {p.converting:,} | {p.share:.2%} |" for p in parts]
    left = sorted((use for part in parts for use in part.left), key=lambda use: (-use.uses, use.api))
    lines += ["", f"The {MOST} most used that do not convert:", "", "| API | uses | projects | why |"]
    lines += ["|---|---|---|---|"]
    for use in left[:MOST]:
        row = tables.row(use.api)
        why = "no row" if row is None else row.manual.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| `{use.api}` | {use.uses:,} | {use.projects} | {why} |")
    return "\n".join(lines) + "\n"
