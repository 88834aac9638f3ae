"""The list of what was erased, and its being applied: to what the store holds, and to what a restored copy brings back.

An erasure is one transaction: its record, the keys under which the rows must stay empty, the received rows and the
quarantine emptied, and the derived identities gone. The list leaves the store as JSON lines that name nobody: what an
older backup still holds is emptied again when it is restored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync.errors import StoreError
from kobo_sync.store import Store, canonical
from kobo_sync.suppress import empty_answers, erased_persons, suppressed_text

ERASED_RECORD = "erased_record"
"""Kind of the decision that keeps a record without a name with the person it was known to be."""


@dataclass(frozen=True)
class Target:
    """One submission to empty, or the row of one person in it (`row_code`, as `…-V2`)."""

    submission_key: str
    row_code: str | None = None


@dataclass(frozen=True)
class Erasure:
    """Why something was erased: for good in the store, without the name of the person erased."""

    at: str
    by_whom: str
    reason: str
    kind: str
    subject: str


@dataclass
class Emptied:
    """What an erasure emptied, in numbers."""

    submissions: int = 0
    revisions: int = 0
    answers: int = 0
    quarantine: int = 0
    files: int = 0


def erase_targets(store: Store, erasure: Erasure, targets: Iterable[Target]) -> Emptied:
    """Empty the targets for good, in one transaction. What stays in the file's freed pages: `scrub`, afterwards."""
    targets = sorted(set(targets), key=lambda target: (target.submission_key, target.row_code or ""))
    with store.transaction() as connection:
        _keep_together(store, targets, erasure)
        keys = _suppress(store, erasure, targets)
        emptied = empty_received(store, keys)
        connection.execute(
            "UPDATE erasure SET counts_json = ? WHERE id = (SELECT max(id) FROM erasure)", (canonical(asdict(emptied)),)
        )
    return emptied


def empty_received(store: Store, keys: Iterable[str]) -> Emptied:
    """Empty every revision of these submissions by the suppression list, and what quarantine keeps of any.

    Inside the caller's transaction.
    """
    connection, done, uuids = store.connection, Emptied(), set[str]()
    for key in sorted(set(keys)):
        source, form, remote_key = _address(connection, key)
        persons = erased_persons(connection, source, form, remote_key, witnesses(connection, key))
        if not persons:
            continue
        uuids |= witnesses(connection, key)
        done.submissions += 1
        revisions = connection.execute(
            "SELECT revision_no, raw_json FROM revision WHERE submission_key = ?", (key,)
        ).fetchall()
        for number, text in revisions:
            raw = json.loads(text)
            kept = empty_answers(form, raw, persons.codes)
            if kept == raw:
                continue
            done.revisions += 1
            done.answers += _gone(raw, kept)
            connection.execute(
                "UPDATE revision SET raw_json = ?, keyed_hash = ? WHERE submission_key = ? AND revision_no = ?",
                (canonical(kept), store.hash_row(kept), key, number),
            )
        _drop_identities(store, key, persons.codes)
        if persons.codes is None:
            done.files += connection.execute(
                "SELECT count(*) FROM attachment WHERE submission_key = ? AND stored_as IS NOT NULL", (key,)
            ).fetchone()[0]
    done.quarantine = _empty_quarantine(connection)
    return done


def scrub(store: Store) -> None:
    """What follows the transaction: attached files go, and the store's file is written anew.

    So no freed page or journal holds what was emptied. Needs as much memory as the store is large.
    Raises StoreError when another program still reads the store: the journal can't be folded in before it is done.
    """
    from kobo_sync.attachments import remove_files  # it reads the configuration, which reads much

    whole = "SELECT 1 FROM suppression x WHERE x.source = s.source AND x.form = s.form AND x.remote_key = s.remote_key"
    keys = [
        row[0]
        for row in store.connection.execute(
            "SELECT DISTINCT submission_key FROM attachment JOIN submission s USING (submission_key)"
            f" WHERE EXISTS ({whole} AND x.row_code IS NULL)"
        )
    ]
    with store.transaction():
        remove_files(store, keys)
    store.connection.execute("VACUUM")
    busy = store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise StoreError(
            "L’effacement est fait, mais un autre programme lit la base : le journal n’a pas pu être vidé",
            "fermez-le, puis kobo-sync erase --finish",
        )


