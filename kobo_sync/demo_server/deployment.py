"""Deploying a form, redeploying it, archiving it, with the traps of a Kobo server."""

from __future__ import annotations

import json
import sqlite3
import uuid
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server import assets, permissions, xlsform
from kobo_sync.demo_server.storage import instant, now
from kobo_sync.demo_server.web import NOT_FOUND, Call, HtmlPage, Refusal, answer


def read(call: Call, uid: str) -> Response:
    """`GET .../deployment/`."""
    asset = permissions.asset_for(call, uid)
    if asset["deployed_version"] is None:
        raise Refusal(404, NOT_FOUND)
    return _shown(call, uid)


def create(call: Call, uid: str) -> Response:
    """`POST .../deployment/`: the first deployment; without `active` the form starts archived."""
    asset = permissions.asset_for(call, uid, "manage_asset")
    if asset["deployed_version"] is not None:
        raise Refusal(405, {"detail": "Use PATCH to update an existing deployment"})
    _deploy(call, asset, call.data())
    return _shown(call, uid)


def update(call: Call, uid: str) -> Response:
    """`PATCH .../deployment/`: a redeploy only if a version is named; `active` alone archives or revives."""
    asset = permissions.asset_for(call, uid, "manage_asset")
    data = call.data()
    if asset["deployed_version"] is None:
        raise Refusal(405, {"detail": "Use POST to create a new deployment"})
    if data.get("version_id"):
        _deploy(call, asset, data)
    elif "active" in data:
        call.store.run("UPDATE asset SET active = ? WHERE uid = ?", (_active(data), uid))
    return _shown(call, uid)


def _deploy(call: Call, asset: sqlite3.Row, data: dict[str, Any]) -> None:
    """Convert the newest version and hand it, with the media files, to the phones."""
    store, uid = call.store, asset["uid"]
    if data.get("version_id", asset["version_uid"]) != asset["version_uid"]:
        raise HtmlPage(500, named=True)  # the real server's NotImplementedError
    version = assets.version_of(store, asset["version_uid"])
    formhub = asset["formhub_uuid"] or uuid.uuid4().hex
    moment = now()
    label = f"{version['number']} ({moment:%Y-%m-%d %H:%M:%S})"
    try:
        xform = xlsform.deployable(
            json.loads(version["sheets"]),
            uid=uid,
            title=asset["name"],
            version=label,
            version_uid=version["uid"],
            formhub_uuid=formhub,
        )
    except xlsform.BrokenForm as broken:
        raise Refusal(400, {"error": str(broken)}) from None
    # Repeats of earlier releases stay known: phones may send those for ever.
    repeats = xlsform.repeat_paths(xform, uid) | set(json.loads(asset["repeats"]))
    points = xlsform.geopoint_paths(xform, uid)
    stamp = instant(moment)
    store.run(
        "UPDATE asset SET deployed_version = ?, date_deployed = ?, date_modified = ?, active = ?, formhub_uuid = ?,"
        " xform = ?, xform_version = ?, repeats = ?, geopoints = ? WHERE uid = ?",
        (
            version["uid"],
            stamp,
            stamp,
            _active(data),
            formhub,
            xform,
            label,
            json.dumps(sorted(repeats)),
            json.dumps(points),
            uid,
        ),
    )
    store.run("UPDATE version SET date_deployed = coalesce(date_deployed, ?) WHERE uid = ?", (stamp, version["uid"]))
    _publish(call, uid)


def _publish(call: Call, uid: str) -> None:
    """Bring the media files to the phones; a file whose content did not change keeps its address."""
    store = call.store
    store.run("DELETE FROM media WHERE asset_uid = ? AND deleted", (uid,))
    store.run(
        "DELETE FROM published WHERE asset_uid = ? AND NOT EXISTS (SELECT 1 FROM media WHERE media.asset_uid ="
        " published.asset_uid AND media.filename = published.filename AND media.hash = published.hash)",
        (uid,),
    )
    store.run(
        "INSERT INTO published (asset_uid, filename, hash, mimetype, content)"
        " SELECT asset_uid, filename, hash, mimetype, content FROM media WHERE asset_uid = ?1 AND filename NOT IN"
        " (SELECT filename FROM published WHERE asset_uid = ?1) ORDER BY date_created",
        (uid,),
    )


def _active(data: dict[str, Any]) -> int:
    return int(data.get("active") in (True, "true", "True"))


def _shown(call: Call, uid: str) -> Response:
    asset = permissions.asset_for(call, uid)
    return answer(
        {
            "backend": "openrosa",
            "active": bool(asset["active"]),
            "version_id": asset["deployed_version"],
            "asset": assets.describe(call, asset),
        }
    )
