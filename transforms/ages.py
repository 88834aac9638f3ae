"""Ages as told, with their precision, and the two questions statistics ask: which group, and a child in law?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from transforms import codelists


@dataclass(frozen=True)
class Age:
    """Age at identification. `precision`: birth_date, age, band, unk or ref; `group`: 0-17, 18+ or unk (GLOTIP)."""

    years: int | None
    precision: str
    group: str
    band: str | None


def group_of(years: int | None) -> str:
    """GLOTIP's two groups; an unknown age has a line of its own."""
    return "unk" if years is None else ("0-17" if years < 18 else "18+")


def band_of(years: int) -> str:
    """The national age band (`age_band_ne`) of an age in years."""
    for band in codelists.codes("age_band_ne"):
        low, _, high = band.removesuffix("+").partition("-")
        if years >= int(low) and (band.endswith("+") or years <= int(high)):
            return band
    raise ValueError(f"no age band for {years} years")


def group_of_band(band: str) -> str:
    """GLOTIP's group of a national age band."""
    return group_of(int(band.removesuffix("+").partition("-")[0]))


def at_identification(values: Mapping[str, Any], day: str | None) -> Age:
    """The age that holds at identification (`day`), from the most precise answer given; else child or adult as told.

    A birth date needs the day to become an age. A refusal to tell is kept as such (`ref`), the age being unknown.
    """
    born = values.get("birth_date")
    if born and day:
        birth, at = date.fromisoformat(born), date.fromisoformat(day)
        years = at.year - birth.year - ((at.month, at.day) < (birth.month, birth.day))
        if 0 <= years <= 120:
            return Age(years, "birth_date", group_of(years), band_of(years))
    years_said = values.get("age")
    if years_said is not None and years_said <= 120:
        return Age(years_said, "age", group_of(years_said), band_of(years_said))
    band = values.get("age_band")
    if band:
        return Age(None, "band", group_of_band(band), band)
    precision = "ref" if values.get("age_precision") == "ref" else "unk"
    return Age(None, precision, values.get("majority") or "unk", None)


def child_in_law(group: str, at_facts: str | None) -> Literal["oui", "non", "nsp"]:
    """Under 18 at any act or exploitation, which come before identification.

    A child at identification was one at the facts; an adult then may have been one, and only an answer tells.
    """
    if group == "0-17" or at_facts == "oui":
        return "oui"
    return "non" if group == "18+" and at_facts == "non" else "nsp"
