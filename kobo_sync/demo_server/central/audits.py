"""The server's log, whole or of one row."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server.central.auth import is_admin, person
from kobo_sync.demo_server.central.forms import of_row, shown
from kobo_sync.demo_server.central.storage import written
from kobo_sync.demo_server.central.web import Broken, Call, answer, not_allowed, whole_number

_GROUPS = {"submission", "form", "user", "project", "nonverbose"}


def audits(call: Call) -> Response:
    """GET /v1/audits: the server's log, for its administrators."""
    if not is_admin(call):
        raise not_allowed()
    return answer(listed(call))


def listed(call: Call) -> list[dict[str, Any]]:
    """Lines that the options of the address mean, newest first: `start` is included, `end` is not."""
    where, values = [], []
    action = call.params.get("action")
    if action is not None:
        where.append("action LIKE ?" if action in _GROUPS else "action = ?")
        values.append(f"{action}.%" if action in _GROUPS else action)
    for name, operator in (("start", ">="), ("end", "<")):
        if name in call.params:
            where.append(f"logged {operator} ?")
            values.append(_instant(call.params[name]))
    limit = whole_number(call.params.get("limit"), "limit", -1)
    offset = whole_number(call.params.get("offset"), "offset", 0)
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    rows = call.store.all(
        f"SELECT * FROM audit{condition} ORDER BY logged DESC, id DESC LIMIT ? OFFSET ?", [*values, limit, offset]
    )
    lines = [line(call, row, people=call.extended) for row in rows]
    if call.extended:
        formed = {row["acting"]: shown(of_row(call, row)) for row in call.store.all("SELECT * FROM form")}
        for each in lines:
            if each["acteeId"] in formed:
                each["actee"] = formed[each["acteeId"]]
    return lines


def line(call: Call, row: sqlite3.Row, *, people: bool) -> dict[str, Any]:
    """One line of the log."""
    shown = {
        "actorId": row["actor"], "action": row["action"], "acteeId": row["actee"],
        "details": json.loads(row["details"]), "loggedAt": row["logged"], "notes": None,
    }  # fmt: skip
    if people and row["actor"] is not None:
        actor = call.store.one("SELECT * FROM actor WHERE id = ?", (row["actor"],))
        shown["actor"] = person(actor) if actor is not None else None
    return shown


def _instant(text: str) -> str:
    try:
        return written(datetime.fromisoformat(text))
    except ValueError:
        raise Broken from None
