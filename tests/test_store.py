"""The encrypted store: nothing in clear, nothing for a wrong key, forward migrations, whole swaps, guarded reads."""

import json
import os
import shutil
from pathlib import Path

import pytest

from kobo_sync import migrations
from kobo_sync.errors import StoreError, StoreKeyError
from kobo_sync.store import Store, answers_text, canonical, whole_text
from kobo_sync.store_receive import Review, write_review
from tests.store_fixture import APPROVED, AT, KEY, fill, receive, row
from transforms.ledger import LedgerRow

FIXTURES = Path(__file__).parent / "fixtures"
CANARY = "Zeinabou-canari"


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data" / "anltp.db", KEY) as opened:
        yield opened


def current(store: Store):
    return {item.remote_key: item for item in store.current_submissions()}


def test_nothing_is_in_clear_on_disk_and_no_other_may_read(store):
    fill(store)
    files = sorted(store.path.parent.iterdir())
    assert {f.name for f in files} == {"anltp.db", "anltp.db-shm", "anltp.db-wal"}
    for file in files:
        content = file.read_bytes()
        assert CANARY.encode() not in content and b"submission" not in content, file
        if os.name == "posix":
            assert file.stat().st_mode & 0o077 == 0, file


def test_a_wrong_key_and_a_damaged_file_are_refused(store, tmp_path, capfd):
    fill(store)
    store.close()
    with pytest.raises(StoreKeyError, match="La clé n’ouvre pas la base"):
        Store.open(store.path, bytes(32))
    store.path.write_bytes(store.path.read_bytes()[4096:])
    with pytest.raises(StoreKeyError, match="abîmé"):
        Store.open(store.path, KEY)
    with pytest.raises(StoreError, match="ne peut pas être ouverte"):
        Store.open(tmp_path, KEY)
    assert capfd.readouterr() == ("", ""), "SQLCipher's own log must stay off the terminal"


@pytest.mark.parametrize("fixture", sorted(FIXTURES.glob("store-schema-*.sqlcipher")), ids=lambda p: p.stem)
def test_a_store_of_every_released_schema_opens_with_its_content(fixture, tmp_path):
    path = tmp_path / "anltp.db"
    shutil.copyfile(fixture, path)
    with Store.open(path, KEY) as store:
        assert store.schema_version == migrations.CURRENT
        rows = current(store)
        assert rows["1"].raw["v_prenom"] == CANARY
        assert (rows["2"].revision_no, rows["2"].instance_uuid) == (2, "edit-2-2")
        assert (rows["2"].review_uid, rows["2"].review_instance_uuid) == (APPROVED.uid, "root-2")
        assert [item.deleted for item in rows.values()] == [False, False, True]
        assert [len(store.ledger("person")), len(store.ledger("event"))] == [1, 1]
        assert store.decisions("classification")[0].value == "traite_presumee"
        assert store.frame("SELECT reason_code FROM quarantine").values.tolist() == [["unknown_code"]]
        assert store.stamp()["submissions"] == "2"
        modified = store.connection.execute("SELECT remote_modified, files FROM submission").fetchall()
        assert [tuple(row) for row in modified] == [(None, "")] * 3
        receive(store, row("4"), row("1", version=2))
        assert current(store)["1"].revision_no == 2 and len(current(store)) == 4


def test_a_migration_copies_first_and_leaves_no_half_step(store, monkeypatch):
    released = migrations.CURRENT
    fill(store)
    store.close()
    monkeypatch.setattr(migrations, "CURRENT", released + 1)
    good, bad = "CREATE TABLE later (a TEXT) STRICT;", "ALTER TABLE nowhere ADD COLUMN b TEXT;"
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, good + bad))
    with pytest.raises(Exception, match="nowhere"):
        Store.open(store.path, KEY)
    copies = sorted(store.path.parent.glob(f"anltp-schema{released}-*.db"))
    assert len(copies) == 1 and CANARY.encode() not in copies[0].read_bytes()
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS[:-1], good))
    with Store.open(store.path, KEY) as migrated:
        assert migrated.schema_version == released + 1 and len(current(migrated)) == 3
    monkeypatch.undo()
    with Store.open(copies[0], KEY) as copy:
        assert current(copy)["1"].raw["v_prenom"] == CANARY and copy.schema_version == released
    newer = rf"schéma {released + 1}, ce logiciel ne connaît que le {released}.*version la plus récente"
    with pytest.raises(StoreError, match=newer):
        Store.open(store.path, KEY)


