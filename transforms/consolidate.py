"""One period, consolidated: the frames cut to it, its tables, and the words the reader needs with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from transforms import codelists, places, tables
from transforms.bundle import Bundle, Cell, KeyFigure
from transforms.completeness import all_declared, completeness
from transforms.counting import RULES, SOURCE_PRIORITY
from transforms.derive import Settings
from transforms.determination import TRAFIC_SERIES, TRAITE_SERIES
from transforms.periods import Period
from transforms.quality import reason_labels
from transforms.register import Provider

_LABELLED = {
    "reach": "evt_reach", "acts": "evt_act", "means": "evt_means", "exploitation": "evt_exploitation",
    "exploitation_main": "evt_exploitation", "labour_type": "evt_labour_type", "control": "evt_control",
    "recruitment": "evt_recruitment", "recruitment_country": "country", "exploitation_country": "country",
    "border_country": "country", "departure_country": "country", "destination_country": "country",
    "nationality": "country", "direction": "smuggling_direction", "transport": "transport_means",
    "offences": "som_offence", "aggravating": "som_aggravating", "justice_status": "justice_status",
    "detection_channel": "detection_channel", "classification": "classification",
    "classification_phone": "classification", "classification_event": "classification", "ent_type": "ent_type",
    "decider": "ent_type", "referrals": "ent_type",
    "family": "ent_family", "sex": "sex", "age_precision": "age_precision", "age_group": "age_group",
    "age_band": "age_band_ne", "status_declared": "vic_status", "relation_perpetrator": "vic_rel_perp",
    "assistance": "vic_support", "per_type": "per_type", "roles": "per_role", "stage": "per_cj_stage",
    "collection_mode": "collection_mode", "detection_setting": "place_setting", "recruitment_setting": "place_setting",
    "exploitation_setting": "place_setting", "legal_basis": "legal_basis", "transit_countries": "country",
    "sex_type": "evt_sex_type", "labour_sector": "evt_labour_sector", "route": "route_place",
    "condition": "migrant_condition", "residence_country": "country", "education": "education_level",
    "marital_status": "vic_marital", "identity_papers": "identity_papers", "health": "vic_health",
    "relation_recruiter": "vic_rel_perp", "needs": "vic_support", "offence": "legal_basis",
    "sentence": "sentence_type", "irregular_entry": "ouinon", "benefit": "ouinon", "child_in_law": "ouinon",
    "disability": "ouinon", "unaccompanied": "ouinon", "exploitation_sign": "ouinon",
}  # fmt: skip
"""The code list of each coded column."""

_PLACES = (
    "place_region", "place_department", "place_commune", "region_decl", "region", "recruitment_region",
    "recruitment_department", "exploitation_region", "exploitation_department", "residence_region",
)  # fmt: skip

_OWN_LABELS = {
    "form": {
        "traite": "Traite", "trafic": "Trafic", "suivi": "Suivi", "fournisseur": "Fournisseur",
        "declaration": "Déclaration",
    },
    "counted_status": {"identified": "Identifiée", "presumed": "Présumée", "not_victim": "Non victime"},
    "consent": {"full": "Enregistrement et partage", "no_share": "Enregistrement sans partage", "refused": "Refus"},
    "review": {
        "approved": "Approuvée", "to_confirm": "À confirmer", "not_approved": "Non approuvée",
        "on_hold": "En attente", "none": "Sans statut",
    },
    "severity": {"blocking": "Bloquant", "error": "Erreur", "warning": "Avertissement"},
    "state": {"reported": "A déclaré", "late": "En retard", "silent": "Silencieux"},
    "kind": {"person": "Personne", "event": "Événement"},
    "decision": {"same": "Même", "ask": "À décider"},
}  # fmt: skip


@dataclass(frozen=True)
class Provenance:
    """Where the figures come from: what the read-me sheet states."""

    as_of: date
    produced_at: datetime
    source: str
    edition: str
    code_version: str
    schema_version: int
    received_hash: str


def labels(providers: Sequence[Provider]) -> dict[str, dict[str, str]]:
    """French label of each code, by frame column."""
    by_column = {column: codelists.labels(variable) for column, variable in _LABELLED.items()}
    lieux = {place.pcode: place.label for place in places.all_places()}
    for column in _PLACES:
        by_column[column] = lieux
    entities = {provider.code: provider.label for provider in providers}
    for column in ("entity", "left_entity", "right_entity"):
        by_column[column] = entities
    for column in ("rule", "reason_code"):
        by_column[column] = reason_labels()
    return by_column | _OWN_LABELS


def consolidate(
    period: Period,
    frames: Mapping[str, pd.DataFrame],
    providers: Sequence[Provider],
    settings: Settings,
    provenance: Provenance,
    deliverable: str,
) -> Bundle:
    """The bundle of one period for one deliverable of the plan (`quarter` or `semester`).

    `frames`: events, victims, perpetrators (both series, told apart by `series`), migrants, migrant_details, quality,
    quarantine and duplicates over all periods, as `transforms.derive` laid them; the person id already replaced by a
    pseudonym for the recipient.
    """
    split = dict(frames)
    split["smugglers"] = frames["perpetrators"][frames["perpetrators"]["series"] == "trafic"]
    split["perpetrators"] = frames["perpetrators"][frames["perpetrators"]["series"] == "traite"]
    reporting = completeness(frames["events"], providers, period)
    declared = all_declared(reporting)
    declared_in = {region: all_declared(reporting[reporting["region"] == region]) for region in places.regions()}
    counted = {**split, "migrants": smuggled(split)}
    plan = [spec for spec in tables.plan() if deliverable in spec["in"]]
    said = _coverage(reporting, period)
    built = tuple(
        tables.build(spec, counted, period, all_declared=declared, declared_in=declared_in, coverage=said)
        for spec in plan
    )
    return Bundle(
        period=period,
        as_of=provenance.as_of,
        produced_at=provenance.produced_at,
        source=provenance.source,
        edition=provenance.edition,
        code_version=provenance.code_version,
        code_list_version=codelists.VERSION,
        schema_version=provenance.schema_version,
        received_hash=provenance.received_hash,
        rules=(*RULES, *_decided_rules(settings)),
        warnings=_warnings(split, reporting, period, provenance.as_of),
        key_figures=_key_figures(counted, reporting, period, declared),
        tables=built,
        events=_of_period("events", split["events"], period),
        victims=withhold(_of_period("victims", split["victims"], period)),
        perpetrators=_of_period("perpetrators", split["perpetrators"], period),
        migrants=_of_period("migrants", split["migrants"], period),
        migrant_details=tables.between(split["migrant_details"], "detection_date", period),
        smugglers=_of_period("smugglers", split["smugglers"], period),
        completeness=reporting,
        quality=frames["quality"][
            frames["quality"]["quarter"].isin([q.label for q in period.quarters()])
            | frames["quality"]["quarter"].isna()
        ],
        quarantine=frames["quarantine"],
        duplicates=_pairs_of_period(frames["duplicates"], split, period),
        labels=labels(providers),
    )


def _decided_rules(settings: Settings) -> tuple[str, ...]:
    """What ANLTP decided and the figures rest on, in words."""
    kinds = codelists.labels("ent_type")
    return (
        "Liste de l’ANLTP, organismes dont la décision identifie une victime : "
        f"{', '.join(kinds[code] for code in settings.identified_by)}.",
        f"Priorité des sources, la première l’emporte : {', '.join(kinds[code] for code in SOURCE_PRIORITY)}.",
        f"Une fiche est en retard quand elle arrive plus de {settings.deadline_days} jours après la fin du trimestre "
        "de ses faits.",
        "Le stade de la procédure est le dernier que la fiche donne ; une étape corrigée remplace la précédente.",
    )


def _coverage(reporting: pd.DataFrame, period: Period) -> str:
    """Reporting and expected providers of each quarter: what stands under every table."""
    expected = reporting[reporting["expected"].astype(bool)]
    said = [
        f"{(of_quarter['state'] != 'silent').sum()} / {len(of_quarter)} en {quarter.label}"
        for quarter in period.quarters()
        for of_quarter in (expected[expected["quarter"] == quarter.label],)
    ]
    return f"Organismes qui ont déclaré, sur ceux qui étaient attendus : {', '.join(said)}."


def _pairs_of_period(pairs: pd.DataFrame, frames: Mapping[str, pd.DataFrame], period: Period) -> pd.DataFrame:
    """The pairs of which one record at least is in the period."""
    codes = set(tables.in_period("events", frames["events"], period)["case_code"])
    codes |= set(tables.in_period("victims", frames["victims"], period)["victim_code"])
    return pairs[pairs["left_code"].isin(codes) | pairs["right_code"].isin(codes)].reset_index(drop=True)


def _of_period(frame: str, rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The rows of the period, counted or not, and those without a date: the reader sees what was left out, and why."""
    undated = rows[rows[tables.DATE_OF[frame]].isna()]
    return pd.concat([tables.in_period(frame, rows, period), undated], ignore_index=True)


