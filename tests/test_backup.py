"""A backup is of one instant, whole or absent, and closed to the machine that made it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from kobo_sync import backup_copy, health
from kobo_sync.backup import back_up, last_backup
from kobo_sync.backup_archive import open_archive
from kobo_sync.backup_copy import check_copy, keyed_copy
from kobo_sync.backup_keep import backup_name, superfluous
from kobo_sync.config_backup import KeepConfig
from kobo_sync.errors import LockHeld, StoreError, StoreKeyError
from kobo_sync.keys import load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.nightly import _backed_up
from kobo_sync.stopping import Stop
from kobo_sync.store import connect
from tests.backup_fixture import Officer, Place, configured, installed, kobo_sync, kobo_sync_process, officer
from tests.canary import leaks

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
CANARY = "Zeinabou-canari"


def identities(one: Officer) -> list[pyrage.x25519.Identity]:
    return [pyrage.x25519.Identity.from_str(one.file.read_text().split()[-1])]


def unsealed(path: Path, one: Officer) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(path.read_bytes(), identities(one))))


def attach(place: Place, name: str, content: bytes) -> None:
    path = place.config.data_dir / "attachments" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_either_officer_opens_it_and_nobody_reads_a_name_or_a_key(tmp_path: Path) -> None:
    place = installed(tmp_path)
    attach(place, "ab/cd.bin", b"encrypted already")
    made = back_up(place.config, now=NOW)
    assert made.path.name == "anltp-20261125T020000Z.age" and made.submissions == 3
    assert made.path.stat().st_mode & 0o777 == 0o600 or os.name != "posix"
    keys = load_keys(place.config)
    for one in place.officers:
        with unsealed(made.path, one) as tar:
            assert tar.getnames() == ["base.db", "config.yaml", "attachments/ab/cd.bin", "manifest.json"]
            manifest = json.load(tar.extractfile("manifest.json"))
            whole = b"".join(tar.extractfile(name).read() for name in tar.getnames())
    assert manifest["counts"]["revision"] == 4 and manifest["keys"] == keys.fingerprint and manifest["digest"]
    for secret in (keys.store, keys.pseudonym):
        assert secret not in whole and secret.hex().encode() not in whole
    assert CANARY.encode() not in whole and b"SQLite format" not in whole
    assert leaks([tmp_path], [CANARY]) == []
    assert not list(place.config.data_dir.glob("sauvegarde-en-cours*")) and not list(made.path.parent.glob("*.partiel"))
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(made.path.read_bytes(), identities(officer(tmp_path, "étranger")))


def test_it_is_of_one_instant_while_another_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = installed(tmp_path)
    writer = """
import sys
from pathlib import Path
from kobo_sync.config import load_config
from kobo_sync.keys import load_keys
from kobo_sync.store import Store
config = load_config(Path(sys.argv[1]))
with Store.open(config.store_path, load_keys(config).store) as store:
    number = 0
    while not Path(sys.argv[2]).exists():
        number += 1
        with store.transaction() as connection:  # one line in each of two tables, far apart in the file
            store.decide("test", str(number), "x" * 500, "essai", "2026-11-25", "")
            connection.execute("INSERT INTO audit (at, actor, action, subject, reason) VALUES ('', '', '', ?, '')",
                               ("y" * 500,))
        if number == 300:
            print("ready", flush=True)
