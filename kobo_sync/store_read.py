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

_BATCH = 500

_CLOSED_TABLES = {"identity", "revision", "witness", "person_ledger"}
"""Names, raw answers, the uuids that lead back to them, and the ids behind the pseudonyms."""
_CLOSED_COLUMNS = {("quarantine", "raw_json"), ("sync_run", "counts_json"), ("decision", "reason")}
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


@contextmanager
def guarded(connection: Any) -> Iterator[Any]:
    """The connection with an authorizer: only SELECT, and none of identities or raw answers. Closed at the end.

    A query that breaks the rule raises sqlcipher3's DatabaseError when it is prepared, before a row is read.
    """
    stored = {row[0].lower() for row in connection.execute("SELECT name FROM sqlite_master")}
    closed = {name for name in stored if name in _CLOSED_TABLES or name.startswith("shadow_")}

    def judge(action: int, first: str | None, second: str | None, _database: str | None, _view: str | None) -> int:
        if action == sqlcipher.SQLITE_READ:
            # A count reads no column: SQLite then passes the name as the query wrote it, in any case, even of a
            # common table expression. Hence names refused, in lower case, rather than names allowed.
            table, column = str(first).lower(), str(second).lower()
            refused = table in closed or table.startswith("sqlite_") or (table, column) in _CLOSED_COLUMNS
        elif action == sqlcipher.SQLITE_FUNCTION:
            refused = str(second).lower() in _REFUSED_FUNCTIONS
        else:
            refused = action not in _ALLOWED_ACTIONS
        return int(sqlcipher.SQLITE_DENY if refused else sqlcipher.SQLITE_OK)

    connection.set_authorizer(judge)
    try:
        yield connection
    finally:
        connection.close()


def frame(connection: Any, sql: str, params: Sequence[Any]) -> pd.DataFrame:
    """Query to frame by a cursor: pandas warns on connections that are neither sqlite3's nor SQLAlchemy's."""
    try:
        cursor = connection.execute(sql, params)
        columns = [description[0] for description in cursor.description]
        return pd.DataFrame(cursor.fetchall(), columns=columns)
    except sqlcipher.DatabaseError as error:
        raise StoreError(f"Lecture refusée ou impossible pour un rapport : {error}") from None
