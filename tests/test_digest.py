"""The canonical digest: equal for stores that say the same, different as soon as one says something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kobo_sync.config import Config, load_config
from kobo_sync.digest import store_digest
from kobo_sync.rebuild import rebuild
from kobo_sync.received_rows import Refused, read_row
from kobo_sync.store import Store
from kobo_sync.store_receive import write_deletion, write_row
from tests.store_fixture import AT, KEY, fill
from tests.transform_fixture import traite, victim

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
LATER = "2026-11-03T01:00:00+00:00"
NAMED = {"v_nom": "Canarinom", "v_prenom": "Canariprenom", "v_date_naissance": "2013-05-06"}


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(Path(__file__).parent.parent / "config.yaml")


def receive(store: Store, number: int, version: int = 1, at: str = AT, **answers: Any) -> None:
    """A case of two victims; the first bears a name, the same in every case: persons are linked across cases."""
    code = f"{'ABCDEFGH'[number] * 4}2345"
    victims = [victim(code, 1) | NAMED, victim(code, 2)]
    uuid = f"u{number}" if version == 1 else f"u{number}-{version}"
    row = read_row(
        traite(code, victims, **({"declaration/entite": "POL_NIA"} | answers))
        | {"_id": number, "_uuid": uuid, "meta/rootUuid": f"uuid:u{number}", "_submitted_by": "pol_nia"}
        | {"_submission_time": "2026-04-15T10:00:00", "_validation_status": {}}
    )
    assert not isinstance(row, Refused)
    with store.transaction():
        write_row(store, "kobo-anltp", "traite", row, at)


def made(folder: Path, config: Config, steps: Sequence[Callable[[Store], None]], rebuilt: bool = True) -> str:
    with Store.open(folder / "anltp.db", KEY) as store:
        for step in steps:
            step(store)
        if rebuilt:
            rebuild(store, config, now=NOW)
        return store_digest(store)


def got(number: int, version: int = 1, at: str = AT, **answers: Any) -> Callable[[Store], None]:
    return lambda store: receive(store, number, version, at, **answers)


def test_no_order_of_arrival_no_clock_no_ledger_identifier_and_no_former_revision_shows(
    tmp_path: Path, config: Config
) -> None:
    clean = made(tmp_path / "clean", config, [got(1), got(2, 2), got(3)])
    other_order = made(tmp_path / "order", config, [got(3, at=LATER), got(2, 2, at=LATER), got(1, at=LATER)])
    assert other_order == clean

    def night(store: Store) -> None:
        rebuild(store, config, now=NOW)
        store.start_run(NOW)

    # Another road: a case that told of other persons at first, rebuilt each night, its ledger filled in another order.
    path = [got(3), night, got(2, 1, **{"fait/portee": "international"}), night, got(2, 2), got(1), night]
    assert made(tmp_path / "path", config, path) == clean
    with (
        Store.open(tmp_path / "path" / "anltp.db", KEY) as path,
        Store.open(tmp_path / "clean" / "anltp.db", KEY) as one,
    ):
        ids = [{row.subject_id for row in store.ledger("person")} for store in (path, one)]
        persons = [len({row[0] for row in s.connection.execute("SELECT person_id FROM victims")}) for s in (path, one)]
    assert not ids[0] & ids[1] and persons[0] == persons[1] == 4, "three named girls are one person"


def test_every_kind_of_difference_shows(tmp_path: Path, config: Config) -> None:
    def deleted(store: Store) -> None:
        write_deletion(store, "kobo-anltp/traite/2", "deleted", {}, AT)

    def reviewed(store: Store) -> None:
        store.connection.execute(
            "INSERT INTO validation_state (submission_key, uid, by_whom, at, instance_uuid, seen_at)"
            " VALUES ('kobo-anltp/traite/2', 'validation_status_approved', 'c', NULL, 'u2', ?)", (AT,),
        )  # fmt: skip

    def quarantined(store: Store) -> None:
        store.quarantine_enter(
            submission_key=None, source="kobo-anltp", form="traite", remote_key=None, instance_uuid=None,
            stage="pull", reason_code="no_key", message="fiche sans identifiant", raw_json="{}", at=AT,
        )  # fmt: skip

    base = [got(1), got(2)]
    digests = [
        made(tmp_path / str(number), config, steps, rebuilt=False)
        for number, steps in enumerate(
            [base, [got(1)], [got(1), got(2, portee="international")], [got(1), got(2, 2)], [*base, deleted],
             [*base, reviewed], [*base, quarantined]]
        )
    ]  # fmt: skip
    assert len(set(digests)) == len(digests)

    def released(store: Store) -> None:
        store.connection.execute("UPDATE quarantine SET released_at = ?", (AT,))

    assert made(tmp_path / "released", config, [*base, quarantined, released], rebuilt=False) == digests[0]


CHANGES = {
    "raw": "UPDATE revision SET raw_json = replace(raw_json, 'POL_NIA', 'POL_TIL')",
    "raw_spoilt": "UPDATE revision SET raw_json = '['",
    "keyed_hash": "UPDATE revision SET keyed_hash = 'x' || keyed_hash",
    "instance_uuid": "UPDATE revision SET instance_uuid = 'x' || instance_uuid",
    "submission_time": "UPDATE revision SET submission_time = NULL",
    "submitted_by": "UPDATE revision SET submitted_by = NULL",
    "form_release": "UPDATE revision SET form_release = 'traite 9'",
    "remote_version": "UPDATE revision SET remote_version = 'v9'",
    "root_uuid": "UPDATE submission SET root_uuid = NULL",
    "remote_key": "UPDATE submission SET remote_key = 'x' || remote_key",
    "remote_modified": "UPDATE submission SET remote_modified = '2026-05-01T00:00:00Z'",
    "files": "UPDATE submission SET files = 'photo.jpg'",
    "witness": "DELETE FROM witness",
    "review_at": "INSERT INTO validation_state (submission_key, uid, by_whom, at, seen_at)"
    " VALUES ('kobo-anltp/traite/1', NULL, NULL, '2026-05-01T00:00:00Z', '')",
    "attachment": "INSERT INTO attachment (submission_key, name, remote_id, question, mimetype, state, seen_at)"
    " VALUES ('kobo-anltp/traite/1', 'a.jpg', '1', 'q', 'image/jpeg', 'awaited', '')",
    "attachment_state": "UPDATE attachment SET state = 'failed'",
    "attachment_sha256": "UPDATE attachment SET sha256 = 'x' || sha256",
    "attachment_name": "UPDATE attachment SET name = 'x' || name",
    "erasure": "UPDATE erasure SET subject = 'x' || subject",
    "suppression": "DELETE FROM suppression",
    "suppression_row": "UPDATE suppression SET row_code = 'V2'",
    "decision": "UPDATE decision SET value = 'x' || value",
    "decision_gone": "DELETE FROM decision",
    "server_event": "DELETE FROM server_event",
}
UNSEEN = {
    "clocks": "UPDATE submission SET first_seen_at = 'x'",
    "arrival": "UPDATE revision SET received_at = 'x'",
    "review inside the text": "UPDATE revision SET raw_json = json_set(raw_json, '$._validation_status', 'x')",
    "former decision": "INSERT INTO decision (id, kind, subject, value, by_whom, at, reason)"
    " VALUES (-1, 'person_pair', 'a b', 'distinct', 'c', '', 'r')",
    "witness of a former version": "INSERT INTO witness VALUES ('kobo-anltp/traite/1', 'formerly')",
    "file that is gone": "INSERT INTO attachment (submission_key, name, remote_id, question, mimetype, state, seen_at)"
    " VALUES ('kobo-anltp/traite/1', 'old.jpg', '9', 'q', 'image/jpeg', 'gone', '')",
    "audit": "INSERT INTO audit (at, actor, action, subject, reason) VALUES ('', 'a', 'restore', '', '')",
    "run": "INSERT INTO sync_run (run_id, started_at) VALUES ('r', '')",
    "fact": "INSERT INTO source_fact VALUES ('kobo-anltp', 'traite', 'clock_skew_s', '4', '')",
}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("furnished") / "anltp.db", KEY) as store:
        receive(store, 1)
        store.decide("person_pair", "a b", "same", "c", AT, "r")
        for sql in (
            "INSERT INTO attachment (submission_key, name, remote_id, question, mimetype, state, size, sha256, seen_at)"
            " VALUES ('kobo-anltp/traite/1', 'p.jpg', '2', 'q', 'image/jpeg', 'fetched', 3, 'ab', '')",
            "INSERT INTO erasure VALUES (1, '', 'c', 'r', 'case', 'kobo-anltp/traite/9', '{}')",
            "INSERT INTO suppression VALUES (1, 1, 'kobo-anltp', 'traite', '9', 'u9', NULL, '')",
            "INSERT INTO server_event VALUES ('kobo-anltp', 'traite', 'u1', 'edit', 'c', '', '')",
        ):
            store.connection.execute(sql)
        yield store


def after(store: Store, sql: str) -> str:
    store.connection.execute("BEGIN")
    try:
        store.connection.execute(sql)
        return store_digest(store)
    finally:
        store.connection.execute("ROLLBACK")


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_anything_kept_shows(furnished: Store, what: str) -> None:
    assert after(furnished, CHANGES[what]) != store_digest(furnished)


@pytest.mark.parametrize("what", UNSEEN)
def test_what_depends_on_the_road_does_not_show(furnished: Store, what: str) -> None:
    assert after(furnished, UNSEEN[what]) == store_digest(furnished)


def test_a_derived_value_a_derived_row_and_who_is_linked_to_whom_show(tmp_path: Path, config: Config) -> None:
    before = made(tmp_path, config, [got(1), got(2)])
    with Store.open(tmp_path / "anltp.db", KEY) as store:
        records = "kobo-anltp/traite/2#CCCC"

        def changed(sql: str) -> str:
            store.connection.execute("BEGIN")
            try:
                store.connection.execute(sql)
                return store_digest(store)
            finally:
                store.connection.execute("ROLLBACK")

        digests = [
            before,
            changed("UPDATE events SET persons = persons + 1 WHERE rowid = 1"),
            changed("DELETE FROM victims WHERE rowid = 1"),
            changed("DELETE FROM links WHERE rowid = 1"),
            changed(f"UPDATE victims SET person_id = 'alone' WHERE record_id LIKE '{records}%'"),
            changed("INSERT INTO declarations DEFAULT VALUES"),
        ]
        assert len(set(digests)) == len(digests)
        assert changed("UPDATE victims SET person_id = 'x' || person_id") == before, "only the name of a ledger id"
        assert changed("UPDATE derived_stamp SET value = value || 'x'") == before
        assert store_digest(store) == before


def test_a_store_without_derived_tables_and_one_of_invented_tables_have_a_digest(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a" / "anltp.db", KEY) as empty, Store.open(tmp_path / "b" / "anltp.db", KEY) as filled:
        fill(filled)
        assert len(store_digest(empty)) == len(store_digest(filled)) == 64 and store_digest(empty) != store_digest(
            filled
        )
