"""The whole scenario: ordinary cases by provider and quarter, persons met again, trucks told twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from kobo_sync.demo.scenario import trafic, traite, traite_report
from kobo_sync.demo.scenario.facts import (
    BY_CODE,
    ON_TIME_DAYS,
    PROVIDERS,
    QUARTERS,
    SILENT_QUARTERS,
    Case,
    Provider,
    TraficFacts,
    TraiteFacts,
    day_in,
    moment,
    pick,
    quarter_of,
)
from kobo_sync.demo.scenario.towns import somewhere
from kobo_sync.demo.scenario.traite import Registry
from transforms import case_code

# Who hears of a case next: first body -> (number of events, second, third or None). All of them may take names.
CHAINS: dict[str, tuple[int, str, tuple[str | None, ...]]] = {
    "POL_NIA": (5, "TGI_NIA", ("OIM_NIA", "SOC_NIA", None)),
    "DST_NIA": (4, "TGI_NIA", ("OIM_NIA", None)),
    "POL_DOS": (4, "TGI_DOS", ("SOC_NIA", None)),
    "DST_AGZ": (4, "OIM_AGZ", ("OIM_NIA", None)),
    "DST_TAH": (6, "TGI_NIA", ("OIM_NIA", None, None)),
    "DST_ZIN": (4, "OIM_NIA", ("SOC_NIA", None)),
    "SOC_TIL": (3, "TGI_NIA", ("SOC_NIA", None)),
    "GEN_DIF": (3, "OIM_NIA", ("SOC_NIA", None)),
    "SOC_MAR": (3, "TGI_NIA", ("OIM_NIA", None)),
}
# Two bodies at the same truck: (first, second, second counts otherwise, days between the dates they give).
TRUCKS: tuple[tuple[str, str, bool, int], ...] = (
    ("DST_AGZ", "OIM_AGZ", False, 0), ("DST_AGZ", "OIM_AGZ", True, 0), ("DST_AGZ", "OIM_AGZ", False, 1),
    ("DST_AGZ", "OIM_AGZ", True, 0), ("DST_AGZ", "ONG_AGZ", False, 0), ("POL_DOS", "TGI_DOS", False, 0),
    ("DST_TAH", "OIM_NIA", True, 1), ("DST_NIA", "OIM_NIA", False, 0),
)  # fmt: skip
_VARIANTS = {"0": 28, "1": 16, "2": 12, "3": 7, "4": 8, "5": 6, "6": 4, "7": 8, "8": 3, "9": 8}
NATIONAL = frozenset({"OIM_NIA", "TGI_NIA"})
"""Bodies of the capital that see cases of every region."""


@dataclass
class Scenario:
    """All the cases, in no particular order, and the trucks told twice."""

    seed: int
    cases: list[Case] = field(default_factory=list)
    trucks: list[tuple[Case, ...]] = field(default_factory=list)
    registry: Registry = field(init=False)
    _events: int = 0

    def __post_init__(self) -> None:
        self.registry = Registry(self.seed)

    def rng(self, purpose: str) -> Random:
        """A generator of its own for each purpose: a change in one place leaves the others as they were."""
        return Random(f"{self.seed}/{purpose}")

    def event_key(self) -> str:
        """A new key for the true event."""
        self._events += 1
        return f"E{self._events:04d}"

    def code(self) -> str:
        """A case code, as a phone draws it."""
        return case_code.issue(self.rng(f"code/{len(self.cases)}").randrange)

    def add(self, case: Case, *tags: str) -> Case:
        """Keeps a case and gives it its code, in place of the one that a phone draws at random."""
        case.tags += tags
        if not case.code:
            case.code = self.code()
        self.cases.append(case)
        return case


def sending(rng: Random, day: date, *, late: bool = False) -> datetime:
    """When a report of a day is sent: some days later, in time for the quarter unless `late`."""
    last = quarter_of(day)[2]
    if late:
        return moment(rng, last + timedelta(days=ON_TIME_DAYS + rng.randrange(3, 50)))
    sent = min(day + timedelta(days=rng.randrange(1, 24)), last + timedelta(days=ON_TIME_DAYS - 1))
    return moment(rng, sent)


def _quarters(provider: Provider, number: int) -> list[int]:
    """The quarter of each of `number` events: in turn, so that nobody falls silent by chance."""
    silent = SILENT_QUARTERS.get(provider.code)
    usable = [place for place, quarter in enumerate(QUARTERS) if quarter[0] != silent]
    return [usable[place % len(usable)] for place in range(number)]


def _region(rng: Random, provider: Provider) -> str:
    if provider.code in NATIONAL and rng.random() < 0.4:
        return rng.choice([f"NE00{number}" for number in range(1, 9)])
    return provider.region


def _late(rng: Random, place: int) -> bool:
    """About one report in ten, but never the first of a provider's quarter."""
    return place >= len(QUARTERS) and rng.random() < 0.16


