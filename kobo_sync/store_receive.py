"""Writing what a pull received: revisions, reviews and deletions, each appended only when it is news.

Every function runs inside the caller's transaction, and writing the same thing twice changes nothing: a pull that
was killed is simply run again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kobo_sync.store import Store, answers_text, whole_text
from kobo_sync.store_read import NEWEST
from kobo_sync.suppress import suppressed

_KEYS = 500
"""Keys named in one query."""


@dataclass(frozen=True)
class Review:
    """A validation status as the server has it. `at` is an ISO instant; all None when there is none."""

    uid: str | None = None
    by_whom: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds of a submission, to be compared with the server's index."""

    submission_key: str
    instance_uuid: str
    review: Review
    deleted: bool
    modified: str | None
    files: str
    root_uuid: str | None


@dataclass(frozen=True)
class Row:
    """One submission read from the server, in words of the store. `edited`: not the first version any more.

    `modified` and `files` as in the server's index: see source.IndexRow. `text`: what store.answers_text makes of
    `raw`, where the thread that read the row has made it already.
    """

    remote_key: str
    instance_uuid: str
    root_uuid: str | None
    witnesses: frozenset[str]
    edited: bool
    submission_time: str | None
    submitted_by: str | None
    form_release: str | None
    remote_version: str | None
    review: Review
    raw: dict[str, Any]
    modified: str | None = None
    files: str = ""
    text: bytes | None = None


def submission_key(source: str, form: str, remote_key: str) -> str:
    """Key of a submission in the store."""
    return f"{source}/{form}/{remote_key}"


def known(store: Store, source: str, form: str, remote_keys: Sequence[str]) -> dict[str, Known]:
    """What the store holds of these submissions of a form, by the server's own key."""
    found: dict[str, Known] = {}
    for start in range(0, len(remote_keys), _KEYS):
        some = remote_keys[start : start + _KEYS]
        cursor = store.connection.execute(
            "SELECT s.remote_key, s.submission_key, r.instance_uuid, v.uid, v.by_whom, v.at,"
            f" COALESCE(d.kind = 'deleted', 0), s.remote_modified, s.files, s.root_uuid {NEWEST}"
            f" WHERE s.source = ? AND s.form = ? AND s.remote_key IN ({','.join('?' * len(some))})",
            (source, form, *some),
        )
        for row in cursor:
            found[row[0]] = Known(row[1], row[2], Review(*row[3:6]), bool(row[6]), row[7], row[8], row[9])
    return found


def has_any(store: Store, source: str, form: str) -> bool:
    """Whether anything of a form was ever received."""
    query = "SELECT 1 FROM submission WHERE source = ? AND form = ? LIMIT 1"
    return store.connection.execute(query, (source, form)).fetchone() is not None


def present_keys(store: Store, source: str, form: str) -> Iterator[str]:
    """The server's keys of all submissions of a form that are not deleted."""
    cursor = store.connection.execute(
        "SELECT s.remote_key FROM submission s LEFT JOIN deletion d"
        " ON d.id = (SELECT max(id) FROM deletion WHERE submission_key = s.submission_key)"
        " WHERE s.source = ? AND s.form = ? AND COALESCE(d.kind, '') <> 'deleted'",
        (source, form),
    )
    return (row[0] for row in cursor)


def waiting_keys(store: Store, source: str, form: str) -> set[str]:
    """Submissions of a form that a pull could not keep, and that wait in quarantine."""
    cursor = store.connection.execute(
        "SELECT submission_key FROM quarantine WHERE released_at IS NULL AND stage = 'pull' AND source = ? AND form = ?"
        " AND submission_key IS NOT NULL",
        (source, form),
    )
    return {row[0] for row in cursor}


def release_keyless(store: Store, source: str, form: str, shown: Collection[str], at: str) -> None:
    """What waits in quarantine without a key, and is not among the rows shown now, waits no longer."""
    waiting = store.connection.execute(
        "SELECT id, raw_json FROM quarantine WHERE released_at IS NULL AND stage = 'pull' AND source = ? AND form = ?"
        " AND submission_key IS NULL",
        (source, form),
    ).fetchall()
    over = [(at, row[0]) for row in waiting if row[1] not in shown]
    store.connection.executemany("UPDATE quarantine SET released_at = ? WHERE id = ?", over)