def test_revisions_are_numbered_and_the_same_row_twice_is_one(store):
    receive(store, row("7", a="1"))
    receive(store, row("7", a="1"))
    assert current(store)["7"].revision_no == 1
    receive(store, row("7", version=2, a="2"), at="2026-11-03T01:00:00+00:00")
    again = current(store)["7"]
    assert (again.revision_no, again.raw["a"], again.received_at) == (2, "2", AT)
    witnesses = store.connection.execute("SELECT uuid FROM witness ORDER BY uuid").fetchall()
    assert [w[0] for w in witnesses] == ["edit-7-2", "root-7"]


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": ["é", None, True, 0.5]}, [1e-5, 8.5e-05, 1e16, -1e-7, 12.25, 0.0, -0.0, 13.51367], 10**30,
        {"t": "\x00\x1f\x7f\u2028\n\t\"\\/"}, {"é": 1, "z": 2, "\U0001f600": 3, "\uffff": 4},
        {"n": {"m": [{"k": 1e300}]}},
        [[["x"] * 3] * 40], "\ud83d",
    ],
    ids=repr,
)  # fmt: skip
def test_the_fast_writer_gives_the_text_that_older_stores_were_hashed_by(value):
    assert canonical(value) == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_the_text_of_a_row_is_the_row(store):
    for raw in ({}, {"a": "é"}, {"_validation_status": {"uid": "x"}}, {"z": 1, "_date_modified": "d", "A": [{}]}):
        assert json.loads(whole_text(raw, answers_text(raw))) == raw
        assert store.hash_row(raw) == store.hash_row(raw | {"_validation_status": {"uid": "y"}, "_date_modified": "e"})
    assert store.hash_row({"a": "1"}) != store.hash_row({"a": "2"})


def test_a_review_counts_for_the_revision_it_was_seen_on_or_for_none(store):
    receive(store, row("1"), row("2", review=APPROVED), row("3", version=2, review=APPROVED), row("4"))
    receive(store, row("1", review=APPROVED), row("4", version=2, review=APPROVED))
    receive(store, row("2", version=2, review=APPROVED))
    given_on = {key: item.review_instance_uuid for key, item in current(store).items()}
    assert given_on == {
        "1": "root-1",  # seen approved on a version already known
        "2": "root-2",  # edited since
        "3": None,  # first seen when already edited and approved: in which order?
        "4": None,  # edited and approved between two pulls: in which order?
    }


def test_a_mark_of_our_own_account_never_hides_what_a_person_decided(store):
    ours = Review("validation_status_on_hold", "anltp_sync", "2026-11-02T09:00:00+00:00")
    refused = Review("validation_status_not_approved", "coordo_ne008", "2026-11-01T09:00:00+00:00")
    receive(store, row("1", review=refused), row("2", review=ours))
    receive(store, row("1", review=ours))
    reviews = {item.remote_key: item.review_uid for item in store.current_submissions("anltp_sync")}
    assert reviews == {"1": "validation_status_not_approved", "2": None}
    assert current(store)["1"].review_uid == "validation_status_on_hold"


def test_a_cut_in_the_middle_of_a_transaction_leaves_nothing_of_it(store):
    with pytest.raises(KeyboardInterrupt), store.transaction():
        receive(store, row("1"))
        raise KeyboardInterrupt
    assert current(store) == {}


def test_submissions_are_read_while_the_reader_writes(store):
    receive(store, *(row(str(n)) for n in range(1, 1203)))
    for item in store.current_submissions():
        store.quarantine_enter(
            submission_key=item.submission_key, source="s", form="traite", remote_key=item.remote_key,
            instance_uuid="u", stage="mapping", reason_code="r", message="m", raw_json=None, at=AT,
        )  # fmt: skip
    assert store.frame("SELECT count(*) AS n FROM quarantine").n[0] == 1202


def test_the_digest_tells_content_not_the_way_it_came(store, tmp_path):
    receive(store, row("1", a="1"), row("2"))
    receive(store, row("1", version=2, a="2"))
    write_review(store, "kobo-anltp/traite/2", APPROVED, "root-2", AT)  # seen without the body being read
    with Store.open(tmp_path / "other.db", KEY) as other:
        receive(other, row("2", review=APPROVED), row("1", version=2, a="2"), at="2026-12-01T00:00:00+00:00")
        assert other.received_digest() == store.received_digest()
        receive(other, row("1", version=3, a="2"))
        assert other.received_digest() != store.received_digest()


def test_a_quarantined_submission_waits_once_and_is_released(store):
    entry = {
        "submission_key": "k", "source": "s", "form": "traite", "remote_key": "1", "instance_uuid": "u",
        "stage": "mapping", "reason_code": "a", "message": "m", "raw_json": None, "at": AT,
    }  # fmt: skip
    assert store.quarantine_enter(**entry) and not store.quarantine_enter(**entry)
    assert store.quarantine_enter(**entry | {"reason_code": "b"})
    waiting = "SELECT reason_code FROM quarantine WHERE released_at IS NULL"
    assert store.frame(waiting).reason_code.tolist() == ["b"]
    store.quarantine_release("k", "pull", AT)
    assert len(store.frame(waiting)) == 1
    store.quarantine_release("k", "mapping", AT)
    assert store.frame(waiting).empty and len(store.frame("SELECT id FROM quarantine")) == 2


def test_the_last_decision_on_a_subject_stands(store):
    store.decide("person_pair", "a b", "same", "m", AT, "")
    store.decide("person_pair", "c d", "different", "m", AT, "")
    store.decide("person_pair", "a b", "different", "m", AT, "revu")
    assert [(d.subject, d.value) for d in store.decisions("person_pair")] == [
        ("c d", "different"),
        ("a b", "different"),
    ]
    assert store.decisions("event_pair") == []


