"""Reading the store: current submissions, decisions, and the guarded connection that reports are given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync.errors import StoreError
from transforms.derived_tables import CLOSED

_BATCH = 500

_CLOSED_COLUMNS = {("quarantine", "raw_json"), ("quarantine", "instance_uuid")}
_ALLOWED_ACTIONS = {sqlcipher.SQLITE_SELECT, sqlcipher.SQLITE_FUNCTION, sqlcipher.SQLITE_RECURSIVE}
_REFUSED_FUNCTIONS = {"load_extension", "sqlcipher_export", "readfile", "writefile"}


@dataclass(frozen=True)
class CurrentSubmission:
    """A submission at its newest revision, with its review and whether it still is on the server.

    `received_at`: when the submission was first seen. `review_instance_uuid`: the revision that the review was given
    on; None where that can't be known. `review_uid` None: no review.
    """

    submission_key: str
    source: str
    form: str
    remote_key: str
    root_uuid: str | None
    revision_no: int
    instance_uuid: str
    submission_time: str | None
    received_at: str
    submitted_by: str | None
    form_release: str | None
    raw: dict[str, Any]
    review_uid: str | None
    review_by: str | None
    review_at: str | None
    review_instance_uuid: str | None
    deleted: bool


@dataclass(frozen=True)
class Decision:
    """What a person decided about a subject."""

    kind: str
    subject: str
    value: str
    by_whom: str
    at: str
    reason: str


_LAST_REVIEW = "(SELECT max(id) FROM validation_state WHERE submission_key = s.submission_key)"
_LAST_REVIEW_BY_A_PERSON = (
    "(SELECT max(id) FROM validation_state WHERE submission_key = s.submission_key AND by_whom IS NOT ?)"
)

NEWEST = f"""
FROM submission s
JOIN revision r ON r.submission_key = s.submission_key
 AND r.revision_no = (SELECT max(revision_no) FROM revision WHERE submission_key = s.submission_key)
LEFT JOIN validation_state v ON v.id = {_LAST_REVIEW}
LEFT JOIN deletion d ON d.id = (SELECT max(id) FROM deletion WHERE submission_key = s.submission_key)
"""
"""Each submission with its last revision, review and deletion."""

_COLUMNS = {
    "submission_key": "s.submission_key",
    "source": "s.source",
    "form": "s.form",
    "remote_key": "s.remote_key",
    "root_uuid": "s.root_uuid",
    "revision_no": "r.revision_no",
    "instance_uuid": "r.instance_uuid",
    "submission_time": "r.submission_time",
    "received_at": "s.first_seen_at",
    "submitted_by": "r.submitted_by",
    "form_release": "r.form_release",
    "raw": "r.raw_json",
    "review_uid": "v.uid",
    "review_by": "v.by_whom",
    "review_at": "v.at",
    "review_instance_uuid": "v.instance_uuid",
    "deleted": "COALESCE(d.kind = 'deleted', 0)",
}


def current_submissions(connection: Any, sync_account: str | None = None) -> Iterator[CurrentSubmission]:
    """Every submission at its newest revision, ordered by key, with the last review by another than `sync_account`.

    Read batch by batch, so that the caller may write to the store between two submissions.
    """
    newest = NEWEST.replace(_LAST_REVIEW, _LAST_REVIEW_BY_A_PERSON)
    last = ""
    while True:
        rows = connection.execute(
            f"SELECT {', '.join(_COLUMNS.values())} {newest}"
            f"WHERE s.submission_key > ? ORDER BY s.submission_key LIMIT {_BATCH}",
            (sync_account or "", last),
        ).fetchall()
        if not rows:
            return
        for row in rows:
            fields = dict(zip(_COLUMNS, row, strict=True))
            fields |= {"raw": json.loads(fields["raw"]), "deleted": bool(fields["deleted"])}
            yield CurrentSubmission(**fields)
        last = rows[-1][0]


def received_digest(connection: Any) -> str:
    """Sixteen hexadecimal digits over each submission's current revision, review and deletion."""
    digest = hashlib.sha256()
    cursor = connection.execute(
        f"SELECT s.submission_key, r.keyed_hash, v.uid, v.by_whom, COALESCE(d.kind = 'deleted', 0) {NEWEST}"
        "ORDER BY s.submission_key"
    )
    for row in cursor:
        digest.update(json.dumps(list(row)).encode())
    return digest.hexdigest()[:16]


