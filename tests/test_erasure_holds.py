"""An erased name does not come back by any other way; whose name is withheld by that is told, and has a way out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.attachments import _rows
from kobo_sync.config import Config
from kobo_sync.erase import erase, export_erasures, lift, plan, replay_erasures, unfinished
from kobo_sync.errors import StoreError
from kobo_sync.rebuild import rebuild
from kobo_sync.retention import due
from kobo_sync.store import Store
from kobo_sync.withheld import standing
from tests.erase_fixture import (
    FAMILY,
    GIVEN,
    HER,
    KEY,
    NOW,
    OTHER,
    SIS,
    SOURCE,
    case,
    configured,
    fill,
    opened,
    receive,
)

LATER = "2026-11-25T00:00:00+00:00"
NEW = SIS | {"v_prenom": "Nouvelle", "v_nom": "Personnage"}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path)


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    with opened(config) as store:
        fill(store, config)
        yield store


def gone(store: Store, config: Config, subject: str) -> None:
    erase(store, config, plan(store, subject), by="dpo", reason="demande", now=NOW)


def kept(store: Store, number: int) -> str:
    """All that is kept of a submission."""
    rows = store.connection.execute(
        "SELECT raw_json, form_release, remote_version FROM revision WHERE submission_key = ?",
        (f"{SOURCE}/traite/{number}",),
    )
    return str(rows.fetchall())


def told(store: Store, config: Config) -> str:
    return " ".join(due(store, config, NOW.date()))


def test_the_same_case_under_all_new_numbers_is_emptied_and_told(store: Store, config: Config) -> None:
    gone(store, config, "ABCD2345-V1")
    assert "sans nom" not in told(store, config)
    receive(store, 90, case("ABCD2345", HER, SIS))  # Kobo's duplicate: nothing in common but the case's code
    assert FAMILY not in kept(store, 90) and OTHER in kept(store, 90)
    assert standing(store.connection) == [f"{SOURCE}/traite/90#V1"]
    assert "1 personne(s) reçue(s) sans nom" in told(store, config) and "--lift" in told(store, config)
    gone(store, config, f"{SOURCE}/traite/90")
    assert standing(store.connection) == []


def test_a_code_shared_with_a_submission_that_is_not_meant_empties_it_not(store: Store, config: Config) -> None:
    receive(store, 91, case("ABCD2345", NEW), **{"meta/rootUuid": "uuid:other"})
    erase(store, config, plan(store, f"{SOURCE}/traite/1"), by="dpo", reason="r", now=NOW)
    receive(store, 91, case("ABCD2345", NEW), _uuid="e91", **{"meta/rootUuid": "uuid:other"})
    assert "Personnage" in kept(store, 91) and FAMILY not in kept(store, 1)


def test_a_person_moved_to_a_number_that_was_not_there_is_emptied_and_told(store: Store, config: Config) -> None:
    gone(store, config, "ABCD2345-V1")
    receive(store, 1, case("ABCD2345", SIS | {"v_code": "ABCD2345-V2"}, HER | {"v_code": "ABCD2345-V99"}), _uuid="e9")
    assert FAMILY not in kept(store, 1) and OTHER in kept(store, 1)
    assert standing(store.connection) == [f"{SOURCE}/traite/1#V99"]


@pytest.mark.parametrize("written", ["uuid:ROOT1", " uuid:root1", "UUID:root1", "Root1"])
def test_a_uuid_is_the_same_however_it_is_written(store: Store, config: Config, written: str) -> None:
    gone(store, config, "ABCD2345-V1")
    receive(store, 92, case("ZYXW2345", HER), _uuid="x", **{"meta/rootUuid": "", "meta/deprecatedID": written})
    assert FAMILY not in kept(store, 92)


def test_a_new_person_under_an_erased_number_is_told_and_kept_after_lifting(
    store: Store, config: Config, tmp_path: Path
) -> None:
    gone(store, config, "ABCD2345-V2")
    receive(store, 1, case("ABCD2345", HER), _uuid="e2")  # the emptied row is deleted in the form
    receive(store, 1, case("ABCD2345", HER, NEW), _uuid="e3")  # next_number gives V2 again
    assert "Personnage" not in kept(store, 1) and standing(store.connection) == [f"{SOURCE}/traite/1#V2"]
    lift(store, config, "ABCD2345-V2", by="dpo", reason="autre personne", now=NOW)
    assert standing(store.connection) == [] and not unfinished(store)
    receive(store, 1, case("ABCD2345", HER, NEW), _uuid="e4", at=LATER)
    assert "Personnage" in kept(store, 1) and OTHER not in kept(store, 1)
    lines = export_erasures(store)
    assert replay_erasures(store, lines, LATER) == 0 and "Personnage" in kept(store, 1)
    assert ("lift", "ABCD2345-V2") in store.connection.execute("SELECT action, subject FROM audit").fetchall()
    with pytest.raises(StoreError, match="Aucun effacement"):
        lift(store, config, "JKMN2345", by="dpo", reason="r", now=NOW)
    # An older copy of the store: what was erased goes, though it is lifted for what comes later.
    with Store.open(tmp_path / "old.db", KEY) as old:
        receive(old, 1, case("ABCD2345", HER, SIS))
        replay_erasures(old, lines, LATER)
        assert OTHER not in kept(old, 1)


def test_a_whole_case_is_lifted_by_its_code_and_erased_again(store: Store, config: Config) -> None:
    gone(store, config, "ABCD2345")
    lift(store, config, "ABCD2345", by="dpo", reason="r", now=NOW)
    receive(store, 1, case("ABCD2345", NEW), _uuid="e5", at=LATER)
    assert "Personnage" in kept(store, 1)
    erase(store, config, plan(store, "ABCD2345"), by="dpo", reason="r", now=NOW.replace(day=26))
    assert "Personnage" not in kept(store, 1)


def test_a_name_typed_as_the_release_of_the_form_goes(store: Store, config: Config) -> None:
    receive(store, 93, case("PQRS2345", HER, form_release=GIVEN), **{"form_release": GIVEN, "__version__": GIVEN})
    rebuild(store, config, now=NOW)
    assert GIVEN in kept(store, 93)
    gone(store, config, "PQRS2345")
    assert GIVEN not in kept(store, 93)
    assert GIVEN not in str(store.connection.execute("SELECT * FROM release_seen").fetchall())


def test_files_of_an_erased_submission_are_not_fetched_under_another_number(store: Store, config: Config) -> None:
    gone(store, config, "ABCD2345")
    receive(store, 94, case("ABCD2345", HER), **{"meta/deprecatedID": "uuid:u1"})
    assert [row[1] for row in _rows(store, SOURCE, "traite")] == ["2", "3"]


def spoilt(lines: list[str]) -> dict[str, list[str]]:
    forged = json.loads(lines[0]) | {"remote_key": "3", "root_uuid": None, "row_code": None}
    return {
        "forged": [*lines, json.dumps(forged)],
        "without a seal": [*lines, json.dumps({name: said for name, said in forged.items() if name != "seal"})],
        "cut in the middle": [lines[0], *lines[2:]],
        "no JSON": [*lines, "["],
    }


@pytest.mark.parametrize("how", ["forged", "without a seal", "cut in the middle", "no JSON"])
def test_a_list_that_another_hand_touched_is_refused_whole(
    store: Store, config: Config, tmp_path: Path, how: str
) -> None:
    gone(store, config, "ABCD2345-V1")
    lines = export_erasures(store)
    with Store.open(tmp_path / "old.db", KEY) as old:
        receive(old, 1, case("ABCD2345", HER, SIS))
        receive(old, 3, case("JKMN2345", NEW))
        with pytest.raises(StoreError, match="n’est pas intacte") as caught:
            replay_erasures(old, spoilt(lines)[how], LATER)
        assert "--erasures" in str(caught.value) and "--without-erasures" in str(caught.value)
        assert FAMILY in kept(old, 1)
        replay_erasures(old, spoilt(lines)[how], LATER, only_good=True)
        assert FAMILY not in kept(old, 1) and "Personnage" in kept(old, 3)
        assert not unfinished(old)


def test_lists_of_two_machines_put_together_are_whole(store: Store, config: Config, tmp_path: Path) -> None:
    gone(store, config, "ABCD2345-V1")
    first = export_erasures(store)
    with Store.open(tmp_path / "other.db", KEY) as other:
        replay_erasures(other, first, LATER)
        receive(other, 3, case("JKMN2345", NEW))
        other_config = configured(tmp_path)
        erase(other, other_config, plan(other, f"{SOURCE}/traite/3"), by="b", reason="r", now=NOW)
        theirs = export_erasures(other)
    assert theirs[: len(first)] == first  # the same lines, the same seals
    gone(store, config, "EFGH2345")
    mine = export_erasures(store)
    with Store.open(tmp_path / "old.db", KEY) as old:
        assert replay_erasures(old, dict.fromkeys([*mine, *theirs]), LATER) == len({*mine, *theirs})


def test_a_store_put_aside_by_a_restore_is_named(store: Store, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", KEY.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32)
    aside = config.data_dir / "anltp-avant-restauration-20261101T000000.db"
    aside.write_bytes(b"x")
    assert aside.name not in told(store, config)  # nothing was erased
    store.close()

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli.app, ["erase", *words, "--config", str(config.path)])

    words = ("--reason", "r", "--by", "dpo")
    done = run("ABCD2345-V1", *words, "--yes")
    assert done.exit_code == 0 and f'"{aside}"' in done.output, done.output
    lifted = run("--lift", "ABCD2345-V1", *words)
    assert lifted.exit_code == 0 and "renvoyez la fiche" in lifted.output.replace("\n", " "), lifted.output
    assert run("--lift", "ABCD2345-V1").exit_code == 2
    with opened(config) as again:
        assert aside.name in told(again, config)
