"""`{form}/submissions`: the list without answers, one row, its versions, files and history, review and deletion."""

from __future__ import annotations

import hashlib
import mimetypes
import sqlite3
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from kobo_sync.demo_server.central.audits import line
from kobo_sync.demo_server.central.auth import person
from kobo_sync.demo_server.central.forms import Form, one_form
from kobo_sync.demo_server.central.storage import next_event, note, now
from kobo_sync.demo_server.central.web import Call, Problem, answer, not_found, unless_known, whole_number

STATES = (None, "edited", "hasIssues", "rejected", "approved")


def listed(call: Call, project: int, form_id: str) -> Response:
    """GET …/submissions: newest first; no filter, and other options are ignored without a word."""
    form = one_form(call, project, form_id, "submission.list")
    trash = "IS NOT NULL" if call.params.get("deleted") == "true" else "IS NULL"
    limit = whole_number(call.params.get("limit"), "limit", -1)
    offset = whole_number(call.params.get("offset"), "offset", 0)
    rows = call.store.all(
        f"SELECT * FROM submission WHERE form = ? AND deleted {trash} ORDER BY created DESC, id DESC LIMIT ? OFFSET ?",
        (form.number, limit, offset),
    )
    events = ",".join(f"{row['id']}:{row['event']}" for row in rows)
    digest = hashlib.md5(events.encode(), usedforsecurity=False).hexdigest() if rows else "0" * 32
    tag = f'W/"eventhash:{digest}"'
    if known := unless_known(call, tag, {}):
        return known
    return answer([shown(call, row) for row in rows], 200, {"ETag": tag})


def one(call: Call, project: int, form_id: str, instance: str) -> Response:
    """GET …/submissions/{id}; the id of a newer version is redirected to that version."""
    form = one_form(call, project, form_id, "submission.read")
    row = call.store.one(
        "SELECT * FROM submission WHERE form = ? AND instance = ? AND deleted IS NULL", (form.number, instance)
    )
    if row is not None:
        return answer(shown(call, row))
    version = call.store.one(
        "SELECT submission.instance FROM def JOIN submission ON submission.id = def.submission"
        " WHERE def.form = ? AND def.instance = ? AND deleted IS NULL",
        (form.number, instance),
    )
    if version is None:
        raise not_found()
    here = f"/v1/projects/{project}/forms/{form_id}/submissions/{quote(version['instance'], safe='')}"
    target = f"{here}/versions/{instance}"
    text = f"Moved Permanently. Redirecting to {target}"
    return Response(text, 301, {"Location": target}, "text/plain; charset=utf-8")


def xml(call: Call, project: int, form_id: str, instance: str) -> Response:
    """GET …/submissions/{id}.xml: the newest version as it was sent."""
    _, row = found(call, project, form_id, instance, "submission.read")
    return Response(current(call, row)["xml"], 200, None, "application/xml; charset=utf-8")


def versions(call: Call, project: int, form_id: str, instance: str) -> Response:
    """GET …/versions, newest first."""
    _, row = found(call, project, form_id, instance, "submission.read")
    rows = call.store.all("SELECT * FROM def WHERE submission = ? ORDER BY id DESC", (row["id"],))
    return answer([version(call, each) for each in rows])


def one_version(call: Call, project: int, form_id: str, instance: str, wanted: str) -> Response:
    """GET …/versions/{instanceId}, or its XML."""
    form, _ = found(call, project, form_id, instance, "submission.read")
    plain = wanted.removesuffix(".xml")
    row = call.store.one("SELECT * FROM def WHERE form = ? AND instance = ?", (form.number, plain))
    if row is None:
        raise not_found()
    if plain != wanted:
        return Response(row["xml"], 200, None, "application/xml; charset=utf-8")
    return answer(version(call, row))


def history(call: Call, project: int, form_id: str, instance: str) -> Response:
    """GET …/audits: of this row, newest first; changes of files are not in it."""
    _, row = found(call, project, form_id, instance, "submission.read")
    rows = call.store.all(
        "SELECT * FROM audit WHERE submission = ? AND action <> 'submission.attachment.update' ORDER BY id DESC",
        (row["id"],),
    )
    return answer([line(call, each, people=call.extended) for each in rows])


def review(call: Call, project: int, form_id: str, instance: str) -> Response:
    """PATCH …/submissions/{id}: only `reviewState`; a body that says nothing of it changes nothing, with 200."""
    form, row = found(call, project, form_id, instance, "submission.update")
    body = call.json()
    details: dict[str, Any] = {"submissionId": row["id"], "submissionDefId": current(call, row)["id"]}
    if "reviewState" in body:
        state = body["reviewState"]
        if state not in STATES:
            raise Problem(
                400.8, f"Unexpected state value {state}; not a recognized state name",
                {"field": "state", "value": state, "reason": "not a recognized state name"},
            )  # fmt: skip
        details = {"reviewState": state, **details}
        call.store.run(
            "UPDATE submission SET review = ?, updated = ?, event = ? WHERE id = ?",
            (state, now(), next_event(call.store), row["id"]),
        )
    note(call.store, call.number, "submission.update", form.acting, row["id"], details)
    if "reviewState" not in body:
        return answer({})
    _, row = found(call, project, form_id, instance, "submission.update")
    answered = shown(call, row)
    return answer({name: value for name, value in answered.items() if name not in ("userAgent", "currentVersion")})


