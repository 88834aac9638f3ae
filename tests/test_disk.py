"""A disk that is full, read-only or broken: a message in French with its remedy, and the store as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from kobo_sync.digest import store_digest
from kobo_sync.disk import free_bytes
from kobo_sync.errors import KoboSyncError, StoreError
from kobo_sync.keys import PSEUDONYM_VARIABLE, STORE_VARIABLE
from kobo_sync.store import Store
from tests.store_fixture import KEY, fill, receive, row

FULL = "n’a plus de place sur le disque ; elle est intacte, .* — libérez de la place"
MANY = range(10, 3000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "anltp.db"


def digest(path: Path) -> str:
    with Store.open(path, KEY) as store:
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
        return store_digest(store)


def flood(store: Store) -> None:
    """More rows than the disk takes, ten to a transaction."""
    for start in MANY[::10]:
        receive(store, *(row(str(number), note="x" * 2000) for number in range(start, start + 10)))


@contextmanager
def small_disk(folder: Path, size: str = "600k") -> Iterator[Path]:
    """A file system of its own in memory, which only root may mount."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_store_says_so_and_keeps_what_it_had(path: Path) -> None:
    with Store.open(path, KEY) as store:
        fill(store)
    before = digest(path)
    with pytest.raises(StoreError, match=FULL), Store.open(path, KEY) as store:
        used = store.connection.execute("PRAGMA page_count").fetchone()[0]
        store.connection.execute(f"PRAGMA max_page_count = {used}")  # SQLite's own SQLITE_FULL, on any machine
        receive(store, *(row(str(number), note="x" * 2000) for number in MANY))
    assert digest(path) == before


def test_a_full_disk_leaves_whole_batches_and_the_next_night_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        path = disk / "data" / "anltp.db"
        with pytest.raises(StoreError, match=FULL), Store.open(path, KEY) as store:
            flood(store)
        digest(path)
        with Store.open(path, KEY) as store:
            (count,) = store.connection.execute("SELECT count(*) FROM submission").fetchone()
            assert count > 0 and count % 10 == 0, "a batch is there whole or not at all"
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        with Store.open(path, KEY) as store:
            flood(store)
            assert store.connection.execute("SELECT count(*) FROM submission").fetchone() == (len(MANY),)


def _configuration(folder: Path, data: Path) -> Path:
    content = yaml.safe_load(Path(__file__).parent.parent.joinpath("config.yaml").read_text(encoding="utf-8"))
    content |= {"data_dir": str(data), "output_dir": str(folder / "outputs")}
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return config


def command(*words: str) -> subprocess.CompletedProcess[str]:
    keys = {STORE_VARIABLE: KEY.hex(), PSEUDONYM_VARIABLE: "cd" * 32}
    return subprocess.run(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", *words],
        env=os.environ | keys, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip


def test_the_command_line_on_a_full_and_on_a_read_only_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        config = _configuration(tmp_path, disk / "data")
        path = disk / "data" / "anltp.db"
        with Store.open(path, KEY) as store:
            fill(store)
        before = digest(path)
        free = free_bytes(disk)
        with (disk / "filler").open("wb") as filler:
            filler.write(b"x" * free)
        done = command("rebuild", "--config", str(config))
        assert done.returncode == 1 and "libérez de la place" in done.stderr and "Traceback" not in done.stderr
        (disk / "filler").unlink()
        assert digest(path) == before
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = command("rebuild", "--config", str(config))
        assert done.returncode == 1 and "Traceback" not in done.stderr, "no fault of config.yaml, which would be 2"
        assert "le disque est en lecture seule" in done.stderr and "fsck" in done.stderr
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert digest(path) == before


LIMITED = """
import resource, sys
from pathlib import Path
from kobo_sync.errors import StoreError
from kobo_sync.store import Store
from tests.store_fixture import KEY
from tests.test_disk import flood
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    with Store.open(Path(sys.argv[1]), KEY) as store:
        flood(store)
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a process are POSIX's")
def test_a_write_that_the_system_refuses_is_told_and_leaves_whole_batches(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, encoding="utf-8",
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.stderr == "" and "le disque répond par une erreur" in done.stdout
    digest(path)
    with Store.open(path, KEY) as store:
        (count,) = store.connection.execute("SELECT count(*) FROM submission").fetchone()
        assert count > 0 and count % 10 == 0


def test_a_store_that_may_not_be_written_says_so(path: Path) -> None:
    with Store.open(path, KEY) as store:
        fill(store)
    before = digest(path)
    with pytest.raises(StoreError, match="est en lecture seule ; rien n’a été modifié"), Store.open(path, KEY) as store:
        store.connection.execute("PRAGMA query_only = ON")  # SQLite's own SQLITE_READONLY
        receive(store, row("77"))
    assert digest(path) == before


def test_a_damaged_store_names_the_command_that_restores(path: Path) -> None:
    with Store.open(path, KEY) as store:
        fill(store)
    whole = path.read_bytes()
    seen = set()
    for page in range(1, len(whole) // 4096):
        damaged = bytearray(whole)
        damaged[page * 4096 + 100] ^= 0xFF
        path.write_bytes(damaged)
        try:
            with Store.open(path, KEY) as store:
                for (table,) in store.connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                ).fetchall():
                    store.connection.execute(f'SELECT * FROM "{table}"').fetchall()
        except KoboSyncError as error:
            seen.add(error.message.partition(str(path))[2])
            assert "kobo-sync restore" in error.remedy
    assert any("abîmée" in text for text in seen)
    path.write_bytes(whole)
    digest(path)


def test_an_error_that_is_not_the_disks_keeps_its_own_name(path: Path) -> None:
    with pytest.raises(Exception, match="no such table"), Store.open(path, KEY) as store:
        store.connection.execute("SELECT * FROM nowhere")
