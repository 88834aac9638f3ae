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

from kobo_sync.erased_persons import (
    CASE,
    KNOWN,
    LIFTED,
    erased_persons,
    known_marks,
    marks_of_all,
    plain_uuid,
    rows_of,
)
from kobo_sync.erasure_chain import checked, sealed
from kobo_sync.errors import StoreError
from kobo_sync.form_names import CASE_FORMS
from kobo_sync.store import Store, canonical
from kobo_sync.suppress import clean_column, empty_answers, is_of_server, suppressed_text

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
    connection, done = store.connection, Emptied()
    for key in sorted(set(keys)):
        source, form, remote_key = _address(connection, key)
        marks = known_marks(connection, key)
        revisions = connection.execute(
            "SELECT revision_no, raw_json, received_at, form_release, remote_version FROM revision"
            " WHERE submission_key = ?",
            (key,),
        ).fetchall()
        if not any(erased_persons(connection, source, form, remote_key, marks, row[2]) for row in revisions):
            continue
        done.submissions += 1
        for number, text, received_at, release, version in revisions:
            # What came after the erasure was lifted stays.
            of_then = erased_persons(connection, source, form, remote_key, marks, received_at)
            if of_then is None:
                continue
            _clean_columns(connection, key, number, form, release, version)
            raw = json.loads(text)
            kept = empty_answers(form, raw, of_then)
            if kept == raw:
                continue
            done.revisions += 1
            done.answers += _gone(raw, kept)
            connection.execute(
                "UPDATE revision SET raw_json = ?, keyed_hash = ? WHERE submission_key = ? AND revision_no = ?",
                (canonical(kept), store.hash_row(kept), key, number),
            )
        persons = erased_persons(connection, source, form, remote_key, marks)
        if persons is None:
            continue
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

    connection, keys = store.connection, []
    for (key,) in connection.execute("SELECT DISTINCT submission_key FROM attachment").fetchall():
        persons = erased_persons(connection, *_address(connection, key), known_marks(connection, key))
        if persons and persons.codes is None:
            keys.append(key)
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
    return sealed(store._key, (dict(zip(names, row, strict=True)) for row in cursor))


def replay_erasures(store: Store, lines: Iterable[str], at: str, *, only_good: bool = False) -> int:
    """Apply a list to a store that may be older than it: how many suppressions were new. A second time: none.

    Raises StoreError for a list that can't be read, or that is not whole: a restored store is not to be used without
    it. `only_good`: a person decided to go without what is spoilt.
    """
    new, said = 0, checked(store._key, (line for line in lines if line.strip()), only_good=only_good)
    with store.transaction() as connection:
        try:
            for line in said:
                new += _replay_line(connection, line)
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
        store.connection.execute(
            "INSERT INTO audit (at, actor, action, subject, reason) VALUES (?, 'restore', 'scrub', ?, '')",
            (at, last_erasure(store)),
        )
    return new


def last_erasure(store: Store) -> str:
    """Number of the newest erasure that empties anything; `0` where there is none."""
    (number,) = store.connection.execute(
        "SELECT COALESCE(max(erasure_id), 0) FROM suppression WHERE row_code IS NULL OR substr(row_code, 1, 1) <> ?",
        (LIFTED,),
    ).fetchone()
    return str(number)


def lift_erasures(store: Store, erasure: Erasure, keys: Iterable[str], row: str | None) -> int:
    """What is received from now on of these submissions, or of one row of them, is kept again. How many are meant.

    Inside the caller's transaction. What was emptied stays empty.
    """
    connection, found = store.connection, []
    for key in sorted(set(keys)):
        source, form, remote_key = _address(connection, key)
        marks = known_marks(connection, key)
        persons = erased_persons(connection, source, form, remote_key, marks)
        if persons is None or (row and not persons.erased(row)):
            continue
        found.append(((source, form, remote_key), marks))
    number = _new_erasure(connection, erasure) if found else 0
    for address, marks in found:
        _note(connection, number, erasure.at, address, marks, f"{LIFTED}-{row}" if row else LIFTED)
    return len(found)


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
    number = _new_erasure(connection, erasure)
    targets = list(targets)
    keys = sorted({target.submission_key for target in targets})
    # A code that another submission has too, which is not meant, would empty that one.
    sharing = marks_of_all(connection, {key.split("/")[1] for key in keys})
    marks = {
        key: {each for each in known_marks(connection, key) if sharing.get(each, set()) <= set(keys)} for key in keys
    }
    rows = {key: _rows_ever(connection, key) for key in keys}
    for target in targets:
        key = target.submission_key
        # Each uuid has its line: a phone that sends the record again may show any of them under a new key.
        _note(connection, number, erasure.at, _address(connection, key), marks[key], target.row_code)
    for key in sorted({target.submission_key for target in targets if target.row_code}):
        alike = {key, *(each for mark in marks[key] if mark.startswith(CASE) for each in sharing[mark])}
        there = set[str]().union(*(rows[each] for each in alike))
        _note(connection, number, erasure.at, _address(connection, key), marks[key], KNOWN + " ".join(sorted(there)))
    return keys


