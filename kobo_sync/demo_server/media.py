"""Files that travel with a form (`form_media`); they reach phones at the next real redeploy."""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import sqlite3
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from kobo_sync.demo_server import permissions
from kobo_sync.demo_server.storage import instant, new_uid, now
from kobo_sync.demo_server.web import FORBIDDEN, NOT_FOUND, Call, Refusal, answer, no_content

_ALLOWED = ("image", "audio", "video", "text/csv", "application/xml", "application/zip", "application/geo+json")


def list_files(call: Call, uid: str) -> Response:
    """`GET .../files/`: deleted ones are left out."""
    _asset(call, uid, "view_asset")
    found = of_asset(call, uid)
    return answer({"count": len(found), "next": None, "previous": None, "results": found})


def upload(call: Call, uid: str) -> Response:
    """`POST .../files/`: multipart or base64 JSON; a name that is there already is refused."""
    _asset(call, uid, "change_asset")
    data = call.data()
    metadata = data.get("metadata") or {}
    try:
        metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
        filename, content = _received(call, data, str(metadata.get("filename") or ""))
    except (ValueError, AttributeError):
        raise Refusal(400, {"metadata": ["JSON is malformed"]}) from None
    mimetype = _mimetype(filename)
    if not mimetype.startswith(_ALLOWED):
        listed = ", ".join(f"`{kind}`" for kind in _ALLOWED)
        raise Refusal(400, {"content": [f"Only {listed} MIME types are allowed"]})
    if call.store.one("SELECT 1 FROM media WHERE asset_uid=? AND filename=? AND NOT deleted", (uid, filename)):
        raise Refusal(400, {"content": ["File already exists"]})
    file_uid = new_uid("af")
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    call.store.run(
        "INSERT INTO media VALUES (?,?,?,?,?,?,?,?,?,0)",
        (
            file_uid,
            uid,
            call.username,
            filename,
            str(data.get("description") or ""),
            f"md5:{digest}",
            mimetype,
            content,
            instant(now()),
        ),
    )
    shown = _shown(call, _file(call, uid, file_uid))
    return answer(shown, 201, {"Location": shown["url"]})


def read(call: Call, uid: str, file: str) -> Response:
    """`GET .../files/{uid}/`."""
    _asset(call, uid, "view_asset")
    return answer(_shown(call, _file(call, uid, file)))


def download(call: Call, uid: str, file: str) -> Response:
    """`GET .../files/{uid}/content/`."""
    _asset(call, uid, "view_asset")
    row = _file(call, uid, file)
    disposition = f"attachment; filename*=UTF-8''{quote(row['filename'])}"
    return Response(row["content"], 200, {"Content-Disposition": disposition, "Content-Type": row["mimetype"]})


def delete(call: Call, uid: str, file: str) -> Response:
    """`DELETE .../files/{uid}/`: the asset still shows it until the next real redeploy."""
    _asset(call, uid, "change_asset")
    call.store.run("UPDATE media SET deleted = 1 WHERE uid = ?", (_file(call, uid, file)["uid"],))
    return no_content()


def of_asset(call: Call, uid: str, *, with_deleted: bool = False) -> list[dict[str, Any]]:
    """The files of an asset, oldest first."""
    kept = "" if with_deleted else " AND NOT deleted"
    found = call.store.all(f"SELECT * FROM media WHERE asset_uid = ?{kept} ORDER BY date_created", (uid,))
    return [_shown(call, row) for row in found]


def _asset(call: Call, uid: str, codename: str) -> sqlite3.Row:
    asset = permissions.nested_asset(call, uid)
    if not permissions.has(call, asset, "view_asset"):
        raise Refusal(404, NOT_FOUND)
    if not permissions.has(call, asset, codename):
        raise Refusal(403, FORBIDDEN)
    return asset


def _received(call: Call, data: dict[str, Any], filename: str) -> tuple[str, bytes]:
    for sent in call.files:
        if sent.name == "content":
            return filename or sent.filename, sent.content
    encoded = str(data.get("base64Encoded") or "")
    if not encoded or not filename:
        raise Refusal(400, {"content": ["No files have been submitted"]})
    return filename, base64.b64decode(encoded.rpartition(",")[2], validate=True)


def _mimetype(filename: str) -> str:
    # The registry of the operating system decides `.csv` on Windows; the server does not.
    if filename.lower().endswith(".csv"):
        return "text/csv"
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _file(call: Call, uid: str, file: str) -> sqlite3.Row:
    row = call.store.one("SELECT * FROM media WHERE asset_uid = ? AND uid = ? AND NOT deleted", (uid, file))
    if row is None:
        raise Refusal(404, NOT_FOUND)
    return row


def _shown(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    here = f"/api/v2/assets/{row['asset_uid']}/"
    return {
        "uid": row["uid"],
        "url": call.link(f"{here}files/{row['uid']}/"),
        "asset": call.link(here),
        "user": call.link(f"/api/v2/users/{row['user']}/"),
        "user__username": row["user"],
        "file_type": "form_media",
        "description": row["description"],
        "date_created": row["date_created"],
        "content": call.link(f"{here}files/{row['uid']}/content/"),
        "metadata": {"filename": row["filename"], "hash": row["hash"], "mimetype": row["mimetype"]},
    }
