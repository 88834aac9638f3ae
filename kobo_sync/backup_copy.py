"""A copy of the store under its own key: of one instant, even while a run is writing, and opened again to check it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync.disk import store_problem, system_problem
from kobo_sync.errors import StoreError
from kobo_sync.migrations import CURRENT, version_of
from kobo_sync.store import connect

SCHEMA_COPY_DAYS = 30
"""How long the copy made before a change of schema is kept: names erased since then are still in it."""

_SCHEMA_COPY = re.compile(r"-schema\d+-(\d{8}T\d{6})\d*\.db")
_PAGES = 1024
"""Copied at a time, 4 MiB: between two of them the process can be interrupted."""

Progress = Callable[[int, int, int], object]


@dataclass(frozen=True)
class Snapshot:
    """What a copy holds. `counts`: rows of each table."""

    schema: int
    counts: dict[str, int]


def keyed_copy(source: Path, key: bytes, target: Path, progress: Progress = lambda *_: None) -> Snapshot:
    """Copy a store into a new file under the same key, then open the copy and compare.

    Everything in it is of one instant, whatever other processes write meanwhile. `progress` is called after each step
    with SQLite's status, the pages that remain and all pages. Raises StoreKeyError, StoreError; nothing is left of a
    copy that failed.
    """
    try:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise system_problem(error, f"La copie {target} ne peut pas être créée") from None
    try:
        taken = _copy(source, key, target, progress)
        if check_copy(target, key) != taken:
            raise StoreError(
                f"La copie {target.name} ne contient pas ce que contient la base", "vérifiez le disque, puis relancez"
            )
    except BaseException:
        remove_store(target)
        raise
    return taken


def check_copy(path: Path, key: bytes) -> Snapshot:
    """Open a store that nobody else uses and read it from end to end. Raises StoreKeyError, StoreError."""
    connection = connect(path, key, journal="DELETE")  # no journal beside it any more: one file holds all
    try:
        damaged = connection.execute("PRAGMA cipher_integrity_check").fetchall()
        if damaged or connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
            raise StoreError(f"La copie {path.name} est abîmée", "vérifiez le disque, puis relancez")
        return snapshot(connection)
    except sqlcipher.Error as error:
        raise store_problem(error, path) or StoreError(
            f"La copie {path.name} ne se lit pas jusqu’au bout", "vérifiez le disque, puis relancez"
        ) from None
    finally:
        connection.close()


def snapshot(connection: Any) -> Snapshot:
    """What an open store holds. Raises StoreError for one of a newer release."""
    version = version_of(connection)
    if version > CURRENT:
        raise StoreError(
            f"La base est au schéma {version}, ce logiciel ne connaît que le {CURRENT}",
            "installez la version la plus récente du logiciel",
        )
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    return Snapshot(version, {n: connection.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names})


def store_files(path: Path) -> list[Path]:
    """The files of a store, its journals included."""
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]


def remove_store(path: Path) -> None:
    """Remove the files of a store."""
    for file in store_files(path):
        file.unlink(missing_ok=True)


def schema_copy_path(store: Path, version: int, now: datetime | None = None) -> Path:
    """Where the copy made before a change of schema goes."""
    return store.with_name(f"{store.stem}-schema{version}-{now or datetime.now(UTC):%Y%m%dT%H%M%S%f}.db")


def purge_schema_copies(store: Path, older_than: timedelta = timedelta(0), now: datetime | None = None) -> int:
    """Remove the copies of a store made before changes of its schema; how many.

    Without `older_than`, all: an erasure and a restore ask for it, since what was erased is still in them.
    """
    now, gone = (now or datetime.now(UTC)).astimezone(UTC), 0
    for path in store.parent.glob(f"{store.stem}-schema*.db"):
        found = _SCHEMA_COPY.search(path.name)
        made = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None
        if made and (not older_than or now - made >= older_than):
            remove_store(path)
            gone += 1
    return gone


def _copy(source: Path, key: bytes, target: Path, progress: Progress) -> Snapshot:
    reader = connect(source, key, read_only=True)
    try:
        # One read transaction around all: SQLite copies what it shows, and does not start over when somebody writes.
        reader.execute("BEGIN")
        taken = snapshot(reader)
        writer = connect(target, key, journal="DELETE")
        try:
            reader.backup(writer, pages=_PAGES, progress=progress)
        finally:
            writer.close()
    except sqlcipher.Error as error:
        raise store_problem(error, target) or StoreError(
            f"La base {source} n’a pas pu être copiée", "relancez ; si cela persiste, kobo-sync doctor"
        ) from None
    finally:
        reader.close()
    return taken