def smuggled(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Smuggled migrants of the trafic series: the groups' tallies, and persons told on the other form.

    A person of a `traite` record whose classification is in the trafic series counts here too (« les deux »), at the
    detection of the event as every migrant.
    """
    tallies = frames["migrants"]
    victims = frames["victims"]
    told = victims[victims["classification"].isin(TRAFIC_SERIES)]
    persons = told.assign(persons=1, classification_event=told["classification"])
    return pd.concat([tallies, persons[[c for c in tallies.columns if c in persons.columns]]], ignore_index=True)


_NOT_SHARED = (
    "victim_code", "age", "age_band", "age_at_entry", "place_department", "residence_country", "residence_region",
    "education", "marital_status", "identity_papers", "health", "acts", "means", "relation_recruiter",
    "relation_perpetrator", "disability", "needs", "referrals", "classification_reason",
)  # fmt: skip
"""Not printed of a person who did not agree to share: what no total needs."""
_NOT_RECORDED = ("case_code", "event_id", "pseudonym")
"""Nor, of a person who refused to be recorded, what leads to the event she was found in."""


def withhold(victims: pd.DataFrame) -> pd.DataFrame:
    """The rows of victims as a file may print them, by the consent table: what the totals need stays, to the month."""
    kept = victims.astype(object)
    unshared = kept["consent"] != "full"
    kept.loc[unshared, list(_NOT_SHARED)] = None
    kept.loc[kept["consent"] == "refused", list(_NOT_RECORDED)] = None
    known = unshared & kept["identification_date"].notna()
    kept.loc[known, "identification_date"] = kept.loc[known, "identification_date"].str.slice(0, 7) + "-01"
    return kept


def _key_figures(
    frames: Mapping[str, pd.DataFrame], reporting: pd.DataFrame, period: Period, declared: bool
) -> tuple[KeyFigure, ...]:
    def shown(count: int) -> Cell:
        return tables.cell(count, declared)

    def size(selection: str, frame: str) -> int:
        rows = tables.in_period(frame, frames[frame], period)
        kept = rows[tables.SELECT[selection](rows)]
        return int(kept["persons"].sum()) if frame == "migrants" else len(kept)

    events = tables.in_period("events", frames["events"], period)
    counted = events[tables.SELECT["counted_events"](events)]
    identified, children = size("identified", "victims"), size("identified_children", "victims")
    victims = tables.in_period("victims", frames["victims"], period)
    women = int((tables.SELECT["identified"](victims) & (victims["sex"] == "F")).sum())
    told = f"dont {children} enfants, {women} femmes et filles" if identified else ""
    expected = reporting[reporting["expected"].astype(bool)]
    reported = int((expected["state"] != "silent").sum())
    traite_only_number = counted[tables.SELECT["in_traite"](counted)]["victims_count_only"].sum()
    trafic = counted[tables.SELECT["in_trafic"](counted)]
    return (
        KeyFigure("Événements de traite", shown(int(tables.SELECT["in_traite"](counted).sum()))),
        KeyFigure("Victimes identifiées", shown(identified), told),
        KeyFigure("Victimes présumées", shown(size("presumed", "victims")), "à ne pas ajouter aux identifiées"),
        KeyFigure("Victimes connues par un nombre seulement", shown(int(traite_only_number)), "comptées à part"),
        KeyFigure("Événements de trafic illicite", shown(len(trafic))),
        KeyFigure("Migrants objet d’un trafic", shown(size("migrants", "migrants"))),
        KeyFigure("Décès de migrants", shown(int(trafic["deaths"].fillna(0).sum())), "comptés à part"),
        KeyFigure(
            "Déclarations reçues", f"{reported} / {len(expected)}", "organisme × trimestre, sur ceux qui sont attendus"
        ),
    )


def _warnings(
    frames: Mapping[str, pd.DataFrame], reporting: pd.DataFrame, period: Period, as_of: date
) -> tuple[str, ...]:
    events = tables.in_period("events", frames["events"], period)
    counted = events[events["counted"].astype(bool)]
    out = []
    if period.end >= as_of:
        out.append("La période n’est pas terminée : les chiffres sont partiels.")
    future = int((frames["events"]["detection_date"].astype("string") > as_of.isoformat()).fillna(False).sum())
    if future:
        out.append(f"Datées après ce jour, à corriger (toutes périodes) : {future} fiche(s).")
    silent = reporting[reporting["expected"].astype(bool) & (reporting["state"] == "silent")]
    if len(silent):
        names = sorted({f"{row.provider_label} ({row.quarter})" for row in silent.itertuples()})
        out.append(f"N’ont rien déclaré : {', '.join(names)}.")
    for code, words in tables.OUTSIDE.items():
        number = int((counted["classification"] == code).sum())
        if number:
            out.append(f"Hors des deux séries, classés « {words} » : {number} événement(s).")
    excluded = events[~events["counted"].astype(bool)]
    if len(excluded):
        out.append(f"Non comptées (revue ou règle bloquante) : {len(excluded)} fiche(s).")
    unreviewed = int((counted["review"] == "none").sum())
    if unreviewed:
        out.append(f"Comptées sans avoir été revues dans Kobo : {unreviewed} fiche(s) sur {len(counted)}.")
    other_form = counted[(counted["form"] == "trafic") & counted["classification"].isin(TRAITE_SERIES)]
    if len(other_form):
        out.append(
            f"De la série traite, mais saisis sur le formulaire « trafic » : {len(other_form)} événement(s), dont les "
            f"{int(other_form['persons'].sum())} personnes ne sont pas décrites comme victimes : une fiche « traite » "
            "est à ouvrir."
        )
    confirm = int((events["review"] == "to_confirm").sum())
    if confirm:
        out.append(f"Modifiées depuis leur approbation, à confirmer : {confirm} fiche(s).")
    undated = frames["events"][frames["events"]["detection_date"].isna() & frames["events"]["counted"].astype(bool)]
    if len(undated):
        out.append(f"Sans date de détection, hors de toute période : {len(undated)} fiche(s).")
    pairs = _pairs_of_period(frames["duplicates"], frames, period)
    asked = pairs[pairs["decision"] == "ask"]
    if len(asked):
        persons = int((asked["kind"] == "person").sum())
        out.append(
            f"Paires à décider qui touchent la période : {persons} de personnes, {len(asked) - persons} d’événements ; "
            f"le total des personnes pourrait baisser d’au plus {persons}."
        )
    if len(frames["quarantine"]):
        out.append(f"En quarantaine (illisibles, toutes périodes) : {len(frames['quarantine'])} fiche(s).")
    late = int(events["late"].astype(bool).sum())
    if late:
        out.append(f"Reçues après le délai : {late} fiche(s), comptées dans la période de leurs faits.")
    return tuple(out)
