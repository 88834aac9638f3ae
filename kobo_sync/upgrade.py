"""`kobo-sync upgrade`: after a new release is installed, the store brought to it; back to what it was if that fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync import migrations
from kobo_sync.backup import Backup, back_up
from kobo_sync.backup_copy import Snapshot, keyed_copy, remove_store, schema_copy_path, snapshot, store_files
from kobo_sync.config import Config
from kobo_sync.disk import store_problem, system_problem
from kobo_sync.errors import KoboSyncError, StoreError
from kobo_sync.keys import Keys, load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.store import Store, connect
from kobo_sync.versions import code_version
from transforms.errors import TransformError


@dataclass(frozen=True)
class Upgraded:
    """From which schema to which; the encrypted backup (None without officers) and the copy beside the store.

    No copy: there was nothing to do.
    """

    before: int
    after: int
    backup: Backup | None
    copy: Path | None


def upgrade(config: Config, *, now: datetime, step: Callable[[str], None] = lambda _: None) -> Upgraded:
    """Back up, copy, migrate, rebuild, check. On any failure the copy takes the store's place again.

    Raises StoreKeyError, LockHeld, StoreError (a store of a newer release; a failure, which says that it was undone).
    """
    keys = load_keys(config)
    with hold_lock(config.lock_path):
        if not config.store_path.exists():
            raise StoreError(f"Il n’y a pas encore de base ({config.store_path})", "kobo-sync run")
        before, up_to_date = _read(config, keys)
        if up_to_date:
            return Upgraded(before.schema, before.schema, None, None)
        backup = None
        if len(config.recovery.officers) >= 2:
            step("Sauvegarde")
            backup = back_up(config, now=now, step=step)
        step("Copie")
        copy = schema_copy_path(config.store_path, before.schema, now.astimezone(UTC))
        keyed_copy(config.store_path, keys.store, copy)
        try:
            after = _bring_up(config, keys, before, now, step)
        except BaseException as error:
            _put_back(copy, config.store_path)
            if not isinstance(error, Exception):
                raise
            raise StoreError(
                f"La mise à niveau a échoué ({_reason(error, config.store_path)}) ; la base est revenue telle "
                "qu’elle était",
                f"remettez la version précédente du logiciel ; la copie est gardée : {copy}",
            ) from None
    return Upgraded(before.schema, after, backup, copy)


def _read(config: Config, keys: Keys) -> tuple[Snapshot, bool]:
    """What the store holds, and whether it is at this release's schema, its tables worked out by these very rules."""
    connection = connect(config.store_path, keys.store, read_only=True)
    try:
        found = snapshot(connection)
        if found.schema != migrations.CURRENT:
            return found, False
        made_by = connection.execute("SELECT value FROM derived_stamp WHERE key = 'code_version'").fetchone()
        return found, made_by is not None and made_by[0] == code_version()
    finally:
        connection.close()


def _bring_up(config: Config, keys: Keys, before: Snapshot, now: datetime, step: Callable[[str], None]) -> int:
    from kobo_sync.rebuild import rebuild

    connection = connect(config.store_path, keys.store)
    with Store(config.store_path, connection, keys.store) as store:
        step("Mise à niveau de la base")
        migrations.migrate(
            connection, now.astimezone(UTC).isoformat(timespec="seconds"), lambda _: None
        )  # the copy is made
        step("Recalcul")
        rebuild(store, config, now=now, step=step)
        step("Vérification")
        _check(connection, before, store.derived_tables())
        return store.schema_version


def _check(connection: Any, before: Snapshot, derived: set[str]) -> None:
    if (
        connection.execute("PRAGMA cipher_integrity_check").fetchall()
        or connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]
        or connection.execute("PRAGMA foreign_key_check").fetchall()
    ):
        raise StoreError("la base n’est plus lisible d’un bout à l’autre", "vérifiez le disque")
    now = snapshot(connection).counts
    kept = {name: count for name, count in before.counts.items() if name not in derived and name in _GROWING}
    lost = [name for name, count in kept.items() if now.get(name, 0) < count]
    if lost:
        raise StoreError(f"des lignes reçues manquent ({', '.join(lost)})", "signalez-le")


_GROWING = ("submission", "revision", "validation_state", "deletion", "witness", "decision", "person_ledger",
            "event_ledger", "sync_run", "erasure", "suppression", "audit")  # fmt: skip
"""Tables whose rows no upgrade may take away."""


def _reason(error: Exception, store: Path) -> str:
    if isinstance(error, sqlcipher.Error) and (told := store_problem(error, store)):
        return told.message
    if isinstance(error, OSError):
        return system_problem(error, "disque").message
    if isinstance(error, KoboSyncError):
        return error.message
    # Never the text of an unforeseen error: it may hold an answer of a case.
    return str(error) if isinstance(error, TransformError) else type(error).__name__


def _put_back(copy: Path, store: Path) -> None:
    back = store.with_name("retour-en-cours.db")
    remove_store(back)
    with os.fdopen(os.open(back, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        with copy.open("rb") as source:
            shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    for left in store_files(store)[1:]:
        left.unlink(missing_ok=True)
    back.replace(store)
