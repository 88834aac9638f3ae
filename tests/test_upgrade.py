"""A new release brings the store to its schema, or leaves it as it was."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kobo_sync import migrations
from kobo_sync.backup_copy import purge_schema_copies
from kobo_sync.errors import LockHeld, StoreError
from kobo_sync.keys import load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.migrations import CURRENT, version_of
from kobo_sync.store import Store, connect
from kobo_sync.upgrade import upgrade
from tests.backup_fixture import Place, configured, installed, kobo_sync, kobo_sync_process
from tests.store_fixture import KEY

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


@pytest.fixture
def old(tmp_path: Path) -> Place:
    """An installation whose store is that of schema 1."""
    place = installed(tmp_path)
    for path in place.config.data_dir.glob("anltp.db*"):
        path.unlink()
    shutil.copy(Path(__file__).parent / "fixtures" / "store-schema-1.sqlcipher", place.config.store_path)
    (place.config.data_dir / "store.key").write_text(KEY.hex())
    return place


def dump(connection: Any) -> list[str]:
    """What makes the tables, and their rows."""
    made = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    rows = [
        (name, row)
        for kind, name, _ in made
        if kind == "table"
        for row in connection.execute(f'SELECT * FROM "{name}"')
    ]
    return [repr(each) for each in (*made, *rows)]


def content(place: Place) -> tuple[int, list[str]]:
    """Schema and every row of the store, read without touching it."""
    connection = connect(place.config.store_path, load_keys(place.config).store, read_only=True)
    try:
        return version_of(connection), dump(connection)
    finally:
        connection.close()


def test_a_store_of_the_former_schema_is_backed_up_and_brought_up(old: Place) -> None:
    _, before = content(old)
    done = kobo_sync_process(old.folder, "upgrade")
    assert done.returncode == 3, done.stderr  # done, and the doctor finds no token
    assert "✗ kobo-anltp" in done.stdout
    assert f"schéma {CURRENT} (elle était au schéma 1)" in done.stdout
    assert content(old)[0] == CURRENT
    (copy,) = old.config.data_dir.glob("anltp-schema1-*.db")
    assert len(list((old.config.data_dir / "sauvegardes").glob("anltp-*.age"))) == 1
    connection = connect(copy, KEY, read_only=True)
    assert (version_of(connection), dump(connection)) == (1, before)
    connection.close()
    again = kobo_sync(old.folder, "upgrade")
    assert again.returncode == 3 and again.stdout.startswith("Rien à mettre à niveau")
    assert done.stdout.index("kobo-sync doctor") < done.stdout.index("Mise à niveau réussie")
    assert len(list(old.config.data_dir.glob("anltp-schema*.db"))) == 1, "no copy for nothing"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("CREATE TABLE half (x TEXT) STRICT; INSERT INTO absent VALUES (1);", "OperationalError"),
        ("DELETE FROM decision;", "des lignes reçues manquent (decision)"),
        ("DROP TABLE decision;", ""),
    ],
)
def test_a_release_that_fails_leaves_the_store_as_it_was(
    old: Place, monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    before = content(old)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, fault))
    monkeypatch.setattr(migrations, "CURRENT", CURRENT + 1)
    monkeypatch.setattr("kobo_sync.backup_copy.CURRENT", CURRENT + 1)
    with pytest.raises(StoreError, match="revenue telle qu’elle était") as caught:
        upgrade(old.config, now=NOW)
    assert said in str(caught.value) and "version précédente du logiciel" in caught.value.remedy
    assert content(old) == before
    assert not list(old.config.data_dir.glob("retour-en-cours*"))
    assert len(list((old.config.data_dir / "sauvegardes").glob("anltp-*.age"))) == 1


def test_a_store_of_a_later_release_is_refused_untouched(tmp_path: Path) -> None:
    place = installed(tmp_path)
    with place.store() as store:
        store.connection.execute("INSERT INTO schema_version VALUES (?, '')", (CURRENT + 7,))
    before = content(place)
    done = kobo_sync(place.folder, "upgrade")
    assert done.returncode == 1 and "la version la plus récente du logiciel" in done.stderr
    assert content(place) == before and not list(place.config.data_dir.glob("anltp-schema*"))


def test_a_run_at_work_is_not_disturbed(old: Place) -> None:
    with hold_lock(old.config.lock_path), pytest.raises(LockHeld):
        upgrade(old.config, now=NOW)
    assert content(old)[0] == 1


def test_without_officers_it_says_that_there_is_no_backup(old: Place) -> None:
    configured(old.folder, [])
    done = kobo_sync(old.folder, "upgrade")
    assert done.returncode == 3 and "Pas de sauvegarde chiffrée" in done.stdout
    assert list(old.config.data_dir.glob("anltp-schema1-*.db"))


def test_copies_of_former_schemas_go_after_a_month(old: Place) -> None:
    Store.open(old.config.store_path, KEY).close()  # as a first run after the release does
    (copy,) = old.config.data_dir.glob("anltp-schema1-*.db")
    made = datetime.now(UTC)
    assert (
        purge_schema_copies(old.config.store_path, timedelta(days=30), made + timedelta(days=29)) == 0 and copy.exists()
    )
    assert (
        purge_schema_copies(old.config.store_path, timedelta(days=30), made + timedelta(days=31)) == 1
        and not copy.exists()
    )
    assert old.config.store_path.exists()


def test_a_copy_that_fails_leaves_the_store_as_it_was_and_no_half_copy(old: Place) -> None:
    path = old.config.store_path
    spoilt = bytearray(path.read_bytes())
    spoilt[-2000] ^= 1
    path.write_bytes(spoilt)
    with pytest.raises(StoreError):
        Store.open(path, KEY)
    assert not list(path.parent.glob("anltp-schema*"))
    connection = connect(path, KEY, read_only=True)
    assert version_of(connection) == 1
    connection.close()
