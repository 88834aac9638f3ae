"""Projects and forms: what a client needs to find them, and what puts a form there."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server.central import xforms
from kobo_sync.demo_server.central.auth import demand, may, person
from kobo_sync.demo_server.central.storage import new_token, note, now
from kobo_sync.demo_server.central.web import Call, Problem, answer, exists, not_found
from kobo_sync.demo_server.central.xforms import Field


@dataclass(frozen=True)
class Form:
    """A form that the caller may use, with its newest published release (none: a draft only)."""

    number: int
    project: int
    form_id: str
    acting: str
    version: str
    fields: tuple[Field, ...]
    published: str | None
    row: sqlite3.Row
    release: sqlite3.Row | None


def project_number(text: str) -> int:
    """The number of a project in the address. Raises Problem."""
    if text.isdecimal() and int(text) > 2_147_483_647:
        raise Problem(
            400.22, f"Provided value '{text}' is out of range for type 'integer'", {"value": text, "type": "integer"}
        )
    if not text.isdecimal():
        raise Problem(
            400.11, f'Invalid input data type: expected "{text}" to be (type integer)',
            {"value": text, "expected": "type integer"},
        )  # fmt: skip
    return int(text)


def one_form(call: Call, project: int, form_id: str, verb: str) -> Form:
    """A form by its id; 404 comes before 403."""
    row = call.store.one("SELECT * FROM form WHERE project = ? AND xml_form_id = ?", (project, form_id))
    if row is None:
        raise not_found()
    demand(call, verb, project, row["id"])
    return of_row(call, row)


def published_form(call: Call, project: int, form_id: str, verb: str) -> Form:
    """The same, once it is published."""
    form = one_form(call, project, form_id, verb)
    if form.published is None:
        raise not_found()
    return form


def projects(call: Call) -> Response:
    """GET /v1/projects: those of the caller; none is 200 too."""
    rows = call.store.all("SELECT * FROM project ORDER BY id")
    return answer([_project(row) for row in rows if may(call, "project.read", row["id"])])


def one_project(call: Call, project: int) -> Response:
    """GET /v1/projects/{id}."""
    row = call.store.one("SELECT * FROM project WHERE id = ?", (project,))
    if row is None:
        raise not_found()
    demand(call, "project.read", project)
    return answer(_project(row))


def forms(call: Call, project: int) -> Response:
    """GET /v1/projects/{id}/forms."""
    if call.store.one("SELECT 1 FROM project WHERE id = ?", (project,)) is None:
        raise not_found()
    demand(call, "form.list", project)
    rows = call.store.all("SELECT * FROM form WHERE project = ? ORDER BY id", (project,))
    return answer([shown(of_row(call, row)) for row in rows])


def form(call: Call, project: int, form_id: str) -> Response:
    """GET /v1/projects/{id}/forms/{xmlFormId}."""
    return answer(shown(one_form(call, project, form_id, "form.read")))


def form_xml(call: Call, project: int, form_id: str) -> Response:
    """GET /v1/projects/{id}/forms/{xmlFormId}.xml."""
    found = published_form(call, project, form_id, "form.read")
    assert found.release is not None
    return Response(found.release["xml"], 200, None, "application/xml; charset=utf-8")


def fields(call: Call, project: int, form_id: str, version: str = "") -> Response:
    """GET {form}/fields, or {form}/versions/{version}/fields; `___` stands for the empty version."""
    found = published_form(call, project, form_id, "form.read")
    release = found.release
    if version:
        release = call.store.one(
            "SELECT * FROM release WHERE form = ? AND version = ? AND published IS NOT NULL",
            (found.number, "" if version == "___" else version),
        )
    if release is None:
        raise not_found()
    safe = call.params.get("odata") == "true"
    return answer(list(xforms.listed(xforms.loaded(release["fields"]), "", safe=safe)))


def create(call: Call, project: int) -> Response:
    """POST /v1/projects/{id}/forms: a draft, published at once with `?publish=true`."""
    demand(call, "form.create", project)
    definition = xforms.from_upload(call.body, call.request.headers.get("content-type", ""))
    if call.store.one("SELECT 1 FROM form WHERE project = ? AND xml_form_id = ?", (project, definition.form_id)):
        raise exists("projectId,xmlFormId", f"{project},{definition.form_id}")
    acting = hashlib.sha1(new_token().encode(), usedforsecurity=False).hexdigest()[:36]
    call.store.run(
        "INSERT INTO form (project, xml_form_id, acting, created) VALUES (?,?,?,?)",
        (project, definition.form_id, acting, now()),
    )
    note(call.store, call.number, "form.create", acting, None, {})
    made = one_form(call, project, definition.form_id, "form.create")
    _draft(call, made.number, definition)
    if call.params.get("publish") == "true":
        _publish(call, made, definition.version)
    return answer(shown(one_form(call, project, definition.form_id, "form.create")))


def draft(call: Call, project: int, form_id: str) -> Response:
    """POST {form}/draft: a new definition, or a copy of the published one."""
    found = one_form(call, project, form_id, "form.update")
    if call.body:
        definition = xforms.from_upload(call.body, call.request.headers.get("content-type", ""))
    elif found.release is None:
        raise not_found()
    else:
        definition = xforms.read(found.release["xml"])
    _draft(call, found.number, definition)
    return answer({"success": True})


def publish(call: Call, project: int, form_id: str) -> Response:
    """POST {form}/draft/publish."""
    found = one_form(call, project, form_id, "form.update")
    waiting = call.store.one("SELECT version FROM release WHERE form = ? AND published IS NULL", (found.number,))
    if waiting is None:
        raise not_found()
    _publish(call, found, call.params.get("version", waiting["version"]))
    call.store.run("UPDATE form SET updated = ? WHERE id = ?", (now(), found.number))
    return answer({"success": True})


def app_user(call: Call, project: int) -> Response:
    """POST /v1/projects/{id}/app-users: a phone, with the token of its address. It gets all forms of the project.

    On a real server each form is given by an assignment of its own.
    """
    demand(call, "field_key.create", project)
    name, token = str(call.json().get("displayName", "")), new_token()
    call.store.run("INSERT INTO actor (type, name, created) VALUES ('field_key', ?, ?)", (name, now()))
    row = call.store.one("SELECT * FROM actor ORDER BY id DESC LIMIT 1")
    assert row is not None
    call.store.run("INSERT INTO session VALUES (?,?,?,?,?)", (token, "", row["id"], now(), "9999-12-31T23:59:59.999Z"))
    call.store.run("INSERT INTO assignment VALUES (?,'app-user',?,0)", (row["id"], project))
    return answer({**person(row), "projectId": project, "token": token})


def assign(call: Call, project: int, role: str, actor: str, form_id: str = "") -> Response:
    """POST or DELETE …/assignments/{role}/{actor}, in the project or for one form."""
    form_number = one_form(call, project, form_id, "assignment.create").number if form_id else 0
    demand(call, "assignment.create", project)
    known = call.store.one("SELECT 1 FROM actor WHERE id = ?", (int(actor) if actor.isdecimal() else 0,))
    if known is None:
        raise not_found()
    key = (int(actor), role, project, form_number)
    if call.request.method == "DELETE":
        call.store.run("DELETE FROM assignment WHERE actor = ? AND role = ? AND project = ? AND form = ?", key)
    else:
        call.store.run("INSERT OR IGNORE INTO assignment VALUES (?,?,?,?)", key)
    return answer({"success": True})


def shown(found: Form) -> dict[str, Any]:
    """A form as the API shows it."""
    release, row = found.release, found.row
    xml = (release["xml"] if release is not None else "").encode()
    return {
        "projectId": found.project, "xmlFormId": found.form_id, "state": "open", "enketoId": None, "enketoOnceId": None,
        "createdAt": row["created"], "updatedAt": row["updated"], "webformsEnabled": True, "keyId": None,
        "version": found.version, "hash": hashlib.md5(xml, usedforsecurity=False).hexdigest(),
        "sha": hashlib.sha1(xml, usedforsecurity=False).hexdigest(), "sha256": hashlib.sha256(xml).hexdigest(),
        "draftToken": None if found.published or release is None else release["draft_token"],
        "publishedAt": found.published, "name": release["name"] if release is not None else None,
    }  # fmt: skip


def of_row(call: Call, row: sqlite3.Row) -> Form:
    """A form from its line in the data file."""
    release = call.store.one(
        "SELECT * FROM release WHERE form = ? ORDER BY published IS NULL, published DESC, id DESC LIMIT 1", (row["id"],)
    )
    fields = xforms.loaded(release["fields"]) if release is not None else ()
    return Form(
        row["id"], row["project"], row["xml_form_id"], row["acting"], release["version"] if release else "",
        fields, release["published"] if release else None, row, release,
    )  # fmt: skip


def _draft(call: Call, number: int, definition: xforms.XForm) -> None:
    call.store.run("DELETE FROM release WHERE form = ? AND published IS NULL", (number,))
    call.store.run(
        "INSERT INTO release (form, version, name, xml, fields, draft_token) VALUES (?,?,?,?,?,?)",
        (
            number, definition.version, definition.title, definition.xml, xforms.dumped(definition.fields), new_token(),
        ),
    )  # fmt: skip


def _publish(call: Call, found: Form, version: str) -> None:
    if call.store.one(
        "SELECT 1 FROM release WHERE form = ? AND version = ? AND published IS NOT NULL", (found.number, version)
    ):
        raise Problem(
            409.6,
            f"You tried to publish the form '{found.form_id}' with version '{version}', but a published form has "
            "already existed in this project with those identifiers.",
            {"xmlFormId": found.form_id, "version": version},
        )
    call.store.run(
        "UPDATE release SET published = ?, version = ?, draft_token = NULL WHERE form = ? AND published IS NULL",
        (now(), version, found.number),
    )
    note(call.store, call.number, "form.update.publish", found.acting, None, {"newDefId": found.number})


def _project(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"], "name": row["name"], "description": None, "archived": None, "keyId": None,
        "createdAt": row["created"], "updatedAt": None, "deletedAt": None,
    }  # fmt: skip
