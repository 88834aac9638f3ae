"""Trafficking: draws the persons and the facts of an event."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from kobo_sync.demo import people
from kobo_sync.demo.scenario.facts import Perpetrator, TraiteFacts, Victim, pick, some, years_before
from kobo_sync.demo.scenario.themes import BY_REGION, THEMES, Theme
from kobo_sync.demo.scenario.towns import somewhere


class Registry:
    """Hands out person and household numbers, so that each person of the demonstration has one key."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number = 0
        self._household = 0

    def household(self) -> str:
        """A new household mark for `person`."""
        self._household += 1
        return f"H{self._household:03d}"

    def person(self, sex: str, country: str, suffix: str = "", unlike: tuple[str, ...] = ()) -> str:
        """A new person key whose given name differs from those of `unlike` (siblings bear different names)."""
        taken = {people.name(key, 0, self._seed)[0] for key in unlike}
        while True:
            self._number += 1
            key = ".".join(filter(None, (sex, country, f"{self._number:04d}", suffix)))
            if "N" in suffix or people.name(key, 0, self._seed)[0] not in taken:
                return key


def _victims(rng: Random, theme: Theme, day: date, registry: Registry, siblings: bool) -> list[Victim]:
    household = registry.household() if siblings else ""
    nationality = pick(rng, theme.nationality)
    found: list[Victim] = []
    for _ in range(max(rng.choice(theme.number), 2 if siblings else 1)):
        sex = "F" if rng.random() < theme.girls else "M"
        # Two draws averaged: ages cluster in the middle of the usual range.
        age = round((rng.uniform(*theme.ages) + rng.uniform(*theme.ages)) / 2)
        birth = years_before(day, age) - timedelta(days=rng.randrange(1, 360))
        country = nationality if siblings or rng.random() < 0.8 else pick(rng, theme.nationality)
        key = registry.person(sex, country, household, tuple(one.key for one in found))
        months = rng.randrange(1, 30)
        start = (day - timedelta(days=30 * months)).replace(day=1) if rng.random() < 0.35 else None
        disability = pick(rng, {"non": 90, "oui": 4, "nsp": 5, "ref": 1})
        found.append(Victim(key, sex, birth, country, pick(rng, theme.relation), disability, start))
    return found


def perpetrators(rng: Random, roles: tuple[str, ...], number: int) -> list[Perpetrator]:
    """Suspects; about one in twenty is a legal person."""
    found = []
    for _ in range(number):
        kind = "legal" if rng.random() < 0.05 else "natural"
        country = pick(rng, {"NER": 70, "NGA": 15, "BEN": 5, "LBY": 3, "TCD": 3, "DZA": 2, "unk": 2})
        sex = "F" if rng.random() < 0.3 else "M"
        found.append(Perpetrator(kind, sex, rng.randrange(22, 62), country, some(rng, roles[:1], roles[1:], 0.5)))
    return found


def _means(rng: Random, theme: Theme, day: date) -> tuple[str, ...]:
    """Of a child the law requires no means: a third of the children’s cases know none, so that the rule shows."""
    drawn = some(rng, theme.means, theme.means_more, 0.3)
    return ("none",) if theme.ages[1] < 18 and day.day % 3 == 0 else drawn


def draw(rng: Random, key: str, day: date, region: str, registry: Registry, theme_name: str = "") -> TraiteFacts:
    """The facts of one event of a region, on a day."""
    name = theme_name or pick(rng, BY_REGION[region])
    theme = THEMES[name]
    crosses = rng.random() < theme.crossing
    department, commune = somewhere(rng, region, theme.towns)
    siblings = name in {"talibe", "algerie", "domesticite", "heritage"} and rng.random() < 0.3
    victims = _victims(rng, theme, day, registry, siblings)
    country = pick(rng, theme.destination) if crosses else "NER"
    purposes = some(rng, theme.purposes, theme.purposes_more, 0.25)
    crowd = rng.random() < theme.crowd
    boys = rng.randrange(1, 9) if theme.ages[0] < 17 else 0
    # A border crossed for exploitation is often crossed at an official post: then there is no irregular entry.
    irregular = pick(rng, {"oui": 35, "non": 40, "nsp": 25})
    return TraiteFacts(
        key=key,
        theme=name,
        day=day,
        region=region,
        department=department,
        commune=commune,
        place=pick(rng, theme.place),
        channel="",
        reach="cross_border" if crosses else pick(rng, {"domestic": 96, "unk": 4}),
        irregular=irregular,
        benefit=pick(rng, {"oui": 30, "non": 30, "nsp": 40}),
        acts=some(rng, theme.acts, theme.acts_more),
        means=_means(rng, theme, day),
        purposes=purposes,
        main=theme.purposes[0],
        labour=theme.labour,
        control=some(rng, (), theme.control, 0.45),
        recruitment=pick(rng, theme.recruitment),
        recruitment_country=victims[0].nationality,
        exploitation_country=country,
        exploitation_region=region if country == "NER" else None,
        exploitation_department=department if country == "NER" else None,
        victims=victims,
        perpetrators=perpetrators(rng, theme.roles, rng.choice((0, 1, 1, 1, 2, 2, 3))),
        others=(
            (boys // 3 if theme.girls < 0.9 else boys, boys if theme.girls < 0.9 else 0, rng.randrange(0, 4),
             rng.randrange(0, 3), rng.choice((0, 0, 0, 2)))
            if crowd else None
        ),
    )  # fmt: skip
