"""Writes the deliverables of a period, from derived tables read through the connection that can't see identities."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from kobo_sync.config import Config
from kobo_sync.errors import StoreError
from kobo_sync.keys import is_demo_key
from kobo_sync.rebuild import register_of, settings_of
from kobo_sync.store import Store
from kobo_sync.store_read import frame
from reports.quarter import write_quarter
from reports.semester import write_semester
from transforms.assertions import assert_publishable
from transforms.consolidate import Provenance, consolidate
from transforms.periods import Period, parse_period, quarter_of, semester_of
from transforms.pseudonyms import pseudonym, release_key

_FRAMES = ("events", "victims", "perpetrators", "migrants", "migrant_details", "quality")
_YEARS_BACK = 3
"""Years before this one whose periods the nightly job writes again; older ones on demand (`kobo-sync report`)."""
_IDENTIFIERS = ("person_id", "event_id")


@dataclass(frozen=True)
class Deliverable:
    """Who receives the file of a kind of period, and its name in `outputs/<period>/`."""

    recipient: str
    plan: str
    file_name: str


QUARTER = Deliverable("ANLTP", "quarter", "ANLTP_fichier-consolide_{period}.xlsx")
SEMESTER = Deliverable("INS", "semester", "INS_classeur-semestriel_{period}.xlsx")


Frames = dict[str, pd.DataFrame]


def read_frames(store: Store) -> Frames:
    """The derived tables as frames, over all periods, without identities.

    Raises StoreError before the first rebuild.
    """
    if not store.stamp():
        raise StoreError("La base ne contient encore rien à écrire", "kobo-sync run")
    with store.report_connection() as connection:
        frames = {name: frame(connection, f"SELECT * FROM {name}", ()) for name in _FRAMES}
        frames["quarantine"] = frame(
            connection,
            "SELECT submission_key, form, reason_code, message, entered_at FROM quarantine "
            "WHERE released_at IS NULL ORDER BY entered_at, submission_key",
            (),
        )
        frames["duplicates"] = frame(
            connection,
            "SELECT kind, left_code, right_code, decision, probability, reason, left_entity, right_entity FROM links "
            "ORDER BY kind, decision, probability DESC, left_code",
            (),
        )
    return frames


def periods_of(frames: Frames, today: date) -> list[Period]:
    """The periods to write: every quarter and semester with facts, and the last closed ones even if empty."""
    days = {
        str(day)
        for frame, column in (("events", "detection_date"), ("victims", "identification_date"))
        for day in frames[frame][column].dropna()
        if str(day) <= today.isoformat()
    }
    labels = {label for day in days for label in (quarter_of(day), semester_of(day)) if label}
    labels = {label for label in labels if int(label[:4]) >= today.year - _YEARS_BACK}
    current = quarter_of(today.isoformat()), semester_of(today.isoformat())
    closed = [
        p
        for year in (today.year - 1, today.year)
        for p in map(parse_period, [f"{year}-T{n}" for n in (1, 2, 3, 4)] + [f"{year}-S{n}" for n in (1, 2)])
        if p.end < today
    ]
    for semester in (False, True):
        labels.add(max(p for p in closed if p.is_semester is semester).label)
    # A period still running is written on demand only (`kobo-sync report`): its numbers would be taken for final.
    periods = [parse_period(label) for label in labels - set(current)]
    return sorted(periods, key=lambda period: (period.end, period.is_semester))


def write_period(
    store: Store, config: Config, frames: Frames, period: Period, *, pseudonym_key: bytes, now: datetime
) -> Path:
    """Writes the workbook of a period from `read_frames`; it replaces the former one only when it is whole.

    Raises transforms.assertions.PublicationError when the figures of the period contradict each other: its last good
    file stays.
    """
    stamp = store.stamp()
    deliverable = SEMESTER if period.is_semester else QUARTER
    provenance = Provenance(
        as_of=now.date(),
        produced_at=now.replace(tzinfo=None, microsecond=0),
        source=f"Collecte ANLTP/TIM (formulaires « traite » et « trafic »), {len(frames['events'])} fiches lues",
        # Figures of invented cases must never pass for Niger's.
        edition="DÉMONSTRATION, données inventées" if is_demo_key(pseudonym_key) else "Édition provisoire",
        code_version=stamp["code_version"],
        schema_version=store.schema_version,
        received_hash=stamp["received_hash"],
    )
    hidden = _pseudonymous(frames, release_key(pseudonym_key, deliverable.recipient, period.label))
    bundle = consolidate(period, hidden, register_of(config), settings_of(config), provenance, deliverable.plan)
    assert_publishable(bundle)
    path = config.output_dir / period.label / deliverable.file_name.format(period=period.label)
    with _scratch(config.data_dir / "scratch"):
        return (write_semester if period.is_semester else write_quarter)(bundle, path)


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    """openpyxl writes each sheet to a temporary file first: in our own closed folder, swept before and after."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    former, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = former
        shutil.rmtree(folder, ignore_errors=True)


def _pseudonymous(frames: Frames, key: bytes) -> Frames:
    """The frames with each identifier of a ledger replaced by its pseudonym for this recipient and release."""
    out = {}
    for name, rows in frames.items():
        columns = {
            column: rows[column].map(lambda value: pseudonym(key, value)).astype("string")
            for column in _IDENTIFIERS
            if column in rows.columns
        }
        hidden = rows.assign(**columns)
        out[name] = hidden.rename(columns={"person_id": "pseudonym"})
    return out
