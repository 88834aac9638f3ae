"""What a report receives: one period's frames, its statistical tables and the words that go with them.

The frames are pseudonymous: they never hold a name, a birth date, a phone or a place of shelter.
Codes are those of the code lists; reports print code and label in separate columns.

Columns of the frames (text unless said; None where unknown):

events          case_code, form ('traite'|'trafic'), event_id, entity, entity_label, ent_type, family, region_decl,
                detection_date, quarter, place_region, place_department, place_commune, detection_setting,
                detection_channel, facts_month, legal_basis, reach, acts, means, exploitation, exploitation_main,
                sex_type, labour_type, labour_sector, control, recruitment, recruitment_country, recruitment_region,
                recruitment_department, recruitment_setting, transit_countries, exploitation_country,
                exploitation_region, exploitation_department, exploitation_setting, linked_trafic_code,
                linked_traite_code, irregular_entry, benefit, border_country, departure_country, destination_country,
                direction, route, transport, condition, offences, aggravating, deaths (int), justice_status,
                victims_detailed (int), victims_count_only (int), migrants_total (int),
                unaccompanied_children (int), perpetrators_detailed (int),
                classification_phone, classification, classification_reason, counted (bool), exclusion,
                is_reference (bool: the report whose totals stand when two bodies tell one event),
                discrepancy (text: what the other body said), review, review_note, received_date, late (bool),
                collection_mode, paper_received_date, form_release
victims         pseudonym, episode (int), case_code, victim_code, event_id, entity, entity_label, ent_type, family,
                sex, age (int), age_precision, age_group, age_band, child_in_law, age_at_entry (int), nationality,
                residence_country, residence_region, education, marital_status, disability, identity_papers, health,
                identification_date, quarter, place_region, place_department, acts, means, exploitation,
                exploitation_main, status_declared, decider, counted_status ('identified'|'presumed'|'not_victim'),
                classification, classification_reason, relation_recruiter, relation_perpetrator, needs, assistance,
                referrals, consent ('full'|'no_share'|'refused'), counted (bool), exclusion, is_reference (bool: the
                record that carries the person × episode in totals), late (bool)
perpetrators    pseudonym, case_code, perpetrator_code, event_id, entity, per_type, sex, age (int), age_group,
                nationality, roles, stage, stage_date, offence, sentence, sentence_months (int), act_date, quarter,
                place_region, classification_event, counted (bool), exclusion, is_reference (bool)
migrants        (tallies) case_code, event_id, entity, nationality, sex, age_group, persons (int), place_region,
                detection_date, quarter, classification_event, counted (bool), is_reference (bool)
migrant_details case_code, migrant_code, event_id, sex, age (int), age_group, nationality, unaccompanied,
                exploitation_sign, counted (bool), is_reference (bool)
smugglers       as perpetrators
completeness    provider, provider_label, region, region_label, family, ent_type, quarter, expected (bool),
                submissions (int), events_traite (int), events_trafic (int), victims (int), migrants (int),
                on_time (int), late (int), state ('reported'|'late'|'silent')
quality         case_code, form, entity, region_decl, field, rule, severity ('blocking'|'error'|'warning'),
                message, value (masked where the field identifies)
quarantine      submission_key, form, reason_code, message, entered_at
duplicates      kind ('person'|'event'), left_code, right_code, decision ('same'|'ask'), probability (float),
                reason, left_entity, right_entity
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import pandas as pd

from transforms.periods import Period

Cell = int | float | str | None
"""A printed cell: a number, or one of the signs `…` (not declared) and `n.d.` (not available)."""

NOT_DECLARED = "…"


@dataclass(frozen=True)
class StatTable:
    """One numbered table of the plan, ready to print. `rows` holds (label, one Cell per column).

    When `total_row` is true the last row is the total; when `total_column` is true the last column is.
    `indent` gives the rows (by index) that are "dont" lines of the row above.
    """

    number: str
    title: str
    unit: str
    population: str
    reference_date: str
    row_header: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    total_row: bool = True
    total_column: bool = True
    denominator: str | None = None
    notes: tuple[str, ...] = ()
    chart: str | None = None
    """`bar`, `column` or None: the native chart that the workbook draws from the table."""
    indent: tuple[int, ...] = ()


@dataclass(frozen=True)
class KeyFigure:
    """One figure of the synthesis sheet."""

    label: str
    value: Cell
    note: str = ""


@dataclass(frozen=True)
class Bundle:
    """All that the report of one period prints. Frames as described at the head of this module."""

    period: Period
    as_of: date
    """The day the received data were read up to."""
    produced_at: datetime
    source: str
    """In words: which collection, how many submissions, up to when."""
    edition: str
    code_version: str
    code_list_version: str
    schema_version: int
    received_hash: str
    """Digest of the received data the figures rest on."""
    rules: tuple[str, ...]
    """The counting rules, one French sentence each."""
    warnings: tuple[str, ...]
    """What the reader must know before using the figures (silent providers, pending pairs, undated cases)."""
    key_figures: tuple[KeyFigure, ...]
    tables: tuple[StatTable, ...]
    events: pd.DataFrame
    victims: pd.DataFrame
    perpetrators: pd.DataFrame
    migrants: pd.DataFrame
    migrant_details: pd.DataFrame
    smugglers: pd.DataFrame
    completeness: pd.DataFrame
    quality: pd.DataFrame
    quarantine: pd.DataFrame
    duplicates: pd.DataFrame
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    """French label of each code, by frame column (a list of codes, separated by spaces, is labelled code by code)."""
