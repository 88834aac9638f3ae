"""Writing what a pull received: revisions, reviews and deletions, each appended only when it is news.

Every function runs inside the caller's transaction, and writing the same thing twice changes nothing: a pull that
was killed is simply run again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from kobo_sync.store import Store, canonical
from kobo_sync.store_read import NEWEST


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


@dataclass(frozen=True)
class Row:
    """One submission read from the server, in words of the store. `edited`: not the first version any more."""

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


def submission_key(source: str, form: str, remote_key: str) -> str:
    """Key of a submission in the store."""
    return f"{source}/{form}/{remote_key}"


def known(store: Store, source: str, form: str) -> dict[str, Known]:
    """All submissions of a form, by the server's own key."""
    cursor = store.connection.execute(
        "SELECT s.remote_key, s.submission_key, r.instance_uuid, v.uid, v.by_whom, v.at,"
        f" COALESCE(d.kind = 'deleted', 0) {NEWEST} WHERE s.source = ? AND s.form = ?",
        (source, form),
    )
    return {row[0]: Known(row[1], row[2], Review(*row[3:6]), bool(row[6])) for row in cursor}


def write_row(store: Store, source: str, form: str, row: Row, at: str) -> bool:
    """Keep a row read whole: a first revision, a next one, or nothing if this one is already there.

    True when a revision was added.
    """
    key = submission_key(source, form, row.remote_key)
    connection = store.connection
    keyed_hash = store.hash_row(row.raw)
    last = connection.execute(
        "SELECT revision_no, instance_uuid, keyed_hash FROM revision WHERE submission_key = ?"
        " ORDER BY revision_no DESC LIMIT 1",
        (key,),
    ).fetchone()
    if last is None:
        connection.execute(
            "INSERT INTO submission (submission_key, source, form, remote_key, root_uuid, first_seen_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (key, source, form, row.remote_key, row.root_uuid, at),
        )
    added = last is None or tuple(last[1:]) != (row.instance_uuid, keyed_hash)
    if added:
        connection.execute(
            "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key, last[0] + 1 if last else 1, row.instance_uuid, at, row.submission_time, row.submitted_by,
                row.form_release, row.remote_version, canonical(row.raw), keyed_hash,
            ),
        )  # fmt: skip
    connection.executemany(
        "INSERT OR IGNORE INTO witness VALUES (?, ?)", [(key, uuid) for uuid in sorted(row.witnesses)]
    )
    # Which version a reviewer saw is known only if no edit can have come between the review and its being seen.
    unclear = row.edited if last is None else last[1] != row.instance_uuid
    write_review(store, key, row.review, None if unclear else row.instance_uuid, at)
    return added


def write_review(store: Store, key: str, review: Review, instance_uuid: str | None, at: str) -> bool:
    """Keep a review that differs from the last one, with the revision it was given on (None: not known)."""
    last = store.connection.execute(
        "SELECT uid, by_whom, at FROM validation_state WHERE submission_key = ? ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()
    if review == (Review(*last) if last else Review()):
        return False
    store.connection.execute(
        "INSERT INTO validation_state (submission_key, uid, by_whom, at, instance_uuid, seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
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