def export_erasures(store: Store) -> list[str]:
    """Every suppression with its erasure, one JSON text each, the oldest first. No name, no answer."""
    cursor = store.connection.execute(
        "SELECT e.at, e.by_whom, e.reason, e.kind, e.subject, e.counts_json, s.source, s.form, s.remote_key,"
        " s.root_uuid, s.row_code FROM suppression s JOIN erasure e ON e.id = s.erasure_id ORDER BY e.id, s.id"
    )
    names = [description[0] for description in cursor.description]
    return [canonical(dict(zip(names, row, strict=True))) for row in cursor]


def replay_erasures(store: Store, lines: Iterable[str], at: str) -> int:
    """Apply a list to a store that may be older than it: how many suppressions were new. A second time: none.

    Raises StoreError for a list that can't be read: a restored store is not to be used without it.
    """
    new = 0
    with store.transaction() as connection:
        try:
            for line in lines:
                new += _replay_line(connection, json.loads(line)) if line.strip() else 0
        except (ValueError, KeyError, TypeError, sqlcipher.DatabaseError) as error:
            raise StoreError(
                f"La liste des effacements ne se lit pas ({type(error).__name__})",
                "prenez une autre copie de effacements.jsonl : sans elle, des noms effacés reviendraient",
            ) from None
        keys = _suppressed_keys(connection)
        _keep_together(store, _targets(connection, keys), Erasure(at, "restore", "", "case", ""))
        empty_received(store, keys)
    if new:
        scrub(store)
    return new


def witnesses(connection: Any, key: str) -> set[str]:
    """Every uuid under which a submission was ever known."""
    rows = connection.execute(
        "SELECT uuid FROM witness WHERE submission_key = ? UNION SELECT instance_uuid FROM revision"
        " WHERE submission_key = ? UNION SELECT root_uuid FROM submission WHERE submission_key = ?",
        (key, key, key),
    )
    return {row[0] for row in rows if row[0]}


def _address(connection: Any, key: str) -> tuple[str, str, str]:
    row = connection.execute("SELECT source, form, remote_key FROM submission WHERE submission_key = ?", (key,))
    source, form, remote_key = row.fetchone()
    return source, form, remote_key


def _suppress(store: Store, erasure: Erasure, targets: Iterable[Target]) -> list[str]:
    connection = store.connection
    number = connection.execute(
        "INSERT INTO erasure (at, by_whom, reason, kind, subject, counts_json) VALUES (?, ?, ?, ?, ?, '{}')",
        (erasure.at, erasure.by_whom, erasure.reason, erasure.kind, erasure.subject),
    ).lastrowid
    keys = []
    for target in targets:
        source, form, remote_key = _address(connection, target.submission_key)
        # Each uuid has its line: a phone that sends the record again may show any of them under a new key.
        known: list[str | None] = [*sorted(witnesses(connection, target.submission_key))]
        connection.executemany(
            "INSERT INTO suppression (erasure_id, source, form, remote_key, root_uuid, row_code, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(number, source, form, remote_key, uuid, target.row_code, erasure.at) for uuid in known or [None]],
        )
        keys.append(target.submission_key)
    return keys


def _replay_line(connection: Any, line: Mapping[str, Any]) -> int:
    same = (line["at"], line["by_whom"], line["reason"], line["kind"], line["subject"])
    found = connection.execute(
        "SELECT id FROM erasure WHERE at = ? AND by_whom = ? AND reason = ? AND kind = ? AND subject = ?", same
    ).fetchone()
    number = found[0] if found else connection.execute(
        "INSERT INTO erasure (at, by_whom, reason, kind, subject, counts_json) VALUES (?, ?, ?, ?, ?, ?)",
        (*same, line["counts_json"]),
    ).lastrowid  # fmt: skip
    row = (number, line["source"], line["form"], line["remote_key"], line["root_uuid"], line["row_code"])
    if connection.execute(
        "SELECT 1 FROM suppression WHERE erasure_id = ? AND source = ? AND form = ? AND remote_key = ?"
        " AND root_uuid IS ? AND row_code IS ?",
        row,
    ).fetchone():
        return 0
    connection.execute(
        "INSERT INTO suppression (erasure_id, source, form, remote_key, root_uuid, row_code, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*row, line["at"]),
    )
    return 1


