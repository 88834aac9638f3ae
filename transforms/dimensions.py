"""What the standard asks, and where our forms ask it: `data/ictip_dimensions.csv`.

One line a dimension of ICS-TIP (components E, V, P and R of the code list) or of the smuggling of migrants (`T`): the
form and its questions, or the reason why no form asks it. Only the components are ICS-TIP's own words.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("data") / "ictip_dimensions.csv"

SMUGGLING = "T"
"""The component of the smuggling of migrants, which ICS-TIP does not cover."""


@dataclass(frozen=True)
class Dimension:
    """One line of the table. `forms` and `questions` are empty where `why_not` says the reason."""

    component: str
    label: str
    forms: tuple[str, ...]
    questions: tuple[str, ...]
    why_not: str


@cache
def dimensions() -> tuple[Dimension, ...]:
    """The table, in its order."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return tuple(
            Dimension(
                row["component"],
                row["dimension_fr"],
                tuple(row["form"].split()),
                tuple(row["questions"].split()),
                row["why_not_fr"],
            )
            for row in csv.DictReader(lines)
        )
