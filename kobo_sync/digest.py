"""One canonical digest of a store: equal when two stores say the same, whatever the nights that led there.

In it: each submission with its current revision (its answers hashed anew), review, tombstone and the witnesses that
this revision names; the open quarantine, the decisions that stand, the attached files, what was erased and must stay
so, the server's own history; and the derived rows with each ledger identifier replaced by its least member present.

Not in it, because another road to the same end leaves something else there: our own clocks and the identifiers of
runs and ledgers; former revisions, with their witnesses, reviews and files that are gone; the version on which a
review was given, which only the derived statuses show; the review and modified time inside a revision's own text,
which are those of the night it came; the evidence of a deletion; what was detected of a server or told once
(source_fact, unknown_field, release_seen); the audit, which notes each restore; the order of rows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kobo_sync.store import LedgerKind, Store
from kobo_sync.store_read import NEWEST
from transforms.ledger import replay

_MEMBERS: tuple[tuple[str, str], ...] = (("event_id", "submission_key"), ("person_id", "record_id"))
"""Column that holds a ledger's identifier, and that of its member: a record's key starts with its submission's."""
_LEDGERS: tuple[LedgerKind, ...] = ("person", "event")
_IDENTIFIER = re.compile(r"\b[0-9a-f]{32}\b")
_MODULUS = 1 << 256


_SUBMISSIONS = f"""
SELECT s.submission_key, s.source, s.form, s.remote_key, s.root_uuid, s.remote_modified, s.files,
 r.instance_uuid, r.submission_time, r.submitted_by, r.form_release, r.remote_version, r.keyed_hash,
 v.uid, v.by_whom, v.at, COALESCE(d.kind = 'deleted', 0),
 r.raw_json, (SELECT json_group_array(w.uuid) FROM witness w
 WHERE w.submission_key = s.submission_key AND instr(r.raw_json, w.uuid)) {NEWEST}"""

_KEPT: dict[str, str] = {
    "quarantine": "SELECT submission_key, source, form, remote_key, instance_uuid, stage, reason_code, message,"
    " raw_json FROM quarantine WHERE released_at IS NULL",
    "decision": "SELECT kind, subject, value, by_whom, reason FROM decision"
    " WHERE id IN (SELECT max(id) FROM decision GROUP BY kind, subject)",
    "attachment": "SELECT submission_key, name, question, mimetype, state, size, sha256 FROM attachment"
    " WHERE state <> 'gone'",
    "erasure": "SELECT kind, subject, by_whom, reason FROM erasure",
    "suppression": "SELECT DISTINCT source, form, remote_key, root_uuid, row_code FROM suppression",
    "server_event": "SELECT source, form, witness, action, by_whom, at, detail FROM server_event",
}
"""What else is kept, by table."""


def store_digest(store: Store) -> str:
    """64 hexadecimal digits. Rows are read one by one: memory grows with the identifiers only."""
    connection = store.connection
    whole = hashlib.sha256()
    tables = sorted(store.derived_tables())
    known = _canonical_identifiers(store, tables)
    submissions = (
        (*row, _answers(store, text), *sorted(json.loads(witnesses)))
        for *row, text, witnesses in connection.execute(_SUBMISSIONS)
    )
    whole.update(_sum("submission", submissions, {}))
    for table, query in _KEPT.items():
        whole.update(_sum(table, connection.execute(query), known if table == "decision" else {}))
    for table in tables:
        # Columns by name: a later release may lay them in another order.
        columns = sorted(_columns(store, table))
        chosen = ", ".join(f'"{column}"' for column in columns)
        whole.update(f"{table} {chosen}".encode())
        whole.update(_sum(table, connection.execute(f'SELECT {chosen} FROM "{table}"'), known))
    return whole.hexdigest()


def _answers(store: Store, text: str) -> str:
    """The hash of the answers that are there, whatever hash was kept beside them."""
    try:
        return store.hash_row(json.loads(text))
    except (ValueError, AttributeError):  # no object any more: it differs from all that was received
        return store.hash_text(text.encode())


def _columns(store: Store, table: str) -> list[str]:
    return [row[1] for row in store.connection.execute(f'PRAGMA table_info("{table}")')]


def _canonical_identifiers(store: Store, tables: Sequence[str]) -> dict[str, str]:
    """Ledger identifier -> its least member.

    Members come from the derived rows where they are there: the ledger also remembers those that a former revision
    held, which another path to the same end never saw.
    """
    known: dict[str, str] = {}
    for kind in _LEDGERS:
        for subject, held in replay(store.ledger(kind)).members.items():
            known[subject] = f"{kind} {min(held)}" if held else f"{kind} without members"
    present: dict[str, str] = {}
    for table in tables:
        columns = _columns(store, table)
        for identifier, member in _MEMBERS:
            if identifier in columns and member in columns:
                for subject, least in store.connection.execute(
                    f'SELECT "{identifier}", min("{member}") FROM "{table}"'
                    f' WHERE "{identifier}" IS NOT NULL GROUP BY "{identifier}"'
                ):
                    label = f"{identifier.removesuffix('_id')} {least}"
                    present[subject] = min(label, present.get(subject, label))
    return known | present


def _sum(name: str, rows: Iterable[Sequence[Any]], known: Mapping[str, str]) -> bytes:
    """Digest of a set of rows that forgets their order: the sum of each row's own digest."""
    total = count = 0
    for row in rows:
        text = json.dumps([_value(value, known) for value in row], ensure_ascii=True)
        total = (total + int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")) % _MODULUS
        count += 1
    return f"{name} {count} {total:x};".encode()


def _value(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, float):
        return round(value, 9)  # the last bits of a sum depend on the order of its terms
    if known and isinstance(value, str):
        if value in known:
            return known[value]
        return _IDENTIFIER.sub(lambda found: known.get(found.group(), found.group()), value)
    return value
