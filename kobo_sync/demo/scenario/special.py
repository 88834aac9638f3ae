"""Cases that are there to show something: each bears a tag, and where it matters the classification to find."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from kobo_sync.demo.scenario import trafic, traite, traite_report
from kobo_sync.demo.scenario.build import Scenario, sending
from kobo_sync.demo.scenario.facts import (
    BY_CODE,
    QUARTERS,
    Answers,
    Case,
    Provider,
    TraiteFacts,
    Victim,
    age_on,
    day_in,
    moment,
    quarter_of,
)


def _draw(scenario: Scenario, rng: Random, code: str, quarter: int, theme: str) -> tuple[TraiteFacts, Provider]:
    provider = BY_CODE[code]
    facts = traite.draw(rng, scenario.event_key(), day_in(rng, quarter), provider.region, scenario.registry, theme)
    return facts, provider


def _tell(
    scenario: Scenario, rng: Random, facts: TraiteFacts, provider: Provider, *tags: str,
    consent: str = "full", variant: int = 0, dated: bool = True,
) -> Case:  # fmt: skip
    case = traite_report.report(
        rng, facts, provider, sending(rng, facts.day), seed=scenario.seed, day=facts.day if dated else None,
        variants=[variant] * len(facts.victims), consents=[consent] * len(facts.victims),
    )  # fmt: skip
    return scenario.add(case, *tags)


def classifications(scenario: Scenario) -> None:
    """Cases on the wrong form, and each result of the determination."""
    rng = scenario.rng("classements")
    for code, quarter in (
        ("DST_AGZ", 0),
        ("POL_DOS", 1),
        ("DST_TAH", 3),
    ):  # a smuggling told on the traite form
        facts, provider = _draw(scenario, rng, code, quarter, "promesses")
        facts = replace(
            facts, acts=("transportation",), means=("none",), purposes=("none",), control=(), place="checkpoint",
            reach="cross_border", irregular="oui", benefit="oui", exploitation_country="unk",
            exploitation_region=None, exploitation_department=None, others=None,
        )  # fmt: skip
        _tell(scenario, rng, facts, provider, "mauvais_formulaire").expect = "trafic_illicite"
    for code, quarter in (("DST_NIA", 2), ("OIM_AGZ", 1)):
        facts, provider = _draw(scenario, rng, code, quarter, "sexuelle")
        facts = replace(facts, reach="cross_border", irregular="oui", benefit="oui")
        _tell(scenario, rng, facts, provider, "les_deux").expect = "les_deux"
    for code, quarter in (("DST_ZIN", 0), ("POL_NIA", 1), ("SOC_MAR", 3), ("GEN_DIF", 2)):
        facts, provider = _draw(scenario, rng, code, quarter, "autres")
        facts = replace(facts, reach="domestic", purposes=("unk",), control=())
        _tell(scenario, rng, facts, provider, "a_verifier").expect = "a_verifier"
    for code, quarter in (
        ("SOC_TIL", 0),
        ("ONG_MAR", 2),
        ("SOC_NIA", 3),
    ):  # child labour alone is not trafficking
        facts, provider = _draw(scenario, rng, code, quarter, "elevage")
        facts = replace(facts, reach="domestic", acts=("none",), means=("none",), purposes=("child_labour",))
        _tell(scenario, rng, facts, provider, "aucun").expect = "aucun"
    for place, (code, quarter) in enumerate((("DST_AGZ", 1), ("DST_TAH", 2), ("SOC_TIL", 3))):
        _exploited_migrants(scenario, rng, BY_CODE[code], quarter, crossed=place > 0)
    for code, quarter in (("DST_ZIN", 1), ("POL_NIA", 2)):  # nobody was paid: not smuggling
        migrants = trafic.draw(rng, scenario.event_key(), day_in(rng, quarter), BY_CODE[code].region)
        migrants = replace(migrants, irregular="oui", benefit="non", amount=None, payment=None, offences=("stay",))
        case = trafic.report(rng, migrants, BY_CODE[code], sending(rng, migrants.day), day=migrants.day)
        case.answers["indice_exploitation"] = "non"
        scenario.add(case, "aucun").expect = "aucun"


def _exploited_migrants(scenario: Scenario, rng: Random, provider: Provider, quarter: int, *, crossed: bool) -> None:
    """Signs of exploitation on the trafic form: both, or, where no border was crossed, the wrong form."""
    facts = trafic.draw(rng, scenario.event_key(), day_in(rng, quarter), provider.region)
    facts = replace(facts, irregular="oui" if crossed else "non", benefit="oui")
    case = trafic.report(rng, facts, provider, sending(rng, facts.day), day=facts.day)
    case.answers |= {
        "indice_exploitation": "oui",
        "indice_acte": "oui",
        "indice_moyen": "oui",
        "indice_mineur": "nsp",
    }
    told = next(one for one in scenario.cases if one.form == "traite" and one.provider == provider)
    case.answers["code_traite"] = told.code
    scenario.add(case, "les_deux" if crossed else "mauvais_formulaire")
    case.expect = "les_deux" if crossed else "traite_presumee"


def rows_without_persons(scenario: Scenario) -> None:
    """Victims known by number only, undated cases, consent refused or limited, victims whose situation differs."""
    rng = scenario.rng("sans_personnes")
    for code, quarter, theme in (
        ("DST_AGZ", 0, "algerie"),
        ("OIM_NIA", 2, "promesses"),
        ("SOC_TIL", 1, "orpaillage"),
    ):
        facts, provider = _draw(scenario, rng, code, quarter, theme)
        facts = replace(facts, victims=[], others=(rng.randrange(3, 9), rng.randrange(6), 12, rng.randrange(9), 2))
        _tell(scenario, rng, facts, provider, "nombres_seuls")
    for code, theme in (("POL_NIA", "talibe"), ("DST_TAH", "wahaya"), ("ONG_ZIN", "algerie"), ("SOC_MAR", "mariage"),
                        ("OIM_AGZ", "sexuelle"), ("DST_ZIN", "domesticite")):  # fmt: skip
        facts, provider = _draw(scenario, rng, code, rng.randrange(4), theme)
        _tell(scenario, rng, facts, provider, "sans_date", dated=False)
    for code in ("DST_AGZ", "POL_DOS", "DST_TAH"):
        day = day_in(rng, rng.randrange(4))
        migrants = trafic.draw(rng, scenario.event_key(), day, BY_CODE[code].region)
        scenario.add(trafic.report(rng, migrants, BY_CODE[code], sending(rng, day), day=None), "sans_date")
    for code, consent in (
        ("OIM_AGZ", "refused"),
        ("POL_NIA", "refused"),
        ("OIM_NIA", "no_share"),
        ("SOC_NIA", "mandate"),
    ):
        facts, provider = _draw(scenario, rng, code, rng.randrange(4), "domesticite")
        _tell(scenario, rng, facts, provider, f"accord_{consent}", consent=consent)
    for code, theme in (("DST_TAH", "wahaya"), ("POL_NIA", "promesses"), ("OIM_AGZ", "algerie")):
        facts, provider = _draw(scenario, rng, code, rng.randrange(4), theme)
        while len(facts.victims) < 2:  # of the first victim the event’s own answers tell
            facts, provider = _draw(scenario, rng, code, rng.randrange(4), theme)
        case = _tell(scenario, rng, facts, provider, "situation_propre")
        row = case.repeats["victime"][1]
        row |= {"v_meme_situation": "non", "v_actes": "recruitment", "v_moyens": "abuse_vuln force_threat"}
        row |= {"v_exploitation": "sexual servitude", "v_exploitation_princ": "sexual"}
    facts, provider = _draw(scenario, rng, "SOC_NIA", 1, "domesticite")
    row = _tell(scenario, rng, facts, provider, "non_victime").repeats["victime"][0]
    row["v_statut"] = "NotAVictimOfTrafficking"
    row.pop("v_statut_organe", None)
    children: list[Victim] = []
    while not children:  # a child with nobody to agree for her
        facts, provider = _draw(scenario, rng, "ONG_NIA", 2, "domesticite")
        children = [child for child in facts.victims if age_on(child.birth, facts.day) < 17]
    facts.victims = children[:1]
    row = _tell(scenario, rng, facts, provider, "accord_sans_adulte", consent="refused").repeats["victime"][0]
    row |= {"v_c_enreg": "oui", "v_c_adulte": "aucun"}


def persons(scenario: Scenario) -> None:
    """Homonyms, a second episode of the same person, and names that a spreadsheet would run."""
    rng = scenario.rng("personnes")
    places = (("POL_NIA", 0, "DST_ZIN", 2), ("DST_TAH", 1, "POL_DOS", 2), ("SOC_MAR", 0, "OIM_NIA", 3))
    for first, quarter, second, later in places:
        facts, provider = _draw(scenario, rng, first, quarter, "domesticite")
        victim = facts.victims[0]
        facts.victims = [victim]
        _tell(scenario, rng, facts, provider, "homonymes")
        other, elsewhere = _draw(scenario, rng, second, later, "mariage" if victim.sex == "F" else "elevage")
        same_name = scenario.registry.person(victim.sex, victim.nationality, f"N{victim.key.split('.')[2]}")
        birth = victim.birth + timedelta(days=rng.randrange(200, 900))
        other.victims = [Victim(same_name, victim.sex, birth, victim.nationality, "Family", "non", None)]
        _tell(scenario, rng, other, elsewhere, "homonymes")
    for first, second in (("POL_NIA", "OIM_NIA"), ("DST_ZIN", "OIM_AGZ")):
        facts, provider = _draw(scenario, rng, first, 0, "domesticite")
        facts.victims = facts.victims[:1]
        _tell(scenario, rng, facts, provider, "nouvel_episode")
        again, elsewhere = _draw(scenario, rng, second, 3, "sexuelle")
        victim = replace(facts.victims[0], exploitation_start=date(2026, 1, 1), relation="Unacquainted")
        again.victims = [victim]
        _tell(scenario, rng, again, elsewhere, "nouvel_episode", variant=1)
    facts, provider = _draw(scenario, rng, "POL_NIA", 2, "talibe")
    _tell(scenario, rng, facts, provider, "texte_hostile", variant=10)


def deaths(scenario: Scenario) -> None:
    """Migrants who died on the way, apart from those counted alive."""
    rng = scenario.rng("deces")
    for code, quarter, dead in (("DST_AGZ", 0, 3), ("OIM_AGZ", 1, 14), ("DST_AGZ", 2, 1), ("DST_TAH", 3, 2)):
        provider = BY_CODE[code]
        facts = trafic.draw(rng, scenario.event_key(), day_in(rng, quarter), provider.region, "algerie")
        facts = replace(facts, deaths=dead, aggravating=("danger", "abandonment", "death"), benefit="oui")
        scenario.add(trafic.report(rng, facts, provider, sending(rng, facts.day), day=facts.day), "deces")


def second_day(scenario: Scenario) -> None:
    """Cases that reach the server after the first nightly run; two of them long overdue."""
    rng = scenario.rng("second_jour")
    for code, quarter, theme in (("DST_TAH", 3, "wahaya"), ("ONG_NIA", 3, "talibe"), ("SOC_TIL", 1, "orpaillage"),
                                 ("OIM_AGZ", 2, "sexuelle")):  # fmt: skip
        facts, provider = _draw(scenario, rng, code, quarter, theme)
        case = _tell(scenario, rng, facts, provider, "second_jour")
        case.day = 2
        case.sent = moment(rng, quarter_of(facts.day)[2] + timedelta(days=rng.randrange(35, 70)))
    provider = BY_CODE["DST_AGZ"]
    migrants = trafic.draw(rng, scenario.event_key(), day_in(rng, 3), provider.region, "libye")
    case = trafic.report(rng, migrants, provider, sending(rng, migrants.day), day=migrants.day)
    case.day = 2
    scenario.add(case, "second_jour")


def damaged(scenario: Scenario) -> dict[str, Case]:
    """Ordinary cases that something will spoil: question -> case. What spoils them is in `afterwards`."""
    rng = scenario.rng("abimes")
    found: dict[str, Case] = {}
    for question, code, theme in (
        ("date_detection", "DST_NIA", "sexuelle"), ("v_age", "POL_DOS", "talibe"), ("v_sexe", "SOC_NIA", "domesticite"),
        ("nb_f_adultes", "DST_AGZ", "algerie"), ("actes", "SOC_MAR", "mariage"), ("form_release", "DST_ZIN", "talibe"),
        ("question_inconnue", "POL_NIA", "talibe"), ("xml", "ONG_ZIN", "algerie"),
    ):  # fmt: skip
        facts, provider = _draw(scenario, rng, code, rng.randrange(len(QUARTERS)), theme)
        facts.others = (2, 1, 3, 0, 0) if question == "nb_f_adultes" else facts.others
        case = _tell(scenario, rng, facts, provider, f"abime_{question}")
        if question == "v_age":
            row = case.repeats["victime"][0]
            _age_only(row, age_on(facts.victims[0].birth, facts.day))
        found[question] = case
    provider = BY_CODE["DST_TAH"]
    migrants = trafic.draw(rng, scenario.event_key(), day_in(rng, 1), provider.region)
    case = trafic.report(rng, migrants, provider, sending(rng, migrants.day), day=migrants.day)
    found["g_h_adu"] = scenario.add(case, "abime_g_h_adu")
    return found


def _age_only(row: Answers, age: int) -> None:
    for question in ("v_date_naissance", "v_tranche", "v_mineur_faits", "v_date_ident"):
        row.pop(question, None)
    row |= {"v_age_connu": "age", "v_age": str(age)}
    if age >= 18:
        row["v_mineur_faits"] = "non"
