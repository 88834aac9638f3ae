"""One SQLite file holds all that the demo server knows, so it can be stopped and started again."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# No submission may be `AUTOINCREMENT`: a refused one must burn its number too, as on a real server.
SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES ('submission', 0);
CREATE TABLE IF NOT EXISTS user (
    name TEXT PRIMARY KEY, uid TEXT NOT NULL, ha1 TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    superuser INTEGER NOT NULL, date_joined TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asset (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, name TEXT NOT NULL,
    date_created TEXT NOT NULL, date_modified TEXT NOT NULL, version_uid TEXT NOT NULL,
    deployed_version TEXT, date_deployed TEXT, active INTEGER NOT NULL DEFAULT 0, formhub_uuid TEXT,
    xform TEXT, xform_version TEXT, repeats TEXT NOT NULL DEFAULT '[]', geopoints TEXT NOT NULL DEFAULT '[]');
CREATE TABLE IF NOT EXISTS version (
    uid TEXT PRIMARY KEY, asset_uid TEXT NOT NULL, number INTEGER NOT NULL, sheets TEXT NOT NULL,
    content TEXT NOT NULL, content_hash TEXT NOT NULL, created TEXT NOT NULL, date_deployed TEXT);
CREATE TABLE IF NOT EXISTS import_task (
    uid TEXT PRIMARY KEY, user TEXT NOT NULL, status TEXT NOT NULL, messages TEXT NOT NULL,
    date_created TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS media (
    uid TEXT PRIMARY KEY, asset_uid TEXT NOT NULL, user TEXT NOT NULL, filename TEXT NOT NULL,
    description TEXT NOT NULL, hash TEXT NOT NULL, mimetype TEXT NOT NULL, content BLOB NOT NULL,
    date_created TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS published (
    id INTEGER PRIMARY KEY, asset_uid TEXT NOT NULL, filename TEXT NOT NULL, hash TEXT NOT NULL,
    mimetype TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS assignment (
    uid TEXT PRIMARY KEY, asset_uid TEXT NOT NULL, user TEXT NOT NULL, codename TEXT NOT NULL, partial TEXT,
    UNIQUE (asset_uid, user, codename));
CREATE TABLE IF NOT EXISTS submission (
    id INTEGER PRIMARY KEY, asset_uid TEXT NOT NULL, root_uuid TEXT NOT NULL, uuid TEXT NOT NULL,
    xml TEXT NOT NULL, xml_hash TEXT NOT NULL, answers TEXT NOT NULL, submitted_by TEXT,
    created TEXT NOT NULL, modified TEXT NOT NULL, validation TEXT NOT NULL DEFAULT '{}',
    UNIQUE (asset_uid, root_uuid));
CREATE INDEX IF NOT EXISTS submission_asset ON submission (asset_uid, id);
CREATE INDEX IF NOT EXISTS submission_uuid ON submission (uuid);
CREATE INDEX IF NOT EXISTS submission_hash ON submission (xml_hash);
CREATE TABLE IF NOT EXISTS old_uuid (asset_uid TEXT NOT NULL, uuid TEXT NOT NULL, submission_id INTEGER NOT NULL,
    PRIMARY KEY (asset_uid, uuid));
CREATE TABLE IF NOT EXISTS attachment (
    uid TEXT PRIMARY KEY, submission_id INTEGER NOT NULL, basename TEXT NOT NULL, filename TEXT NOT NULL,
    mimetype TEXT NOT NULL, hash TEXT NOT NULL, content BLOB NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0, replaced INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS attachment_submission ON attachment (submission_id);
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, asset_uid TEXT NOT NULL, user TEXT, action TEXT NOT NULL, metadata TEXT NOT NULL,
    date_created TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS history_asset ON history (asset_uid, id);
CREATE TABLE IF NOT EXISTS request_log (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
    status INTEGER NOT NULL, user TEXT, response_bytes INTEGER NOT NULL);
"""

# The alphabet of Kobo's own identifiers: no sign that is mistaken for another.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True)
class RequestLine:
    """One answered request: no body, no header, no credential."""

    at: str
    method: str
    path: str
    query: str
    status: int
    user: str | None
    response_bytes: int


@dataclass(frozen=True)
class Store:
    """The open data file and the page sizes of this server.

    All requests run in the server's one thread, so the connection needs no lock.
    """

    db: sqlite3.Connection
    page_default: int = 100
    page_max: int = 1000

    def one(self, sql: str, params: Sequence[Any] = ()) -> sqlite3.Row | None:
        """First row of a query, or None."""
        row: sqlite3.Row | None = self.db.execute(sql, params).fetchone()
        return row

    def all(self, sql: str, params: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.db.execute(sql, params).fetchall()

    def run(self, sql: str, params: Sequence[Any] = ()) -> None:
        """A statement that answers nothing."""
        self.db.execute(sql, params)


@contextmanager
def open_store(data: Path, *, page_default: int = 100, page_max: int = 1000) -> Iterator[Store]:
    """Open the data file (made if missing), in WAL so that it can be read while the server runs."""
    data.touch(mode=0o600, exist_ok=True)
    # Opened in the caller's thread, used in the server's.
    db = sqlite3.connect(data, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")  # a demo may lose the last instant in a power cut, not in a kill
        db.executescript(SCHEMA)
        yield Store(db, page_default, page_max)
    finally:
        db.close()


def next_submission_id(store: Store) -> int:
    """The next `_id`; it is spent even when the submission is refused afterwards."""
    row = store.one("UPDATE counter SET value = value + 1 WHERE name = 'submission' RETURNING value")
    assert row is not None
    return int(row["value"])


def secret(store: Store) -> str:
    """This server's own secret, made once and kept (digest challenges outlive a restart)."""
    store.run("INSERT OR IGNORE INTO setting VALUES ('secret', ?)", (secrets.token_hex(16),))
    row = store.one("SELECT value FROM setting WHERE name = 'secret'")
    assert row is not None
    return str(row["value"])


def new_uid(prefix: str) -> str:
    """An identifier of Kobo's kind: a letter for the sort of thing, then 22 random signs."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(22))


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def instant(moment: datetime) -> str:
    """`2026-11-24T12:47:40.252572Z`, as the API writes dates."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def log_request(store: Store, line: RequestLine) -> None:
    """Keep one line of the request log."""
    with store.db:
        store.run(
            "INSERT INTO request_log (at, method, path, query, status, user, response_bytes) VALUES (?,?,?,?,?,?,?)",
            (line.at, line.method, line.path, line.query, line.status, line.user, line.response_bytes),
        )


def requests(data: Path) -> list[RequestLine]:
    """The request log of a data file, oldest first; the server may be running or stopped."""
    db = sqlite3.connect(data)
    try:
        rows = db.execute(
            "SELECT at, method, path, query, status, user, response_bytes FROM request_log ORDER BY id"
        ).fetchall()
    finally:
        db.close()
    return [RequestLine(*row) for row in rows]
