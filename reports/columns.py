"""What each column of a bundle's frames is called in French, and how its codes are labelled.

`data/columns.csv` has one row a frame column, in the order of the sheets: it drives the sheets, the dictionary and
the list of codes. `kind` is text, code, codes (several, separated by spaces), bool, int, decimal or date.
`data/values.csv` labels the values that the base computes; what a form offers is labelled by the one code list.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from transforms import codelists, places

_DATA = Path(__file__).with_name("data")

FRAMES = (
    "events", "victims", "perpetrators", "migrants", "migrant_details", "smugglers", "completeness", "quality",
    "quarantine", "duplicates",
)  # fmt: skip
"""The frames of a Bundle, by attribute name."""


@dataclass(frozen=True)
class Column:
    """One row of columns.csv. `forms` names the form whose sheet alone shows the column; empty: every sheet."""

    frame: str
    column: str
    forms: str
    group_fr: str
    header_fr: str
    kind: str
    variable: str
    ictip_component: str
    description_fr: str


@cache
def _columns() -> tuple[Column, ...]:
    with (_DATA / "columns.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(Column(**row) for row in csv.DictReader(lines))


@cache
def _values() -> dict[str, dict[str, str]]:
    values: dict[str, dict[str, str]] = {}
    with (_DATA / "values.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            values.setdefault(row["variable"], {})[row["code"]] = row["label_fr"]
    return values


def columns_of(frame: str, form: str | None = None) -> list[Column]:
    """The columns of a frame in sheet order; with `form`, only those that the form's sheet shows."""
    return [column for column in _columns() if column.frame == frame and (form is None or column.forms in ("", form))]


def known_labels(column: Column, labels: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Code to French label of a column: the bundle's own first, then the code list; empty where there is none."""
    own = labels.get(column.column, {})
    if not column.variable:
        return own
    if column.variable == "place":
        return {place.pcode: place.label for place in places.all_places()} | dict(own)
    if column.variable in _values():
        return _values()[column.variable] | dict(own)
    return codelists.labels(column.variable) | dict(own)


def label_of(value: str, column: Column, known: Mapping[str, str]) -> str:
    """Label of one value, code by code for a list; an unknown code is shown as it is."""
    codes = value.split() if column.kind == "codes" else [value]
    return " ; ".join(known.get(code, code) for code in codes)


def component_label(column: Column) -> str:
    """The ICS-TIP component of the column, in words; smuggling of migrants and our own marks have none."""
    if not column.ictip_component:
        return "Hors ICS-TIP"
    return codelists.label("record_component", column.ictip_component)
