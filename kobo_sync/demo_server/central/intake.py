"""Taking submissions in: from phones, by XML, and edits."""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from starlette.responses import Response

from kobo_sync.demo_server.central import submissions
from kobo_sync.demo_server.central.auth import may
from kobo_sync.demo_server.central.forms import Form, one_form
from kobo_sync.demo_server.central.storage import next_event, note, now
from kobo_sync.demo_server.central.web import OPENROSA, Call, Problem, answer, exists, not_found, not_known, openrosa
from kobo_sync.demo_server.central.xforms import Field, local
from kobo_sync.demo_server.web import Upload


@dataclass(frozen=True)
class Sent:
    """What is read of a submission before anything else."""

    text: str
    form_id: str
    version: str
    instance: str
    deprecated: str | None
    name: str | None
    root: Element | None


def phone(call: Call, project: int) -> Response:
    """HEAD and POST …/submission, with a phone's key in the address or a web user's token."""
    if call.request.method == "HEAD":
        return Response(status_code=204, headers=OPENROSA)
    part = next((file for file in call.files if file.name == "xml_submission_file"), None)
    if part is None:
        raise Problem(400.2, "Required multipart POST field xml_submission_file missing.")
    sent = _read(part.content.decode("utf-8", "replace"))
    others = [file for file in call.files if file is not part]
    row = call.store.one("SELECT id FROM form WHERE project = ? AND xml_form_id = ?", (project, sent.form_id))
    if row is None:
        raise not_found()
    if not may(call, "submission.create", project, row["id"]):
        raise not_known()
    form = one_form(call, project, sent.form_id, "submission.create")
    _release(call, form, sent)
    same = call.store.one(
        "SELECT def.*, submission.deleted FROM def JOIN submission ON submission.id = def.submission"
        " WHERE def.form = ? AND def.instance = ?",
        (form.number, sent.instance),
    )
    if same is not None and same["deleted"] is not None:
        raise Problem(409.18, "This submission has been deleted. You may not resubmit it.")
    if same is not None and same["xml"] != sent.text:
        raise Problem(
            409.1,
            "A submission already exists with this ID, but with different XML. Resubmissions to attach additional "
            "multimedia must resubmit an identical xml_submission_file.",
        )
    if same is not None and not same["current"]:
        raise _stale(sent.deprecated or "undefined")
    if same is not None:
        _bring(call, form, same, others)
    elif sent.deprecated:
        _edit(call, form, _edited(call, form, sent.deprecated), sent, others)
    else:
        _create(call, form, sent, others)
    return openrosa("full submission upload was successful!", 201)


def post(call: Call, project: int, form_id: str) -> Response:
    """POST …/submissions: one XML, answered in JSON; repeated it is 409.3."""
    form = one_form(call, project, form_id, "submission.create")
    sent = _read(call.body.decode("utf-8", "replace"))
    _release(call, form, sent)
    if call.store.one("SELECT 1 FROM def WHERE form = ? AND instance = ?", (form.number, sent.instance)):
        names, values = ["formId", "instanceId", "draft"], [str(form.number), sent.instance, "f"]
        raise Problem(
            409.3,
            f"A resource already exists with {','.join(names)} value(s) of {','.join(values)}.",
            {"table": "submissions", "fields": names, "values": values},
        )
    shown = submissions.shown(call, _create(call, form, sent, []))
    return answer({name: value for name, value in shown.items() if name not in ("reviewState", "deletedAt")})


def put(call: Call, project: int, form_id: str, instance: str) -> Response:
    """PUT …/submissions/{id}: an edit of the newest version."""
    form, row = submissions.found(call, project, form_id, instance, "submission.create")
    sent = _read(call.body.decode("utf-8", "replace"))
    if not sent.deprecated:
        raise Problem(
            400.19,
            "This PUT endpoint expects a deprecatedID metadata tag pointing at the current version instanceID. "
            "I cannot find that tag in your request.",
        )
    if submissions.current(call, row)["instance"] != sent.deprecated:
        raise _stale(sent.deprecated)
    _release(call, form, sent)
    if call.store.one("SELECT 1 FROM def WHERE form = ? AND instance = ?", (form.number, sent.instance)):
        raise exists("instanceID", sent.instance)
    return answer(submissions.shown(call, _edit(call, form, row, sent, [])))


def _read(text: str) -> Sent:
    """Broken XML is taken, if its root and instanceID can be read: it becomes a row of nulls."""
    try:
        root: Element | None = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        root = None
    head = re.search(r"<[A-Za-z][\w:.-]*((?:\s+[\w:.-]+=\"[^\"]*\")*)\s*/?>", text)
    attributes = dict(re.findall(r"([\w:.-]+)=\"([^\"]*)\"", head[1])) if head else {}
    if not attributes.get("id"):
        raise Problem(400.3, "Required parameter form ID xml attribute missing.")
    found = {name: _meta(root, text, name) for name in ("instanceID", "deprecatedID", "instanceName")}
    return Sent(
        text, attributes["id"], attributes.get("version", ""), found["instanceID"] or str(uuid.uuid4()),
        found["deprecatedID"], found["instanceName"], root,
    )  # fmt: skip


