"""kill -9 anywhere, then a normal run: the store equals the clean one, nothing lost, nothing doubled, no half file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

import pytest

from kobo_sync.age_files import read_identities
from kobo_sync.backup import back_up, backup_folder
from kobo_sync.backup_archive import open_archive
from kobo_sync.backup_keep import backups_in
from kobo_sync.digest import store_digest
from kobo_sync.errors import StoreError
from kobo_sync.store import Store
from tests.backup_fixture import Place, installed
from tests.crash_fixture import Killer, World, killer, world
from tests.store_fixture import KEY, fill

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the harness forks; Windows has no fork")
SEED = 20261125
OLD = Path(__file__).parent / "fixtures" / "store-schema-1.sqlcipher"
SOAK = {"pull": 280, "night": 40, "opening": 70, "swap": 60, "backup": 35, "restore": 35}
"""Killed jobs of the long test, by kind."""
SAMPLE = {"pull": 4, "night": 1, "opening": 2, "swap": 2, "backup": 2, "restore": 2}


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("crash")) as made:
        yield made


def killed_nights(at: World, job: str, wanted: int) -> int:
    random, killed, differences = Random(f"{SEED} {job}"), 0, []
    for _ in range(4 * wanted):
        number, difference = at.kill_then_run(random, job)
        killed += number
        differences += [difference] if difference else []
        if killed >= wanted:
            break
    assert differences == []
    assert killed >= wanted
    return killed


def killed_openings(kill: Killer, folder: Path, wanted: int) -> int:
    """Migration of a store of the first schema, its copy included; and the making of a new one."""
    random, killed = Random(f"{SEED} opening"), 0
    clean = {}
    for start in (OLD, None):
        path = _fresh(folder, start)
        done = kill("opening", path)
        with Store.open(path, KEY) as store:
            clean[start] = done, store_digest(store), store.schema_version
    while killed < wanted:
        start = random.choice((OLD, None))
        path = _fresh(folder, start)
        done, digest, version = clean[start]
        killed += kill.at_random(random, "opening", path, done)["killed"]
        assert kill("opening", path)["problems"] == []
        with Store.open(path, KEY) as store:
            assert (store_digest(store), store.schema_version) == (digest, version)
    return killed


def killed_swaps(kill: Killer, folder: Path, wanted: int) -> int:
    """The derived tables are the old ones or the new ones, never some of each."""
    random, killed = Random(f"{SEED} swap"), 0
    origin = folder / "origin.db"
    with Store.open(origin, KEY) as store:
        fill(store)
        old = store_digest(store)
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = _fresh(folder, origin)
    done = kill("swap", path)
    with Store.open(path, KEY) as store:
        new = store_digest(store)
    seen = set()
    while killed < wanted:
        path = _fresh(folder, origin)
        killed += kill.at_random(random, "swap", path, done)["killed"]
        with Store.open(path, KEY) as store:
            seen.add(store_digest(store))
            assert seen <= {old, new}
        assert kill("swap", path)["problems"] == []
        with Store.open(path, KEY) as store:
            assert store_digest(store) == new
            assert not [
                name for (name,) in store.connection.execute("SELECT name FROM sqlite_master") if "shadow" in name
            ]
    assert old in seen
    return killed


def killed_backups(kill: Killer, place: Place, folder: Path, wanted: int) -> int:
    """What bears a backup's name is whole; the store is as it was; the next backup leaves nothing of the killed one."""
    random, killed = Random(f"{SEED} backup"), 0
    each = (json.dumps({"config": str(place.config.path), "minute": minute}) for minute in count())
    clean = kill("backup", next(each))
    assert clean["problems"] == []
    with place.store() as store:
        before = store_digest(store)
    identities = read_identities(place.officers[0].file, lambda: "")
    while killed < wanted:
        killed += kill.at_random(random, "backup", next(each), clean)["killed"]
        for number, made in enumerate(backups_in(backup_folder(place.config))):
            room = folder / str(number)
            room.mkdir(parents=True, mode=0o700)
            open_archive(made, identities, room)
        assert kill("backup", next(each))["problems"] == []
        left = [path.name for path in backup_folder(place.config).iterdir() if path.suffix not in (".age", ".jsonl")]
        assert left == [] and not list(place.config.data_dir.glob("sauvegarde-en-cours*"))
        for made in backups_in(backup_folder(place.config))[1:]:
            made.unlink()
        shutil.rmtree(folder, ignore_errors=True)
    with place.store() as store:
        assert store_digest(store) == before
    return killed


def killed_restores(kill: Killer, place: Place, wanted: int) -> int:
    """A restore that was killed is simply run again; meanwhile no empty store takes the place of the lost one."""
    random, killed = Random(f"{SEED} restore"), 0
    made = back_up(place.config, now=datetime.now(UTC)).path
    about = json.dumps({"file": str(made), "identity": str(place.officers[0].file), "config": str(place.config.path)})
    with place.store() as store:
        before = store_digest(store)
    clean = kill("restore", about)
    assert clean["problems"] == []
    while killed < wanted:
        killed += kill.at_random(random, "restore", about, clean)["killed"]
        try:
            with place.store() as store:
                assert store_digest(store) == before
        except StoreError as error:
            assert "kobo-sync restore" in error.remedy
        assert kill("restore", about)["problems"] == []
        with place.store() as store:
            assert store_digest(store) == before
    assert not list(place.config.data_dir.glob("restauration-en-cours*"))
    return killed


def _fresh(folder: Path, origin: Path | None) -> Path:
    data = folder / "one"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if origin is not None:
        shutil.copyfile(origin, data / "anltp.db")
    return data / "anltp.db"


@pytest.mark.parametrize("job", ["pull", "night"])
def test_a_night_killed_anywhere_is_made_good_by_the_next(at: World, job: str) -> None:
    killed_nights(at, job, SAMPLE[job])


def test_a_store_killed_while_it_is_made_migrated_or_swapped_is_whole(tmp_path: Path) -> None:
    with killer() as kill:
        killed_openings(kill, tmp_path, SAMPLE["opening"])
        killed_swaps(kill, tmp_path, SAMPLE["swap"])


def test_a_backup_and_a_restore_killed_anywhere_are_done_again(tmp_path: Path) -> None:
    with killer() as kill:
        place = installed(tmp_path)
        killed_backups(kill, place, tmp_path / "opened", SAMPLE["backup"])
        killed_restores(kill, place, SAMPLE["restore"])


@pytest.mark.slow
def test_five_hundred_kills(at: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {job: killed_nights(at, job, SOAK[job]) for job in ("pull", "night")}
    counts["opening"] = killed_openings(at.kill, tmp_path, SOAK["opening"])
    counts["swap"] = killed_swaps(at.kill, tmp_path, SOAK["swap"])
    place = installed(tmp_path)
    with killer() as kill:  # without the other installation's keys
        counts["backup"] = killed_backups(kill, place, tmp_path / "opened", SOAK["backup"])
        counts["restore"] = killed_restores(kill, place, SOAK["restore"])
    with capsys.disabled():
        said = ", ".join(f"{number} {job}" for job, number in counts.items())
        print(f"\nkill -9: {sum(counts.values())} ({said}); every store equal to the clean one", flush=True)
    assert sum(counts.values()) >= 500
