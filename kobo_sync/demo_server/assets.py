"""Assets (projects): the long description, the list, the versions, deleting one."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server import media, permission_views, permissions, xlsform
from kobo_sync.demo_server.storage import Store
from kobo_sync.demo_server.web import NOT_FOUND, Call, Refusal, answer, no_content, page_links, positive

# What the list leaves out of the long description: the form itself and what hangs on it.
_ONLY_DETAIL = ("content", "report_styles", "report_custom", "map_styles", "map_custom", "files", "deployed_versions")


def list_assets(call: Call) -> Response:
    """`GET /api/v2/assets/`: what the caller may view; empty, not refused, for the anonymous."""
    found = [
        asset
        for asset in call.store.all("SELECT * FROM asset ORDER BY date_modified DESC, id DESC")
        if permissions.has(call, asset, "view_asset")
    ]
    limit = positive(call.params.get("limit"), call.store.page_default, least=1) or call.store.page_default
    start = positive(call.params.get("start") or call.params.get("offset"), 0) or 0
    following, previous = page_links(str(call.request.url), start, limit, len(found))
    shown = [describe(call, asset) for asset in found[start : start + limit]]
    for asset in shown:
        for key in _ONLY_DETAIL:
            del asset[key]
    return answer({"count": len(found), "next": following, "previous": previous, "results": shown})


def read(call: Call, uid: str) -> Response:
    """`GET /api/v2/assets/{uid}/`."""
    return answer(describe(call, permissions.asset_for(call, uid)))


def delete(call: Call, uid: str) -> Response:
    """`DELETE /api/v2/assets/{uid}/`: the asset with all its submissions."""
    permissions.asset_for(call, uid, "manage_asset")
    store = call.store
    store.run("DELETE FROM attachment WHERE submission_id IN (SELECT id FROM submission WHERE asset_uid = ?)", (uid,))
    for table in ("submission", "old_uuid", "media", "published", "assignment", "history", "version"):
        store.run(f"DELETE FROM {table} WHERE asset_uid = ?", (uid,))
    store.run("DELETE FROM asset WHERE uid = ?", (uid,))
    return no_content()


def versions(call: Call, uid: str) -> Response:
    """`GET /api/v2/assets/{uid}/versions/`: all versions, newest first."""
    asset = permissions.asset_for(call, uid)
    found = call.store.all("SELECT * FROM version WHERE asset_uid = ? ORDER BY number DESC", (asset["uid"],))
    return answer(_page([_version(call, row) for row in found]))


def read_version(call: Call, uid: str, version: str) -> Response:
    """`GET /api/v2/assets/{uid}/versions/{version}/`: a version with its content."""
    asset = permissions.asset_for(call, uid)
    row = call.store.one("SELECT * FROM version WHERE asset_uid = ? AND uid = ?", (asset["uid"], version))
    if row is None:
        raise Refusal(404, NOT_FOUND)
    shown = _version(call, row)
    kept = {key: shown[key] for key in ("date_deployed", "date_modified", "content_hash")}
    return answer({"version_id": row["uid"], **kept, "content": json.loads(row["content"])})


def version_of(store: Store, uid: str) -> sqlite3.Row:
    """The version of that uid, which exists."""
    row = store.one("SELECT * FROM version WHERE uid = ?", (uid,))
    if row is None:
        raise Refusal(404, NOT_FOUND)
    return row


def describe(call: Call, asset: sqlite3.Row) -> dict[str, Any]:
    """The long description of an asset."""
    uid, store = asset["uid"], call.store
    here = f"/api/v2/assets/{uid}/"
    version = version_of(store, asset["version_uid"])
    content = json.loads(version["content"])
    deployed = store.all(
        "SELECT * FROM version WHERE asset_uid = ? AND date_deployed IS NOT NULL ORDER BY number DESC", (uid,)
    )
    counted = store.one("SELECT max(number) AS versions FROM version WHERE asset_uid = ?", (uid,))
    kuids = {row.get("name") or row["$kuid"]: row["$kuid"] for row in content["survey"]}
    page = call.link(here)
    return {
        "url": page,
        "owner": call.link(f"/api/v2/users/{asset['owner']}/"),
        "owner__username": asset["owner"],
        "parent": None,
        "settings": {"sector": {}, "country": [], "description": "", "organization": "", "country_codes": []},
        "asset_type": "survey",
        "files": media.of_asset(call, uid, with_deleted=True),
        "summary": xlsform.summary(content),
        "date_created": asset["date_created"],
        "date_modified": asset["date_modified"],
        "date_deployed": asset["date_deployed"],
        "version_id": asset["version_uid"],
        "version__content_hash": version["content_hash"],
        "version_count": counted["versions"] if counted else 0,
        **_deployment(call, asset, deployed),
        "report_styles": {"default": {}, "specified": {name: {} for name in kuids}, "kuid_names": kuids},
        "report_custom": {},
        "advanced_features": {"_version": "20250820"},
        "map_styles": {},
        "map_custom": {},
        "content": content,
        "downloads": [{"format": kind, "url": f"{page.removesuffix('/')}.{kind}"} for kind in ("xls", "xml")],
        "embeds": [{"format": kind, "url": call.link(f"{here}{kind}/")} for kind in ("xls", "xform")],
        "analysis_form_json": {"additional_fields": []},
        "xform_link": call.link(f"{here}xform/"),
        "hooks_link": call.link(f"{here}hooks/"),
        "tag_string": "",
        "uid": uid,
        "kind": "asset",
        "xls_link": call.link(f"{here}xls/"),
        "name": asset["name"],
        "assignable_permissions": [
            {"url": call.link(f"/api/v2/permissions/{codename}/"), "label": label}
            for codename, label in permissions.LABELS.items()
        ],
        "permissions": permission_views.visible(call, asset),
        "effective_permissions": [{"codename": name} for name in _effective(call, asset)],
        "exports": call.link(f"{here}exports/"),
        "export_settings": [],
        "data": call.link(f"{here}data/"),
        "children": {"count": 0},
        "subscribers_count": 0,
        "status": "shared" if _shared(store, asset) else "private",
        "access_types": None,
        "data_sharing": {},
        "paired_data": call.link(f"{here}paired-data/"),
        "project_ownership": None,
        "owner_label": asset["owner"],
        "last_modified_by": None,
        "created_by": None,
    }


def _deployment(call: Call, asset: sqlite3.Row, deployed: list[sqlite3.Row]) -> dict[str, Any]:
    uid, live = asset["uid"], asset["deployed_version"] is not None
    counted = call.store.one("SELECT count(*) AS n, max(created) AS newest FROM submission WHERE asset_uid = ?", (uid,))
    assert counted is not None
    exports = f"{call.base}/{asset['owner']}/exports/{uid}"
    reports = f"{call.base}/{asset['owner']}/reports/{uid}"
    links = {
        **{f"{kind}_legacy": f"{exports}/{kind}/" for kind in ("xls", "csv", "zip")},
        "xls": f"{reports}/export.xlsx",
        "csv": f"{reports}/export.csv",
    }
    all_rows = permissions.rows(call, asset, "view_submissions") is None
    return {
        "has_deployment": live,
        "deployed_version_id": asset["deployed_version"],
        "deployed_versions": _page([_version(call, row) for row in deployed]),
        "deployment__links": {},
        "deployment__active": bool(asset["active"]),
        "deployment__data_download_links": links if live else {},
        # Somebody limited to some rows is not told how many there are.
        "deployment__submission_count": counted["n"] if all_rows else None,
        "deployment__last_submission_time": counted["newest"],
        "deployment__encrypted": False,
        "deployment__uuid": asset["formhub_uuid"],
        "deployment_status": "draft" if not live else "deployed" if asset["active"] else "archived",
    }


def _version(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    deployed = row["date_deployed"]
    return {
        "uid": row["uid"],
        "url": call.link(f"/api/v2/assets/{row['asset_uid']}/versions/{row['uid']}/"),
        "content_hash": row["content_hash"],
        "date_deployed": deployed,
        "date_modified": deployed or row["created"],
        "version_number": str(row["number"]),
    }


def _page(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(results), "next": None, "previous": None, "results": results}


def _effective(call: Call, asset: sqlite3.Row) -> list[str]:
    if call.username == asset["owner"] or (call.user is not None and call.user["superuser"]):
        return [*permissions.OWNERS, "delete_asset"]
    return sorted(permissions.granted(call.store, asset, call.username))


def _shared(store: Store, asset: sqlite3.Row) -> bool:
    other = "SELECT 1 FROM assignment WHERE asset_uid = ? AND user <> ? LIMIT 1"
    return store.one(other, (asset["uid"], asset["owner"])) is not None
