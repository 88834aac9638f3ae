"""The addresses of permissions and of their assignments."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server import permissions
from kobo_sync.demo_server.auth import find_user
from kobo_sync.demo_server.permissions import IMPLIED, LABELS, NAMES, Partial
from kobo_sync.demo_server.web import FORBIDDEN, NOT_FOUND, Call, Refusal, answer, no_content

_NO_SUCH_THING = ["Invalid hyperlink - Object does not exist."]


def list_permissions(call: Call) -> Response:
    """`GET /api/v2/permissions/`: the ten that exist."""

    def linked(names: tuple[str, ...]) -> list[str]:
        return [call.link(f"/api/v2/permissions/{name}/") for name in names]

    results = [
        {
            "url": call.link(f"/api/v2/permissions/{codename}/"),
            "codename": codename,
            "implied": linked(IMPLIED.get(codename, ())),
            "contradictory": linked(permissions.CONTRADICTORY.get(codename, ())),
            "name": name,
        }
        for codename, name in NAMES.items()
    ]
    return answer({"count": len(results), "next": None, "previous": None, "results": results})


def list_assignments(call: Call, uid: str) -> Response:
    """`GET .../permission-assignments/`: a plain list, not paged."""
    return answer(visible(call, _viewed(call, uid)))


def assign(call: Call, uid: str) -> Response:
    """`POST .../permission-assignments/`: one assignment, with those it implies."""
    asset = _managed(call, uid)
    user, codename, partial = _read(call, call.data())
    if user == asset["owner"]:
        raise Refusal(400, {"user": "Owner's permissions cannot be assigned explicitly"})
    permissions.grant(call.store, uid, user, codename, partial)
    row = call.store.one(
        "SELECT * FROM assignment WHERE asset_uid = ? AND user = ? AND codename = ?", (asset["uid"], user, codename)
    )
    assert row is not None
    shown = _shown(call, row)
    return answer(shown, 201, {"Location": shown["url"]})


def replace_all(call: Call, uid: str) -> Response:
    """`POST .../permission-assignments/bulk/`: the list replaces all assignments but the owner's."""
    asset = _managed(call, uid)
    data = call.data()
    if not isinstance(data, list):
        raise Refusal(400, {"detail": "A list of assignments is expected"})
    wanted = [_read(call, item) for item in data]
    kept = {(user, codename) for user, codename, _ in wanted}
    kept |= {(user, implied) for user, codename, _ in wanted for implied in IMPLIED.get(codename, ())}
    for row in call.store.all("SELECT * FROM assignment WHERE asset_uid = ? AND user <> ?", (uid, asset["owner"])):
        if (row["user"], row["codename"]) not in kept:
            call.store.run("DELETE FROM assignment WHERE uid = ?", (row["uid"],))
    for user, codename, partial in wanted:
        if user != asset["owner"]:
            permissions.grant(call.store, uid, user, codename, partial)
    return answer(visible(call, asset))


def read_assignment(call: Call, uid: str, assignment: str) -> Response:
    """`GET .../permission-assignments/{uid}/`."""
    asset = _viewed(call, uid)
    return answer(_shown(call, _assignment(call, asset, assignment)))


def withdraw(call: Call, uid: str, assignment: str) -> Response:
    """`DELETE .../permission-assignments/{uid}/`: the permission and those that imply it."""
    asset = _managed(call, uid)
    row = _assignment(call, asset, assignment)
    if row["user"] == asset["owner"]:
        raise Refusal(409, {"detail": "Owner's permissions cannot be deleted"})
    permissions.revoke(call.store, uid, row["user"], row["codename"])
    return no_content()


def visible(call: Call, asset: sqlite3.Row) -> list[dict[str, Any]]:
    """The assignments the caller may see: all for a manager, else the owner's and the caller's own."""
    rows = call.store.all("SELECT * FROM assignment WHERE asset_uid = ? ORDER BY user, codename", (asset["uid"],))
    if not permissions.has(call, asset, "manage_asset"):
        rows = [row for row in rows if row["user"] in (asset["owner"], call.username)]
    return [_shown(call, row) for row in rows]


def _viewed(call: Call, uid: str) -> sqlite3.Row:
    asset = permissions.nested_asset(call, uid)
    if not permissions.has(call, asset, "view_asset"):
        raise Refusal(404, NOT_FOUND)
    return asset


def _managed(call: Call, uid: str) -> sqlite3.Row:
    asset = _viewed(call, uid)
    if not permissions.has(call, asset, "manage_asset"):
        raise Refusal(403, FORBIDDEN)
    return asset


def _assignment(call: Call, asset: sqlite3.Row, uid: str) -> sqlite3.Row:
    row = call.store.one("SELECT * FROM assignment WHERE asset_uid = ? AND uid = ?", (asset["uid"], uid))
    if row is None:
        raise Refusal(404, NOT_FOUND)
    return row


def _read(call: Call, item: Any) -> tuple[str, str, Partial | None]:
    """User, permission and row filters of a request, by their hyperlinks."""
    if not isinstance(item, dict):
        raise Refusal(400, {"detail": "An object is expected"})
    user, codename = _last_part(item.get("user")), _last_part(item.get("permission"))
    if find_user(call.store, user) is None:
        raise Refusal(400, {"user": _NO_SUCH_THING})
    if codename not in NAMES:
        raise Refusal(400, {"permission": _NO_SUCH_THING})
    if codename != "partial_submissions":
        return user, codename, None
    listed = item.get("partial_permissions")
    if not listed:
        raise Refusal(400, {"partial_permissions": ["This field is required for the 'partial_submissions' permission"]})
    return user, codename, {_last_part(entry.get("url")): list(entry.get("filters") or []) for entry in listed}


def _last_part(url: object) -> str:
    return str(url or "").partition("?")[0].rstrip("/").rpartition("/")[2]


def _shown(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "url": call.link(f"/api/v2/assets/{row['asset_uid']}/permission-assignments/{row['uid']}/"),
        "user": call.link(f"/api/v2/users/{row['user']}/"),
        "permission": call.link(f"/api/v2/permissions/{row['codename']}/"),
    }
    if row["partial"]:
        shown["partial_permissions"] = [
            {"url": call.link(f"/api/v2/permissions/{codename}/"), "filters": filters}
            for codename, filters in json.loads(row["partial"]).items()
        ]
    return shown | {"label": LABELS.get(row["codename"], row["codename"])}