def _meta(root: Element | None, text: str, name: str) -> str | None:
    if root is None:
        found = re.search(rf"<(?:\w+:)?{name}>([^<]+)<", text)
        return found[1] if found else None
    metas = [node for node in root if local(node) == "meta"]
    return next((node.text for meta in metas for node in meta if local(node) == name and node.text), None)


def _release(call: Call, form: Form, sent: Sent) -> None:
    known = call.store.one(
        "SELECT 1 FROM release WHERE form = ? AND version = ? AND published IS NOT NULL", (form.number, sent.version)
    )
    if known is None:
        raise Problem(404.6, f"The form version specified in this submission '{sent.version}' does not exist.")


def _edited(call: Call, form: Form, deprecated: str) -> sqlite3.Row:
    row = call.store.one(
        "SELECT submission.*, def.current FROM submission JOIN def ON submission.id = def.submission"
        " WHERE def.form = ? AND def.instance = ? AND deleted IS NULL",
        (form.number, deprecated),
    )
    if row is None:
        raise Problem(
            404.5,
            f"You tried to update an existing submission, but we can't find that submission to update ({deprecated})",
        )
    if not row["current"]:
        raise _stale(deprecated)
    return row


def _stale(deprecated: str) -> Problem:
    return Problem(
        409.9,
        f"You tried to update a submission, but the copy you were editing ({deprecated}) is now out of date. Please "
        "get the new version that has been submitted, and make your edits again.",
        {"deprecatedId": deprecated},
    )


def _create(call: Call, form: Form, sent: Sent, files: list[Upload]) -> sqlite3.Row:
    store, at = call.store, now()
    device, agent = call.params.get("deviceID"), call.request.headers.get("user-agent")
    status = "missingEncryptedFormData" if 'encrypted="yes"' in sent.text else None
    store.run(
        "INSERT INTO submission (form, instance, submitter, device, agent, created, status, event, version)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (form.number, sent.instance, call.number, device, agent, at, status, next_event(store), sent.version),
    )
    row = store.one("SELECT * FROM submission WHERE form = ? AND instance = ?", (form.number, sent.instance))
    assert row is not None
    return _add(call, form, row, sent, files, "submission.create", at)


def _edit(call: Call, form: Form, row: sqlite3.Row, sent: Sent, files: list[Upload]) -> sqlite3.Row:
    # Over any state, also approved.
    call.store.run(
        "UPDATE submission SET review = 'edited', updated = ?, event = ? WHERE id = ?",
        (now(), next_event(call.store), row["id"]),
    )
    return _add(call, form, row, sent, files, "submission.update.version", now())


def _add(
    call: Call, form: Form, row: sqlite3.Row, sent: Sent, files: list[Upload], action: str, at: str
) -> sqlite3.Row:
    store = call.store
    old = store.one("SELECT id FROM def WHERE submission = ? AND current", (row["id"],))
    store.run("UPDATE def SET current = 0 WHERE submission = ?", (row["id"],))
    store.run(
        "INSERT INTO def (submission, form, instance, name, xml, submitter, device, agent, created, current)"
        " VALUES (?,?,?,?,?,?,?,?,?,1)",
        (
            row["id"], form.number, sent.instance, sent.name, sent.text, call.number, call.params.get("deviceID"),
            call.request.headers.get("user-agent"), at,
        ),
    )  # fmt: skip
    made = store.one("SELECT * FROM def WHERE form = ? AND instance = ?", (form.number, sent.instance))
    assert made is not None
    for name in _named(sent.root, form.fields):
        # An edit keeps the file if the answer keeps the name.
        store.run(
            "INSERT OR IGNORE INTO file SELECT ?, ?, (SELECT type FROM file WHERE def = ? AND name = ?),"
            " (SELECT content FROM file WHERE def = ? AND name = ?)",
            (made["id"], name, *((old["id"] if old else 0, name) * 2)),
        )
    details = {"instanceId": sent.instance, "submissionId": row["id"], "submissionDefId": made["id"]}
    note(store, call.number, action, form.acting, row["id"], details)
    _bring(call, form, made, files, told=False)
    again = store.one("SELECT * FROM submission WHERE id = ?", (row["id"],))
    assert again is not None
    return again


def _bring(call: Call, form: Form, version: sqlite3.Row, files: list[Upload], *, told: bool = True) -> None:
    """Files that an answer names are kept or replaced; others are dropped without a word."""
    for file in files:
        named = call.store.one("SELECT 1 FROM file WHERE def = ? AND name = ?", (version["id"], file.filename))
        if named is None:
            continue
        call.store.run(
            "UPDATE file SET content = ?, type = ? WHERE def = ? AND name = ?",
            (file.content, file.content_type, version["id"], file.filename),
        )
        if told:
            details = {"name": file.filename, "instanceId": version["instance"], "submissionDefId": version["id"]}
            actee, row = form.acting, version["submission"]
            note(call.store, call.number, "submission.attachment.update", actee, row, details)


def _named(node: Element | None, fields: tuple[Field, ...]) -> Iterator[str]:
    for field in fields if node is not None else ():
        for child in node or ():
            if local(child) == field.name:
                if field.type == "binary" and child.text:
                    yield child.text
                yield from _named(child, field.children)
