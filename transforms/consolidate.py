"""One period, consolidated: the frames cut to it, its tables, and the words the reader needs with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from transforms import codelists, places, tables
from transforms.bundle import Bundle, Cell, KeyFigure
from transforms.completeness import all_declared, completeness
from transforms.counting import RULES
from transforms.determination import TRAFIC_SERIES
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
    "classification_phone": "classification", "ent_type": "ent_type", "decider": "ent_type", "referrals": "ent_type",
    "family": "ent_family", "sex": "sex", "age_precision": "age_precision", "age_group": "age_group",
    "age_band": "age_band_ne", "status_declared": "vic_status", "relation_perpetrator": "vic_rel_perp",
    "assistance": "vic_support", "per_type": "per_type", "roles": "per_role", "stage": "per_cj_stage",
    "irregular_entry": "ouinon", "benefit": "ouinon", "child_in_law": "ouinon", "disability": "ouinon",
    "unaccompanied": "ouinon", "exploitation_sign": "ouinon",
}  # fmt: skip
"""The code list of each coded column."""

_OWN_LABELS = {
    "form": {"traite": "Traite", "trafic": "Trafic"},
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
    for column in ("place_region", "place_department", "place_commune", "region_decl", "region"):
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
    counted = {**split, "migrants": smuggled(split)}
    plan = [spec for spec in tables.plan() if deliverable in spec["in"]]
    built = tuple(tables.build(spec, counted, period, all_declared=declared) for spec in plan)
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
        rules=RULES,
        warnings=_warnings(split, reporting, period),
        key_figures=_key_figures(counted, reporting, period, declared),
        tables=built,
        events=_of_period("events", split["events"], period),
        victims=_of_period("victims", split["victims"], period),
        perpetrators=_of_period("perpetrators", split["perpetrators"], period),
        migrants=_of_period("migrants", split["migrants"], period),
        migrant_details=tables.between(split["migrant_details"], "detection_date", period),
        smugglers=_of_period("smugglers", split["smugglers"], period),
        completeness=reporting,
        quality=frames["quality"][frames["quality"]["quarter"].isin([q.label for q in period.quarters()])],
        quarantine=frames["quarantine"],
        duplicates=frames["duplicates"],
        labels=labels(providers),
    )


def _of_period(frame: str, rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The rows of the period, counted or not: the reader sees what was left out, and why."""
    return tables.in_period(frame, rows, period).reset_index(drop=True)


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


def _size(name: str, frame: str, frames: Mapping[str, pd.DataFrame], period: Period) -> int:
    rows = tables.in_period(frame, frames[frame], period)
    kept = rows[tables.SELECT[name](rows)]
    return int(kept["persons"].sum()) if frame == "migrants" else len(kept)


def _key_figures(
    frames: Mapping[str, pd.DataFrame], reporting: pd.DataFrame, period: Period, declared: bool
) -> tuple[KeyFigure, ...]:
    def shown(count: int) -> Cell:
        return tables.cell(count, declared)

    def size(selection: str, frame: str) -> int:
        return _size(selection, frame, frames, period)

    events = tables.in_period("events", frames["events"], period)
    counted = events[tables.SELECT["counted_events"](events)]
    identified, children = size("identified", "victims"), size("identified_children", "victims")
    victims = tables.in_period("victims", frames["victims"], period)
    women = int((tables.SELECT["identified"](victims) & (victims["sex"] == "F")).sum())
    expected = reporting[reporting["expected"].astype(bool)]
    reported = int((expected["state"] != "silent").sum())
    traite_only_number = counted[tables.SELECT["in_traite"](counted)]["victims_count_only"].sum()
    trafic = counted[tables.SELECT["in_trafic"](counted)]
    return (
        KeyFigure("Événements de traite", shown(int(tables.SELECT["in_traite"](counted).sum()))),
        KeyFigure("Victimes identifiées", shown(identified), f"dont {children} enfants, {women} femmes et filles"),
        KeyFigure("Victimes présumées", shown(size("presumed", "victims")), "à ne pas ajouter aux identifiées"),
        KeyFigure("Victimes connues par un nombre seulement", shown(int(traite_only_number)), "comptées à part"),
        KeyFigure("Événements de trafic illicite", shown(len(trafic))),
        KeyFigure("Migrants objet d’un trafic", shown(size("migrants", "migrants"))),
        KeyFigure("Décès de migrants", shown(int(trafic["deaths"].fillna(0).sum())), "comptés à part"),
        KeyFigure(
            "Déclarations reçues", f"{reported} / {len(expected)}", "organisme × trimestre, sur ceux qui sont attendus"
        ),
    )


def _warnings(frames: Mapping[str, pd.DataFrame], reporting: pd.DataFrame, period: Period) -> tuple[str, ...]:
    events = tables.in_period("events", frames["events"], period)
    counted = events[events["counted"].astype(bool)]
    out = []
    silent = reporting[reporting["expected"].astype(bool) & (reporting["state"] == "silent")]
    if len(silent):
        names = sorted({f"{row.provider_label} ({row.quarter})" for row in silent.itertuples()})
        out.append(f"N’ont rien déclaré : {', '.join(names)}.")
    for code, words in (("a_verifier", "à vérifier"), ("aucun", "ni traite ni trafic illicite")):
        number = int((counted["classification"] == code).sum())
        if number:
            out.append(f"Hors des deux séries, classés « {words} » : {number} événement(s).")
    excluded = events[~events["counted"].astype(bool)]
    if len(excluded):
        out.append(f"Non comptées (revue ou règle bloquante) : {len(excluded)} fiche(s).")
    confirm = int((events["review"] == "to_confirm").sum())
    if confirm:
        out.append(f"Modifiées depuis leur approbation, à confirmer : {confirm} fiche(s).")
    undated = frames["events"][frames["events"]["detection_date"].isna() & frames["events"]["counted"].astype(bool)]
    if len(undated):
        out.append(f"Sans date de détection, hors de toute période : {len(undated)} fiche(s).")
    asked = frames["duplicates"][frames["duplicates"]["decision"] == "ask"]
    if len(asked):
        persons = int((asked["kind"] == "person").sum())
        out.append(
            f"Paires à décider : {persons} de personnes, {len(asked) - persons} d’événements (toutes périodes) ; le "
            f"total des personnes pourrait baisser d’au plus {persons}."
        )
    if len(frames["quarantine"]):
        out.append(f"En quarantaine (illisibles, toutes périodes) : {len(frames['quarantine'])} fiche(s).")
    late = int(events["late"].astype(bool).sum())
    if late:
        out.append(f"Reçues après le délai : {late} fiche(s), comptées dans la période de leurs faits.")
    return tuple(out)
