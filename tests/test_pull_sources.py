"""One pull, two kinds of server: the same happenings are seen in the same way at Kobo and at ODK Central."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import yaml

from kobo_sync.config import load_config
from kobo_sync.digest import store_digest
from kobo_sync.keys import PSEUDONYM_VARIABLE, STORE_VARIABLE
from kobo_sync.pull import PullReport, pull
from kobo_sync.run import run
from kobo_sync.store import Store
from tests.sources_fixture import KINDS, Place, place
from tests.store_fixture import KEY
from tests.test_config import COMMITTED

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.fixture(params=KINDS)
def at(request, tmp_path):
    with place(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data" / "anltp.db", KEY) as opened:
        yield opened


def pulled(at: Place, store: Store, **options) -> PullReport:
    with at.open() as server:
        return pull(at.source, store, server, now=NOW, **options)


def current(store: Store):
    return {item.raw["village"]: item for item in store.current_submissions()}


def numbers(report: PullReport) -> dict[str, int]:
    """What a report counts, zeros left out, without the traffic."""
    return {k: v for k, v in vars(report).items() if v and isinstance(v, int) and k not in ("requests", "received")}


def same_as_clean(at: Place, store: Store, tmp_path) -> bool:
    """Whether the store says what one says that pulled once, now."""
    with Store.open(tmp_path / "clean" / "anltp.db", KEY) as clean:
        pulled(at, clean)
        return store_digest(clean) == store_digest(store)


def test_the_first_pull_brings_everything_and_the_second_no_body(at, store):
    for n in range(130):
        at.add(f"v{n}")
    first = pulled(at, store)
    assert numbers(first) == {"new": 130, "fetched_bodies": 130} and first.received == 130
    assert set(current(store)) == {f"v{n}" for n in range(130)}
    sent, digest = len(at.log()), store_digest(store)
    second = pulled(at, store)
    assert numbers(second) == {} and second.received == 130
    assert at.bodies(at.log()[sent:]) == []
    assert store_digest(store) == digest


def test_an_edit_is_seen_and_only_its_body_travels(at, store, tmp_path):
    at.add("Alpha")
    at.add("Beta")
    pulled(at, store)
    first, _ = at.sent["Alpha"]
    at.edit("Alpha", "Gamma")
    assert numbers(pulled(at, store)) == {"changed": 1, "fetched_bodies": 1} | at_edit(at)
    now = current(store)["Gamma"]
    assert (now.revision_no, now.root_uuid, now.instance_uuid) == (2, first, at.sent["Gamma"][1])
    rows = store.connection.execute("SELECT raw_json FROM revision WHERE submission_key = ?", (now.submission_key,))
    assert [json.loads(raw)["village"] for (raw,) in rows] == ["Alpha", "Gamma"], "the former revision is kept"
    seen = store.connection.execute("SELECT uuid FROM witness WHERE submission_key = ?", (now.submission_key,))
    assert {uuid for (uuid,) in seen} == {first, now.instance_uuid}
    assert numbers(pulled(at, store)) == {}
    assert same_as_clean(at, store, tmp_path)


def at_edit(at: Place) -> dict[str, int]:
    """An edit is a review too where the server says so: Central's state `edited`."""
    return {"status_changed": 1} if at.kind == "central" else {}


def test_a_review_is_seen_without_the_body(at, store, tmp_path):
    at.add("Alpha")
    pulled(at, store)
    sent = len(at.log())
    at.review("Alpha", "approved")
    assert numbers(pulled(at, store)) == {"status_changed": 1}
    assert at.bodies(at.log()[sent:]) == []
    alpha = current(store)["Alpha"]
    assert (alpha.review_uid, alpha.review_by) == ("validation_status_approved", at.reviewer)
    assert alpha.review_instance_uuid == alpha.instance_uuid
    assert numbers(pulled(at, store)) == {} and same_as_clean(at, store, tmp_path)
    at.review("Alpha", "rejected")
    assert numbers(pulled(at, store)) == {"status_changed": 1}
    assert current(store)["Alpha"].review_uid == "validation_status_not_approved"
    at.review("Alpha", None)
    assert numbers(pulled(at, store)) == {"status_changed": 1}
    assert current(store)["Alpha"].review_uid is None


def test_approved_then_edited_is_to_be_confirmed(at, store):
    at.add("Alpha")
    at.review("Alpha", "approved")
    pulled(at, store)
    at.edit("Alpha", "Alpha")
    pulled(at, store)
    alpha = current(store)["Alpha"]
    # Kobo keeps the approval, which then belongs to the former revision; Central says « edited » instead.
    if at.kind == "kobo":
        assert alpha.review_uid == "validation_status_approved"
        assert alpha.review_instance_uuid != alpha.instance_uuid
    else:
        assert alpha.review_uid == "validation_status_edited"


def test_a_deletion_leaves_a_tombstone_with_its_proof_and_the_answers(at, store):
    for village in ("Alpha", "Beta"):
        at.add(village)
    pulled(at, store)
    at.delete("Beta")
    assert numbers(pulled(at, store)) == {"deleted": 1}
    assert {v: s.deleted for v, s in current(store).items()} == {"Alpha": False, "Beta": True}
    assert numbers(pulled(at, store)) == {}, "one tombstone only"
    (evidence,) = store.connection.execute("SELECT evidence FROM deletion").fetchone()
    assert {"sweeps": 2, "status": 404}.items() <= json.loads(evidence).items()