def count_present(connection: Any) -> int:
    """Submissions that were not deleted on their server."""
    cursor = connection.execute(f"SELECT count(*) {NEWEST} WHERE COALESCE(d.kind, '') <> 'deleted'")
    return int(cursor.fetchone()[0])


def decisions(connection: Any, kind: str) -> list[Decision]:
    """The newest decision on each subject of a kind, oldest first."""
    cursor = connection.execute(
        "SELECT kind, subject, value, by_whom, at, reason FROM decision d WHERE kind = ?"
        " AND id = (SELECT max(id) FROM decision WHERE kind = d.kind AND subject = d.subject) ORDER BY id",
        (kind,),
    )
    return [Decision(*row) for row in cursor]


def decision_history(connection: Any, kind: str) -> list[Decision]:
    """Every decision of a kind, those that a later one replaced included, oldest first."""
    cursor = connection.execute(
        "SELECT kind, subject, value, by_whom, at, reason FROM decision WHERE kind = ? ORDER BY id", (kind,)
    )
    return [Decision(*row) for row in cursor]


@contextmanager
def guarded(connection: Any) -> Iterator[Any]:
    """What reports may read, copied into a connection of its own in memory; `connection` is closed at once.

    An authorizer alone can be passed by: SQLite does not ask it for the columns that a FULL JOIN merges. So the
    connection holds the derived tables without the identities, and the quarantine without raw answers, and knows of
    nothing else; the authorizer on top of it lets only SELECT through.
    """
    held = sqlcipher.connect(":memory:", isolation_level=None)
    try:
        try:
            names = [row[0] for row in connection.execute("SELECT name FROM derived_table")]
            for name in sorted({*names, "quarantine"} - set(CLOSED)):
                _copy(connection, held, name)
        finally:
            connection.close()
        held.set_authorizer(_only_select)
        yield held
    finally:
        held.close()


def _copy(source: Any, target: Any, table: str) -> None:
    columns = [
        (row[1], row[2])
        for row in source.execute(f'PRAGMA table_info("{table}")')
        if (table, row[1]) not in _CLOSED_COLUMNS
    ]
    target.execute(
        f'CREATE TABLE "{table}" ({", ".join(f"{chr(34)}{name}{chr(34)} {kind}" for name, kind in columns)})'
    )
    wanted = ", ".join(f'"{name}"' for name, _ in columns)
    target.executemany(
        f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})',
        source.execute(f'SELECT {wanted} FROM "{table}" ORDER BY rowid'),
    )


def _only_select(action: int, first: str | None, second: str | None, _database: str | None, _view: str | None) -> int:
    if action == sqlcipher.SQLITE_READ:
        refused = str(first).lower().startswith("sqlite_")
    elif action == sqlcipher.SQLITE_FUNCTION:
        refused = str(second).lower() in _REFUSED_FUNCTIONS
    else:
        refused = action not in _ALLOWED_ACTIONS
    return int(sqlcipher.SQLITE_DENY if refused else sqlcipher.SQLITE_OK)


def frame(connection: Any, sql: str, params: Sequence[Any]) -> pd.DataFrame:
    """Query to frame by a cursor: pandas warns on connections that are neither sqlite3's nor SQLAlchemy's."""
    try:
        cursor = connection.execute(sql, params)
        columns = [description[0] for description in cursor.description]
        return pd.DataFrame(cursor.fetchall(), columns=columns)
    except sqlcipher.DatabaseError as error:
        raise StoreError(f"Lecture refusée ou impossible pour un rapport : {error}") from None
