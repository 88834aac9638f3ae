"""What ODK Central's log says: who reviewed a row, and the events of a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from kobo_sync.central import CentralClient
from kobo_sync.source import ServerEvent
from kobo_sync.store_receive import Review

_ACTIONS = {
    "submission.create": "added",
    "submission.update.version": "edited",
    "submission.update": "reviewed",
    "submission.delete": "deleted",
    "submission.restore": "restored",
}


def newest_review(history: Iterable[Mapping[str, Any]], review: Review) -> Review:
    """A review with the author of its state. An edit sets the state `edited`, so its author is that of the edit."""
    for line in history:
        sets_state = line.get("action") == "submission.update" and "reviewState" in _details(line)
        if sets_state or line.get("action") == "submission.update.version":
            return replace(review, by_whom=_author(line) or None)
    return review


def read_log(client: CentralClient, form_id: str, since: str | None) -> list[ServerEvent]:
    """The events of a form from an instant on, oldest first. Raises Forbidden.

    A review names its row by a number only; which row that is the line of its creation tells, if need be an old one.
    """
    lines = [line for line in client.log("submission", since) if _of_form(line, form_id)]
    rows = _numbers(lines)
    if since is not None and any(_number(line) not in rows and not _instance(line) for line in lines):
        rows |= _numbers(line for line in client.log("submission.create", None) if _of_form(line, form_id))
    events = []
    for line in reversed(lines):
        witness = rows.get(_number(line)) or _instance(line)
        if witness:
            details = _details(line)
            action = str(line.get("action"))
            events.append(
                ServerEvent(
                    witness.removeprefix("uuid:"), _ACTIONS.get(action, action), _author(line),
                    str(line.get("loggedAt")), str(details.get("reviewState") or ""),
                )
            )  # fmt: skip
    return events


def _numbers(lines: Iterable[Mapping[str, Any]]) -> dict[int | None, str]:
    """The first instanceID of each row by its number."""
    return {
        _number(line): _instance(line) for line in lines if line.get("action") == "submission.create" and _number(line)
    }


def _of_form(line: Mapping[str, Any], form_id: str) -> bool:
    actee = line.get("actee")
    return isinstance(actee, Mapping) and actee.get("xmlFormId") == form_id


def _details(line: Mapping[str, Any]) -> Mapping[str, Any]:
    details = line.get("details")
    return details if isinstance(details, Mapping) else {}


def _number(line: Mapping[str, Any]) -> int | None:
    number = _details(line).get("submissionId")
    return number if isinstance(number, int) else None


def _instance(line: Mapping[str, Any]) -> str:
    return str(_details(line).get("instanceId") or "")


def _author(line: Mapping[str, Any]) -> str:
    actor = line.get("actor")
    return str(actor.get("displayName") or "") if isinstance(actor, Mapping) else ""