def write_row(store: Store, source: str, form: str, row: Row, at: str) -> bool:
    """Keep a row read whole: a first revision, a next one, or nothing if this one is already there.

    True when a revision was added. What was erased of the row before is not written again.
    """
    key = submission_key(source, form, row.remote_key)
    connection = store.connection
    last = connection.execute(
        "SELECT revision_no, instance_uuid, keyed_hash FROM revision WHERE submission_key = ?"
        " ORDER BY revision_no DESC LIMIT 1",
        (key,),
    ).fetchone()
    if last is None:
        write_new_rows(store, source, form, [row], at)
        return True
    row, text = _kept(store, source, form, row)
    keyed_hash = store.hash_text(text)
    connection.execute(
        "UPDATE submission SET remote_modified = ?1, files = ?2, root_uuid = ?3 WHERE submission_key = ?4"
        " AND (remote_modified IS NOT ?1 OR files IS NOT ?2 OR root_uuid IS NOT ?3)",
        (row.modified, row.files, row.root_uuid, key),
    )
    added = tuple(last[1:]) != (row.instance_uuid, keyed_hash)
    if added:
        connection.execute(_REVISION, _revision(key, last[0] + 1, row, text, keyed_hash, at))
    connection.executemany(_WITNESS, [(key, uuid) for uuid in sorted(row.witnesses)])
    # Which version a reviewer saw is known only if no edit can have come between the review and its being seen.
    write_review(store, key, row.review, None if last[1] != row.instance_uuid else row.instance_uuid, at)
    return added


def write_new_rows(store: Store, source: str, form: str, rows: Sequence[Row], at: str) -> None:
    """Keep rows of which the store has nothing yet, each key once."""
    submissions, revisions, witnesses, reviews = [], [], [], []
    # Asked once: each query of a row's own would let the reading threads in, and wait for them.
    erased = store.connection.execute("SELECT 1 FROM suppression LIMIT 1").fetchone() is not None
    for given in rows:
        key = submission_key(source, form, given.remote_key)
        row, text = _kept(store, source, form, given) if erased or given.text is None else (given, given.text)
        submissions.append((key, source, form, row.remote_key, row.root_uuid, at, row.modified, row.files))
        revisions.append(_revision(key, 1, row, text, store.hash_text(text), at))
        witnesses += [(key, uuid) for uuid in sorted(row.witnesses)]
        if row.review != Review():
            # Seen when already edited: in which order the review and the edit came can't be known.
            of = None if row.edited else row.instance_uuid
            reviews.append((key, row.review.uid, row.review.by_whom, row.review.at, of, at))
    connection = store.connection
    connection.executemany(
        "INSERT INTO submission (submission_key, source, form, remote_key, root_uuid, first_seen_at,"
        " remote_modified, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        submissions,
    )
    connection.executemany(_REVISION, revisions)
    connection.executemany(_WITNESS, witnesses)
    connection.executemany(_REVIEW, reviews)


def _kept(store: Store, source: str, form: str, row: Row) -> tuple[Row, bytes]:
    """The row as it may be kept, and its text."""
    kept = suppressed(store, source, form, row)
    if kept.raw is row.raw and row.text is not None:
        return row, row.text
    return kept, answers_text(kept.raw)


_REVISION = (
    "INSERT INTO revision (submission_key, revision_no, instance_uuid, received_at, submission_time, submitted_by,"
    " form_release, remote_version, raw_json, keyed_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_WITNESS = "INSERT OR IGNORE INTO witness (submission_key, uuid) VALUES (?, ?)"
_REVIEW = (
    "INSERT INTO validation_state (submission_key, uid, by_whom, at, instance_uuid, seen_at) VALUES (?, ?, ?, ?, ?, ?)"
)


def _revision(key: str, number: int, row: Row, text: bytes, keyed_hash: str, at: str) -> tuple[Any, ...]:
    return (
        key, number, row.instance_uuid, at, row.submission_time, row.submitted_by, row.form_release,
        row.remote_version, whole_text(row.raw, text), keyed_hash,
    )  # fmt: skip


def write_review(store: Store, key: str, review: Review, instance_uuid: str | None, at: str) -> bool:
    """Keep a review that differs from the last one, with the revision it was given on (None: not known)."""
    last = store.connection.execute(
        "SELECT uid, by_whom, at FROM validation_state WHERE submission_key = ? ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()
    if review == (Review(*last) if last else Review()):
        return False
    store.connection.execute(
        _REVIEW,
        (key, review.uid, review.by_whom, review.at, instance_uuid, at),
    )
    return True


def write_deletion(
    store: Store, key: str, kind: Literal["deleted", "reappeared"], evidence: dict[str, Any], at: str
) -> None:
    """A tombstone, or its end. The received revisions stay."""
    store.connection.execute(
        "INSERT INTO deletion (submission_key, kind, seen_at, evidence) VALUES (?, ?, ?, ?)",
        (key, kind, at, json.dumps(evidence, sort_keys=True)),
    )