print(number)
"""
    monkeypatch.setattr(backup_copy, "_PAGES", 3)  # a hundred steps, as a large store takes
    stop = tmp_path / "stop"
    child = subprocess.Popen(
        [sys.executable, "-c", writer, str(place.config.path), str(stop)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "ready\n"
        made = [back_up(place.config, now=NOW + timedelta(seconds=second)) for second in range(2)]
    finally:
        stop.touch()
        said, _ = child.communicate(timeout=60)
    counts = []
    for number, each in enumerate(made):
        folder = tmp_path / f"ouverte{number}"
        folder.mkdir()
        contents = open_archive(each.path, identities(place.officers[0]), folder)
        connection = connect(contents.store, load_keys(place.config).store, read_only=True)
        decisions = connection.execute("SELECT count(*) FROM decision WHERE kind = 'test'").fetchone()[0]
        assert decisions == connection.execute("SELECT count(*) FROM audit").fetchone()[0]
        assert contents.manifest["counts"]["audit"] == decisions
        connection.close()
        counts.append(decisions)
    assert 300 <= counts[0] < counts[1] < int(said), "the writer was at work between and after them"


def test_what_is_written_between_two_steps_of_the_copy_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = installed(tmp_path)
    key, steps = load_keys(place.config).store, list[int]()
    monkeypatch.setattr(backup_copy, "_PAGES", 3)
    with place.store() as store:

        def write(status: int, remaining: int, total: int) -> None:
            steps.append(remaining)
            if len(steps) <= 5:
                store.decide("test", str(len(steps)), "x" * 5000, "essai", "2026-11-25", "")

        taken = keyed_copy(place.config.store_path, key, tmp_path / "copie.db", write)
        assert store.connection.execute("SELECT count(*) FROM decision").fetchone()[0] == 1 + 5
    assert len(steps) > 10 and steps == sorted(steps, reverse=True), "it never started over"
    assert taken.counts["decision"] == 1 == check_copy(tmp_path / "copie.db", key).counts["decision"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_one_that_is_killed_leaves_nothing_under_a_backup_s_name(tmp_path: Path) -> None:
    place = installed(tmp_path)
    attach(place, "grand.bin", os.urandom(1 << 20) * 60)
    folder = place.config.data_dir / "sauvegardes"
    child = subprocess.Popen(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", "backup"], cwd=place.folder
    )
    while child.poll() is None and not any(path.stat().st_size for path in folder.glob("*.partiel")):
        time.sleep(0.002)
    child.kill()
    assert child.wait() == -9, "the backup was over before it could be killed"
    assert not list(folder.glob("*.age")) and last_backup(place.config) is None
    (partial,) = folder.glob("*.partiel")
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(partial.read_bytes(), identities(place.officers[0]))
    assert leaks([tmp_path], [CANARY]) == []

    (place.config.data_dir / "attachments" / "grand.bin").unlink()
    done = kobo_sync_process(place.folder, "backup")
    assert done.returncode == 0, done.stderr
    assert [path.suffix for path in folder.glob("anltp-*")] == [".age"]
    assert not list(place.config.data_dir.glob("sauvegarde-en-cours*"))


@pytest.mark.skipif(os.name != "posix", reason="limit on the size of a file")
def test_a_disk_that_refuses_is_said_and_the_last_backup_stays(tmp_path: Path) -> None:
    place = installed(tmp_path)
    before = back_up(place.config, now=NOW)
    attach(place, "grand.bin", os.urandom(3 << 20))
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))\n"
        "import sys; sys.argv = ['kobo-sync', 'backup']\n"
        "from kobo_sync.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=place.folder, capture_output=True, text=True)
    assert done.returncode == 1 and "n’a pas pu être écrite" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in before.path.parent.glob("anltp-*")] == [before.path.name]
    assert last_backup(place.config) == NOW
    assert not list(place.config.data_dir.glob("sauvegarde-en-cours*"))


def test_the_last_one_is_known_without_a_key(tmp_path: Path) -> None:
    place = installed(tmp_path)
    assert last_backup(place.config) is None
    back_up(place.config, now=NOW)
    for key in place.config.data_dir.glob("*.key"):
        key.unlink()
    assert last_backup(place.config) == NOW
    health.path_of(place.config).write_text("{")
    assert last_backup(place.config) is None


def test_one_by_hand_makes_good_that_of_the_night(tmp_path: Path) -> None:
    place = installed(tmp_path)
    back_up(place.config, now=NOW - timedelta(days=1))
    with hold_lock(place.config.data_dir / "sauvegarde.lock"):
        failures: list[health.Failure] = []
        health.ended(place.config, started=NOW, at=NOW, exit_code=0)
        assert _backed_up(place.config, lambda: NOW, Stop(), 0, failures) == 3
    assert last_backup(place.config) == NOW - timedelta(days=1), "that one is still the last"
    assert health.verdict(place.config, NOW)[0] == 3
    back_up(place.config, now=NOW)
    assert last_backup(place.config) == NOW and health.verdict(place.config, NOW) == (0, "tout va bien")


def test_two_do_not_run_at_once_and_a_run_does_not_stop_it(tmp_path: Path) -> None:
    place = installed(tmp_path)
    with hold_lock(place.config.lock_path):
        made = [back_up(place.config, now=NOW).path for _ in range(2)]
    assert len(set(made)) == 2 and all(path.exists() for path in made), "two within the same second"
    with hold_lock(place.config.data_dir / "sauvegarde.lock"), pytest.raises(LockHeld):
        back_up(place.config, now=NOW + timedelta(seconds=1))


def test_it_needs_officers_and_a_store_and_says_so(tmp_path: Path) -> None:
    place = installed(tmp_path)
    configured(place.folder, [])
    done = kobo_sync(place.folder, "backup")
    assert done.returncode == 2 and "recovery.officers" in done.stderr
    config = configured(place.folder, place.officers)
    config.store_path.unlink()
    done = kobo_sync(place.folder, "backup")
    assert done.returncode == 1 and "pas encore de base" in done.stderr


def test_a_damaged_store_is_not_backed_up_as_if_it_were_whole(tmp_path: Path) -> None:
    place = installed(tmp_path)
    with place.store() as store:
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(place.config.store_path.read_bytes())
    content[5 * 4096 + 100] ^= 0xFF
    place.config.store_path.write_bytes(content)
    done = kobo_sync(place.folder, "backup")
    assert done.returncode == 1 and "abîmée" in done.stderr, done.stderr
    assert not list((place.config.data_dir / "sauvegardes").glob("anltp-*"))


def test_the_last_of_each_day_week_and_month_is_kept() -> None:
    start = datetime(2025, 1, 1, 1, 0, tzinfo=UTC)
    # What a year of nights leaves, each night removing what no rule keeps.
    kept: list[str] = []
    for night in range(400):
        kept.append(backup_name(start + timedelta(days=night)))
        gone = superfluous(kept, KeepConfig(daily=7, weekly=5, monthly=12), "Africa/Niamey")
        assert kept[-1] not in gone
        kept = [name for name in kept if name not in gone]
    last = start + timedelta(days=399)
    assert kept[-7:] == [backup_name(last - timedelta(days=back)) for back in range(6, -1, -1)]
    months = {name[6:12] for name in kept}
    assert len(months) == 12 and len(kept) <= 7 + 5 + 12


def test_a_file_it_does_not_know_and_those_of_the_last_day_are_never_removed() -> None:
    names = [backup_name(NOW - timedelta(hours=hour)) for hour in (0, 3, 23)]
    strange = ["anltp-20010101T000000Z.age.copie", "anltp-avant-migration.age", "recovery-20010101T000000-ab.age"]
    keep = KeepConfig(daily=1, weekly=0, monthly=0)
    assert superfluous([*names, *strange], keep, "Africa/Niamey") == []
    old = backup_name(NOW - timedelta(days=3))
    assert superfluous([old, *names, *strange], keep, "Africa/Niamey") == [old]


def test_a_backup_that_was_touched_is_refused(tmp_path: Path) -> None:
    place = installed(tmp_path)
    made = back_up(place.config, now=NOW)
    whole = made.path.read_bytes()
    for number, content in enumerate((whole[:-1], whole[:-70000], whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])):
        made.path.write_bytes(content)
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(StoreKeyError, match="coupé ou abîmé"):
            open_archive(made.path, identities(place.officers[0]), folder)


@pytest.mark.parametrize("name", ["../dehors.txt", "/tmp/dehors-absolu.txt", "a/../../dehors.txt", "C:dehors.txt"])
def test_a_member_that_leads_out_of_the_folder_is_no_backup(tmp_path: Path, name: str) -> None:
    one = pyrage.x25519.Identity.generate()
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        told = tarfile.TarInfo(name)
        told.size = 4
        tar.addfile(told, io.BytesIO(b"mauv"))
    path, folder = tmp_path / "x.age", tmp_path / "a" / "b"
    path.write_bytes(pyrage.encrypt(held.getvalue(), [one.to_public()]))
    folder.mkdir(parents=True)
    with pytest.raises(StoreError, match="n’est pas une sauvegarde"):
        open_archive(path, [one], folder)
    assert not list(tmp_path.rglob("dehors*")) and not Path("/tmp/dehors-absolu.txt").exists()
