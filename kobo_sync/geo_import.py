"""A newer official list of Niger's places: checked, compared with ours, and taken over only when told to.

The P-code is the key. A renamed place keeps its old name as another spelling of it; a place that the new list lacks is
kept as `former`, so that records which name it still read, and is no longer offered on phones. Another spelling of a
name we know changes nothing: our list has the accents that OCHA's leaves out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from kobo_sync.geo_read import FRENCH, LEVELS, Listed, fold, is_named, level_by_length
from transforms.places import Place, data_csv, places_csv

ABOVE = {"region": "", "department": "region", "commune": "department"}
_PCODE = re.compile(r"NE\d{3}(\d{3}){0,2}")


@dataclass
class Comparison:
    """What the new list changes, in French, and the list that results (ordered by P-code)."""

    places: list[Place] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    other_names: list[str] = field(default_factory=list)
    spellings: int = 0

    @property
    def changes(self) -> dict[str, list[str]]:
        """The kinds of change that there are, under their French headings."""
        told = {
            "Nouveaux lieux": self.new,
            "Lieux renommés (l’ancien nom reste reconnu)": self.renamed,
            "Lieux déplacés": self.moved,
            "Lieux disparus (gardés pour les anciennes fiches, plus proposés sur les téléphones)": self.vanished,
            "Lieux revenus": self.returned,
        }
        return {heading: lines for heading, lines in told.items() if lines}


def problems(listed: Iterable[Listed], current: Iterable[Place]) -> list[str]:
    """Why the list can't be taken over, one text a fault; empty when it can."""
    entries = list(listed)
    return list(dict.fromkeys([*_faults(entries), *_lost_regions(entries, current)]))


def compare(listed: Iterable[Listed], current: Iterable[Place]) -> Comparison:
    """Compare a list without faults with ours."""
    ours = {place.pcode: place for place in current}
    theirs = {entry.pcode: entry for entry in listed}
    result = Comparison()
    names = {code: place.label for code, place in ours.items()} | {code: entry.label for code, entry in theirs.items()}
    for code, entry in theirs.items():
        parent = _parent(entry) or None
        place = ours.get(code)
        if place is None:
            result.new.append(f"{FRENCH[entry.level]} {entry.label} ({code}){_under(parent, names)}")
            result.places.append(Place(code, entry.level, entry.label, parent, None, ()))
            continue
        if place.former:
            result.returned.append(_said(place))
        if place.parent != parent:
            result.moved.append(f"{_said(place)} :{_under(place.parent, names)} →{_under(parent, names)}")
        if fold(place.label) == fold(entry.label):
            result.spellings += place.label != entry.label
        elif is_named(place, entry.label):
            result.other_names.append(f"{_said(place)} : {entry.label}")
        else:
            result.renamed.append(f"{_said(place)} → {entry.label}")
            place = replace(place, label=entry.label, aliases=(*place.aliases, place.label))
        result.places.append(replace(place, parent=parent, former=False))
    for code in ours.keys() - theirs.keys():
        if not ours[code].former:
            result.vanished.append(_said(ours[code]))
        result.places.append(replace(ours[code], former=True))
    result.vanished.sort()
    result.places.sort(key=lambda place: place.pcode)
    return result


def write(places: Iterable[Place], data: Path, attachment: Path) -> list[Path]:
    """Write the list of the base and the one that travels with the forms; the files that changed."""
    kept = list(places)
    written = []
    for path, content in ((data, data_csv(kept)), (attachment, places_csv(kept))):
        if not path.exists() or path.read_bytes() != content:
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.replace(path)  # a run that stops here leaves a whole list, old or new
            written.append(path)
    return written


def _faults(entries: list[Listed]) -> Iterator[str]:
    by_code: dict[str, Listed] = {}
    siblings: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for entry in entries:
        what = f"{entry.where} : {entry.pcode or entry.label}"
        if not _PCODE.fullmatch(entry.pcode):
            yield f"{entry.where} : « {entry.pcode} » n’est pas un code P (NE suivi de 3, 6 ou 9 chiffres)"
            continue
        if entry.level not in LEVELS:
            yield f"{what} : niveau inconnu « {entry.level} » (région, département, commune)"
            continue
        if entry.level != level_by_length(entry.pcode):
            length = FRENCH[level_by_length(entry.pcode)]
            yield f"{what} : le niveau donné est {FRENCH[entry.level]}, le code P est de niveau {length}"
        if not entry.label:
            yield f"{what} : le nom manque"
        if set('"“”|') & set(entry.label):
            yield f'{what} : le nom ne peut contenir ni guillemet " ni barre | (les téléphones ou la liste s’y perdent)'
        first = by_code.setdefault(entry.pcode, entry)
        if (first.level, first.label, _parent(first)) != (entry.level, entry.label, _parent(entry)):
            yield f"{what} : code P en double, déjà donné à {first.label} ({first.where})"
        siblings[_parent(entry), entry.level, fold(entry.label)].add(entry.pcode)
    for entry in by_code.values():
        yield from _parent_fault(entry, by_code)
    for (parent, level, _), codes in siblings.items():
        if len(codes) > 1 and parent:
            named = by_code[min(codes)].label
            yield f"{parent} : deux lieux « {named} » ({FRENCH[level]}) sous ce parent, {', '.join(sorted(codes))}"


def _parent_fault(entry: Listed, by_code: dict[str, Listed]) -> Iterator[str]:
    what, parent = f"{entry.where} : {entry.pcode} {entry.label}", _parent(entry)
    if entry.level == "region":
        if entry.parent and _PCODE.fullmatch(entry.parent):
            yield f"{what} : une région n’a pas de parent dans la liste ({entry.parent})"
    elif parent not in by_code:
        yield f"{what} : parent inconnu « {parent} »"
    elif by_code[parent].level != ABOVE[entry.level]:
        above = f"est de niveau {FRENCH[by_code[parent].level]}, pas {FRENCH[ABOVE[entry.level]]}"
        yield f"{what} : son parent {parent} {above}"


def _lost_regions(entries: list[Listed], current: Iterable[Place]) -> Iterator[str]:
    there = {entry.pcode for entry in entries}
    for place in current:
        if place.level == "region" and place.pcode not in there:
            yield f"la région {place.label} ({place.pcode}) manque : la liste n’est pas complète"


def _parent(entry: Listed) -> str:
    """The parent that the list gives, else the one in the P-code itself."""
    if entry.level == "region":
        return ""
    return entry.parent or entry.pcode[:-3]


def _said(place: Place) -> str:
    return f"{FRENCH[place.level]} {place.label} ({place.pcode})"


def _under(parent: str | None, names: dict[str, str]) -> str:
    return f" dans {names.get(parent, parent)} ({parent})" if parent else ""
