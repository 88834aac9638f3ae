"""The facts of the demonstration, and the one shape of a filled form: answers by question name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

QUARTERS = (
    ("2025-T3", date(2025, 7, 1), date(2025, 9, 30)),
    ("2025-T4", date(2025, 10, 1), date(2025, 12, 31)),
    ("2026-T1", date(2026, 1, 1), date(2026, 3, 31)),
    ("2026-T2", date(2026, 4, 1), date(2026, 6, 30)),
)
ON_TIME_DAYS = 30
"""A report is late when it is sent later than this after the end of the quarter."""

Answers = dict[str, str]
"""Question name -> answer as a form engine takes it (codes separated by spaces, ISO dates, digits)."""


@dataclass(frozen=True)
class Provider:
    """A reporting entity, as in the providers' list of the forms."""

    code: str
    region: str
    type: str
    nominative: bool
    traite: int
    trafic: int
    """Numbers of ordinary events that it is the first to report."""

    @property
    def family(self) -> str:
        """`justice_securite` or `protection`."""
        return "justice_securite" if self.type in {"police", "gendarmerie", "court"} else "protection"

    @property
    def label(self) -> str:
        """The name on the phone; the real list has the full names, which no answer depends on."""
        return self.code.replace("_", " ")


_N, _P = True, False
PROVIDERS: tuple[Provider, ...] = (
    Provider("POL_NIA", "NE008", "police", _N, 12, 5),
    Provider("DST_NIA", "NE008", "police", _N, 8, 8),
    Provider("TGI_NIA", "NE008", "court", _N, 4, 4),
    Provider("OIM_NIA", "NE008", "io_iom", _N, 8, 4),
    Provider("ONG_NIA", "NE008", "ngo", _P, 11, 1),
    Provider("SOC_NIA", "NE008", "social", _N, 12, 0),
    Provider("DST_AGZ", "NE001", "police", _N, 8, 28),
    Provider("OIM_AGZ", "NE001", "io_iom", _N, 10, 12),
    Provider("ONG_AGZ", "NE001", "ngo", _P, 9, 4),
    Provider("GEN_DIF", "NE002", "gendarmerie", _N, 6, 4),
    Provider("ONG_DIF", "NE002", "ngo", _P, 6, 0),
    Provider("POL_DOS", "NE003", "police", _N, 8, 10),
    Provider("TGI_DOS", "NE003", "court", _N, 4, 3),
    Provider("SOC_MAR", "NE004", "social", _N, 9, 2),
    Provider("ONG_MAR", "NE004", "ngo", _P, 9, 2),
    Provider("DST_TAH", "NE005", "police", _N, 15, 11),
    Provider("GEN_TIL", "NE006", "gendarmerie", _N, 0, 0),  # silent throughout
    Provider("SOC_TIL", "NE006", "social", _N, 9, 4),
    Provider("DST_ZIN", "NE007", "police", _N, 10, 8),
    Provider("ONG_ZIN", "NE007", "ngo", _P, 9, 0),
)
SILENT = ("GEN_TIL",)
SILENT_QUARTERS = {"ONG_DIF": "2025-T4"}
BY_CODE = {provider.code: provider for provider in PROVIDERS}


@dataclass
class Victim:
    """A person in an event, as a perfect witness would know her."""

    key: str
    sex: str
    birth: date
    nationality: str
    relation: str
    disability: str
    exploitation_start: date | None


@dataclass
class Perpetrator:
    """A natural or legal person suspected; smugglers are described alike."""

    type: str
    sex: str
    age: int
    nationality: str
    roles: tuple[str, ...]


@dataclass
class TraiteFacts:
    """One trafficking event."""

    key: str
    theme: str
    day: date
    region: str
    department: str
    commune: str
    place: str
    channel: str
    reach: str
    irregular: str
    benefit: str
    acts: tuple[str, ...]
    means: tuple[str, ...]
    purposes: tuple[str, ...]
    main: str
    labour: tuple[str, ...]
    control: tuple[str, ...]
    recruitment: str
    recruitment_country: str
    exploitation_country: str
    exploitation_region: str | None
    exploitation_department: str | None
    victims: list[Victim]
    perpetrators: list[Perpetrator]
    others: tuple[int, int, int, int, int] | None = None
    """Victims known only by number: girls, boys, women, men, not known."""


@dataclass
class Group:
    """Migrants of one nationality: girls, boys, women, men, women and men of unknown age, all unknown."""

    nationality: str
    counts: list[int]


@dataclass
class TraficFacts:
    """One smuggling event."""

    key: str
    theme: str
    day: date
    region: str
    department: str
    commune: str
    departure: str
    destination: str
    border: str
    direction: str
    irregular: str
    benefit: str
    amount: int | None
    payment: str | None
    transport: tuple[str, ...]
    offences: tuple[str, ...]
    aggravating: tuple[str, ...]
    deaths: int
    groups: list[Group]
    smugglers: list[Perpetrator]


@dataclass
class Case:
    """One filling of one form: what the person answers, and what the demonstration knows besides."""

    form: str
    provider: Provider
    event: str
    sent: datetime
    answers: Answers
    repeats: dict[str, list[Answers]]
    persons: list[tuple[str, int | None]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    expect: str | None = None
    """Classification that the form must find, where the case is there to show it."""
    file: str = ""
    code: str = ""
    day: int = 1
    edit_of: str | None = None
    account: str = ""
    """Who sends it, where it is not the provider’s own account."""


def pick(rng: Random, weights: Mapping[str, float]) -> str:
    """One key, drawn by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def some(rng: Random, first: Sequence[str], extra: Sequence[str], chance: float = 0.4) -> tuple[str, ...]:
    """`first`, then each of `extra` with the given chance."""
    return (*first, *(one for one in extra if rng.random() < chance))


def quarter_of(day: date) -> tuple[str, date, date]:
    """Label, first and last day of the demonstration's quarter that holds a day."""
    return next(quarter for quarter in QUARTERS if quarter[1] <= day <= quarter[2])


def day_in(rng: Random, quarter: int) -> date:
    """A day of one of the four quarters."""
    _, first, last = QUARTERS[quarter]
    return first + timedelta(days=rng.randrange((last - first).days + 1))


def moment(rng: Random, day: date) -> datetime:
    """A moment of an office day, UTC (Niamey is one hour ahead)."""
    return datetime(day.year, day.month, day.day, rng.randrange(7, 17), rng.randrange(60), rng.randrange(60))


def years_before(day: date, years: int) -> date:
    """The same day some years earlier (28 February for the 29th)."""
    return day.replace(year=day.year - years, day=min(day.day, 28) if day.month == 2 else day.day)


def age_on(birth: date, day: date) -> int:
    """Completed years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