def _second_date(rng: Random, first: datetime, least: int, most: int) -> date:
    return min(first.date() + timedelta(days=rng.randrange(least, most)), date(2026, 9, 10))


def _again(
    scenario: Scenario,
    rng: Random,
    facts: TraiteFacts,
    provider: Provider,
    after: datetime,
    *,
    least: int,
    most: int,
) -> datetime:
    """The same persons at another body, later: the same event from the file, or an event of its own."""
    sent = _second_date(rng, after, least, most)
    known = facts
    if sent > QUARTERS[-1][2] or rng.random() < 0.55:
        # From the file: same date and place, now and then a day off.
        day = min(facts.day + timedelta(days=rng.choice((0, 0, 0, 0, 1))), QUARTERS[-1][2])
        tag = "meme_evenement"
    else:
        day, tag = sent - timedelta(days=rng.randrange(0, 5)), "personne_revue"
        day = max(day, facts.day)
        department, commune = facts.department, facts.commune
        region = facts.region
        if provider.region != facts.region:
            region = provider.region
            department, commune = somewhere(rng, region)
        kept = facts.victims if rng.random() < 0.6 else facts.victims[: max(1, len(facts.victims) - 1)]
        known = replace(
            facts, key=scenario.event_key(), day=day, region=region, department=department, commune=commune,
            victims=kept, others=None,
        )  # fmt: skip
    variants = [int(pick(rng, _VARIANTS)) for _ in known.victims]
    consents = ["full" if rng.random() < 0.93 else "no_share" for _ in known.victims]
    when = moment(rng, sent)
    case = traite_report.report(
        rng, known, provider, when, seed=scenario.seed, day=day, variants=variants, consents=consents,
        precise=tag == "meme_evenement",
    )  # fmt: skip
    scenario.add(case, "personnes_multiples", tag)
    return when


def ordinary_traite(scenario: Scenario) -> None:
    """Trafficking, provider by provider, with the persons whom several bodies report."""
    for provider in PROVIDERS:
        rng = scenario.rng(f"traite/{provider.code}")
        chained = CHAINS.get(provider.code, (0, "", ()))
        for place, quarter in enumerate(_quarters(provider, provider.traite)):
            day = day_in(rng, quarter)
            follows = place < chained[0]
            facts = traite.draw(rng, scenario.event_key(), day, _region(rng, provider), scenario.registry)
            if follows:
                facts.victims = facts.victims[:3]
            sent = sending(rng, day, late=_late(rng, place))
            consents = ["full"] * len(facts.victims) if follows else None
            case = traite_report.report(
                rng, facts, provider, sent, seed=scenario.seed, day=day, consents=consents, precise=follows
            )
            scenario.add(case, *(["personnes_multiples"] if follows else []))
            if follows:
                second, third = BY_CODE[chained[1]], chained[2][place % len(chained[2])]
                when = _again(scenario, rng, facts, second, sent, least=4, most=60)
                if third:
                    _again(scenario, rng, facts, BY_CODE[third], when, least=30, most=150)


def ordinary_trafic(scenario: Scenario) -> None:
    """Smuggling, provider by provider."""
    for provider in PROVIDERS:
        rng = scenario.rng(f"trafic/{provider.code}")
        for place, quarter in enumerate(_quarters(provider, provider.trafic)):
            day = day_in(rng, quarter)
            facts = trafic.draw(rng, scenario.event_key(), day, _region(rng, provider))
            scenario.add(trafic.report(rng, facts, provider, sending(rng, day, late=_late(rng, place)), day=day))


def trucks(scenario: Scenario) -> None:
    """The same truck told by two bodies, now and then with counts that differ a little."""
    rng = scenario.rng("camions")
    for place, (first, second, differs, days) in enumerate(TRUCKS):
        day = day_in(rng, place % len(QUARTERS))
        day = min(day, quarter_of(day)[2] - timedelta(days=2))
        one, other = BY_CODE[first], BY_CODE[second]
        facts = trafic.draw(rng, scenario.event_key(), day, one.region, size=rng.randrange(18, 64))
        facts = replace(facts, irregular="oui", benefit="oui")
        told = scenario.add(trafic.report(rng, facts, one, sending(rng, day), day=day, precise=True), "camion_double")
        groups = _recount(rng, facts) if differs else facts.groups
        later = day + timedelta(days=days)
        again = trafic.report(rng, facts, other, sending(rng, later), day=later, precise=True, groups=groups)
        scenario.add(again, "camion_double", *(["comptes_differents"] if differs else []))
        scenario.trucks.append((told, again))


def _recount(rng: Random, facts: TraficFacts) -> list[trafic.Group]:
    """Another body's count of the same truck: one to three persons more or fewer."""
    groups = [trafic.Group(group.nationality, list(group.counts)) for group in facts.groups]
    cell = max(range(len(groups)), key=lambda place: groups[place].counts[3])
    change = rng.choice((-3, -2, -1, 1, 2, 3))
    groups[cell].counts[3] = max(groups[cell].counts[3] + change, 0)
    return groups
