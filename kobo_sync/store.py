"""The encrypted store: one SQLCipher file, opened with its key, brought to the current schema.

Received tables and ledgers only grow; derived tables are replaced whole. `store_read` reads, `store_receive`
writes what a pull received; here is what all share.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import orjson
import pandas as pd
from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync import store_derived, store_read
from kobo_sync.disk import store_problem, system_problem
from kobo_sync.errors import StoreError, StoreKeyError
from kobo_sync.folders import close_to_others, refuse_unsafe
from kobo_sync.migrations import migrate, version_of
from kobo_sync.store_derived import DerivedTable
from kobo_sync.store_read import CurrentSubmission, Decision
from kobo_sync.suppress import suppressed_text
from transforms.ledger import LedgerRow

__all__ = ["CurrentSubmission", "Decision", "Store"]

LedgerKind = Literal["person", "event"]
ARRIVING = "restauration-en-cours.db"
"""A store that a restore is putting in place: until it is there, an empty one must not take its place."""
_NOT_ANSWERS = frozenset({"_validation_status", "_date_modified"})


class Store:
    """An open store. Use `Store.open`; one connection, one thread."""

    def __init__(self, path: Path, connection: Any, key: bytes) -> None:
        self.path = path
        self.connection = connection
        self._key = key
        self._row_key = hmac.digest(key, b"received row", hashlib.sha256)

    @classmethod
    def open(cls, path: Path, key: bytes) -> Store:
        """Open, create if absent, and migrate. `key`: 32 bytes.

        Raises StoreKeyError for a wrong key, StoreError when the file can't be opened or is of a newer release.
        """
        refuse_unsafe(path.parent)
        if not path.exists() and path.with_name(ARRIVING).exists():
            raise StoreError(
                f"Une restauration a été interrompue : la base {path} n’est pas encore à sa place",
                "relancez la même commande kobo-sync restore ; rien n’est perdu",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made before SQLite opens it: its journal files take over this mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                close_to_others(file)
            connection = connect(path, key)
        except OSError as error:
            raise system_problem(error, f"La base {path} ne peut pas être ouverte") from None
        store = cls(path, connection, key)
        try:
            migrate(connection, _now(), store.back_up)
        except sqlcipher.Error as error:
            connection.close()
            raise store_problem(error, path) or error from None
        except BaseException:
            connection.close()
            raise
        return store

    def close(self) -> None:
        """Close the connection; SQLite folds its journal into the file."""
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        # Whatever was under way, a full or broken disk is told in the reader's words.
        if isinstance(error, sqlcipher.Error) and (told := store_problem(error, self.path)):
            raise told from None

    @property
    def schema_version(self) -> int:
        """Number of the last migration applied."""
        return version_of(self.connection)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """All that the block writes, or nothing. Yields the connection; a block within a block joins it."""
        if self.connection.in_transaction:
            yield self.connection
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # a full disk has already rolled back
                self.connection.execute("ROLLBACK")
            raise

    def back_up(self, version: int) -> None:
        """Copy the store beside itself, under the same key, and check the copy: before a change of schema."""
        from kobo_sync.backup_copy import keyed_copy, schema_copy_path  # it imports this module

        keyed_copy(self.path, self._key, schema_copy_path(self.path, version))

    # --- What was received: see store_receive for writing ---------------------------------------------------------

    def file_key(self) -> bytes:
        """The key under which attached files are named and sealed: the store's own."""
        return self._key

    def hash_row(self, raw: Mapping[str, Any]) -> str:
        """Keyed hash (HMAC-SHA256, hexadecimal) of one submission's canonical JSON.

        `_validation_status` is left out: it changes without an edit, and has its own table. So is the modified time,
        which a review or a file moves too.
        """
        return self.hash_text(answers_text(raw))

    def hash_text(self, text: bytes) -> str:
        """The same of the text that `answers_text` made."""
        return hmac.digest(self._row_key, text, hashlib.sha256).hex()

    def current_submissions(self, sync_account: str | None = None) -> Iterator[CurrentSubmission]:
        """Every submission at its newest revision, deleted ones included, ordered by key; memory stays small.

        The review is the last one by another than `sync_account`: a mark of ours never hides what a person decided.
        """
        return store_read.current_submissions(self.connection, sync_account)

    def received_digest(self) -> str:
        """Digest of the current received data: revisions, reviews and tombstones; no clock, no order of arrival."""
        return store_read.received_digest(self.connection)

    # --- Quarantine -------------------------------------------------------------------------------------------------

    def quarantine_enter(
        self, *, submission_key: str | None, source: str, form: str, remote_key: str | None, instance_uuid: str | None,
        stage: Literal["pull", "mapping"], reason_code: str, message: str, raw_json: str | None, at: str,
    ) -> bool:  # fmt: skip
        """Keep a submission aside with its reason; False when it already waits there for the same one.

        A former reason of the same submission and stage is released: each waits once.
        """
        raw_json = suppressed_text(self.connection, source, form, remote_key, instance_uuid, raw_json)
        same = (source, form, remote_key, instance_uuid, stage, reason_code, message, raw_json)
        with self.transaction() as connection:
            if connection.execute(
                "SELECT 1 FROM quarantine WHERE released_at IS NULL AND source IS ? AND form IS ? AND remote_key IS ?"
                " AND instance_uuid IS ? AND stage IS ? AND reason_code IS ? AND message IS ? AND raw_json IS ?",
                same,
            ).fetchone():
                return False
            if submission_key is not None:
                self.quarantine_release(submission_key, stage, at)
            connection.execute(
                "INSERT INTO quarantine (submission_key, source, form, remote_key, instance_uuid, stage, reason_code,"
                " message, raw_json, entered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (submission_key, *same, at),
            )
        return True

    def quarantine_release(self, submission_key: str, stage: Literal["pull", "mapping"], at: str) -> None:
        """The submission can be read now, or is gone: what held it back is over. The row stays, dated."""
        where = "submission_key = ? AND stage = ? AND released_at IS NULL"
        # Asked for each good row of a rebuild: a read costs little, a write would lock.
        if self.connection.execute(f"SELECT 1 FROM quarantine WHERE {where}", (submission_key, stage)).fetchone():
            self.connection.execute(f"UPDATE quarantine SET released_at = ? WHERE {where}", (at, submission_key, stage))

    # --- People's decisions, runs, ledgers ------------------------------------------------------------------------

    def decide(self, kind: str, subject: str, value: str, by_whom: str, at: str, reason: str) -> None:
        """Note a person's decision; a later one on the same subject stands in its place."""
        self.connection.execute(
            "INSERT INTO decision (kind, subject, value, by_whom, at, reason) VALUES (?, ?, ?, ?, ?, ?)",
            (kind, subject, value, by_whom, at, reason),
        )

    def decisions(self, kind: str) -> list[Decision]:
        """The decision that stands for each subject of a kind, oldest first."""
        return store_read.decisions(self.connection, kind)

    def decision_history(self, kind: str) -> list[Decision]:
        """Every decision of a kind, those that a later one replaced included, oldest first."""
        return store_read.decision_history(self.connection, kind)

    def start_run(self, at: datetime) -> str:
        """Note that a run begins; its identifier."""
        run_id = secrets.token_hex(8)
        self.connection.execute("INSERT INTO sync_run (run_id, started_at) VALUES (?, ?)", (run_id, _instant(at)))
        return run_id

    def finish_run(self, run_id: str, at: datetime, outcome: int, counts: Mapping[str, Any]) -> None:
        """Note how a run ended: its exit code and its numbers."""
        self.connection.execute(
            "UPDATE sync_run SET finished_at = ?, outcome = ?, counts_json = ? WHERE run_id = ?",
            (_instant(at), outcome, canonical(counts), run_id),
        )

    def ledger(self, kind: LedgerKind) -> list[LedgerRow]:
        """All lines of a ledger, in the order in which they were written."""
        cursor = self.connection.execute(
            f"SELECT at, action, subject_id, member_key, other_id, cause FROM {_ledger(kind)} ORDER BY id"
        )
        return [LedgerRow(*row) for row in cursor]

    def append_ledger(self, kind: LedgerKind, rows: Sequence[LedgerRow]) -> None:
        """Append lines to a ledger, all or none."""
        with self.transaction() as connection:
            connection.executemany(
                f"INSERT INTO {_ledger(kind)} (at, action, subject_id, member_key, other_id, cause)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(row.at, row.action, row.subject_id, row.member_key, row.other_id, row.cause) for row in rows],
            )

    # --- Derived ----------------------------------------------------------------------------------------------------

    def replace_derived(self, tables: Mapping[str, DerivedTable], stamp: Mapping[str, str]) -> None:
        """Replace every derived table: built beside the old ones, then swapped with the stamp in one transaction.

        To `stamp` are added `schema_version`, `received_hash` and `submissions` (those not deleted). A row may leave
        columns out (NULL) but not bring unknown ones. Raises StoreError for a name that a received table has.
        """
        store_derived.replace(self, tables, stamp)

    def stamp(self) -> dict[str, str]:
        """What the derived tables were made with and from; empty before the first rebuild."""
        return dict(self.connection.execute("SELECT key, value FROM derived_stamp ORDER BY key").fetchall())

    def derived_tables(self) -> set[str]:
        """Names of the derived tables that the last rebuild laid."""
        return {row[0] for row in self.connection.execute("SELECT name FROM derived_table")}

    # --- Reports ----------------------------------------------------------------------------------------------------

    def report_connection(self) -> AbstractContextManager[Any]:
        """A connection that knows neither identities nor raw answers: see store_read.guarded."""
        return store_read.guarded(connect(self.path, self._key, read_only=True))

    def frame(self, sql: str, params: Sequence[Any] = ()) -> pd.DataFrame:
        """The answer of a query through `report_connection`. Raises StoreError where it reads what it may not."""
        with self.report_connection() as connection:
            return store_read.frame(connection, sql, params)


