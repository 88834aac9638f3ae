"""One SQLite file holds all that the Central demo server knows; its request log is that of the Kobo demo server."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kobo_sync.demo_server.storage import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS actor (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, email TEXT UNIQUE, password TEXT,
    created TEXT NOT NULL, last_login TEXT);
CREATE TABLE IF NOT EXISTS session (
    token TEXT PRIMARY KEY, csrf TEXT NOT NULL, actor INTEGER NOT NULL, created TEXT NOT NULL, expires TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS project (id INTEGER PRIMARY KEY, name TEXT NOT NULL, created TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS assignment (
    actor INTEGER NOT NULL, role TEXT NOT NULL, project INTEGER NOT NULL, form INTEGER NOT NULL DEFAULT 0,
    UNIQUE (actor, role, project, form));
CREATE TABLE IF NOT EXISTS form (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, xml_form_id TEXT NOT NULL, acting TEXT NOT NULL,
    created TEXT NOT NULL, updated TEXT, UNIQUE (project, xml_form_id));
CREATE TABLE IF NOT EXISTS release (
    id INTEGER PRIMARY KEY, form INTEGER NOT NULL, version TEXT NOT NULL, name TEXT NOT NULL, xml TEXT NOT NULL,
    fields TEXT NOT NULL, published TEXT, draft_token TEXT);
CREATE TABLE IF NOT EXISTS submission (
    id INTEGER PRIMARY KEY AUTOINCREMENT, form INTEGER NOT NULL, instance TEXT NOT NULL, submitter INTEGER,
    device TEXT, agent TEXT, created TEXT NOT NULL, updated TEXT, review TEXT, deleted TEXT, status TEXT,
    event INTEGER NOT NULL, version TEXT NOT NULL, UNIQUE (form, instance));
CREATE INDEX IF NOT EXISTS submission_order ON submission (form, created, id);
CREATE TABLE IF NOT EXISTS def (
    id INTEGER PRIMARY KEY AUTOINCREMENT, submission INTEGER NOT NULL, form INTEGER NOT NULL, instance TEXT NOT NULL,
    name TEXT, xml TEXT NOT NULL, submitter INTEGER, device TEXT, agent TEXT, created TEXT NOT NULL,
    current INTEGER NOT NULL, UNIQUE (form, instance));
CREATE INDEX IF NOT EXISTS def_submission ON def (submission, current);
CREATE TABLE IF NOT EXISTS file (
    def INTEGER NOT NULL, name TEXT NOT NULL, type TEXT, content BLOB, PRIMARY KEY (def, name));
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY, actor INTEGER, action TEXT NOT NULL, actee TEXT, submission INTEGER, details TEXT NOT NULL,
    logged TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS audit_submission ON audit (submission);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES ('event', 0);
CREATE TABLE IF NOT EXISTS request_log (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
    status INTEGER NOT NULL, user TEXT, response_bytes INTEGER NOT NULL);
"""
SESSION = timedelta(hours=24)


@dataclass(frozen=True)
class Person:
    """A web user. `role` is admin for the whole server, or a role in project 1: manager, viewer, formfill, or none."""

    email: str
    password: str
    role: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Settings:
    """How this server differs from a plain one.

    `page`: rows an answer holds at most though nobody asked for pages, as behind some gateways. `public_url`: the
    host that its own links name.
    """

    page: int | None = None
    public_url: str | None = None


@contextmanager
def open_central(data: Path) -> Iterator[Store]:
    """Open the data file (made if missing), in WAL so that it can be read while the server runs."""
    data.touch(mode=0o600, exist_ok=True)
    db = sqlite3.connect(data, check_same_thread=False)  # opened in the caller's thread, used in the server's
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(SCHEMA)
        yield Store(db)
    finally:
        db.close()


def add_people(store: Store, people: Iterable[Person]) -> None:
    """Create the web users that are not there yet, and project 1."""
    with store.db:
        store.run("INSERT OR IGNORE INTO project VALUES (1, 'Projet', ?)", (now(),))
        for person in people:
            if store.one("SELECT 1 FROM actor WHERE email = ?", (person.email,)):
                continue
            store.run(
                "INSERT INTO actor VALUES (?,?,?,?,?,?,NULL)",
                (person.number, "user", person.email, person.email, hashed(person.password), now()),
            )
            row = store.one("SELECT id FROM actor WHERE email = ?", (person.email,))
            if person.role and row is not None:
                project = 0 if person.role == "admin" else 1
                store.run("INSERT INTO assignment VALUES (?,?,?,0)", (row["id"], person.role, project))


def hashed(password: str, salt: str | None = None) -> str:
    """A password as it is kept."""
    salt = salt or secrets.token_hex(8)
    return f"{salt}:{hashlib.scrypt(password.encode(), salt=salt.encode(), n=1024, r=8, p=1).hex()}"


def new_token() -> str:
    """64 signs, as Central's tokens."""
    return secrets.token_hex(32)


def now() -> str:
    """The present instant as Central writes it: milliseconds, UTC."""
    return written(datetime.now(UTC))


def written(moment: datetime) -> str:
    """`2026-11-24T22:50:44.570Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def next_event(store: Store) -> int:
    """The number of a change of a row, from which the ETag of lists is made."""
    row = store.one("UPDATE counter SET value = value + 1 WHERE name = 'event' RETURNING value")
    assert row is not None
    return int(row["value"])


def note(
    store: Store, actor: int | None, action: str, actee: str | None, submission: int | None, details: dict[str, Any]
) -> None:
    """A line of the server's log."""
    store.run(
        "INSERT INTO audit (actor, action, actee, submission, details, logged) VALUES (?,?,?,?,?,?)",
        (actor, action, actee, submission, json.dumps(details, ensure_ascii=False), now()),
    )


def purge(data: Path, instance: str | None = None) -> int:
    """Remove the rows in the trash for good (one, or all), as the installation's job does after 30 days; how many."""
    db = sqlite3.connect(data)
    try:
        with db:
            trash = db.execute("SELECT id, instance FROM submission WHERE deleted IS NOT NULL")
            gone = [row[0] for row in trash if instance in (None, row[1])]
            for number in gone:
                db.execute("DELETE FROM file WHERE def IN (SELECT id FROM def WHERE submission = ?)", (number,))
                db.execute("DELETE FROM def WHERE submission = ?", (number,))
                db.execute("DELETE FROM submission WHERE id = ?", (number,))
            if gone:
                db.execute(
                    "INSERT INTO audit (actor, action, details, logged) VALUES (NULL, 'submission.purge', ?, ?)",
                    (json.dumps({"submissions_deleted": len(gone)}), now()),
                )
    finally:
        db.close()
    return len(gone)