def _suppressed_keys(connection: Any) -> list[str]:
    rows = connection.execute(
        "SELECT s.submission_key FROM submission s JOIN suppression x"
        " ON x.source = s.source AND x.form = s.form AND x.remote_key = s.remote_key"
        " UNION SELECT w.submission_key FROM witness w JOIN suppression x ON x.root_uuid = w.uuid"
        " UNION SELECT s.submission_key FROM submission s JOIN suppression x ON x.root_uuid = s.root_uuid"
    )
    return sorted(row[0] for row in rows)


def _targets(connection: Any, keys: Iterable[str]) -> list[Target]:
    found = []
    for key in keys:
        persons = erased_persons(connection, *_address(connection, key), witnesses(connection, key))
        if persons:
            found += [Target(key, code) for code in sorted(persons.codes)] if persons.codes else [Target(key)]
    return found


def _empty_quarantine(connection: Any) -> int:
    emptied = 0
    for number, source, form, remote_key, uuid, text in connection.execute(
        "SELECT id, source, form, remote_key, instance_uuid, raw_json FROM quarantine WHERE raw_json IS NOT NULL"
    ).fetchall():
        kept = suppressed_text(connection, source, form, remote_key, uuid, text)
        if kept != text:
            connection.execute("UPDATE quarantine SET raw_json = ? WHERE id = ?", (kept, number))
            emptied += 1
    return emptied


def _drop_identities(store: Store, key: str, codes: Iterable[str] | None) -> None:
    """Out of the derived tables at once: the next rebuild makes them without these rows."""
    laid = store.derived_tables()
    if "identity" in laid:
        if codes is None:
            store.connection.execute("DELETE FROM identity WHERE submission_key = ?", (key,))
        else:
            store.connection.executemany(
                "DELETE FROM identity WHERE submission_key = ? AND record_id LIKE ?",
                [(key, f"{key}#%-{code.rpartition('-')[2]}") for code in codes],
            )
    if "provider_contacts" in laid and codes is None:
        store.connection.execute("DELETE FROM provider_contacts WHERE submission_key = ?", (key,))


def _keep_together(store: Store, targets: Iterable[Target], erasure: Erasure) -> None:
    """A person known by several records stays one person: counted by decision, no longer by name."""
    connection = store.connection
    if "victims" not in store.derived_tables():
        return
    noted, pairs = {decision.subject for decision in store.decisions(ERASED_RECORD)}, set[str]()
    for target in targets:
        suffix = f"%-{target.row_code.rpartition('-')[2]}" if target.row_code else "%"
        for record, person in connection.execute(
            "SELECT record_id, person_id FROM victims WHERE submission_key = ? AND record_id LIKE ?",
            (target.submission_key, suffix),
        ).fetchall():
            others = connection.execute(
                "SELECT record_id FROM victims WHERE person_id = ? AND record_id <> ? ORDER BY record_id",
                (person, record),
            ).fetchall()
            if record in noted:
                continue
            if others:
                store.decide(ERASED_RECORD, record, "kept", erasure.by_whom, erasure.at, "effacement")
            pairs |= {" ".join(sorted((record, other))) for (other,) in others}
    for pair in sorted(pairs):
        store.decide("person_pair", pair, "same", erasure.by_whom, erasure.at, "effacement : rapprochées avant lui")


def _gone(raw: Any, kept: Any) -> int:
    """How many answers of `raw` are not in `kept`."""
    if isinstance(raw, dict) and isinstance(kept, dict):
        return sum(_gone(value, kept[name]) if name in kept else 1 for name, value in raw.items())
    if isinstance(raw, list) and isinstance(kept, list) and len(raw) == len(kept):
        return sum(map(_gone, raw, kept))
    return 0