def test_a_row_that_is_brought_back_counts_again(at, store, tmp_path):
    for village in ("Alpha", "Beta"):
        at.add(village)
    pulled(at, store)
    at.delete("Beta")
    assert numbers(pulled(at, store)) == {"deleted": 1}
    at.bring_back("Beta")
    assert numbers(pulled(at, store)) == {"reappeared": 1, "fetched_bodies": 1}
    assert not any(item.deleted for item in store.current_submissions())
    assert same_as_clean(at, store, tmp_path)


def test_many_vanished_rows_wait_for_a_person(at, store):
    for n in range(8):
        at.add(f"v{n}")
    pulled(at, store)
    for n in range(6):
        at.delete(f"v{n}")
    report = pulled(at, store)
    assert numbers(report) == {"deletions_waiting": 6} and "--confirm-deletions" in report.warnings[-1]
    assert not any(item.deleted for item in store.current_submissions())
    assert numbers(pulled(at, store, confirm_deletions=True)) == {"deleted": 6}


def test_a_row_sent_again_after_its_deletion_is_the_same_case(at, store):
    at.add("Alpha")
    pulled(at, store)
    at.delete("Alpha")
    pulled(at, store)
    at.forget("Alpha")
    at.resend("Alpha")
    report = numbers(pulled(at, store))
    first, _ = at.sent["Alpha"]
    keys = store.connection.execute("SELECT submission_key FROM witness WHERE uuid = ?", (first,)).fetchall()
    # Kobo gives it a new key, with the same witness; at Central the first instanceID is the key.
    assert report["fetched_bodies"] == 1 and len(keys) == (2 if at.kind == "kobo" else 1)
    assert report.get("new" if at.kind == "kobo" else "reappeared") == 1
    assert not current(store)["Alpha"].deleted


def test_a_pull_killed_between_two_batches_is_completed_by_the_next(at, store, tmp_path):
    at.add("first")
    pulled(at, store)
    for n in range(230):
        at.add(f"v{n}")

    def killed(what: str, done: int, total: int) -> None:
        if what.startswith("Fiches") and done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pulled(at, store, progress=killed)
    kept = len(current(store))
    assert 100 <= kept < 231
    assert numbers(pulled(at, store)) == {"new": 231 - kept, "fetched_bodies": 231 - kept}
    assert same_as_clean(at, store, tmp_path)


def test_an_answer_to_a_question_of_an_older_version_is_kept(at, store):
    at.add("Alpha", note_text="dit alors")
    at.publish_without("note_text")
    at.add("Beta")
    pulled(at, store)
    assert current(store)["Alpha"].raw["note_text"] == "dit alors"
    at.edit("Beta", "Gamma")
    assert numbers(pulled(at, store))["fetched_bodies"] == 1, "a new version makes nobody read the others again"


# --- Several servers at once ------------------------------------------------------------------------------------------


def config_of(folder, *places: Place):
    """The configuration for these servers, on disk."""
    data = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
    data["sources"] = [
        {name: value for name, value in each.source.model_dump().items() if value is not None} for each in places
    ]
    for number, source in enumerate(data["sources"]):
        source["token_env"] = f"SECRET_{number}"
    data |= {"data_dir": str(folder / "run"), "output_dir": str(folder / "outputs")}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return load_config(path)


def test_three_servers_fill_one_store_and_one_that_refuses_us_stops_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv(STORE_VARIABLE, KEY.hex())
    monkeypatch.setenv(PSEUDONYM_VARIABLE, "cd" * 32)
    with (
        place("kobo", tmp_path, "kobo-anltp") as anltp,
        place("kobo", tmp_path, "kobo-ong") as ong,
        place("central", tmp_path, "central-oim") as oim,
    ):
        places = (anltp, ong, oim)
        for number, each in enumerate(places):
            monkeypatch.setenv(f"SECRET_{number}", each.secret)
            each.add(f"de {each.source.name}")
        config = config_of(tmp_path, *places)
        report = run(config, now=NOW)
        assert report.problems == []
        assert {name: pulled.new for name, pulled in report.pulls.items()} == {p.source.name: 1 for p in places}
        for each in places:
            each.add("plus tard")
        monkeypatch.setenv("SECRET_1", "0" * 40)  # revoked: refused at once, where a silent server takes its time
        report = run(config, now=NOW)
        assert {name: pulled.new for name, pulled in report.pulls.items()} == {"kobo-anltp": 1, "central-oim": 1}
        assert len(report.problems) == 1 and report.problems[0].startswith("kobo-ong : ")
        assert "jeton : la variable SECRET_1 ; ce qui est reçu est gardé" in report.problems[0]
        monkeypatch.delenv("SECRET_1")  # lost: it was exported in a session that is over
        report = run(config, now=NOW)
        assert set(report.pulls) == {"kobo-anltp", "central-oim"} and report.exit_code == 1
        assert len(report.problems) == 1 and "SECRET_1 : aucun jeton" in report.problems[0]
    with Store.open(config.store_path, KEY) as store:
        found = [(item.source, item.raw["village"], item.deleted) for item in store.current_submissions()]
    assert sorted(found) == [
        ("central-oim", "de central-oim", False),
        ("central-oim", "plus tard", False),
        ("kobo-anltp", "de kobo-anltp", False),
        ("kobo-anltp", "plus tard", False),
        ("kobo-ong", "de kobo-ong", False),
    ]
