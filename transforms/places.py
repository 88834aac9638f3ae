"""Niger's 8 regions, 63 departments and 4 cities, 266 communes and city districts; the key is the P-code.

A name is no key: 56 departments share theirs with a commune, Tibiri and Gangara are two communes each. A city
(« Ville de Maradi ») counts as a department, its *arrondissements* as communes. Sources and what is not
confirmed: OCHA COD-AB checked against the electoral commission and the statistical office.
Data: `data/places.csv` (pcode, level, label, parent, iso, aliases, status). A place that an official list no longer
has is `former`: records that name it still read, and phones no longer offer it.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = Path(__file__).parent / "data" / "places.csv"


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `aliases` are other spellings met in data; `iso` is filled for regions only.

    `former`: no longer in the official list.
    """

    pcode: str
    level: str
    label: str
    parent: str | None
    iso: str | None
    aliases: tuple[str, ...]
    former: bool = False


def read_places(path: Path = PATH) -> list[Place]:
    """The places of a file of this list's own shape."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Place(
                pcode=row["pcode"],
                level=row["level"],
                label=row["label"],
                parent=row["parent"] or None,
                iso=row["iso"] or None,
                aliases=tuple(alias for alias in row["aliases"].split("|") if alias),
                former=row.get("status") == "former",
            )
            for row in csv.DictReader(file)
        ]


@cache
def _places() -> dict[str, Place]:
    return {place.pcode: place for place in read_places()}


def all_places() -> list[Place]:
    """Every place, former ones too, ordered by P-code."""
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


def places_csv(places: Iterable[Place] | None = None) -> bytes:
    """The forms' attachment `places.csv`: name,label,level,parent, one line a place, without former ones."""
    offered = [place for place in (all_places() if places is None else places) if not place.former]
    return _csv(("name", "label", "level", "parent"), ((p.pcode, p.label, p.level, p.parent or "") for p in offered))


def data_csv(places: Iterable[Place]) -> bytes:
    """The content of `data/places.csv` for these places."""
    return _csv(
        ("pcode", "level", "label", "parent", "iso", "aliases", "status"),
        (
            (p.pcode, p.level, p.label, p.parent or "", p.iso or "", "|".join(p.aliases), "former" if p.former else "")
            for p in places
        ),
    )


def _csv(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
