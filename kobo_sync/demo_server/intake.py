"""Storing what a phone sends: new submissions, edits, late files, and the refusals around them."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from kobo_sync.demo_server import history, instance_xml, permissions
from kobo_sync.demo_server.instance_xml import Instance
from kobo_sync.demo_server.storage import Store, instant, new_uid, next_submission_id, now
from kobo_sync.demo_server.web import Call, Upload

_CONFLICT = "Submission with this instance ID already exists"


@dataclass(frozen=True)
class Outcome:
    """How a submission ended: the stored row for 201, else the text of the refusal."""

    status: int
    message: str = ""
    row: sqlite3.Row | None = None


class UnknownForm(Exception):
    """No form of this server takes the submission."""


def receive(call: Call, text: str, files: list[Upload]) -> Outcome:
    """Take a submission in. Raises UnknownForm; all other ends are an Outcome."""
    try:
        instance = instance_xml.parse(text)
    except instance_xml.BrokenXml:
        return Outcome(400, "Improperly formatted XML.")
    asset = _form(call.store, instance)
    # A superuser of a real server may not submit either.
    if call.user is None or call.user["superuser"] or not permissions.has(call, asset, "add_submissions"):
        return Outcome(403, "Access denied")
    if not asset["active"]:
        return Outcome(405, "Form is not active")
    if not instance.uuid:
        return Outcome(400, "Instance ID is required")
    xml_hash = hashlib.sha256(text.encode()).hexdigest()
    same = call.store.one(
        "SELECT submission.* FROM submission JOIN asset ON asset.uid = asset_uid WHERE xml_hash = ? AND owner = ?",
        (xml_hash, asset["owner"]),
    )
    if same is not None:
        return _again(call, asset, same, files)
    if instance.deprecated_uuid:
        return _edit(call, asset, instance, text, files)
    return _new(call, asset, instance, text, files)


def store_new(
    call: Call, asset: sqlite3.Row, instance: Instance, text: str, *, created: datetime | None = None
) -> sqlite3.Row | None:
    """Insert a row; None if the root uuid is taken (the number is spent all the same)."""
    store, number, moment = call.store, next_submission_id(call.store), now()
    root_uuid = instance.root_uuid or instance.uuid
    if store.one("SELECT 1 FROM submission WHERE asset_uid = ? AND root_uuid = ?", (asset["uid"], root_uuid)):
        return None
    store.run(
        "INSERT INTO submission VALUES (?,?,?,?,?,?,?,?,?,?,'{}')",
        (
            number,
            asset["uid"],
            root_uuid,
            instance.uuid,
            text,
            hashlib.sha256(text.encode()).hexdigest(),
            _answers(asset, instance),
            call.username,
            instant(created or moment),
            instant(moment),
        ),
    )
    history.note(call, asset, "add-submission", root_uuid, call.username)
    return submission(store, number)


def store_edit(call: Call, asset: sqlite3.Row, old: sqlite3.Row, instance: Instance, text: str) -> sqlite3.Row:
    """Put a new version in place of a row; `_id`, the time of submission and the status stay."""
    call.store.run("INSERT OR IGNORE INTO old_uuid VALUES (?,?,?)", (asset["uid"], old["uuid"], old["id"]))
    call.store.run(
        "UPDATE submission SET uuid = ?, xml = ?, xml_hash = ?, answers = ?, modified = ? WHERE id = ?",
        (
            instance.uuid,
            text,
            hashlib.sha256(text.encode()).hexdigest(),
            _answers(asset, instance),
            instant(now()),
            old["id"],
        ),
    )
    history.note(call, asset, "modify-submission", old["root_uuid"], old["submitted_by"])
    return submission(call.store, old["id"])


def submission(store: Store, number: int) -> sqlite3.Row:
    """The row of that `_id`, which exists."""
    row = store.one("SELECT * FROM submission WHERE id = ?", (number,))
    assert row is not None
    return row


def _form(store: Store, instance: Instance) -> sqlite3.Row:
    """The form is found by `formhub/uuid`, then by the root's `id`."""
    by = (("formhub_uuid", instance.formhub_uuid), ("uid", instance.form_id))
    for column, value in by:
        found = store.one(f"SELECT * FROM asset WHERE {column} = ? AND deployed_version IS NOT NULL", (value,))
        if value and found is not None:
            return found
    raise UnknownForm


