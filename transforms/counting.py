"""The counting rules, one function a rule; `data/counting_rules.txt` says them in the words of the workbooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from transforms.models import CountedStatus
from transforms.periods import parse_period, quarter_of

RULES: tuple[str, ...] = tuple(
    Path(__file__).with_name("data").joinpath("counting_rules.txt").read_text(encoding="utf-8").splitlines()
)
"""The counting rules as every workbook prints them, one French sentence or more a rule."""

SOURCE_PRIORITY = (
    "court", "police", "gendarmerie", "garde", "customs", "army", "prison", "dsj", "anltp", "social",
    "labour_inspectorate", "health", "io_iom", "io_unhcr", "io_other", "ngo", "other",
)  # fmt: skip
"""When two bodies tell one event, the total of the first in this order stands."""


@dataclass(frozen=True)
class Review:
    """What the review in Kobo means for counting. `state`: approved, to_confirm, not_approved, on_hold or none."""

    state: str
    counted: bool
    exclusion: str | None


def review_effect(
    uid: str | None, by: str | None, reviewed_instance: str | None, instance: str, *,
    sync_account: str | None, no_status_counts: bool,
) -> Review:  # fmt: skip
    """The review of the current revision.

    A mark written by our own account is never a person's. An approval counts for the revision it was given on
    (`reviewed_instance`); the record edited since counts, and is listed as to be confirmed. ODK Central replaces any
    state by « edited » at an edit: what was approved is not told any more, so such a record is to be confirmed too.
    """
    if uid and sync_account and by == sync_account:
        uid = None
    match uid:
        case "validation_status_not_approved":
            return Review("not_approved", False, "non approuvé par une personne")
        case "validation_status_on_hold":
            return Review("on_hold", False, "en attente d’une décision")
        case "validation_status_approved":
            return Review("approved" if reviewed_instance == instance else "to_confirm", True, None)
        case "validation_status_edited":
            return Review("to_confirm", True, None)
    return Review("none", no_status_counts, None if no_status_counts else "pas encore revu")


def counted_status(status: str | None, decider: str | None, identified_by: Sequence[str]) -> CountedStatus:
    """Identified = decided by a body on ANLTP's list; screened by others = presumed, whatever the form says."""
    if status == "NotAVictimOfTrafficking":
        return "not_victim"
    if status == "ActualVictimOfTrafficking" and decider in identified_by:
        return "identified"
    return "presumed"


def is_late(detection_date: str | None, received: date, deadline_days: int) -> bool:
    """Received after the deadline of the quarter of its facts; an undated record can't be late."""
    quarter = quarter_of(detection_date)
    return quarter is not None and received > parse_period(quarter).end + timedelta(days=deadline_days)


def source_rank(ent_type: str | None) -> int:
    """Rank in SOURCE_PRIORITY; an unknown kind of body comes last."""
    return SOURCE_PRIORITY.index(ent_type) if ent_type in SOURCE_PRIORITY else len(SOURCE_PRIORITY)


def episodes(records: Sequence[Mapping[str, Any]]) -> list[int]:
    """Episode number (from 1) of each record of one person, in the order given.

    Exploitation that begins after an earlier identification opens a new episode. Each record needs
    `identification_date`, `exploitation_start` (ISO or None) and `record_id` (to order equal dates).
    """
    order = sorted(
        range(len(records)),
        key=lambda i: (records[i]["identification_date"] or "9999", records[i]["record_id"]),
    )
    numbers = [1] * len(records)
    episode, last_identification = 1, None
    for index in order:
        start, day = records[index]["exploitation_start"], records[index]["identification_date"]
        if start and last_identification and start > last_identification:
            episode += 1
        numbers[index] = episode
        last_identification = max(filter(None, (last_identification, day)), default=None)
    return numbers


_STATUS_ORDER = {"identified": 0, "presumed": 1}


def reference_record(records: Iterable[Mapping[str, Any]]) -> str | None:
    """The record that carries one person × episode in totals: strongest status, then earliest, then best source.

    A person presumed by one body and identified later by another counts as identified, at that identification.
    Records need `record_id`, `counted`, `counted_status`, `identification_date`, `ent_type`.
    """
    eligible = [r for r in records if r["counted"] and r["counted_status"] in _STATUS_ORDER]
    if not eligible:
        return None
    best = min(
        eligible,
        key=lambda r: (
            _STATUS_ORDER[r["counted_status"]], r["identification_date"] or "9999",
            source_rank(r["ent_type"]), r["record_id"],
        ),
    )  # fmt: skip
    return str(best["record_id"])


def reference_report(reports: Iterable[Mapping[str, Any]]) -> str | None:
    """The report whose totals stand among those that tell one event: source priority, then the largest total."""
    eligible = [r for r in reports if r["counted"]]
    if not eligible:
        return None
    best = min(eligible, key=lambda r: (source_rank(r["ent_type"]), -r["persons"], r["submission_key"]))
    return str(best["submission_key"])


def act_date(stage: str | None, day: str | None, detection_date: str | None) -> str | None:
    """Date at which a perpetrator counts: the act's, else the detection's for a suspicion, an arrest, an unknown stage.

    A prosecution or a judgment comes later than the detection: without its date it has no period.
    """
    if day:
        return day
    return detection_date if stage in ("suspected", "arrested", "unk", None) else None
