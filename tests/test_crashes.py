"""kill -9 anywhere, then a normal run: the store equals the clean one, nothing lost, nothing doubled, no half file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from kobo_sync.digest import store_digest
from kobo_sync.store import Store
from tests.crash_fixture import Killer, World, killer, world
from tests.store_fixture import KEY, fill

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the harness forks; Windows has no fork")
SEED = 20261125
OLD = Path(__file__).parent / "fixtures" / "store-schema-1.sqlcipher"
SOAK = {"pull": 380, "night": 60, "opening": 60, "swap": 60}
"""Killed jobs of the long test, by kind."""
SAMPLE = {"pull": 4, "night": 1, "opening": 3, "swap": 3}


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("crash")) as made:
        yield made


def killed_nights(at: World, job: str, wanted: int) -> int:
    random, killed, differences = Random(f"{SEED} {job}"), 0, []
    for _ in range(4 * wanted):
        count, difference = at.kill_then_run(random, job)
        killed += count
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


@pytest.mark.slow
def test_five_hundred_kills(at: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {job: killed_nights(at, job, SOAK[job]) for job in ("pull", "night")}
    counts["opening"] = killed_openings(at.kill, tmp_path, SOAK["opening"])
    counts["swap"] = killed_swaps(at.kill, tmp_path, SOAK["swap"])
    with capsys.disabled():
        said = ", ".join(f"{number} {job}" for job, number in counts.items())
        print(f"\nkill -9: {sum(counts.values())} ({said}); every store equal to the clean one", flush=True)
    assert sum(counts.values()) >= 500