def delete(call: Call, project: int, form_id: str, instance: str) -> Response:
    """DELETE …/submissions/{id}: into the trash."""
    form, row = found(call, project, form_id, instance, "submission.delete")
    return _trashed(call, form, row, "delete", now())


def restore(call: Call, project: int, form_id: str, instance: str) -> Response:
    """POST …/restore."""
    form = one_form(call, project, form_id, "submission.restore")
    row = call.store.one(
        "SELECT * FROM submission WHERE form = ? AND instance = ? AND deleted IS NOT NULL", (form.number, instance)
    )
    if row is None:
        raise not_found()
    return _trashed(call, form, row, "restore", None)


def files(call: Call, project: int, form_id: str, instance: str) -> Response:
    """GET …/attachments: those that the newest version names."""
    _, row = found(call, project, form_id, instance, "submission.read")
    rows = call.store.all("SELECT * FROM file WHERE def = ? ORDER BY name", (current(call, row)["id"],))
    return answer([{"name": each["name"], "exists": each["content"] is not None} for each in rows])


def file(call: Call, project: int, form_id: str, instance: str, name: str) -> Response:
    """GET, POST or DELETE …/attachments/{name}; the ETag is the md5. No Range."""
    verb = "submission.read" if call.request.method in ("GET", "HEAD") else "submission.update"
    form, row = found(call, project, form_id, instance, verb)
    key = (current(call, row)["id"], name)
    kept = call.store.one("SELECT * FROM file WHERE def = ? AND name = ?", key)
    if kept is None:
        raise not_found()
    if verb == "submission.update":
        gone = call.request.method == "DELETE"
        call.store.run(
            "UPDATE file SET content = ?, type = ? WHERE def = ? AND name = ?",
            (None if gone else call.body, call.request.headers.get("content-type"), *key),
        )
        details = {"name": name, "instanceId": row["instance"], "submissionDefId": key[0]}
        note(call.store, call.number, "submission.attachment.update", form.acting, row["id"], details)
        return answer({"success": True})
    if kept["content"] is None:
        raise not_found()
    tag = f'"{hashlib.md5(kept["content"], usedforsecurity=False).hexdigest()}"'
    if known := unless_known(call, tag, {}):
        return known
    kind = kept["type"] or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(kept["content"], 200, {"ETag": tag}, kind)


def found(call: Call, project: int, form_id: str, instance: str, verb: str) -> tuple[Form, sqlite3.Row]:
    """A row that is not in the trash, by its first instanceID."""
    form = one_form(call, project, form_id, verb)
    row = call.store.one(
        "SELECT * FROM submission WHERE form = ? AND instance = ? AND deleted IS NULL", (form.number, instance)
    )
    if row is None:
        raise not_found()
    return form, row


def current(call: Call, row: sqlite3.Row) -> sqlite3.Row:
    """The newest version of a row."""
    newest = call.store.one("SELECT * FROM def WHERE submission = ? AND current", (row["id"],))
    assert newest is not None
    return newest


def shown(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """A row as REST shows it."""
    return {
        "instanceId": row["instance"], "submitterId": row["submitter"], "deviceId": row["device"],
        "createdAt": row["created"], "updatedAt": row["updated"], "reviewState": row["review"],
        "userAgent": row["agent"], "deletedAt": row["deleted"], **_submitter(call, row),
        "currentVersion": version(call, current(call, row)),
    }  # fmt: skip


def version(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """A version as REST shows it."""
    return {
        "submitterId": row["submitter"], "createdAt": row["created"], "instanceName": row["name"],
        "instanceId": row["instance"], "current": bool(row["current"]), "deviceId": row["device"],
        "userAgent": row["agent"], **_submitter(call, row),
    }  # fmt: skip


def _submitter(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    if not call.extended:
        return {}
    actor = call.store.one("SELECT * FROM actor WHERE id = ?", (row["submitter"],))
    return {"submitter": person(actor) if actor is not None else None}


def _trashed(call: Call, form: Form, row: sqlite3.Row, action: str, deleted: str | None) -> Response:
    # Neither touches updatedAt: no time tells of a restore.
    call.store.run(
        "UPDATE submission SET deleted = ?, event = ? WHERE id = ?", (deleted, next_event(call.store), row["id"])
    )
    details = {"instanceId": row["instance"], "submissionId": row["id"]}
    note(call.store, call.number, f"submission.{action}", form.acting, row["id"], details)
    return answer({"success": True})
