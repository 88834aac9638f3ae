"""Replacing the derived tables: built beside the old ones, swapped in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlite_utils

from kobo_sync import store_read
from kobo_sync.errors import StoreError

if TYPE_CHECKING:
    from kobo_sync.store import Store

DerivedTable = tuple[Mapping[str, type], Iterable[Mapping[str, Any]]]
"""Column -> type (str, int, float), and the rows."""

SHADOW = "shadow_"


def replace(store: Store, tables: Mapping[str, DerivedTable], stamp: Mapping[str, str]) -> None:
    """See Store.replace_derived."""
    connection = store.connection
    database = sqlite_utils.Database(connection)
    former = {row[0] for row in connection.execute("SELECT name FROM derived_table")}
    names = set(database.table_names())
    taken = (names - former) & set(tables)
    if taken:
        raise StoreError(f"Table dérivée au nom d’une table reçue : {', '.join(sorted(taken))}")
    for left in (name for name in names if name.startswith(SHADOW)):  # of a rebuild that was killed
        connection.execute(f'DROP TABLE "{left}"')
    for name, (columns, rows) in tables.items():
        with store.transaction():
            # Explicit columns: sqlite-utils can't alter a table over this driver.
            database.create_table(SHADOW + name, dict(columns))
            _fill(connection, SHADOW + name, list(columns), rows)
    read = {
        "schema_version": str(store.schema_version),
        "received_hash": store.received_digest(),
        "submissions": str(store_read.count_present(connection)),
    }
    with store.transaction():
        for name in former:
            connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        connection.execute("DELETE FROM derived_table")
        for name in tables:
            connection.execute(f'ALTER TABLE "{SHADOW}{name}" RENAME TO "{name}"')
            connection.execute("INSERT INTO derived_table VALUES (?)", (name,))
        connection.execute("DELETE FROM derived_stamp")
        connection.executemany("INSERT INTO derived_stamp VALUES (?, ?)", [*stamp.items(), *read.items()])


def _fill(connection: Any, table: str, columns: list[str], rows: Iterable[Mapping[str, Any]]) -> None:
    named = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join("?" * len(columns))
    known = set(columns)

    def values() -> Iterator[tuple[Any, ...]]:
        for row in rows:
            if not row.keys() <= known:
                raise StoreError(f"{table} : colonnes inconnues {sorted(row.keys() - known)}")
            yield tuple(row.get(column) for column in columns)

    connection.executemany(f'INSERT INTO "{table}" ({named}) VALUES ({places})', values())
