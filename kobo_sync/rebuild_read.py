"""Reading what was received: each submission becomes records, or waits in quarantine with its reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from kobo_sync.config import Config
from kobo_sync.drift import Drift
from kobo_sync.store import CurrentSubmission, Store
from transforms.counting import Review, review_effect
from transforms.derive import Received
from transforms.errors import MappingError
from transforms.follow_ups import ReceivedOther
from transforms.mapping import map_submission
from transforms.mapping_other import OTHER_FORMS, map_other
from transforms.models_other import FollowUp, ProviderEntry
from transforms.sender import other_account

_T = TypeVar("_T")


@dataclass
class Readable:
    """All that could be read: cases, what is no case, and how many wait in quarantine."""

    cases: list[Received] = field(default_factory=list)
    others: list[ReceivedOther] = field(default_factory=list)
    quarantined: int = 0


def read_all(store: Store, config: Config, at: str) -> Readable:
    """Every submission that is still on its server. Quarantine and what is new of the forms are noted on the way."""
    zone, out, drift = ZoneInfo(config.timezone), Readable(), Drift(store)
    for order, submission in enumerate(store.current_submissions(config.sync_account)):
        if submission.deleted:
            store.quarantine_release(submission.submission_key, "mapping", at)
            continue
        try:
            if submission.form in OTHER_FORMS:
                out.others.append(other := _other(submission, order, zone, config))
                drift.see(submission, other.other.leftover)
            else:
                out.cases.append(case := _case(submission, order, zone))
                drift.see(submission, case.mapped.leftover)
        except MappingError as error:
            out.quarantined += 1
            drift.see_unread(submission)
            store.quarantine_enter(
                submission_key=submission.submission_key, source=submission.source, form=submission.form,
                remote_key=submission.remote_key, instance_uuid=submission.instance_uuid, stage="mapping",
                reason_code=error.reason_code, message=error.message, raw_json=None, at=at,
            )  # fmt: skip
            continue
        store.quarantine_release(submission.submission_key, "mapping", at)
    drift.keep(at)
    return out


def _case(submission: CurrentSubmission, order: int, zone: ZoneInfo) -> Received:
    return Received(
        mapped=_guarded(lambda: map_submission(submission.submission_key, submission.form, submission.raw)),
        received=_local_day(submission, zone),
        submission_time=submission.submission_time or submission.received_at,
        order=order,
        instance=submission.instance_uuid,
        review_uid=submission.review_uid,
        review_by=submission.review_by,
        review_instance=submission.review_instance_uuid,
        account=submission.submitted_by,
    )


def _other(submission: CurrentSubmission, order: int, zone: ZoneInfo, config: Config) -> ReceivedOther:
    other = _guarded(lambda: map_other(submission.submission_key, submission.form, submission.raw))
    review = review_effect(
        submission.review_uid, submission.review_by, submission.review_instance_uuid, submission.instance_uuid,
        sync_account=config.sync_account, no_status_counts=config.review.no_status == "counted",
    )  # fmt: skip
    if not isinstance(other.record, ProviderEntry):
        code = other.record.case_code if isinstance(other.record, FollowUp) else None
        held = other_account(
            submission.submitted_by, other.record.entity, agents_of(config), submission.submission_key, code
        )
        if held:  # as if a person had put it on hold: the follow-up takes no effect
            other = other.model_copy(update={"findings": [*other.findings, *held]})
            review = Review("on_hold", False, held[0].message)
    return ReceivedOther(
        other=other,
        received=_local_day(submission, zone),
        submission_time=submission.submission_time or submission.received_at,
        order=order,
        account=submission.submitted_by,
        review=review,
    )


def agents_of(config: Config) -> dict[str, str]:
    """The body of each account of an agent, by its name in lower case."""
    return {a.username.lower(): a.entity for a in config.accounts if a.role == "agent" and a.entity}


def _guarded(mapping: Callable[[], _T]) -> _T:
    """The records of a submission; whatever goes wrong with one must not stop the night for the others.

    Raises MappingError. Of an unforeseen error only the type is told: its text may hold an answer.
    """
    try:
        return mapping()
    except MappingError:
        raise
    except Exception as error:
        message = f"Erreur imprévue à la lecture de la fiche ({type(error).__name__}) : à signaler."
        raise MappingError([("", "internal_error", message)]) from None


def _local_day(submission: CurrentSubmission, zone: ZoneInfo) -> str:
    """The day a submission reached the server, in Niamey: Kobo's `_submission_time` is UTC without saying so."""
    for told in (submission.submission_time, submission.received_at):  # what the server says may be no time at all
        try:
            instant = datetime.fromisoformat(told or "")
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            return instant.astimezone(zone).date().isoformat()
        except (ValueError, OverflowError):
            continue
    raise ValueError(f"{submission.submission_key}: no time of reception")
