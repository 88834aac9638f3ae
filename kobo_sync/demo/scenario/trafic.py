"""Smuggling of migrants: draws the facts of an event, and writes the report that a provider makes of them.

No name, phone or host of a migrant is ever asked; migrants are counted, a few are detailed within the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from random import Random

from kobo_sync.demo.scenario.facts import Answers, Case, Group, Provider, TraficFacts, pick, some
from kobo_sync.demo.scenario.towns import ROADS, somewhere
from kobo_sync.demo.scenario.traite import perpetrators
from kobo_sync.demo.scenario.traite_report import perpetrator_answers, place_answers
from transforms import codelists

_STAGES = tuple(code for code in codelists.codes("route_place") if code not in ("other", "unk"))
SEXES = ("g_f_min", "g_h_min", "g_f_adu", "g_h_adu", "g_f_inc", "g_h_inc", "g_inconnu")


@dataclass(frozen=True)
class Route:
    """One way migrants travel through Niger."""

    direction: dict[str, float]
    departure: dict[str, float]
    destination: dict[str, float]
    border: str
    transport: dict[str, float]
    size: tuple[int, int]
    nationalities: dict[str, float]
    women: float
    children: float


ROUTES: dict[str, Route] = {
    "libye": Route(
        {"leaving": 8, "transit": 2}, {"NER": 6, "NGA": 3, "SDN": 1}, {"LBY": 8, "ITA": 2}, "LBY",
        {"pickup": 7, "truck": 3}, (14, 62),
        {"NER": 8, "NGA": 6, "SDN": 4, "TCD": 2, "CMR": 2, "GMB": 2, "SEN": 2, "MLI": 2, "GHA": 1, "ERI": 1}, 0.12, 0.1,
    ),
    "algerie": Route(
        {"leaving": 8, "transit": 2}, {"NER": 8, "BEN": 1, "GIN": 1}, {"DZA": 8, "MAR": 1, "ESP": 1}, "DZA",
        {"truck": 6, "pickup": 4}, (10, 56),
        {"NER": 12, "GIN": 3, "CIV": 3, "MLI": 3, "BFA": 2, "BEN": 2, "SLE": 1, "CMR": 2, "NGA": 2}, 0.3, 0.28,
    ),
    "nigeria": Route(
        {"entering": 6, "transit": 4}, {"NGA": 10}, {"NER": 2, "LBY": 4, "DZA": 2, "ITA": 2}, "NGA",
        {"car": 4, "motorbike": 3, "bus": 3}, (2, 16), {"NGA": 12, "CMR": 2, "GHA": 1}, 0.45, 0.15,
    ),
    "benin": Route(
        {"entering": 6, "transit": 4}, {"BEN": 6, "TGO": 2, "GHA": 2}, {"NER": 2, "DZA": 4, "LBY": 4}, "BEN",
        {"bus": 5, "car": 3, "boat": 2}, (3, 22), {"BEN": 6, "TGO": 4, "GHA": 4, "CIV": 1, "NGA": 2}, 0.28, 0.18,
    ),
    "burkina": Route(
        {"entering": 6, "transit": 4}, {"BFA": 6, "MLI": 2, "CIV": 2}, {"DZA": 5, "LBY": 4, "NER": 1}, "BFA",
        {"bus": 6, "car": 2, "foot": 2}, (3, 24), {"BFA": 6, "CIV": 4, "MLI": 3, "SEN": 2, "GIN": 2}, 0.2, 0.12,
    ),
    "bus": Route(
        {"transit": 9, "unk": 1}, {"NER": 3, "BEN": 2, "NGA": 3, "BFA": 2}, {"LBY": 5, "DZA": 5}, "DZA",
        {"bus": 8, "car": 2}, (4, 30), {"NGA": 4, "BEN": 3, "SEN": 2, "GMB": 2, "GIN": 3, "CMR": 2, "TGO": 2},
        0.25, 0.12,
    ),
}  # fmt: skip

BY_REGION: dict[str, dict[str, float]] = {
    "NE001": {"libye": 6, "algerie": 4}, "NE002": {"nigeria": 1}, "NE003": {"benin": 8, "bus": 2},
    "NE004": {"nigeria": 1}, "NE005": {"algerie": 4, "nigeria": 6}, "NE006": {"burkina": 1},
    "NE007": {"nigeria": 7, "bus": 3}, "NE008": {"bus": 6, "burkina": 4},
}  # fmt: skip


def split(rng: Random, size: int, route: Route) -> list[Group]:
    """`size` migrants by nationality, then by sex and age group."""
    groups: dict[str, Group] = {}
    countries = rng.choices(list(route.nationalities), list(route.nationalities.values()), k=rng.choice((1, 2, 3, 4)))
    for _ in range(size):
        country = rng.choice(countries)
        group = groups.setdefault(country, Group(country, [0] * len(SEXES)))
        woman, child = rng.random() < route.women, rng.random() < route.children
        group.counts[(0 if woman else 1) if child else (2 if woman else 3)] += 1
    largest = max(groups.values(), key=lambda group: sum(group.counts))
    if largest.counts[3] > 6 and rng.random() < 0.25:  # some could not be questioned
        unknown = rng.randrange(1, 5)
        largest.counts[3] -= unknown
        largest.counts[rng.choice((5, 6))] += unknown
    return list(groups.values())


def draw(rng: Random, key: str, day: date, region: str, route_name: str = "", size: int | None = None) -> TraficFacts:
    """The facts of one event of a region, on a day."""
    name = route_name or pick(rng, BY_REGION[region])
    route = ROUTES[name]
    department, commune = somewhere(rng, region, ROADS[name])
    benefit = pick(rng, {"oui": 86, "nsp": 11, "non": 3})
    paid = benefit == "oui" and rng.random() < 0.5
    groups = split(rng, size or rng.randrange(*route.size), route)
    aggravating = some(rng, (), ("danger", "inhuman", "abandonment", "violence"), 0.12)
    if any(sum(group.counts[:2]) for group in groups) and rng.random() < 0.5:
        aggravating = (*aggravating, "child")
    return TraficFacts(
        key=key,
        theme=name,
        day=day,
        region=region,
        department=department,
        commune=commune,
        departure=pick(rng, route.departure),
        destination=pick(rng, route.destination),
        border=route.border,
        direction=pick(rng, route.direction),
        irregular=pick(rng, {"oui": 92, "nsp": 5, "non": 3}),
        benefit=benefit,
        amount=rng.randrange(6, 70) * 5000 if paid else None,
        payment=pick(rng, {"cash": 6, "mobile_money": 3, "transfer": 1}) if paid else None,
        transport=some(rng, (pick(rng, route.transport),), ("foot",), 0.06),
        offences=some(rng, ("som",), ("doc_possess", "stay", "organise", "accomplice"), 0.12),
        aggravating=aggravating,
        deaths=0,
        groups=groups,
        smugglers=perpetrators(rng, ("Smuggler", "Transporter"), rng.choice((0, 1, 1, 1, 2, 2, 3))),
    )


def _migrants(rng: Random, facts: TraficFacts) -> list[Answers]:
    """A few of the counted migrants in detail: never more of a kind than the counts hold."""
    rows: list[Answers] = []
    for group in facts.groups:
        for place, question_sex, child in ((0, "F", True), (1, "M", True), (2, "F", False), (3, "M", False)):
            if group.counts[place] and rng.random() < 0.3:
                row = {
                    "m_sexe": question_sex,
                    "m_nationalite": group.nationality,
                    "m_indice_exploitation": "non",
                }
                if rng.random() < 0.8:
                    age = rng.randrange(9, 18) if child else rng.randrange(18, 41)
                    row |= {"m_age_connu": "age", "m_age": str(age)}
                else:
                    row |= {"m_age_connu": "band", "m_tranche": "15-17" if child else "18-24"}
                if child:
                    row["m_non_accompagne"] = pick(rng, {"oui": 4, "non": 5, "nsp": 1})
                rows.append(row)
    return rows[:4]


def report(
    rng: Random, facts: TraficFacts, provider: Provider, sent: datetime, *,
    day: date | None, precise: bool = False, groups: list[Group] | None = None,
) -> Case:  # fmt: skip
    """What a provider writes down of an event. `groups`: its own count, where it differs from the facts."""
    seen = day or facts.day
    stage = pick(rng, {"suspected": 3, "arrested": 5, "prosecuted": 1, "unk": 2})
    if provider.type == "court":
        stage = pick(rng, {"prosecuted": 5, "convicted": 4, "acquitted": 1, "dismissed": 1})
    justice = {
        "suspected": "investigation",
        "arrested": "investigation",
        "prosecuted": "prosecution",
        "unk": "unk",
    }
    answers: Answers = {"entite": provider.code, "date_connue": "oui" if day else "non"}
    if day:
        answers["date_detection"] = day.isoformat()
    answers |= place_answers(rng, facts.region, facts.department, facts.commune, precise=precise)
    answers |= {
        "points": pick(rng, {"prive sure soins langue": 5, "sure soins langue": 4, "sure soins": 2, "aucun": 1}),
        "lieu_type": pick(rng, {"road": 6, "checkpoint": 3, "border": 2}),
        "condition": pick(rng, {"well": 6, "dehydrated": 3, "exhausted": 2, "injured": 1, "unk": 2}),
        "autorite": provider.type if provider.type in {"police", "gendarmerie"} else pick(
            rng, {"police": 4, "gendarmerie": 3, "army": 2, "garde": 1}
        ),
        "pays_depart": facts.departure,
        "pays_destination": facts.destination,
        "frontiere": facts.border,
        "sens": facts.direction,
        "entree_irreguliere": facts.irregular,
        "avantage": facts.benefit,
        "transport": " ".join(facts.transport),
        "infractions": " ".join(facts.offences),
        "aggravantes": " ".join(facts.aggravating) or "none",
        "deces": str(facts.deaths),
        "indice_exploitation": pick(rng, {"non": 90, "nsp": 10}),
        "groupes_connus": "oui",
        "detail_connu": "non",
        "passeurs_connus": "oui" if facts.smugglers else "non",
        "saisine": justice.get(stage, "judged") if facts.smugglers else pick(rng, {"none": 4, "investigation": 6}),
    }  # fmt: skip
    migrants = _migrants(rng, facts) if groups is None else []
    if migrants:
        answers["detail_connu"] = "oui"
    children = sum(sum(group.counts[:2]) for group in groups or facts.groups)
    if children and rng.random() < 0.6:
        alone = sum(row.get("m_non_accompagne") == "oui" for row in migrants)
        answers["enfants_seuls"] = str(max(rng.randrange(children + 1), alone))
    if rng.random() < 0.5:
        answers["etapes"] = " ".join(some(rng, (), _STAGES, 0.2)) or "unk"
    if facts.amount and provider.type != "io_iom":
        answers |= {"montant_fcfa": str(facts.amount), "mode_paiement": facts.payment or "unk"}
    rows = [
        {"g_nationalite": group.nationality}
        | {question: str(count) for question, count in zip(SEXES, group.counts, strict=True)}
        for group in groups or facts.groups
    ]
    smugglers = [
        perpetrator_answers(rng, who, stage, seen, "s", sent.date()) for who in facts.smugglers
    ]  # fmt: skip
    return Case(
        "trafic", provider, facts.key, sent, answers,
        {"groupe": rows, "migrant": migrants, "passeur": smugglers},
    )  # fmt: skip
