"""The schema of the store, by numbered steps forward. A step that was released never changes: the next one mends it.

Three families of tables, never mixed: received (append-only), ledgers (append-only), derived (`derived_table` lists
them; `kobo-sync rebuild` makes them anew, so no migration touches them).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kobo_sync.errors import StoreError

_VERSION_1 = """
CREATE TABLE submission (
    submission_key TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    form TEXT NOT NULL,
    remote_key TEXT NOT NULL,
    root_uuid TEXT,
    first_seen_at TEXT NOT NULL,
    UNIQUE (source, form, remote_key)
) STRICT;
CREATE TABLE revision (
    submission_key TEXT NOT NULL REFERENCES submission,
    revision_no INTEGER NOT NULL,
    instance_uuid TEXT NOT NULL,
    received_at TEXT NOT NULL,
    submission_time TEXT,
    submitted_by TEXT,
    form_release TEXT,
    remote_version TEXT,
    raw_json TEXT NOT NULL,
    keyed_hash TEXT NOT NULL,
    PRIMARY KEY (submission_key, revision_no)
) STRICT;
CREATE TABLE validation_state (
    id INTEGER PRIMARY KEY,
    submission_key TEXT NOT NULL REFERENCES submission,
    uid TEXT,
    by_whom TEXT,
    at TEXT,
    instance_uuid TEXT,
    seen_at TEXT NOT NULL
) STRICT;
CREATE INDEX validation_state_of ON validation_state (submission_key, id);
CREATE TABLE deletion (
    id INTEGER PRIMARY KEY,
    submission_key TEXT NOT NULL REFERENCES submission,
    kind TEXT NOT NULL CHECK (kind IN ('deleted', 'reappeared')),
    seen_at TEXT NOT NULL,
    evidence TEXT NOT NULL
) STRICT;
CREATE INDEX deletion_of ON deletion (submission_key, id);
CREATE TABLE witness (
    submission_key TEXT NOT NULL REFERENCES submission,
    uuid TEXT NOT NULL,
    PRIMARY KEY (submission_key, uuid)
) STRICT, WITHOUT ROWID;
CREATE INDEX witness_of ON witness (uuid);
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    submission_key TEXT,
    source TEXT NOT NULL,
    form TEXT NOT NULL,
    remote_key TEXT,
    instance_uuid TEXT,
    stage TEXT NOT NULL CHECK (stage IN ('pull', 'mapping')),
    reason_code TEXT NOT NULL,
    message TEXT NOT NULL,
    raw_json TEXT,
    entered_at TEXT NOT NULL,
    released_at TEXT
) STRICT;
CREATE INDEX quarantine_of ON quarantine (submission_key, stage);
CREATE TABLE decision (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    value TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE sync_run (
    run_id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    outcome INTEGER,
    counts_json TEXT
) STRICT;
CREATE TABLE person_ledger (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('allocate', 'join', 'merge', 'split')),
    subject_id TEXT NOT NULL,
    member_key TEXT NOT NULL,
    other_id TEXT,
    cause TEXT NOT NULL
) STRICT;
CREATE TABLE event_ledger (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('allocate', 'join', 'merge', 'split')),
    subject_id TEXT NOT NULL,
    member_key TEXT NOT NULL,
    other_id TEXT,
    cause TEXT NOT NULL
) STRICT;
CREATE TABLE derived_table (name TEXT PRIMARY KEY) STRICT;
CREATE TABLE derived_stamp (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

_VERSION_2 = """
ALTER TABLE submission ADD COLUMN remote_modified TEXT;
ALTER TABLE submission ADD COLUMN files TEXT NOT NULL DEFAULT '';
CREATE TABLE source_fact (
    source TEXT NOT NULL,
    form TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (source, form, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE server_event (
    source TEXT NOT NULL,
    form TEXT NOT NULL,
    witness TEXT NOT NULL,
    action TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (source, form, witness, at, action, by_whom, detail)
) STRICT, WITHOUT ROWID;
CREATE TABLE unknown_field (
    form TEXT NOT NULL,
    path TEXT NOT NULL,
    form_release TEXT NOT NULL,
    submission_key TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    told_at TEXT,
    PRIMARY KEY (form, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE release_seen (
    form TEXT NOT NULL,
    form_release TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    told_at TEXT,
    PRIMARY KEY (form, form_release)
) STRICT, WITHOUT ROWID;
CREATE TABLE attachment (
    id INTEGER PRIMARY KEY,
    submission_key TEXT NOT NULL REFERENCES submission,
    name TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    question TEXT NOT NULL,
    mimetype TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('awaited', 'fetched', 'failed', 'gone')),
    size INTEGER,
    sha256 TEXT,
    stored_as TEXT,
    reason TEXT,
    seen_at TEXT NOT NULL,
    fetched_at TEXT,
    UNIQUE (submission_key, name, remote_id)
) STRICT;
CREATE TABLE erasure (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    reason TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'case', 'retention')),
    subject TEXT NOT NULL,
    counts_json TEXT NOT NULL
) STRICT;
CREATE TABLE suppression (
    id INTEGER PRIMARY KEY,
    erasure_id INTEGER NOT NULL REFERENCES erasure,
    source TEXT NOT NULL,
    form TEXT NOT NULL,
    remote_key TEXT NOT NULL,
    root_uuid TEXT,
    row_code TEXT,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX suppression_of ON suppression (source, form, remote_key);
CREATE INDEX suppression_root ON suppression (root_uuid);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
"""
"""What a nightly job without a watcher needs: what was detected of a server, its history, drift, files, erasures."""

MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2)
"""Step n-1 leads from version n-1 to version n. Statements end with `;` and hold no other `;`."""

CURRENT = len(MIGRATIONS)


def version_of(connection: Any) -> int:
    """Schema version of an open store: 0 for an empty file."""
    if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'").fetchone()[0]:
        return 0
    return int(connection.execute("SELECT max(version) FROM schema_version").fetchone()[0])


def migrate(connection: Any, at: str, back_up: Callable[[int], None]) -> None:
    """Bring an open store (autocommit connection) to the current schema, each step whole or not at all.

    `back_up(version)` is called before the first step on a store that already holds data. Raises StoreError for a
    store that a newer release wrote.
    """
    version = version_of(connection)
    if version > CURRENT:
        raise StoreError(
            f"La base est au schéma {version}, ce logiciel ne connaît que le {CURRENT} : elle a été ouverte par une "
            "version plus récente",
            "installez la version la plus récente du logiciel",
        )
    if 0 < version < CURRENT:
        back_up(version)
    for step in range(version, CURRENT):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version_of(connection) > step:  # another process got here first
                connection.execute("ROLLBACK")
                continue
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_version"
                " (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL) STRICT"
            )
            for statement in MIGRATIONS[step].split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute("INSERT INTO schema_version VALUES (?, ?)", (step + 1, at))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
