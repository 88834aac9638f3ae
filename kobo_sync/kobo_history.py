"""Kobo's project history: who edited, reviewed or deleted which submission, and when. Newest first, in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kobo_sync.client import KoboClient
from kobo_sync.source import ServerEvent

_ACTIONS = {"modify-submission": "edited", "delete-submission": "deleted"}
"""An addition is not asked for: the row itself says when and by whom, and there is one for each."""
_LONGEST = 500_000
"""Lines of one reading: a server whose list never ends must not hold the night."""


def read_history(client: KoboClient, uid: str, since: str | None) -> Iterator[ServerEvent]:
    """The lines on submissions from an instant on, page by page, some perhaps twice.

    Lines that come while we read push the others on. Raises Forbidden without the right `manage_asset`.
    """
    from_then_on = _instant(since) if since else ""
    for action in _ACTIONS:
        query = f"action:{action}" + (f' AND date_created__gte:"{from_then_on}"' if since else "")
        seen = 0
        while seen < _LONGEST:
            page = client.history(uid, query, start=seen)
            lines = [line for line in page["results"] if isinstance(line, dict)]
            events = [event for line in lines if (event := _event(line)) is not None]
            yield from (event for event in events if event.at >= from_then_on)
            seen += len(page["results"])
            if not lines or not page.get("next") or (events and events[-1].at < from_then_on):
                break


def _event(line: Mapping[str, Any]) -> ServerEvent | None:
    """A line on one submission; None for what is no such line."""
    action, metadata, at = line.get("action"), line.get("metadata"), line.get("date_created")
    submission = metadata.get("submission") if isinstance(metadata, dict) else None
    if not isinstance(submission, dict) or not isinstance(action, str) or not isinstance(at, str):
        return None
    witness, status = submission.get("root_uuid"), submission.get("status")
    if not isinstance(witness, str) or not witness:
        return None
    reviewed = isinstance(status, str)
    return ServerEvent(
        witness=witness.removeprefix("uuid:"),
        action="reviewed" if reviewed else _ACTIONS.get(action, action),
        by_whom=str(line.get("username") or ""),
        at=_instant(at),
        detail=str(status) if reviewed else "",
    )


def _instant(text: str) -> str:
    """As Kobo writes it, so that texts compare as times do; what is no time stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at.tzinfo else f"{at:%Y-%m-%dT%H:%M:%S}Z"