def test_ledgers_keep_their_order_and_stay_apart(store):
    lines = [LedgerRow(AT, "allocate", "p1", "m1", None, "rebuild"), LedgerRow(AT, "join", "p1", "m2", None, "rebuild")]
    store.append_ledger("person", lines[:1])
    store.append_ledger("person", lines[1:])
    assert store.ledger("person") == lines and store.ledger("event") == []


EVENTS = {"case": str, "persons": int, "share": float}


def test_derived_tables_are_replaced_whole_or_not_at_all(store):
    store.replace_derived(
        {"events": (EVENTS, [{"case": "a", "persons": 3, "share": 0.5}]), "gone": ({"x": int}, [])}, {"v": "1"}
    )

    def broken():
        yield {"case": "b"}
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        store.replace_derived({"victims": ({"x": int}, [{"x": 1}]), "events": (EVENTS, broken())}, {"v": "2"})
    assert store.frame("SELECT * FROM events").values.tolist() == [["a", 3, 0.5]]
    assert store.stamp()["v"] == "1"
    with pytest.raises(StoreError, match="colonnes inconnues"):
        store.replace_derived({"events": (EVENTS, [{"case": "a", "nom": "x"}])}, {"v": "2"})
    with pytest.raises(StoreError, match="table reçue : revision"):
        store.replace_derived({"revision": ({"x": int}, [])}, {})
    store.replace_derived({"events": (EVENTS, [{"case": "c"}])}, {"v": "3"})
    assert store.frame("SELECT case, persons FROM events".replace("case", '"case"')).iloc[0, 0] == "c"
    stamp = store.stamp()
    version = str(migrations.CURRENT)
    assert stamp == {"v": "3", "schema_version": version, "submissions": "0", "received_hash": store.received_digest()}
    tables = {r[0] for r in store.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not {t for t in tables if t.startswith("shadow_") or t in ("gone", "victims")}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT given_name FROM identity",
        "SELECT count(*) FROM IDENTITY",
        "SELECT * FROM main.identity",
        "SELECT case_code FROM events WHERE EXISTS (SELECT 1 FROM identity)",
        "WITH i AS (SELECT * FROM identity) SELECT * FROM i",
        "SELECT raw_json FROM revision",
        "SELECT count(*) FROM revision",
        "SELECT raw_json FROM quarantine",
        "SELECT instance_uuid FROM quarantine",
        "SELECT * FROM (SELECT 'x' record_id, 'y' given_name) l NATURAL FULL JOIN identity",
        "SELECT raw_json FROM (SELECT 'x' AS raw_json WHERE 0) NATURAL FULL JOIN revision",
        "SELECT record_id FROM events NATURAL JOIN identity",
        "SELECT subject_id FROM person_ledger",
        "SELECT root_uuid FROM submission",
        "SELECT reason_code FROM quarantine ORDER BY RAW_JSON",
        "SELECT uuid FROM witness",
        "SELECT sql FROM sqlite_master",
        "SELECT sql FROM sqlite_schema",
        "SELECT * FROM sqlite_dbpage",
        "ATTACH DATABASE 'clear.db' AS clear KEY ''",
        "SELECT sqlcipher_export('main')",
        "PRAGMA query_only = OFF",
        "PRAGMA key",
        "DELETE FROM events",
        "CREATE VIEW v AS SELECT * FROM identity",
        "CREATE TEMP TABLE t AS SELECT * FROM identity",
    ],
)
def test_reports_cannot_read_identities_or_raw_answers_by_any_road(store, sql):
    fill(store)
    with pytest.raises(StoreError, match="Lecture refusée"):
        store.frame(sql)


def test_a_connection_opened_early_sees_no_table_made_later(store):
    with store.report_connection() as connection:
        fill(store)
        with pytest.raises(Exception, match="no such table"):
            connection.execute("SELECT * FROM identity")


def test_reports_read_the_rest(store):
    fill(store)
    frame = store.frame(
        "WITH n AS (SELECT persons FROM events WHERE case_code = ?) SELECT count(*) AS k FROM n", ("case-1",)
    )
    assert frame.k.tolist() == [1]
    assert store.frame("SELECT reason_code, message FROM quarantine").shape == (1, 2)
    assert store.frame("SELECT * FROM events WHERE 0").columns.tolist() == ["case_code", "persons"]


def test_runs_are_noted(store):
    from datetime import UTC, datetime

    run = store.start_run(datetime(2026, 11, 2, 1, tzinfo=UTC))
    store.finish_run(run, datetime(2026, 11, 2, 2, tzinfo=UTC), 3, {"new": 4})
    row = store.connection.execute("SELECT started_at, finished_at, outcome, counts_json FROM sync_run").fetchone()
    assert tuple(row) == ("2026-11-02T01:00:00+00:00", "2026-11-02T02:00:00+00:00", 3, '{"new":4}')
