"""What ODK Central's log says: who reviewed a row, and the events of a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class _Line:
    """What is kept of a line of the log. `number`: the server's own of the row; `instance`: the version's id."""

    form_id: str
    action: str
    number: int | None
    instance: str
    by_whom: str
    at: str
    state: str


class Log:
    """The server's log, which is of all forms together: read once, whatever the number of forms."""

    def __init__(self, client: CentralClient) -> None:
        self._client = client
        self._read: dict[tuple[str, str | None], list[_Line]] = {}

    def events(self, form_id: str, since: str | None) -> list[ServerEvent]:
        """The events of a form from an instant on, oldest first. Raises Forbidden.

        A review names its row by a number only; which row that is the line of its creation tells, if need be an old
        one.
        """
        lines = self._lines("submission", since, form_id)
        rows = _numbers(lines)
        if since is not None and any(line.number not in rows and not line.instance for line in lines):
            rows |= _numbers(self._lines("submission.create", None, form_id))
        return [
            ServerEvent(
                witness.removeprefix("uuid:"), _ACTIONS.get(line.action, line.action), line.by_whom, line.at, line.state
            )
            for line in reversed(lines)
            if (witness := rows.get(line.number) or line.instance)
        ]

    def _lines(self, action: str, since: str | None, form_id: str) -> list[_Line]:
        if (action, since) not in self._read:
            self._read[action, since] = [line for raw in self._client.log(action, since) if (line := _line(raw))]
        return [line for line in self._read[action, since] if line.form_id == form_id]


def newest_review(history: Iterable[Mapping[str, Any]], review: Review) -> Review:
    """A review with the author of its state. An edit sets the state `edited`, so its author is that of the edit."""
    for line in history:
        sets_state = line.get("action") == "submission.update" and "reviewState" in _details(line)
        if sets_state or line.get("action") == "submission.update.version":
            return replace(review, by_whom=_author(line) or None)
    return review


def _line(raw: Mapping[str, Any]) -> _Line | None:
    """A line on a form; None for one on anything else."""
    actee, details = raw.get("actee"), _details(raw)
    form_id = actee.get("xmlFormId") if isinstance(actee, Mapping) else None
    if not isinstance(form_id, str):
        return None
    number = details.get("submissionId")
    return _Line(
        form_id,
        str(raw.get("action")),
        number if isinstance(number, int) else None,
        str(details.get("instanceId") or ""),
        _author(raw),
        str(raw.get("loggedAt")),
        str(details.get("reviewState") or ""),
    )


def _numbers(lines: Iterable[_Line]) -> dict[int | None, str]:
    """The first instanceID of each row by its number."""
    return {line.number: line.instance for line in lines if line.action == "submission.create" and line.number}


def _details(line: Mapping[str, Any]) -> Mapping[str, Any]:
    details = line.get("details")
    return details if isinstance(details, Mapping) else {}


def _author(line: Mapping[str, Any]) -> str:
    actor = line.get("actor")
    return str(actor.get("displayName") or "") if isinstance(actor, Mapping) else ""
