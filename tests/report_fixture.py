"""A plausible bundle for the tests of the workbooks: a few hundred rows, French accents, hostile text."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from reports.columns import FRAMES, columns_of
from transforms import codelists, places
from transforms.bundle import Bundle, KeyFigure, StatTable
from transforms.periods import Period, parse_period, quarter_of

HOSTILE = (
    '=HYPERLINK("http://exemple.test";"cliquer")', "+1+1", "-2+3", "@SOMME(A1)", "|commande", "%0A=1",
    "\ufeff \t=1+1", "\x07=cmd", "\u200b@x", "\x00caché", "seul \ud800 substitut", "_x003D_1+1",
    "é" * 40_000, "👩🏾‍🦱" * 9_000, "\u202eenvers", "مرحبا بالعالم", "#N/A", "ligne\r\nligne", "'=1", "＝1+1",
)  # fmt: skip
"""Texts that a phone may send to harm who opens the workbook, or that break a careless writer."""

ENTITIES = {
    "POL_NIA": ("Police nationale, division des enquêtes spéciales (Niamey)", "police", "justice_securite", "NE008"),
    "OIM_AGZ": ("OIM, centre de transit d’Agadez", "io_iom", "protection", "NE001"),
    "ONG_ZIN": ("ONG de protection de l’enfance (Zinder)", "ngo", "protection", "NE007"),
    "GEN_TIL": ("Gendarmerie nationale, compagnie de Tillabéri", "gendarmerie", "justice_securite", "NE006"),
    "SOC_MAR": ("Service social du tribunal de Maradi", "social", "protection", "NE004"),
}
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def _some(rng: random.Random, variable: str, most: int = 3) -> str:
    codes = [code for code in codelists.codes(variable) if code not in ("none", "unk", "ref")]
    chosen = set(rng.sample(codes, rng.randint(1, most)))
    return " ".join(code for code in codes if code in chosen)


def _code(rng: random.Random, length: int = 8) -> str:
    return "".join(rng.choice(_ALPHABET) for _ in range(length))


def _maybe(rng: random.Random, value: Any, chance: float = 0.85) -> Any:
    return value if rng.random() < chance else None


def _frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[column.column for column in columns_of(name)], dtype=object)


def _one(rng: random.Random, variable: str) -> str:
    return rng.choice(codelists.codes(variable))


def _event(rng: random.Random, period: Period, form: str) -> dict[str, Any]:
    entity = rng.choice(list(ENTITIES))
    label, ent_type, family, region = ENTITIES[entity]
    day = (period.start + timedelta(days=rng.randrange((period.end - period.start).days))).isoformat()
    day = None if rng.random() < 0.04 else day  # type: ignore[assignment]
    department = next(place.pcode for place in places.all_places() if place.parent == region)
    common = {
        "case_code": _code(rng), "form": form, "event_id": "E-" + _code(rng, 12), "entity": entity,
        "entity_label": label, "ent_type": ent_type, "family": family, "region_decl": region, "detection_date": day,
        "quarter": quarter_of(day), "place_region": region, "place_department": _maybe(rng, department),
        "irregular_entry": rng.choice(("oui", "non", "nsp")), "benefit": rng.choice(("oui", "non", "nsp")),
        "justice_status": _one(rng, "justice_status"), "perpetrators_detailed": rng.randint(0, 3),
        "classification_reason": "acte, moyen et but d’exploitation réunis (Palerme art. 3 a ; ordonnance 2010-086) ; "
        "pas de trafic : aucune frontière franchie irrégulièrement",
        "counted": True, "is_reference": True, "review": rng.choice(("approved", "none", "to_confirm")),
        "received_date": (period.end + timedelta(days=rng.randint(-40, 20))).isoformat(),
        "late": rng.random() < 0.1, "form_release": f"{form}-0a1b2c3d4e",
    }  # fmt: skip
    if form == "traite":
        return common | {
            "detection_channel": _one(rng, "detection_channel"), "reach": _one(rng, "evt_reach"),
            "acts": _some(rng, "evt_act"), "means": _maybe(rng, _some(rng, "evt_means")),
            "exploitation": _some(rng, "evt_exploitation"), "exploitation_main": _one(rng, "evt_exploitation"),
            "labour_type": _maybe(rng, _some(rng, "evt_labour_type"), 0.4),
            "control": _maybe(rng, _some(rng, "evt_control", 5)), "recruitment": _one(rng, "evt_recruitment"),
            "recruitment_country": "NER", "exploitation_country": rng.choice(("NER", "DZA", "LBY", "NGA")),
            "facts_month": _maybe(rng, str(day)[:7] if day else None), "legal_basis": "ord2010_86",
            "detection_setting": _one(rng, "place_setting"), "sex_type": _maybe(rng, _some(rng, "evt_sex_type"), 0.3),
            "labour_sector": _maybe(rng, _some(rng, "evt_labour_sector", 2), 0.4), "recruitment_region": region,
            "recruitment_setting": _one(rng, "place_setting"), "transit_countries": _maybe(rng, "DZA NGA ref", 0.2),
            "exploitation_region": region, "exploitation_setting": _one(rng, "place_setting"),
            "collection_mode": rng.choice(("papier", "telephone")),
            "victims_detailed": rng.randint(1, 4), "victims_count_only": rng.choice((0, 0, 12)),
            "classification": "traite_presumee", "classification_phone": "traite_presumee",
        }  # fmt: skip
    return common | {
        "border_country": rng.choice(("DZA", "LBY", "NGA")), "departure_country": "NGA",
        "destination_country": rng.choice(("LBY", "DZA", "ITA")), "direction": _one(rng, "smuggling_direction"),
        "transport": _some(rng, "transport_means", 2), "offences": _some(rng, "som_offence", 2),
        "aggravating": _maybe(rng, _some(rng, "som_aggravating", 2), 0.5), "deaths": _maybe(rng, rng.choice((0, 0, 2))),
        "facts_month": _maybe(rng, str(day)[:7] if day else None), "legal_basis": _one(rng, "legal_basis"),
        "detection_setting": _one(rng, "place_setting"), "route": _maybe(rng, _some(rng, "route_place")),
        "condition": _maybe(rng, _some(rng, "migrant_condition", 2)),
        "unaccompanied_children": rng.choice((None, 0, 3)),
        "collection_mode": "telephone", "linked_traite_code": _maybe(rng, _code(rng, 9), 0.2),
        "migrants_total": rng.randint(5, 1400), "classification": "trafic_illicite",
        "classification_phone": "trafic_illicite",
        "discrepancy": _maybe(rng, "OIM_AGZ a déclaré 64 migrants", 0.1),
    }  # fmt: skip


def _victim(rng: random.Random, event: dict[str, Any], number: int) -> dict[str, Any]:
    age = rng.choice((None, rng.randint(4, 45)))
    return {key: event.get(key) for key in (
        "case_code", "event_id", "entity", "entity_label", "ent_type", "family", "quarter", "place_region",
        "place_department", "acts", "means", "exploitation", "exploitation_main", "classification",
        "classification_reason", "counted", "late",
    )} | {
        "pseudonym": "P-" + _code(rng, 12), "episode": 1, "victim_code": f"{event['case_code']}-V{number}",
        "sex": _one(rng, "sex"), "age": age, "age_precision": "age" if age is not None else "unk",
        "age_group": "unk" if age is None else "0-17" if age < 18 else "18+", "age_band": None,
        "child_in_law": rng.choice(("oui", "non", "nsp")), "nationality": rng.choice(("NER", "NGA", "BEN", "TGO")),
        "identification_date": event["detection_date"], "status_declared": _one(rng, "vic_status"),
        "decider": _one(rng, "ent_type"), "counted_status": rng.choice(("identified", "presumed", "not_victim")),
        "relation_perpetrator": _one(rng, "vic_rel_perp"), "disability": _one(rng, "ouinon"),
        "age_at_entry": _maybe(rng, rng.randint(3, 30), 0.5), "residence_country": _one(rng, "country"),
        "residence_region": event["place_region"], "education": _one(rng, "education_level"),
        "marital_status": _one(rng, "vic_marital"), "identity_papers": _one(rng, "identity_papers"),
        "health": _one(rng, "vic_health"), "relation_recruiter": _one(rng, "vic_rel_perp"),
        "needs": _some(rng, "vic_support"), "assistance": _some(rng, "vic_support"),
        "referrals": _some(rng, "ent_type", 2),
        "consent": rng.choice(("full", "no_share")), "exclusion": None, "is_reference": rng.random() < 0.9,
    }  # fmt: skip


def _actor(rng: random.Random, event: dict[str, Any], number: int, letter: str) -> dict[str, Any]:
    return {key: event[key] for key in (
        "case_code", "event_id", "entity", "quarter", "place_region", "counted", "is_reference",
    )} | {
        "pseudonym": "A-" + _code(rng, 12), "perpetrator_code": f"{event['case_code']}-{letter}{number}",
        "per_type": _one(rng, "per_type"), "sex": _one(rng, "sex"), "age": _maybe(rng, rng.randint(17, 60), 0.5),
        "age_group": _one(rng, "age_group"), "nationality": rng.choice(("NER", "NGA", "LBY")),
        "roles": _some(rng, "per_role"), "stage": _one(rng, "per_cj_stage"),
        "stage_date": _maybe(rng, event["detection_date"]), "offence": _maybe(rng, _one(rng, "legal_basis"), 0.3),
        "sentence": _maybe(rng, _one(rng, "sentence_type"), 0.2), "sentence_months": _maybe(rng, 24, 0.1),
    }  # fmt: skip


def _migrant_rows(rng: random.Random, event: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    keys = ("case_code", "event_id", "entity", "place_region", "detection_date", "quarter", "counted", "is_reference")
    tallies = [
        {key: event[key] for key in keys} | {
            "nationality": nationality, "sex": sex, "age_group": "18+", "persons": rng.randint(1, 700),
        }
        for nationality in rng.sample(("NGA", "BEN", "TGO", "GMB", "SEN"), 2) for sex in ("F", "M")
    ]  # fmt: skip
    details = [
        {key: event[key] for key in ("case_code", "event_id", "counted", "is_reference")} | {
            "migrant_code": f"{event['case_code']}-M{number}", "sex": _one(rng, "sex"), "age": rng.randint(3, 50),
            "age_group": _one(rng, "age_group"), "nationality": "NGA", "unaccompanied": "non",
            "exploitation_sign": _one(rng, "ouinon"),
        }
        for number in range(1, rng.randint(1, 4))
    ]  # fmt: skip
    return tallies, details


def _completeness(rng: random.Random, period: Period) -> list[dict[str, Any]]:
    rows = []
    for quarter in period.quarters():
        for code, (label, ent_type, family, region) in ENTITIES.items():
            state = "silent" if code == "ONG_ZIN" else rng.choice(("reported", "reported", "late"))
            sent = 0 if state == "silent" else rng.randint(3, 30)
            rows.append({
                "provider": code, "provider_label": label, "region": region, "region_label": places.label(region),
                "family": family, "ent_type": ent_type, "quarter": quarter.label, "expected": True,
                "submissions": sent, "events_traite": sent // 2, "events_trafic": sent - sent // 2,
                "victims": sent, "migrants": sent * 9, "on_time": sent - sent // 5, "late": sent // 5, "state": state,
            })  # fmt: skip
    return rows


def tables() -> tuple[StatTable, ...]:
    """Tables of every shape: margins, signs, « dont » lines, one column, many columns, a rate, none at all."""
    common = {"unit": "personnes", "population": "victimes identifiées, personne × épisode",
              "reference_date": "première identification"}  # fmt: skip
    regions = tuple(places.regions().values())
    return (
        StatTable("1", "Victimes selon le statut, le sexe et le groupe d’âge", **common, row_header="Statut",
                  columns=("Féminin 0–17", "Féminin 18+", "Masculin 0–17", "Masculin 18+", "Inconnu", "Ensemble"),
                  rows=(("Identifiées", (31, 48, 22, 9, 3, 113)), ("Présumées", (12, 20, 15, 6, 0, 53))),
                  total_row=False, chart="column", notes=("Les deux lignes ne s’additionnent pas.",)),
        StatTable("2", "Victimes identifiées selon la forme d’exploitation et le sexe", **common, row_header="Forme",
                  columns=("Féminin", "Masculin", "Inconnu", "Ensemble"),
                  rows=(("Mendicité forcée", (14, 22, 1, 37)), ("Exploitation sexuelle", (33, 1, 0, 34)),
                        ("Travail ou services forcés", (18, 9, 2, 29)), ("dont travail domestique", (15, 1, 0, 16)),
                        ("Esclavage ou pratiques analogues", (7, 3, 0, 10)), ("Autres formes", (2, 1, 0, 3)),
                        ("Ensemble", (74, 36, 3, 113))), indent=(3,), chart="bar",
                  denominator="113 victimes identifiées ; forme principale"),
        StatTable("3", "Victimes identifiées selon la région d’identification", **common, row_header="Région",
                  columns=("Victimes",), rows=(*zip(regions, ((24,), ("…",), (6,), (13,), (19,), (8,), ("…",), (41,)),
                                                    strict=True), ("Niger", ("…",))), chart="bar",
                  notes=("Zinder et Diffa : un organisme attendu au moins n’a pas déclaré.",
                         "La région est celle de l’identification, non celle de l’exploitation.")),
        StatTable("4", "Migrants objets d’un trafic illicite selon la nationalité et la région", **common,
                  row_header="Nationalité", columns=(*regions, "Ensemble"),
                  rows=(("Nigériane", (1200, 0, 3, 40, 88, 0, 310, 7, 1648)),
                        ("Béninoise", (340, 0, 12, 0, 0, 0, 0, 9, 361)),
                        ("Autres", (56, 0, 0, 0, 4, 0, 0, 0, 60)),
                        ("Ensemble", (1596, 0, 15, 40, 92, 0, 310, 16, 2069))),
                  chart="column"),
        StatTable("5", "Taux de victimes détectées pour 100 000 habitants (ODD 16.2.2)",
                  **{**common, "unit": "pour 100 000"}, row_header="Groupe", columns=("2025", "2026"),
                  rows=(("Femmes", ("n.d.", 0.6)), ("Hommes", (None, 0.25))),
                  total_row=False, total_column=False, chart="column"),
        StatTable("6", "Auteurs poursuivis", **common, row_header="Stade", columns=("Auteurs",), rows=(),
                  total_row=False, total_column=False, chart="bar"),
    )  # fmt: skip


def make_bundle(period: str = "2026-T3", *, events: int = 60, seed: int = 7, hostile: bool = True) -> Bundle:
    """A bundle of `events` events of each form with what hangs on them; the same arguments give the same bundle."""
    rng = random.Random(seed)
    when = parse_period(period)
    traite = [_event(rng, when, "traite") for _ in range(events)]
    trafic = [_event(rng, when, "trafic") for _ in range(events // 2)]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in FRAMES}
    rows["events"] = traite + trafic
    for event in traite:
        rows["victims"] += [_victim(rng, event, n) for n in range(1, event["victims_detailed"] + 1)]
        rows["perpetrators"] += [_actor(rng, event, n, "A") for n in range(1, event["perpetrators_detailed"] + 1)]
    for event in trafic:
        tallies, details = _migrant_rows(rng, event)
        rows["migrants"] += tallies
        rows["migrant_details"] += details
        rows["smugglers"] += [_actor(rng, event, n, "S") for n in range(1, event["perpetrators_detailed"] + 1)]
    rows["completeness"] = _completeness(rng, when)
    for event in traite[::4]:
        rows["quality"].append({
            "case_code": event["case_code"], "form": "traite", "entity": event["entity"],
            "region_decl": event["region_decl"], "field": "v_age", "rule": "age_band_conflict",
            "severity": rng.choice(("blocking", "error", "warning")),
            "message": "L’âge et la tranche d’âge ne s’accordent pas : corriger l’un des deux dans Kobo.",
            "value": "12",
        })  # fmt: skip
    for text in HOSTILE if hostile and events else ():
        rows["quality"].append({
            "case_code": "HOSTILE2", "form": "trafic", "entity": "POL_NIA", "region_decl": "NE008", "field": "g_total",
            "rule": "unknown_question", "severity": "warning", "message": text, "value": text,
        })  # fmt: skip
    if events > 1:
        rows["quarantine"].append({
            "submission_key": "kobo/traite/4711", "form": "traite", "reason_code": "bad_date no_entity",
            "message": "La date de détection est dans le futur. L’entité n’est pas au registre.",
            "entered_at": "2026-10-01T23:30:00+00:00",
        })  # fmt: skip
        rows["duplicates"] = [
            {"kind": "person", "left_code": left["victim_code"], "right_code": right["victim_code"],
             "decision": rng.choice(("same", "ask")), "probability": rng.random(),
             "reason": "prénom, année de naissance et région concordent", "left_entity": left["entity"],
             "right_entity": right["entity"]}
            for left, right in zip(rows["victims"][::9], rows["victims"][4::9], strict=False)
        ]  # fmt: skip
    return Bundle(
        period=when, as_of=date(2026, 10, 20), produced_at=datetime(2026, 10, 21, 6, 30, tzinfo=UTC),
        source="Collecte Kobo de l’ANLTP (données de démonstration, fictives), 214 fiches reçues au 20 octobre 2026",
        edition="édition 1", code_version="0.1.0+abc1234", code_list_version=codelists.VERSION, schema_version=1,
        received_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        rules=("Unités : l’événement, et la personne × épisode d’exploitation ; jamais la fiche envoyée. Une "
               "exploitation qui commence après une première identification ouvre un nouvel épisode.",
               "Une personne déclarée par plusieurs organismes compte une fois par période et par épisode.",
               "« 0 » n’est imprimé que si tous les organismes attendus ont déclaré ; sinon « … »."),
        warnings=("1 fournisseur attendu n’a pas déclaré : ONG de protection de l’enfance (Zinder).",
                  "7 paires de fiches sont à décider : le total peut baisser de 7 victimes au plus."),
        key_figures=(KeyFigure("Événements de traite", 1234, "dont 4 aussi en trafic"),
                     KeyFigure("Victimes identifiées", 113, "58 enfants au sens de la loi"),
                     KeyFigure("Victimes présumées", 53, "ne s’additionnent pas aux identifiées"),
                     KeyFigure("Migrants objets d’un trafic", 2069, "30 événements"),
                     KeyFigure("Décès de migrants", "…", "deux organismes n’ont pas déclaré"),
                     KeyFigure("Fournisseurs ayant déclaré", "16 / 20", "80 % des fournisseurs attendus"),
                     KeyFigure("Auteurs condamnés", 0)),
        tables=tables() if events else tables()[5:],
        **{name: _frame(name, rows[name]) for name in FRAMES},
        labels={"entity": {code: entry[0] for code, entry in ENTITIES.items()},
                "rule": {"age_band_conflict": "Âge et tranche d’âge en désaccord"}},
    )  # fmt: skip


def empty_bundle(period: str = "2026-T4") -> Bundle:
    """A quarter in which nothing was received."""
    nothing = replace(make_bundle(period, events=0), key_figures=(), warnings=(), labels={})
    return replace(nothing, completeness=_frame("completeness", []))


def one_case_bundle(period: str = "2026-T1") -> Bundle:
    """A quarter with one case."""
    return make_bundle(period, events=1, hostile=False)
