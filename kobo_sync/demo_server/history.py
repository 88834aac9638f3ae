"""The project history: who added, edited, reviewed or deleted which submission, and when."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server import permissions
from kobo_sync.demo_server.auth import find_user
from kobo_sync.demo_server.storage import now
from kobo_sync.demo_server.web import FORBIDDEN, NOT_FOUND, Call, Refusal, answer, page_links, positive

_COMPARISONS = {"__gt": ">", "__gte": ">=", "__lt": "<", "__lte": "<=", "": "="}
_FIELDS = {"action": "action", "date_created": "date_created", "username": "user", "user__username": "user"}


def note(call: Call, asset: sqlite3.Row, action: str, root_uuid: str, submitted_by: str | None, **more: str) -> None:
    """Add a line on one submission; `more` joins its `submission` (the status of a review)."""
    metadata = {
        "source": call.request.headers.get("user-agent", ""),
        "asset_uid": asset["uid"],
        "ip_address": "127.0.0.1",
        "submission": {"root_uuid": root_uuid, "submitted_by": submitted_by, **more},
        "log_subtype": "project",
        "project_owner": asset["owner"],
    }
    call.store.run(
        "INSERT INTO history (asset_uid, user, action, metadata, date_created) VALUES (?,?,?,?,?)",
        (
            asset["uid"],
            call.username or None,
            action,
            json.dumps(metadata),
            now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        ),
    )


def read(call: Call, uid: str) -> Response:
    """`GET /api/v2/assets/{uid}/history/?q=`, newest first; only for those who manage the project."""
    asset = permissions.nested_asset(call, uid)
    if not permissions.has(call, asset, "manage_asset"):
        seen = permissions.has(call, asset, "view_asset")
        raise Refusal(403, FORBIDDEN) if seen else Refusal(404, NOT_FOUND)
    clause, params = _where(call.params.get("q", ""))
    limit = positive(call.params.get("limit"), call.store.page_default, least=1) or call.store.page_default
    start = positive(call.params.get("start") or call.params.get("offset"), 0) or 0
    total = call.store.one(f"SELECT count(*) AS n FROM history WHERE asset_uid = ?{clause}", (uid, *params))
    found = call.store.all(
        f"SELECT * FROM history WHERE asset_uid = ?{clause} ORDER BY id DESC LIMIT ? OFFSET ?",
        (uid, *params, limit, start),
    )
    count = int(total["n"]) if total else 0
    following, previous = page_links(str(call.request.url), start, limit, count)
    return answer(
        {"count": count, "next": following, "previous": previous, "results": [_line(call, row) for row in found]}
    )


def _where(q: str) -> tuple[str, list[str]]:
    """`field[__gt]:value` terms joined by AND, as SQL. Raises Refusal 400 for what is not understood."""
    clause, params = "", []
    for term in filter(None, (part.strip() for part in q.split(" AND "))):
        key, _, value = term.partition(":")
        name, suffix = next(((n, key.removeprefix(n)) for n in _FIELDS if key.startswith(n)), (key, "?"))
        if name not in _FIELDS or suffix not in _COMPARISONS:
            raise Refusal(400, {"detail": "Your query is too short or not valid."})
        clause += f" AND {_FIELDS[name]} {_COMPARISONS[suffix]} ?"
        params.append(value.strip("\"'"))
    return clause, params


def _line(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    user = find_user(call.store, row["user"]) if row["user"] else None
    return {
        "user": call.link(f"/api/v2/users/{row['user']}/") if user else None,
        "user_uid": user["uid"] if user else None,
        "username": row["user"],
        "action": row["action"],
        "metadata": json.loads(row["metadata"]),
        "date_created": row["date_created"],
    }