def _again(call: Call, asset: sqlite3.Row, row: sqlite3.Row, files: list[Upload]) -> Outcome:
    """The same XML: a duplicate, unless it brings a file that is not there yet."""
    added = _keep_files(call, asset, row, files)
    if added is None:
        return Outcome(409, "Attachment with same name already exists")
    return Outcome(201, row=row) if added else Outcome(202, "Duplicate Instance")


def _new(call: Call, asset: sqlite3.Row, instance: Instance, text: str, files: list[Upload]) -> Outcome:
    created = None
    if instance.submission_date:
        try:
            created = datetime.fromisoformat(instance.submission_date)
        except ValueError:
            return Outcome(400, "Improperly formatted XML.")
        created = created if created.tzinfo else created.replace(tzinfo=UTC)
    row = store_new(call, asset, instance, text, created=created)
    if row is None:
        return Outcome(409, _CONFLICT)
    _keep_files(call, asset, row, files)
    return Outcome(201, row=row)


def _edit(call: Call, asset: sqlite3.Row, instance: Instance, text: str, files: list[Upload]) -> Outcome:
    # Somebody limited to some rows edits through the API alone: this address knows whole permissions only.
    if not permissions.has(call, asset, "change_submissions"):
        return Outcome(403, "Access denied")
    store, deprecated = call.store, (asset["uid"], instance.deprecated_uuid)
    old = store.one("SELECT * FROM submission WHERE asset_uid = ? AND uuid = ?", deprecated)
    if old is None:
        if store.one("SELECT 1 FROM old_uuid WHERE asset_uid = ? AND uuid = ?", deprecated):
            return Outcome(410, "Invalid submission - deprecatedID refers to an old version")
        return Outcome(404, "Invalid submission - deprecatedID not found")
    row = store_edit(call, asset, old, instance, text)
    # A file the new version no longer names leaves the list of attachments.
    named = json.loads(row["answers"])
    for file in store.all("SELECT uid, basename FROM attachment WHERE submission_id = ? AND NOT deleted", (row["id"],)):
        replaced = not instance_xml.question_path(named, file["basename"])
        store.run("UPDATE attachment SET replaced = ? WHERE uid = ?", (int(replaced), file["uid"]))
    _keep_files(call, asset, row, files)
    return Outcome(201, row=row)


def _answers(asset: sqlite3.Row, instance: Instance) -> str:
    """The answers as stored JSON, with the point of `_geolocation`, so that a list needs no XML."""
    found = instance_xml.answers(instance.root, set(json.loads(asset["repeats"])))
    found["_geolocation"] = instance_xml.first_point(found, json.loads(asset["geopoints"]))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _keep_files(call: Call, asset: sqlite3.Row, row: sqlite3.Row, files: list[Upload]) -> int | None:
    """Store the files that are new; how many, or None if another file has the same name."""
    added, store = 0, call.store
    for file in files:
        digest = hashlib.md5(file.content, usedforsecurity=False).hexdigest()
        there = store.one(
            "SELECT hash FROM attachment WHERE submission_id = ? AND basename = ? AND NOT replaced",
            (row["id"], file.filename),
        )
        if there is not None and there["hash"] != digest:
            return None
        if there is None:
            added += 1
            store.run(
                "INSERT INTO attachment VALUES (?,?,?,?,?,?,?,0,0)",
                (
                    new_uid("att"),
                    row["id"],
                    file.filename,
                    f"{asset['owner']}/attachments/{asset['formhub_uuid']}/{row['root_uuid']}/{_stored_name(file.filename)}",
                    file.content_type or mimetypes.guess_type(file.filename)[0] or "application/octet-stream",
                    digest,
                    file.content,
                ),
            )
    return added


def _stored_name(name: str) -> str:
    """Storage replaces spaces and drops odd signs, so `filename` is no key."""
    return re.sub(r"[^-\w.]", "", name.replace(" ", "_"))
