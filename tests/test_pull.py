"""The pull: what is new, edited, reviewed, deleted or back is seen, each once, and unchanged rows do not travel."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import RequestLine, serve
from kobo_sync.demo_server import requests as logged
from kobo_sync.errors import ConfigError, ServerUnavailable
from kobo_sync.kobo_source import KoboSource
from kobo_sync.pull import PullReport, pull
from kobo_sync.store import Store
from tests.demo_server_fixture import LEAD, NORTH, USERS, Project
from tests.store_fixture import KEY
from tests.stub_server import Heard, Said, stub

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def project(tmp_path):
    with serve(tmp_path / "kobo.db", users=USERS, page_max=100) as base:
        yield Project.deployed(base)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data" / "anltp.db", KEY) as opened:
        yield opened


def source(base: str, uid: str) -> SourceConfig:
    return SourceConfig(name="kobo-anltp", url=base, token_env="KOBO_TOKEN", forms={"traite": uid})


def pulled(project: Project, store: Store, user=LEAD, **options) -> PullReport:
    with KoboClient(project.base, user.token, retries=0) as client:
        return pull(source(project.base, project.uid), store, KoboSource(client), now=NOW, **options)


def current(store: Store):
    return {item.raw["village"]: item for item in store.current_submissions()}


def numbers(report: PullReport) -> dict[str, int]:
    """What a report counts, zeros left out, without the traffic."""
    return {k: v for k, v in vars(report).items() if v and isinstance(v, int) and k not in ("requests", "received")}


def ids(project: Project) -> dict[str, int]:
    return {row["village"]: row["_id"] for row in project.rows(fields=["_id", "village"])}


def body_requests(tmp_path, since: int = 0) -> list[RequestLine]:
    lines = logged(tmp_path / "kobo.db")[since:]
    return [line for line in lines if line.path.endswith("/data/") and "fields" not in line.query]


def review(project: Project, number: int, uid: str) -> None:
    answer = project.ask(
        "PATCH", f"{project.path}data/{number}/validation_status/", json={"validation_status.uid": uid}
    )
    assert answer.status_code == 200


def edit(project: Project, old: str, village: str) -> str:
    new = f"{old[:-4]}beef"
    assert project.send(project.xml(new, replaces=old, village=village), LEAD).status_code == 201
    return new


def test_the_first_pull_brings_everything_and_the_second_no_body(project, store, tmp_path):
    for n in range(230):
        project.add(village=f"v{n}")
    first = pulled(project, store)
    assert numbers(first) == {"new": 230, "fetched_bodies": 230} and first.received == 230
    assert set(current(store)) == {f"v{n}" for n in range(230)}
    sent = len(logged(tmp_path / "kobo.db"))
    digest = store.received_digest()
    second = pulled(project, store)
    assert numbers(second) == {} and second.received == 230
    assert body_requests(tmp_path, sent) == []
    assert len(logged(tmp_path / "kobo.db")) - sent == second.requests
    assert store.received_digest() == digest


def test_an_edit_is_seen_and_only_its_body_travels(project, store, tmp_path):
    old = project.add(village="Alpha")
    project.add(village="Beta")
    pulled(project, store)
    edit(project, old, "Gamma")
    report = pulled(project, store)
    assert numbers(report) == {"changed": 1, "fetched_bodies": 1}
    now = current(store)["Gamma"]
    assert (now.revision_no, now.root_uuid, now.form_release) == (2, old, None)
    rows = store.connection.execute("SELECT raw_json FROM revision WHERE submission_key = ?", (now.submission_key,))
    assert [json.loads(raw)["village"] for (raw,) in rows] == ["Alpha", "Gamma"], "the former revision is kept"
    seen = {
        u
        for (u,) in store.connection.execute("SELECT uuid FROM witness WHERE submission_key = ?", (now.submission_key,))
    }
    assert seen == {old, now.instance_uuid}


def test_a_review_is_seen_without_the_body_and_an_edit_leaves_it_on_the_former_revision(project, store, tmp_path):
    first = project.add(village="Alpha")
    pulled(project, store)
    sent = len(logged(tmp_path / "kobo.db"))
    review(project, ids(project)["Alpha"], "validation_status_approved")
    assert numbers(pulled(project, store)) == {"status_changed": 1}
    assert body_requests(tmp_path, sent + 2) == []
    alpha = current(store)["Alpha"]
    assert (alpha.review_uid, alpha.review_by, alpha.review_instance_uuid) == (
        "validation_status_approved",
        "lead1",
        first,
    )
    assert numbers(pulled(project, store)) == {}
    edit(project, first, "Alpha")
    assert numbers(pulled(project, store)) == {"changed": 1, "fetched_bodies": 1}
    again = current(store)["Alpha"]
    assert (
        again.review_uid == "validation_status_approved" and again.review_instance_uuid == first != again.instance_uuid
    )
    project.ask("DELETE", f"{project.path}data/{ids(project)['Alpha']}/validation_status/")
    assert numbers(pulled(project, store)) == {"status_changed": 1}
    assert current(store)["Alpha"].review_uid is None


def test_a_deletion_leaves_a_tombstone_and_the_answers(project, store):
    for village in ("Alpha", "Beta"):
        project.add(village=village)
    pulled(project, store)
    project.ask("DELETE", f"{project.path}data/{ids(project)['Beta']}/")
    assert numbers(pulled(project, store)) == {"deleted": 1}
    assert {v: s.deleted for v, s in current(store).items()} == {"Alpha": False, "Beta": True}
    assert numbers(pulled(project, store)) == {}, "one tombstone only"
    (evidence,) = store.connection.execute("SELECT evidence FROM deletion").fetchone()
    assert json.loads(evidence) == {"sweeps": 2, "status": 404, "account": "lead1", "confirmed": False}


def test_a_token_limited_to_some_rows_never_makes_a_tombstone(project, store):
    for region in ("Alpha", "Beta"):
        project.add(village=region)
    pulled(project, store)
    project.allow(NORTH, "partial_submissions", {"view_submissions": [{"village": "Alpha"}]})
    report = pulled(project, store, NORTH, confirm_deletions=True)
    assert numbers(report) == {} and report.received == 1
    assert "le compte de kobo-anltp ne voit pas toutes les fiches" in report.warnings[-1]
    assert not any(item.deleted for item in store.current_submissions())


def test_many_vanished_rows_wait_for_a_person(project, store):
    for n in range(8):
        project.add(village=f"v{n}")
    pulled(project, store)
    for village, number in ids(project).items():
        if village not in ("v0", "v1"):
            project.ask("DELETE", f"{project.path}data/{number}/")
    report = pulled(project, store)
    assert numbers(report) == {"deletions_waiting": 6} and "--confirm-deletions" in report.warnings[-1]
    assert (
        "d’abord savoir qui les a supprimées (d’après l’historique du serveur : compte lead1, 6)" in report.warnings[-1]
    )
    assert not any(item.deleted for item in store.current_submissions())
    assert numbers(pulled(project, store, confirm_deletions=True)) == {"deleted": 6}


@pytest.mark.parametrize("confirmed", [False, True])
def test_rights_reduced_in_the_middle_of_a_pull_are_no_deletions(project, store, confirmed):
    for n in range(8):
        project.add(village=f"v{n}")
    pulled(project, store)
    project.allow(NORTH, "view_submissions")
    with KoboClient(project.base, NORTH.token, retries=0) as client:
        server = KoboSource(client)
        sweep = server.sweep

        def reduced_meanwhile(uid, take, progress):
            project.allow(NORTH, "partial_submissions", {"view_submissions": [{"village": "v0"}]})
            return sweep(uid, take, progress)

        server.sweep = reduced_meanwhile
        report = pull(source(project.base, project.uid), store, server, now=NOW, confirm_deletions=confirmed)
    assert numbers(report) == {}
    assert "7 fiches sur 8 ne sont plus montrées, car les droits du compte" in report.warnings[-1]
    assert "--confirm-deletions" not in "".join(report.warnings)
    assert not any(item.deleted for item in store.current_submissions())


def test_a_row_sent_again_after_its_deletion_keeps_its_witness(project, store):
    uuid = project.add(village="Alpha")
    pulled(project, store)
    project.ask("DELETE", f"{project.path}data/{ids(project)['Alpha']}/")
    pulled(project, store)
    assert project.send(project.xml(uuid, village="Alpha")).status_code == 201
    assert numbers(pulled(project, store)) == {"new": 1, "fetched_bodies": 1}
    keys = store.connection.execute("SELECT submission_key FROM witness WHERE uuid = ?", (uuid,)).fetchall()
    assert len(keys) == 2, "two keys, one root uuid: the trace of a record sent again"


def test_a_pull_killed_between_two_batches_is_completed_by_the_next(project, store, tmp_path):
    for n in range(250):
        project.add(village=f"v{n}")

    def killed(what: str, done: int, total: int) -> None:
        if what.startswith("Fiches") and done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pulled(project, store, progress=killed)
    assert len(current(store)) == 100
    assert numbers(pulled(project, store)) == {"new": 150, "fetched_bodies": 150}
    with Store.open(tmp_path / "clean.db", KEY) as clean:
        pulled(project, clean)
        assert clean.received_digest() == store.received_digest()
    assert [len(store.connection.execute(f"SELECT * FROM {t}").fetchall()) for t in ("submission", "revision")] == [
        250,
        250,
    ]


def test_a_write_that_fails_inside_a_batch_leaves_nothing_of_the_batch(store):
    rows = {n: whole(n) for n in range(1, 121)}
    store.connection.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON main.revision WHEN new.instance_uuid = 'u110'"
        " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    with pytest.raises(Exception, match="disk full"):
        pulled_from(rows, store)
    assert len(store.connection.execute("SELECT * FROM submission").fetchall()) == 100
    store.connection.execute("DROP TRIGGER full")
    assert numbers(pulled_from(rows, store)) == {"new": 20, "fetched_bodies": 20}


def test_a_server_that_fails_half_way_keeps_what_came(store):
    rows = {n: whole(n) for n in range(1, 151)}
    with (
        stub(kobo(rows, fail_from=101)) as (base, _),
        KoboClient(base, "t" * 40, retries=1, sleep=lambda s: None) as client,
        pytest.raises(ServerUnavailable),
    ):
        pull(source(base, "aForm567890"), store, KoboSource(client), now=NOW)
    assert len(current(store)) == 100


# --- What only a broken server or a hostile sender brings -------------------------------------------------------------


def whole(number: int, **answers: object) -> dict[str, object]:
    return {
        "_id": number, "_uuid": f"u{number}", "meta/rootUuid": f"uuid:u{number}", "village": f"v{number}",
        "_validation_status": {}, "_submission_time": "2026-11-01T08:00:00", **answers,
    }  # fmt: skip


def kobo(
    rows: dict[int, dict],
    *,
    fail_from: int | None = None,
    hidden: set[int] = frozenset(),
    count: int | None = None,
    asset: dict | None = None,
):
    """A stand-in for `/data/` over rows that no Kobo form could have taken."""

    def answering(request: Heard) -> Said:
        if request.path == "/me/":
            return Said({"username": "sync"})
        if not request.path.endswith("/data/"):
            number = request.path.rstrip("/").rpartition("/")[2]
            if number.isdecimal():
                found = rows.get(int(number))
                return Said(found) if found else Said({"detail": "Not found."}, 404)
            if request.path.endswith("/history/"):
                return Said({"detail": "You do not have permission to perform this action."}, 403)
            return Said(asset or {"effective_permissions": [{"codename": "view_submissions"}]})
        asked = json.loads(request.params["query"]).get("_id", {})
        if "$in" in asked:
            if fail_from and max(asked["$in"]) >= fail_from:
                return Said("", 503, "text/html")
            found = [rows[n] for n in asked["$in"] if n in rows]
        else:
            found = [row for n, row in sorted(rows.items()) if n > asked.get("$gt", 0) and n not in hidden]
            if "fields" in request.params:
                found = [{name: row[name] for name in ("_id", "_uuid", "_validation_status")} for row in found]
            elif fail_from and int(request.params.get("start", 0)) + 1 >= fail_from:
                return Said("", 503, "text/html")
        start = int(request.params.get("start", 0))
        return Said({"count": len(rows) if count is None else count, "next": None, "results": found[start:][:100]})

    return answering


def pulled_from(rows, store: Store, **options) -> PullReport:
    with stub(kobo(rows, **options)) as (base, _), KoboClient(base, "t" * 40, retries=0) as client:
        return pull(source(base, "aForm567890"), store, KoboSource(client), now=NOW)


def test_a_row_that_cannot_be_stored_waits_in_quarantine_once_and_the_rest_goes_through(store):
    rows = {1: whole(1), 2: whole(2, v_nom="\ud83d"), 3: whole(3, text="x" * 11_000_000), 4: whole(4) | {"_uuid": None}}
    for _ in range(2):
        assert pulled_from(rows, store).quarantined == 3
    waiting = "SELECT submission_key, reason_code FROM quarantine WHERE released_at IS NULL ORDER BY submission_key"
    assert store.frame(waiting).values.tolist() == [
        ["kobo-anltp/traite/2", "invalid_unicode"],
        ["kobo-anltp/traite/3", "too_large"],
        ["kobo-anltp/traite/4", "no_uuid"],
    ]
    assert list(current(store)) == ["v1"]
    (raw,) = store.connection.execute(
        "SELECT raw_json FROM quarantine WHERE reason_code = 'invalid_unicode'"
    ).fetchone()
    assert json.loads(raw)["v_nom"] == "\ud83d", "kept, to be read back"
    rows[2] = whole(2, v_nom="mended")
    assert numbers(pulled_from(rows, store)) == {"new": 1, "fetched_bodies": 3, "quarantined": 2}
    assert len(store.frame(waiting)) == 2


def test_a_row_hidden_from_the_list_but_still_there_is_not_deleted(store):
    rows = {n: whole(n) for n in (1, 2, 3)}
    pulled_from(rows, store)
    report = pulled_from(rows, store, hidden={2}, count=2)
    assert numbers(report) == {} and not any(item.deleted for item in store.current_submissions())


@pytest.mark.parametrize(
    ("granted", "deleted"),
    [({"sync": ["view_submissions"]}, 1), ({"sync": ["partial_submissions"]}, 0), ({"other": ["view_submissions"]}, 0)],
)
def test_a_server_that_lists_only_assignments_is_asked_the_same_question(store, granted, deleted):
    here = "https://kobo.example.org/api/v2"
    asset = {
        "permissions": [
            {"user": f"{here}/users/{user}/?format=json", "permission": f"{here}/permissions/{code}/?format=json"}
            for user, codes in granted.items()
            for code in codes
        ]
    }
    rows = {n: whole(n) for n in (1, 2)}
    pulled_from(rows, store)
    del rows[2]
    assert pulled_from(rows, store, asset=asset).deleted == deleted


def test_an_incomplete_list_makes_no_tombstone_and_is_told(store):
    rows = {n: whole(n) for n in (1, 2, 3)}
    pulled_from(rows, store)
    del rows[3]
    report = pulled_from(rows, store, count=3)
    assert numbers(report) == {} and "plus de fiches qu’il n’en montre" in report.warnings[-1]


def test_a_row_that_comes_back_under_its_own_key_is_noted(store):
    rows = {n: whole(n) for n in (1, 2)}
    pulled_from(rows, store)
    gone = rows.pop(2)
    assert pulled_from(rows, store).deleted == 1
    report = pulled_from(rows | {2: gone}, store)
    assert numbers(report) == {"reappeared": 1, "fetched_bodies": 1}
    assert not any(item.deleted for item in store.current_submissions())
    kinds = [kind for (kind,) in store.connection.execute("SELECT kind FROM deletion ORDER BY id")]
    assert kinds == ["deleted", "reappeared"]


def test_a_form_that_waits_for_its_deployment_is_told_and_one_that_a_partner_lacks_is_not(store):
    config = SourceConfig(
        name="ong", url="http://127.0.0.1", token_env="KOBO_TOKEN", forms={"traite": "aForm567890", "trafic": None}
    )
    with stub(kobo({1: whole(1)})) as (base, _), KoboClient(base, "t" * 40, retries=0) as client:
        report = pull(config, store, KoboSource(client), now=NOW)
    assert report.warnings == ["trafic : pas encore déployé sur ong"]


def test_nothing_deployed_says_what_to_do(project, store):
    empty = SourceConfig(name="kobo-anltp", url=project.base, token_env="KOBO_TOKEN")
    with KoboClient(project.base, LEAD.token) as client, pytest.raises(ConfigError, match="forms deploy"):
        pull(empty, store, KoboSource(client), now=NOW)


def test_what_waited_in_quarantine_and_left_the_server_waits_no_longer(store):
    rows = {1: whole(1), 2: whole(2) | {"_uuid": None}}
    assert pulled_from(rows, store).quarantined == 1
    del rows[2]
    waiting = "SELECT count(*) AS n FROM quarantine WHERE released_at IS NULL"
    assert numbers(pulled_from(rows, store)) == {} and store.frame(waiting)["n"].iloc[0] == 0


def test_a_row_without_a_key_waits_until_a_whole_list_shows_it_no_more(store):
    rows = {1: whole(1), 2: whole(2)}
    broken = {1: whole(1), 2: whole(2) | {"_id": None}}
    waiting = "SELECT reason_code FROM quarantine WHERE released_at IS NULL"
    for _ in range(2):
        assert pulled_from(broken, store).quarantined == 1
        assert store.frame(waiting).values.tolist() == [["no_key"]]
    assert numbers(pulled_from(rows, store)) == {"new": 1, "fetched_bodies": 1}
    assert store.frame(waiting).empty


def test_a_form_that_is_refused_does_not_stop_the_next(project, store):
    project.add(village="Alpha")
    both = SourceConfig(
        name="kobo-anltp", url=project.base, token_env="KOBO_TOKEN",
        forms={"traite": "aNowhere12345", "trafic": project.uid},
    )  # fmt: skip
    with KoboClient(project.base, LEAD.token, retries=0) as client:
        report = pull(both, store, KoboSource(client), now=NOW)
    assert [(form, type(error).__name__) for form, error in report.problems] == [("traite", "NotFoundError")]
    assert numbers(report) == {"new": 1, "fetched_bodies": 1}
