"""Files of submissions: reading them by uid or by question, deleting them. No thumbnails."""

from __future__ import annotations

import sqlite3

from starlette.responses import Response

from kobo_sync.demo_server import data, permissions, rows
from kobo_sync.demo_server.web import NOT_FOUND, Call, Refusal, answer, no_content


def by_question(call: Call, uid: str, number: str) -> Response:
    """`GET .../data/{id}/attachments/?xpath=`: the file itself."""
    _, row = data.reachable(call, uid, number, "view_submissions")
    wanted = call.params.get("xpath")
    if not wanted:
        raise Refusal(400, {"detail": "`xpath` query parameter is required"})
    files = rows.attachments_of(call.store, [row["id"]]).get(row["id"], [])
    shown = rows.document(row, files, call.base)["_attachments"]
    for file, entry in zip(files, shown, strict=True):
        if entry["question_xpath"] == wanted:
            return _sent(call, row, file["uid"])
    raise Refusal(404, NOT_FOUND)


def by_uid(call: Call, uid: str, number: str, file: str) -> Response:
    """`GET .../data/{id}/attachments/{uid}/`."""
    _, row = data.reachable(call, uid, number, "view_submissions")
    return _sent(call, row, file)


def delete_one(call: Call, uid: str, file: str) -> Response:
    """`DELETE /api/v2/assets/{uid}/attachments/{uid}/`: the entry stays in the row, marked."""
    asset, _ = permissions.data_access(call, uid, "change_submissions")
    found = call.store.one(
        "SELECT attachment.uid FROM attachment JOIN submission ON id = submission_id"
        " WHERE asset_uid = ? AND attachment.uid = ? AND NOT deleted",
        (asset["uid"], file),
    )
    if found is None:
        raise Refusal(404, NOT_FOUND)
    _mark(call, [file])
    return no_content()


def delete_many(call: Call, uid: str) -> Response:
    """`DELETE /api/v2/assets/{uid}/attachments/bulk/`: all files of these submissions."""
    asset, _ = permissions.data_access(call, uid, "change_submissions")
    found: list[str] = []
    for root_uuid in call.data().get("submission_root_uuids", []):
        row = data.find(call, asset, permissions.rows(call, asset, "change_submissions"), str(root_uuid))
        files = rows.attachments_of(call.store, [row["id"]]).get(row["id"], [])
        found += [file["uid"] for file in files if not file["deleted"]]
    _mark(call, found)
    return answer({"message": f"{len(found)} attachments deleted"}, 202)


def _mark(call: Call, files: list[str]) -> None:
    for file in files:
        call.store.run("UPDATE attachment SET deleted = 1, content = x'' WHERE uid = ?", (file,))


def _sent(call: Call, row: sqlite3.Row, file: str) -> Response:
    found = call.store.one(
        "SELECT * FROM attachment WHERE submission_id = ? AND uid = ? AND NOT deleted", (row["id"], file)
    )
    if found is None:
        raise Refusal(404, NOT_FOUND)
    disposition = f"inline; filename={found['basename']}"
    return Response(found["content"], 200, {"Content-Disposition": disposition, "Content-Type": found["mimetype"]})
