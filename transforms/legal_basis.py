"""Which text was in force at the date of the facts: a table (`data/legal_basis.csv`), so that a new law is one line.

It says which text applies, never that an offence was committed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("data") / "legal_basis.csv"
UNKNOWN, NO_TEXT = "unk", "none"


@dataclass(frozen=True)
class Text:
    """One line: the code (list `legal_basis`) that applies to a form's facts from one ISO day to another, inclusive."""

    form: str
    since: str
    until: str
    """Empty while the text is in force."""
    code: str
    note: str


@cache
def texts() -> tuple[Text, ...]:
    """The table, in its order."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return tuple(Text(row["form"], row["from"], row["until"], row["code"], row["note"])
                     for row in csv.DictReader(lines))  # fmt: skip


def legal_basis(form: str, day: str | None) -> str:
    """The code in force on an ISO day; `none` where no line of the form holds it, `unk` without a day."""
    if not day:
        return UNKNOWN
    held = (text.code for text in texts() if text.form == form and text.since <= day <= (text.until or "9999"))
    return next(held, NO_TEXT)


def basis_of_facts(form: str, facts_month: str | None, detection_date: str | None) -> str:
    """The code for facts whose last month is known (`AAAA-MM`), else for the day on which they came to light.

    Within the month in which the law changed, two texts are possible: `unk`, unless the facts came to light before.
    """
    if not facts_month:
        return legal_basis(form, detection_date)
    last = _last_day(facts_month)
    if detection_date and detection_date.startswith(facts_month):
        last = detection_date
    possible = {legal_basis(form, day) for day in (f"{facts_month}-01", last)}
    return possible.pop() if len(possible) == 1 else UNKNOWN


def _last_day(month: str) -> str:
    first = date.fromisoformat(f"{month}-01")
    return ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).isoformat()
