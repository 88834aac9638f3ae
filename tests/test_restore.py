"""A backup put back: on a machine that never held the store, over another store, and with what was erased since."""

from __future__ import annotations

import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kobo_sync.backup import ERASURES, back_up, complete_list
from kobo_sync.config import load_config
from kobo_sync.digest import store_digest
from kobo_sync.erasure_list import Erasure, Target, erase_targets, export_erasures
from kobo_sync.keys import load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.recovery import require_drill, write_copy
from kobo_sync.store import Store
from tests.backup_fixture import Place, configured, installed, kobo_sync, kobo_sync_process
from tests.canary import leaks
from tests.store_fixture import AT

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
CANARY = "Zeinabou-canari"


class Away:
    """What is left when the server burns: a backup, the erasure list, the recovery copy, an officer's key."""

    def __init__(self, place: Place, folder: Path) -> None:
        folder.mkdir()
        made = back_up(place.config, now=NOW)
        self.copy = shutil.move(write_copy(place.config, load_keys(place.config)), folder)
        self.list = folder / ERASURES
        shutil.copy(made.path.parent / ERASURES, self.list)
        self.backup = folder / made.path.name
        shutil.copy(made.path, self.backup)
        self.words = ["restore", str(self.backup), "--identity", str(place.officers[0].file)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = installed(tmp_path)
    files = made.config.data_dir / "attachments"
    files.mkdir()
    (files / "memo.bin").write_bytes(b"encrypted already")
    return made


def digest_of(place_or_config: Place) -> str:
    with place_or_config.store() as store:
        return store_digest(store)


def erase_first(place: Place) -> None:
    """Erase the case that carries the canary, as `erase` does."""
    with place.store() as store:
        erase_targets(
            store, Erasure("2026-11-26T09:00:00+00:00", "data_manager", "demande", "case", "c1"),
            [Target("kobo-anltp/traite/1")],
        )  # fmt: skip
        complete_list(place.config.data_dir / "sauvegardes" / ERASURES, export_erasures(store))


def received(store: Store) -> str:
    rows = store.connection.execute("SELECT raw_json FROM revision").fetchall()
    return "".join(row[0] for row in rows) + str(store.connection.execute("SELECT * FROM identity").fetchall())


def test_a_new_machine_gets_the_same_store_in_one_command(place: Place, tmp_path: Path) -> None:
    away, before, keys = Away(place, tmp_path / "coffre"), digest_of(place), load_keys(place.config)
    shutil.rmtree(place.folder)
    home = tmp_path / "neuf"
    home.mkdir()
    left = home / "anltp" / ".restauration-tuee"  # what a restore that was killed leaves
    left.mkdir(parents=True)
    (left / "verrou").touch()
    done = kobo_sync_process(home, *away.words, "--recovery", away.copy, "--to", str(home / "anltp"))
    assert done.returncode == 0, done.stderr
    new = Place(home / "anltp", load_config(home / "anltp" / "config.yaml"), place.officers)
    if os.name == "posix":
        assert stat.S_IMODE(new.config.path.stat().st_mode) == 0o600
    assert load_keys(new.config) == keys and digest_of(new) == before
    assert (new.config.data_dir / "attachments" / "memo.bin").read_bytes() == b"encrypted already"
    require_drill(new.config, keys)  # the restore was the drill
    assert keys.store.hex() not in done.stdout + done.stderr
    assert leaks([home], [CANARY]) == [] and not list(home.rglob(".restauration-*"))
    assert kobo_sync(home / "anltp", "backup").returncode == 0


def test_a_restore_at_work_is_not_swept_away(place: Place, tmp_path: Path) -> None:
    away, home = Away(place, tmp_path / "coffre"), tmp_path / "neuf"
    other = home / ".restauration-autre"
    other.mkdir(parents=True)
    with hold_lock(other / "verrou"):
        assert kobo_sync(home, *away.words, "--recovery", away.copy).returncode == 0
    assert list(home.glob(".restauration-*")) == [other]


def test_keys_are_asked_for_when_missing_and_refused_when_others(place: Place, tmp_path: Path) -> None:
    away = Away(place, tmp_path / "coffre")
    home = tmp_path / "neuf"
    home.mkdir()
    done = kobo_sync(home, *away.words)
    assert done.returncode == 1 and "--recovery COPIE" in done.stderr
    other = installed(tmp_path / "autre")
    strange = write_copy(configured(other.folder, place.officers), load_keys(other.config))
    done = kobo_sync(home, *away.words, "--recovery", str(strange))
    assert done.returncode == 1 and "d’autres clés : empreinte" in done.stderr
    assert not (home / "data").exists() or not list((home / "data").glob("*.db"))
    done = kobo_sync(home, "restore", away.copy, "--identity", str(place.officers[0].file))
    assert done.returncode == 1 and "n’est pas une sauvegarde" in done.stderr
    done = kobo_sync(home, *away.words[:3], str(other.officers[0].file))
    assert done.returncode == 1 and "écrit pour d’autres responsables" in done.stderr


def test_a_store_in_place_is_kept_aside_and_only_when_asked(place: Place, tmp_path: Path) -> None:
    away, then = Away(place, tmp_path / "coffre"), digest_of(place)
    with place.store() as store:
        store.connection.execute("DELETE FROM validation_state")
        now = store_digest(store)
    assert now != then
    refused = kobo_sync(place.folder, *away.words)
    assert refused.returncode == 1 and "--replace" in refused.stderr and digest_of(place) == now
    done = kobo_sync(place.folder, *away.words, "--replace")
    assert done.returncode == 0 and digest_of(place) == then, done.stderr
    (aside,) = place.config.data_dir.glob("anltp-avant-restauration-*.db")
    with Store.open(aside, load_keys(place.config).store) as store:
        assert store_digest(store) == now
    (files,) = place.config.data_dir.glob("attachments-avant-restauration-*")
    assert (files / "memo.bin").exists() and (place.config.data_dir / "attachments" / "memo.bin").exists()


def test_what_was_erased_after_the_backup_is_erased_again(place: Place, tmp_path: Path) -> None:
    away = Away(place, tmp_path / "coffre")
    erase_first(place)
    shutil.copy(place.config.data_dir / "sauvegardes" / ERASURES, away.list)
    assert CANARY not in away.list.read_text(encoding="utf-8")
    home = tmp_path / "neuf"
    home.mkdir()
    done = kobo_sync(home, *away.words, "--recovery", away.copy)
    assert done.returncode == 0 and "refaits : " in done.stdout, done.stderr
    new = Place(home, load_config(home / "config.yaml"), place.officers)
    with new.store() as store:
        assert CANARY not in received(store)
        assert store.connection.execute("SELECT count(*) FROM suppression").fetchone()[0] > 0
    assert not list(new.config.data_dir.glob("*schema*"))


def test_without_the_erasure_list_a_person_must_say_why(place: Place, tmp_path: Path) -> None:
    away = Away(place, tmp_path / "coffre")
    away.list.unlink()
    home = tmp_path / "neuf"
    home.mkdir()
    words = [*away.words, "--recovery", away.copy]
    refused = kobo_sync(home, *words)
    assert refused.returncode == 1 and "--without-erasures" in refused.stderr
    assert not (home / "data" / "anltp.db").exists()
    done = kobo_sync(home, *words, "--without-erasures", "liste perdue avec le serveur")
    assert done.returncode == 0, done.stderr
    new = Place(home, load_config(home / "config.yaml"), place.officers)
    with new.store() as store:
        ((action, reason),) = store.connection.execute("SELECT action, reason FROM audit").fetchall()
        assert action == "restore" and "liste perdue avec le serveur" in reason
        assert CANARY in received(store)  # nothing had been erased


def test_a_list_older_than_the_backup_is_refused(place: Place, tmp_path: Path) -> None:
    erase_first(place)
    away = Away(place, tmp_path / "coffre")
    away.list.write_text("", encoding="utf-8")
    home = tmp_path / "neuf"
    home.mkdir()
    refused = kobo_sync(home, *away.words, "--recovery", away.copy)
    assert refused.returncode == 1 and "plus ancienne, ou coupée" in refused.stderr


def test_a_list_that_another_hand_touched_is_refused_before_anything_is_put_in_place(
    place: Place, tmp_path: Path
) -> None:
    away = Away(place, tmp_path / "coffre")
    erase_first(place)
    away.list.write_bytes((place.config.data_dir / "sauvegardes" / ERASURES).read_bytes() + b'{"forged": 1}\n')
    home = tmp_path / "neuf"
    home.mkdir()
    words = [*away.words, "--recovery", away.copy]
    refused = kobo_sync(home, *words)
    assert refused.returncode == 1 and "n’est pas intacte" in refused.stderr
    assert not (home / "data" / "anltp.db").exists()
    done = kobo_sync(home, *words, "--without-erasures", "ligne forgée, vue avec l’informatique")
    assert done.returncode == 0, done.stderr
    with Place(home, load_config(home / "config.yaml"), place.officers).store() as store:
        assert CANARY not in received(store)  # the lines that are whole are applied all the same


def test_the_erasure_list_grows_only_and_mends_a_line_that_a_crash_cut(place: Place) -> None:
    path = place.config.data_dir / "sauvegardes" / ERASURES
    back_up(place.config, now=NOW)
    assert path.read_bytes() == b""
    erase_first(place)
    whole = path.read_bytes()
    assert whole.count(b"\n") >= 1
    path.write_bytes(b'{"of": "another list"}\n' + whole[: len(whole) // 2])
    with place.store() as store:
        complete_list(path, export_erasures(store))
        complete_list(path, export_erasures(store))
    assert path.read_bytes().startswith(b'{"of": "another list"}\n')
    assert sorted(path.read_bytes().splitlines()) == sorted([b'{"of": "another list"}', *whole.splitlines()])


def test_a_backup_of_the_former_schema_comes_back_in_the_present_one(tmp_path: Path) -> None:
    from tests.store_fixture import KEY

    place = installed(tmp_path)
    place.config.store_path.unlink()
    for end in ("-wal", "-shm"):
        Path(f"{place.config.store_path}{end}").unlink(missing_ok=True)
    shutil.copy(Path(__file__).parent / "fixtures" / "store-schema-1.sqlcipher", place.config.store_path)
    (place.config.data_dir / "store.key").write_text(KEY.hex())
    away = Away(place, tmp_path / "coffre")
    home = tmp_path / "neuf"
    home.mkdir()
    done = kobo_sync(home, *away.words, "--recovery", away.copy)
    assert done.returncode == 0, done.stderr
    new = Place(home, load_config(home / "config.yaml"), place.officers)
    with new.store() as store:
        assert store.schema_version == 2 and CANARY in received(store)
        first = store.connection.execute("SELECT min(first_seen_at) FROM submission").fetchone()[0]
        assert first == AT
    assert not list(new.config.data_dir.glob("*schema*"))


def test_a_restore_that_fails_leaves_no_configuration_behind(place: Place, tmp_path: Path) -> None:
    away = Away(place, tmp_path / "coffre")
    away.list.unlink()
    away.words.append("--to")
    done = kobo_sync(tmp_path, *away.words, str(tmp_path / "neuf"), "--recovery", str(away.copy))
    assert done.returncode == 1 and done.stderr and "Configuration reprise" not in done.stdout
    assert not (tmp_path / "neuf" / "config.yaml").exists()