def _new_erasure(connection: Any, erasure: Erasure) -> int:
    number: int = connection.execute(
        "INSERT INTO erasure (at, by_whom, reason, kind, subject, counts_json) VALUES (?, ?, ?, ?, ?, '{}')",
        (erasure.at, erasure.by_whom, erasure.reason, erasure.kind, erasure.subject),
    ).lastrowid
    return number


def _note(
    connection: Any, number: int, at: str, address: tuple[str, str, str], marks: Iterable[str], code: str | None
) -> None:
    """Lines of the suppression list, one for each mark of a submission."""
    known: list[str | None] = [*sorted(marks)]
    connection.executemany(
        "INSERT INTO suppression (erasure_id, source, form, remote_key, root_uuid, row_code, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(number, *address, mark, code, at) for mark in known or [None]],
    )


def _rows_ever(connection: Any, key: str) -> set[str]:
    form = key.split("/")[1]
    texts = connection.execute("SELECT raw_json FROM revision WHERE submission_key = ?", (key,))
    return set[str]().union(*(rows_of(form, json.loads(text)) for (text,) in texts))


def _clean_columns(connection: Any, key: str, number: int, form: str, release: str | None, version: str | None) -> None:
    """What the sender's program said of itself may be a name too."""
    kept = clean_column("form_release", release), clean_column("__version__", version)
    if kept != (release, version):
        connection.execute(
            "UPDATE revision SET form_release = ?, remote_version = ? WHERE submission_key = ? AND revision_no = ?",
            (*kept, key, number),
        )
    if kept[0] != release:
        connection.execute("DELETE FROM release_seen WHERE form = ? AND form_release = ?", (form, release))
        connection.execute("UPDATE unknown_field SET form_release = '' WHERE form_release = ?", (release,))


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
    """The submissions that any line means: by their key, by a uuid however written, or by the code of their case."""
    marks = {row[0] for row in connection.execute("SELECT DISTINCT root_uuid FROM suppression") if row[0]}
    keys = {
        row[0]
        for row in connection.execute(
            "SELECT s.submission_key FROM submission s JOIN suppression x"
            " ON x.source = s.source AND x.form = s.form AND x.remote_key = s.remote_key"
        )
    }
    for key, uuid in connection.execute(
        "SELECT submission_key, uuid FROM witness UNION ALL SELECT submission_key, root_uuid FROM submission"
        " WHERE root_uuid IS NOT NULL"
    ):
        if uuid in marks or plain_uuid(uuid) in marks:
            keys.add(key)
    if any(mark.startswith(CASE) for mark in marks):
        for mark, sharing in marks_of_all(connection, CASE_FORMS).items():
            keys |= sharing if mark in marks else set()
    return sorted(keys)


def _targets(connection: Any, keys: Iterable[str]) -> list[Target]:
    found = []
    for key in keys:
        persons = erased_persons(connection, *_address(connection, key), known_marks(connection, key))
        if persons:
            found += [Target(key, code) for code in sorted(persons.codes)] if persons.codes else [Target(key)]
    return found


def _empty_quarantine(connection: Any) -> int:
    emptied = 0
    for number, source, form, remote_key, uuid, text, at in connection.execute(
        "SELECT id, source, form, remote_key, instance_uuid, raw_json, entered_at FROM quarantine"
        " WHERE raw_json IS NOT NULL"
    ).fetchall():
        kept = suppressed_text(connection, source, form, remote_key, uuid, text, at)
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
        return sum(_gone(value, kept[name]) if name in kept else not is_of_server(name) for name, value in raw.items())
    if isinstance(raw, list) and isinstance(kept, list) and len(raw) == len(kept):
        return sum(map(_gone, raw, kept))
    return 0
