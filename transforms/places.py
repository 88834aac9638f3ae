"""Niger's 8 regions, 63 departments and 4 cities, 266 communes and city districts; the key is the P-code.

A name is no key: 56 departments share theirs with a commune, Tibiri and Gangara are two communes each. A city
(« Ville de Maradi ») counts as a department, its *arrondissements* as communes. Sources and what is not
confirmed: OCHA COD-AB checked against the electoral commission and the statistical office.
Data: `data/places.csv` (pcode, level, label, parent, iso, aliases).
"""

import csv
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = Path(__file__).parent / "data" / "places.csv"


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `aliases` are other spellings met in data; `iso` is filled for regions only."""

    pcode: str
    level: str
    label: str
    parent: str | None
    iso: str | None
    aliases: tuple[str, ...]


@cache
def _places() -> dict[str, Place]:
    with PATH.open(encoding="utf-8", newline="") as file:
        return {
            row["pcode"]: Place(
                pcode=row["pcode"],
                level=row["level"],
                label=row["label"],
                parent=row["parent"] or None,
                iso=row["iso"] or None,
                aliases=tuple(alias for alias in row["aliases"].split("|") if alias),
            )
            for row in csv.DictReader(file)
        }


def all_places() -> list[Place]:
    """Every place, ordered by P-code."""
    return list(_places().values())


def is_place(pcode: str) -> bool:
    """Whether the P-code is in the list."""
    return pcode in _places()


def label(pcode: str) -> str:
    """French name; an unknown P-code is returned as it is."""
    place = _places().get(pcode)
    return place.label if place else pcode


def level(pcode: str) -> str:
    """`region`, `department` or `commune`. Raises KeyError for an unknown P-code."""
    return _places()[pcode].level


def parent(pcode: str) -> str | None:
    """P-code of the place around it, None for a region. Raises KeyError for an unknown P-code."""
    return _places()[pcode].parent


def region_of(pcode: str) -> str | None:
    """P-code of the region that holds the place (itself for a region), or None if the P-code is unknown."""
    place = _places().get(pcode)
    while place is not None and place.parent is not None:
        place = _places().get(place.parent)
    return place.pcode if place else None


def regions() -> dict[str, str]:
    """P-code to name of the 8 regions, NE001 to NE008."""
    return {place.pcode: place.label for place in all_places() if place.level == "region"}


def places_csv() -> bytes:
    """The forms' attachment `places.csv`: name,label,level,parent, UTF-8, one line a place."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "label", "level", "parent"))
    writer.writerows((place.pcode, place.label, place.level, place.parent or "") for place in all_places())
    return out.getvalue().encode()