def connect(path: Path, key: bytes, *, read_only: bool = False, journal: str = "WAL") -> Any:
    """A keyed autocommit connection. Raises StoreKeyError when the key does not open the file."""
    uri = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlcipher.connect(uri, uri=True, isolation_level=None, timeout=30)
    try:
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("PRAGMA cipher_log_level = NONE")  # it would write to the terminal beside our message
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")  # no answer in clear in a temporary file
        if not read_only:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA journal_mode = {journal}")
            connection.execute("PRAGMA synchronous = FULL")
    except sqlcipher.DatabaseError as error:
        connection.close()
        if "not a database" in str(error):
            raise StoreKeyError(
                f"La clé n’ouvre pas la base {path}",
                "remettez la bonne : kobo-sync recovery open COPIE --identity CLE_RESPONSABLE ; si c’est elle, le "
                "fichier est abîmé : kobo-sync restore SAUVEGARDE --identity CLE_RESPONSABLE",
            ) from None
        raise store_problem(error, path) or StoreError(
            f"La base {path} ne peut pas être ouverte : {error}", "vérifiez le disque et les droits"
        ) from None
    return connection


def canonical(value: Any) -> str:
    """One text for equal JSON values: sorted keys, no spaces, characters as they are."""
    try:
        if _same_in_orjson(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, RecursionError):  # half a surrogate pair, a very large number, nesting: json has its say
        pass
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _same_in_orjson(value: Any) -> bool:
    """Whether the fast writer gives json's text, which old stores were hashed by: all but some floats do."""
    kind = type(value)
    if kind is dict or kind is list:
        for item in value.values() if kind is dict else value:
            if type(item) is not str and not _same_in_orjson(item):
                return False
        return True
    return kind is not float or value == 0 or 1e-3 <= abs(value) < 1e15


def answers_text(raw: Mapping[str, Any]) -> bytes:
    """The canonical text of a submission without what no edit changes. Raises UnicodeEncodeError, RecursionError."""
    return canonical({name: value for name, value in raw.items() if name not in _NOT_ANSWERS}).encode()


def whole_text(raw: Mapping[str, Any], answers: bytes) -> str:
    """The text of a whole submission, out of that of its answers."""
    rest = {name: raw[name] for name in _NOT_ANSWERS if name in raw}
    if not rest:
        return answers.decode()
    head = canonical(rest)
    return f"{head[:-1]},{answers[1:].decode()}" if len(answers) > 2 else head


def _ledger(kind: LedgerKind) -> str:
    return {"person": "person_ledger", "event": "event_ledger"}[kind]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _now() -> str:
    return _instant(datetime.now(UTC))
