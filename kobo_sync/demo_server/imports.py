"""Importing an XLSForm. Every problem is 201 first and `status: error` at the poll, as on a Kobo server."""

from __future__ import annotations

import base64
import json
import sqlite3
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server import permissions, xlsform
from kobo_sync.demo_server.storage import instant, new_uid, now
from kobo_sync.demo_server.web import NO_CREDENTIALS, NOT_FOUND, Call, Refusal, answer
from kobo_sync.demo_server.xlsform import ImportProblem


def create(call: Call) -> Response:
    """`POST /api/v2/imports/`: the work is done at once, its outcome is told at the poll."""
    if call.user is None:
        raise Refusal(401, {"detail": NO_CREDENTIALS}, {"WWW-Authenticate": "Session"})
    uid, started = new_uid("i"), instant(now())
    try:
        status, messages = "complete", _import(call)
    except ImportProblem as problem:
        status, messages = "error", {"error": problem.message, "error_type": problem.kind}
    call.store.run(
        "INSERT INTO import_task VALUES (?,?,?,?,?)", (uid, call.username, status, json.dumps(messages), started)
    )
    return answer({"uid": uid, "url": f"{call.base}/api/v2/imports/{uid}/", "status": "processing"}, 201)


def read(call: Call, uid: str) -> Response:
    """`GET /api/v2/imports/{uid}/`."""
    task = call.store.one("SELECT * FROM import_task WHERE uid = ? AND user = ?", (uid, call.username))
    if task is None:
        raise Refusal(404, NOT_FOUND)
    messages = json.loads(task["messages"])
    return answer({"status": task["status"], "uid": uid, "messages": messages, "date_created": task["date_created"]})


def _import(call: Call) -> dict[str, Any]:
    """Make or overwrite an asset; the `messages` of the finished task."""
    data = call.data()
    workbook = _workbook(call, data)
    asset = _destination(call, str(data.get("destination") or ""))
    sheets = xlsform.read_sheets(workbook)
    name = str(data.get("name") or (asset["name"] if asset else "") or "Untitled")
    old_name = asset["name"] if asset else name
    asset = _save(call, asset, name, sheets)
    done = {
        "uid": asset["uid"],
        "kind": "asset",
        "summary": xlsform.summary(xlsform.content(sheets)),
        "owner__username": asset["owner"],
    }
    if asset["number"] == 1:
        return {"created": [done]}
    log = {
        "source": call.request.headers.get("user-agent", ""),
        "asset_id": asset["id"],
        "new_name": name,
        "old_name": old_name,
        "asset_uid": asset["uid"],
        "ip_address": "127.0.0.1",
        "project_owner": asset["owner"],
        "latest_version_uid": asset["version_uid"],
    }
    return {"updated": [done], "audit_logs": [log]}


def _workbook(call: Call, data: Any) -> bytes:
    for upload in call.files:
        if upload.name == "file":
            return upload.content
    encoded = str(data.get("base64Encoded") or "")
    if not encoded:
        raise ImportProblem("ImportTask data must contain `base64Encoded`, `url`, or `single_xls_url`", "Exception")
    try:
        return base64.b64decode(encoded.rpartition(",")[2], validate=True)
    except ValueError:
        raise ImportProblem("Unsupported format, or corrupt file", "XlsFormatException") from None


def _destination(call: Call, url: str) -> sqlite3.Row | None:
    """The asset to overwrite, named by its URL."""
    if not url:
        return None
    asset = permissions.find_asset(call.store, url.partition("?")[0].rstrip("/").rpartition("/")[2])
    if asset is None or not permissions.has(call, asset, "change_asset"):
        raise ImportProblem("Asset matching query does not exist.", "DoesNotExist")
    return asset


def _save(call: Call, asset: sqlite3.Row | None, name: str, sheets: xlsform.Sheets) -> sqlite3.Row:
    """Write a new version, and the asset if it is new; the asset's row with the version's number."""
    stamp, version, store = instant(now()), new_uid("v"), call.store
    if asset is None:
        uid, number = new_uid("a"), 1
        store.run(
            "INSERT INTO asset (uid, owner, name, date_created, date_modified, version_uid) VALUES (?,?,?,?,?,?)",
            (uid, call.username, name, stamp, stamp, version),
        )
        for codename in permissions.OWNERS:
            permissions.grant(store, uid, call.username, codename)
    else:
        uid = asset["uid"]
        last = store.one("SELECT max(number) AS n FROM version WHERE asset_uid = ?", (uid,))
        number = 1 + (last["n"] if last else 0)
        store.run(
            "UPDATE asset SET name = ?, date_modified = ?, version_uid = ? WHERE uid = ?", (name, stamp, version, uid)
        )
    store.run(
        "INSERT INTO version VALUES (?,?,?,?,?,?,?,NULL)",
        (
            version,
            uid,
            number,
            json.dumps(sheets, ensure_ascii=False),
            json.dumps(xlsform.content(sheets), ensure_ascii=False),
            xlsform.content_hash(sheets),
            stamp,
        ),
    )
    saved = store.one("SELECT asset.*, ? AS number FROM asset WHERE uid = ?", (number, uid))
    assert saved is not None
    return saved
