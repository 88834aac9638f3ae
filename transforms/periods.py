"""Quarters and semesters, as written in Niger's statistical calendar: `2026-T2`, `2026-S1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

_LABEL = re.compile(r"^(\d{4})-(?:T([1-4])|S([12]))$")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


class PeriodError(ValueError):
    """The label is not a quarter or a semester."""


@dataclass(frozen=True, order=True)
class Period:
    """A closed interval of calendar days: a quarter (3 months) or a semester (6 months)."""

    start: date
    end: date
    label: str

    @property
    def is_semester(self) -> bool:
        """True for `YYYY-S1` and `YYYY-S2`."""
        return "-S" in self.label

    def contains(self, day: str | None) -> bool:
        """Whether an ISO date (`YYYY-MM-DD`) falls in the period; an unknown date falls in none."""
        return day is not None and self.start.isoformat() <= day <= self.end.isoformat()

    def quarters(self) -> list[Period]:
        """The quarters of the period, in order (one for a quarter, two for a semester)."""
        if not self.is_semester:
            return [self]
        first = 1 if self.label.endswith("S1") else 3
        return [parse_period(f"{self.start.year}-T{n}") for n in (first, first + 1)]

    def in_words(self) -> str:
        """The period as a title says it, in French."""
        if self.is_semester:
            rank = "1er semestre" if self.label.endswith("S1") else "2e semestre"
        else:
            number = int(self.label[-1])
            rank = "1er trimestre" if number == 1 else f"{number}e trimestre"
        first = "1er" if self.start.day == 1 else str(self.start.day)
        return (
            f"{rank} {self.start.year} (du {first} {_MONTHS[self.start.month - 1]} "
            f"au {self.end.day} {_MONTHS[self.end.month - 1]} {self.end.year})"
        )


def _from_months(year: int, first_month: int, months: int, label: str) -> Period:
    after = first_month + months
    end = date(year + (after > 12), after if after <= 12 else after - 12, 1) - timedelta(days=1)
    return Period(date(year, first_month, 1), end, label)


def parse_period(label: str) -> Period:
    """`2026-T2` (quarter) or `2026-S1` (semester) as a Period.

    Raises PeriodError, in the words of the person who typed it, for anything else.
    """
    match = _LABEL.match(label.strip().upper())
    if not match:
        raise PeriodError(
            f"« {label} » n'est pas une période : écrire un trimestre (2026-T1 à 2026-T4) "
            "ou un semestre (2026-S1, 2026-S2)."
        )
    year, quarter, semester = int(match[1]), match[2], match[3]
    if quarter:
        return _from_months(year, 3 * int(quarter) - 2, 3, f"{year}-T{quarter}")
    return _from_months(year, 6 * int(semester) - 5, 6, f"{year}-S{semester}")


def quarter_of(day: str | None) -> str | None:
    """The quarter label of an ISO date, None when the date is unknown."""
    return None if day is None else f"{day[:4]}-T{(int(day[5:7]) + 2) // 3}"


def semester_of(day: str | None) -> str | None:
    """The semester label of an ISO date, None when the date is unknown."""
    return None if day is None else f"{day[:4]}-S{1 if int(day[5:7]) <= 6 else 2}"
