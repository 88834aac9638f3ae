"""Trafficking: the report that a provider makes of an event, question by question.

Each body writes ages, statuses and names in its own way, and none writes everything down.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from kobo_sync.demo import people
from kobo_sync.demo.scenario.facts import (
    Answers,
    Case,
    Perpetrator,
    Provider,
    TraiteFacts,
    Victim,
    age_on,
    pick,
    some,
)

_CHANNELS = {
    "police": {"patrol": 5, "relative": 2, "border_control": 2, "community": 2, "self": 1},
    "gendarmerie": {"patrol": 6, "community": 3, "border_control": 1},
    "court": {"referral": 6, "relative": 2, "self": 2},
    "social": {"referral": 4, "community": 3, "school": 1, "outreach": 2, "hotline": 1},
    "ngo": {"outreach": 5, "community": 4, "self": 2, "health": 1},
    "io_iom": {"referral": 6, "outreach": 3, "self": 2},
}
_SUPPORT = {
    "police": ("none",), "gendarmerie": ("none",), "court": ("Legal",),
    "social": ("SocialCare", "shelter"), "ngo": ("SocialCare", "Health"), "io_iom": ("shelter", "Health"),
}  # fmt: skip
_SUPPORT_MORE = {
    "social": ("Education", "Health"), "ngo": ("Education", "Legal", "Livelihood"),
    "io_iom": ("return", "Livelihood", "SexualExploitationRehabilitation"), "court": ("SocialCare",),
}  # fmt: skip
_REFERRAL = {
    "police": ("social", "ngo"), "gendarmerie": ("social", "anltp"), "court": ("social", "io_iom"),
    "social": ("ngo", "health"), "ngo": ("social", "police"), "io_iom": ("anltp", "health"),
}  # fmt: skip
_STAGES = {
    "police": {"suspected": 4, "arrested": 6, "unk": 1},
    "gendarmerie": {"suspected": 4, "arrested": 5, "unk": 2},
    "court": {"prosecuted": 5, "convicted": 4, "acquitted": 2, "dismissed": 2},
    "social": {"suspected": 4, "arrested": 1, "unk": 5},
    "ngo": {"suspected": 4, "unk": 6},
    "io_iom": {"suspected": 3, "arrested": 1, "unk": 6},
}
_JUSTICE = {
    "suspected": "investigation", "arrested": "investigation", "prosecuted": "prosecution",
    "convicted": "judged", "acquitted": "judged", "dismissed": "judged", "unk": "unk",
}  # fmt: skip
_BANDS = ((4, "0-4"), (9, "5-9"), (14, "10-14"), (17, "15-17"), (24, "18-24"), (34, "25-34"), (44, "35-44"),
          (54, "45-54"), (64, "55-64"), (200, "65+"))  # fmt: skip
_LABOUR = frozenset({"forced_labour", "slavery", "slavery_hereditary", "wahaya", "servitude", "child_labour"})
"""Purposes for which the form asks the kind of work."""


def band_of(age: int) -> str:
    """Age band of an age in years."""
    return next(code for top, code in _BANDS if age <= top)


def _age_answers(rng: Random, victim: Victim, day: date, provider: Provider, *, sure: bool, dated: bool) -> Answers:
    """How one body writes the age down: birth date (often 1 January), age, band, or nothing.

    `sure`: some age is given. `dated`: the event's day is known; else an age cannot follow from a birth date.
    """
    weights = {"birth_date": 22.0, "age": 62.0, "band": 12.0, "unk": 4.0}
    if provider.type in {"court", "io_iom"}:
        weights = {"birth_date": 45.0, "age": 47.0, "band": 6.0, "unk": 2.0}
    mode = pick(rng, weights)
    if (mode == "unk" and sure) or (mode == "birth_date" and not dated):
        mode = "age"
    age = max(age_on(victim.birth, day) + rng.choice((0, 0, 0, 0, 0, 0, 1, -1)), 0)
    answers: Answers = {"v_age_connu": mode}
    if mode == "birth_date":
        birth = victim.birth
        if rng.random() < 0.4:  # only the year is known: papers say 1 January
            birth = date(birth.year + rng.choice((0, 0, 0, 1)), 1, 1)
        answers["v_date_naissance"] = birth.isoformat()
        age = age_on(birth, day)
    elif mode == "age":
        answers["v_age"] = str(age)
    elif mode == "band":
        answers["v_tranche"] = band_of(age)
    answers["v_majorite"] = "0-17" if age < 18 else "18+"
    if age >= 18:
        answers["v_mineur_faits"] = "oui" if age <= 19 and rng.random() < 0.7 else "non"
    return answers


def status_of(rng: Random, provider: Provider) -> tuple[str, str]:
    """(declared status, body that decided) as this kind of provider usually writes them."""
    actual = {"court": 0.85, "io_iom": 0.45, "social": 0.3, "police": 0.15, "gendarmerie": 0.1, "ngo": 0.2}
    if rng.random() < 0.015:
        return "NotAVictimOfTrafficking", ""
    if rng.random() < actual[provider.type]:
        return "ActualVictimOfTrafficking", provider.type if rng.random() < 0.8 else "court"
    return "PossibleVictimOfTrafficking", ""


def victim_answers(
    rng: Random, victim: Victim, provider: Provider, day: date, *,
    seed: int, variant: int, consent: str, dated: bool, sent: date, first: bool, details: bool,
) -> tuple[Answers, tuple[str, int | None]]:  # fmt: skip
    """One victim row, and (person key, name variant or None) for the plan.

    `consent`: `full`, `mandate`, `no_share` or `refused`. `first`: the one whom the event’s acts describe. A body
    that may not pass names on leaves the key of the name, which the phone computes before it erases the name.
    """
    answers: Answers = {"v_sexe": victim.sex, "v_c_orient": "oui" if rng.random() < 0.9 else "non"}
    if consent == "refused":
        answers |= {"v_c_enreg": "non", "v_majorite": "0-17" if age_on(victim.birth, day) < 18 else "18+"}
        return answers, (victim.key, None)
    answers["v_c_enreg"] = "mandat" if consent == "mandate" else "oui"
    answers["v_c_partage"] = "non" if consent == "no_share" else "oui"
    if not first:
        answers["v_meme_situation"] = "oui"
    shared = consent != "no_share"
    named = provider.nominative and shared
    given, family = people.name(victim.key, variant, seed)
    if named:
        answers |= {"v_c_nom": "oui", "v_prenom": given}
        if family:
            answers["v_nom"] = family
    elif shared:
        typed = rng.random() < 0.85
        answers |= (
            {"v_nom_entier": f"{given} {family}".strip(), "v_nom_efface": "oui"} if typed else {"v_nom_efface": "sans"}
        )
    if details and dated and rng.random() < 0.12:  # identified some days after the event came to light
        day = min(day + timedelta(days=rng.randrange(1, 12)), sent)
        answers["v_date_ident"] = day.isoformat()
    answers |= _age_answers(rng, victim, day, provider, sure=shared, dated=dated)
    if answers["v_majorite"] == "0-17" and answers["v_c_enreg"] == "oui":
        answers["v_c_adulte"] = pick(rng, {"responsable": 6, "service": 4})
    answers["v_nationalite"] = victim.nationality
    status, decider = status_of(rng, provider)
    answers["v_statut"] = status
    if decider:
        answers["v_statut_organe"] = decider
    if details:
        answers |= _situation(rng, victim)
    answers["v_assistance"] = " ".join(some(rng, _SUPPORT[provider.type], _SUPPORT_MORE.get(provider.type, ())))
    if answers["v_c_orient"] == "oui":
        answers["v_orientation"] = rng.choice(_REFERRAL[provider.type])
    return answers, (victim.key, variant if named else None)


def _situation(rng: Random, victim: Victim) -> Answers:
    """What is asked when the worker has more to tell."""
    answers: Answers = {
        "v_lien_auteur": victim.relation,
        "v_handicap": victim.disability,
        "v_instruction": pick(rng, {"none": 5, "koranic": 3, "primary": 3, "secondary": 1, "unk": 2, "ref": 1}),
        "v_papiers": pick(rng, {"never": 5, "own": 2, "withheld": 2, "lost": 1, "unk": 3}),
        "v_sante": pick(rng, {"good": 5, "care_needed": 3, "under_care": 2, "unk": 3, "ref": 1}),
    }
    if rng.random() < 0.5:
        answers["v_lien_recruteur"] = victim.relation
    if victim.exploitation_start:
        answers["v_debut_exploitation"] = victim.exploitation_start.isoformat()
    return answers


def perpetrator_answers(rng: Random, who: Perpetrator, stage: str, day: date, prefix: str, sent: date) -> Answers:
    """One perpetrator (`a`) or smuggler (`s`) row."""
    answers = {"type": who.type, "nationalite": who.nationality, "role": " ".join(who.roles), "stade": stage}
    if who.type == "natural":
        answers["sexe"] = who.sex
        if rng.random() < 0.6:
            answers["age"] = str(who.age)
    if stage != "unk" and rng.random() < 0.85:
        later = day + timedelta(days=rng.randrange(0, 90 if stage in {"convicted", "acquitted"} else 12))
        answers["date_stade"] = min(later, sent).isoformat()
    if stage == "convicted":
        answers["peine"] = pick(rng, {"prison": 5, "suspended": 2, "prison_fine": 2, "fine": 1})
        if answers["peine"] != "fine":
            answers["peine_mois"] = str(rng.randrange(6, 121))
    return {f"{prefix}_{question}": answer for question, answer in answers.items()}


def place_answers(rng: Random, region: str, department: str, commune: str, *, precise: bool) -> Answers:
    """Place of detection; not every report is precise."""
    chance = 1.0 if precise else rng.random()
    answers = {"det_region": region}
    if chance > 0.08:
        answers["det_departement"] = department
    if chance > 0.22:
        answers["det_commune"] = commune
    return answers


def _details(rng: Random, facts: TraiteFacts, provider: Provider) -> Answers:
    """The questions of an event that the short path leaves out."""
    answers: Answers = {
        "comment_connu": pick(rng, _CHANNELS[provider.type]),
        "det_lieu_type": facts.place,
        "recrutement": facts.recruitment,
        "pays_recrutement": facts.recruitment_country,
        "exp_pays": facts.exploitation_country,
    }
    if _LABOUR & set(facts.purposes):
        answers["type_travail"] = " ".join(facts.labour)
    if facts.control:
        answers["controle"] = " ".join(facts.control)
    if facts.exploitation_region:
        answers["exp_region"] = facts.exploitation_region
        if facts.exploitation_department:
            answers["exp_departement"] = facts.exploitation_department
    return answers


def report(
    rng: Random, facts: TraiteFacts, provider: Provider, sent: datetime, *, seed: int, day: date | None,
    variants: list[int] | None = None, consents: list[str] | None = None, precise: bool = False,
) -> Case:  # fmt: skip
    """What a provider writes down of an event. `day` is the date it gives (None: not known)."""
    seen = day or facts.day
    stage = pick(rng, _STAGES[provider.type])
    answers: Answers = {"entite": provider.code, "date_connue": "oui" if day else "non"}
    if day:
        answers["date_detection"] = day.isoformat()
    answers["points"] = pick(rng, {"prive sure soins langue": 9, "prive sure langue": 1, "sure soins": 1})
    answers |= place_answers(rng, facts.region, facts.department, facts.commune, precise=precise)
    answers["portee"] = facts.reach
    if facts.reach != "domestic":
        answers |= {"entree_irreguliere": facts.irregular, "avantage": facts.benefit}
    answers |= {
        "actes": " ".join(facts.acts),
        "moyens": " ".join(facts.means),
        "exploitation": " ".join(facts.purposes),
    }
    if len(facts.purposes) > 1:
        answers["exploitation_princ"] = facts.main
    agreed = consents or [usual_consent(rng, provider) for _ in facts.victims]
    # Of persons who all refuse to be recorded, the form asks no details.
    details = rng.random() < 0.9 and not (agreed and set(agreed) == {"refused"})
    if details:
        answers |= _details(rng, facts, provider)
    answers["saisine"] = _JUSTICE[stage] if facts.perpetrators else pick(rng, {"none": 5, "complaint": 3, "unk": 2})
    told = {"victimes": facts.victims, "nombres": facts.others, "auteurs": facts.perpetrators, "details": details}
    answers["ajouts"] = " ".join(part for part, there in told.items() if there) or "rien"
    if facts.others:
        names = ("nb_f_mineures", "nb_h_mineurs", "nb_f_adultes", "nb_h_adultes", "nb_inconnus")
        answers |= {name: str(count) for name, count in zip(names, facts.others, strict=True)}
    rows: list[Answers] = []
    persons: list[tuple[str, int | None]] = []
    for place, victim in enumerate(facts.victims):
        variant = variants[place] if variants else rng.choice((0, 0, 0, 0, 0, 1, 9))
        row, person = victim_answers(
            rng, victim, provider, seen,
            seed=seed, variant=variant, consent=agreed[place], dated=day is not None, sent=sent.date(),
            first=place == 0, details=details,
        )  # fmt: skip
        rows.append(row)
        persons.append(person)
    authors = [
        perpetrator_answers(rng, who, stage, seen, "a", sent.date()) for who in facts.perpetrators
    ]  # fmt: skip
    return Case(
        "traite", provider, facts.key, sent, answers, {"victime": rows, "auteur": authors}, persons
    )  # fmt: skip


def usual_consent(rng: Random, provider: Provider) -> str:
    """What persons usually answer; justice and child protection may act under a mandate."""
    mandate = 12.0 if provider.type in {"police", "gendarmerie", "court", "social"} else 0.0
    return pick(rng, {"full": 78, "mandate": mandate, "no_share": 6, "refused": 4})
