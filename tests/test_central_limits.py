"""ODK Central at its edges: versions that are unknown or empty, rows without an instanceID, connections, a long log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from kobo_sync import central, central_source
from kobo_sync.central import CentralClient
from kobo_sync.central_source import CentralSource
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server.central import serve_central
from kobo_sync.demo_server.storage import requests as logged
from kobo_sync.pull import pull
from kobo_sync.store import Store
from tests.central_fixture import ADMIN, PEOPLE, SYNC, CentralProject
from tests.store_fixture import KEY
from tests.stub_server import Heard, Said, stub

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "central.db"


@pytest.fixture
def project(data):
    with serve_central(data, people=PEOPLE) as base:
        yield CentralProject.published(base)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data" / "anltp.db", KEY) as opened:
        yield opened


def client(base: str, person=SYNC) -> CentralClient:
    return CentralClient(base, 1, person.email, person.password, retries=0)


def pulled(base: str, store: Store, *forms: str, person=SYNC):
    names = dict(zip(("traite", "trafic"), forms, strict=False))
    source = SourceConfig(
        name="central-oim", kind="central", url=base, token_env="T", project=1, account=person.email, forms=names
    )
    with client(base, person) as asking:
        return pull(source, store, CentralSource(asking), now=NOW)


def test_a_row_of_a_version_that_the_server_does_not_know_waits_for_people(project, data, store):
    key = project.add(village="Alpha")
    project.add(village="Beta")
    with closing(sqlite3.connect(data)) as db, db:  # edited in Enketo under a draft's version
        sql = "UPDATE def SET xml = replace(xml, 'version=\"1\"', 'version=\"draft-7\"') WHERE xml LIKE ?"
        db.execute(sql, (f"%{key}%",))
    project.publish_new("2")
    for _ in range(2):
        report = pulled(project.base, store, "small")
        assert report.quarantined == 1 and not report.problems
    assert [row.raw["village"] for row in store.current_submissions()] == ["Beta"]
    code, message = store.connection.execute("SELECT reason_code, message FROM quarantine").fetchone()
    assert code == "unknown_version" and "version" in message and "draft-7" not in message


def test_a_row_that_goes_while_it_is_read_is_told_absent(project, data):
    key = project.add(village="Alpha")
    project.publish_new("2")

    class Going(CentralClient):
        def xml(self, form_id: str, key: str) -> bytes:
            project.ask("DELETE", project.row(key.removeprefix("uuid:")))
            return super().xml(form_id, key)

    with Going(project.base, 1, SYNC.email, SYNC.password, retries=0) as asking:
        (batch,) = CentralSource(asking).bodies("small", [f"uuid:{key}"])
    assert (batch.rows, batch.absent) == ([], [f"uuid:{key}"])


def test_a_form_without_a_version_is_pulled(project, store):
    plain = CentralProject(project.base, "plain", "", project.key)
    plain.publish_new("")
    plain.add(village="Alpha")
    assert pulled(project.base, store, "plain").new == 1
    assert [row.raw["village"] for row in store.current_submissions()] == ["Alpha"]


def test_connections_do_not_grow_with_the_rows(project, monkeypatch):
    keys = [f"uuid:{project.add(village=f'v{n}')}" for n in range(36)]
    for key in keys:
        assert project.ask("PATCH", f"/forms/small/submissions/{key}", json={"reviewState": "approved"}).ok
    monkeypatch.setattr(central_source, "BATCH", 3)  # twelve batches
    monkeypatch.setattr(central_source, "PAGE", 6)
    monkeypatch.setattr(central_source, "CHUNK", 3)
    with client(project.base) as asking:
        read = CentralSource(asking)
        assert sum(len(batch.rows) for batch in read.bodies("small", keys)) == 36
        assert len(asking._http._sessions) <= 1 + 4, "one for each thread of one pool, and this thread's"
    with client(project.base) as asking:
        read = CentralSource(asking)
        assert sum(len(batch.rows) for batch in read.everything("small")) == 36
        assert len(asking._http._sessions) <= 1 + 4


def test_a_first_pull_does_not_look_its_own_rows_up_again(project, store, monkeypatch):
    from kobo_sync import pull as module

    for n in range(5):
        project.add(village=f"v{n}")
    asked: list[int] = []
    known = module.known
    monkeypatch.setattr(module, "known", lambda *args: asked.append(len(args[3])) or known(*args))
    assert pulled(project.base, store, "small").new == 5
    assert asked == [5, 0], "before they were written; and of the index, none"


def test_a_row_whose_index_has_no_instance_id_travels_once_and_again_when_edited(store):
    rows = {"uuid:k1": ("2026-11-01T08:00:00.000Z", None, "Alpha")}

    def answering(request: Heard) -> Said:
        if request.path == "/v1/sessions":
            return Said({"token": "t" * 64})
        if request.path.endswith("/fields"):
            return Said([{"path": "/village", "name": "village", "type": "string"}])
        if request.path.endswith(".xml"):
            village = rows["uuid:k1"][2]
            return Said(f'<data version="1"><village>{village}</village></data>', kind="application/xml")
        if request.path.endswith("/Submissions"):
            value = [
                {
                    "__id": key,
                    "meta": None,
                    "village": village,
                    "__system": {
                        "submissionDate": sent,
                        "updatedAt": changed,
                        "formVersion": "1",
                        "edits": changed and 1,
                    },
                }
                for key, (sent, changed, village) in rows.items()
            ]
            return Said({"value": value, "@odata.count": len(value)})
        if request.path.endswith("/audits"):
            return Said({"message": "no"}, 403)
        return Said({"version": "1", "email": SYNC.email})

    with stub(answering) as (base, _):
        assert pulled(base, store, "small").new == 1
        assert pulled(base, store, "small").fetched_bodies == 0
        rows["uuid:k1"] = ("2026-11-01T08:00:00.000Z", "2026-11-02T08:00:00.000Z", "Beta")
        assert pulled(base, store, "small").fetched_bodies == 1
        assert pulled(base, store, "small").fetched_bodies == 0


def test_the_log_is_read_once_for_all_forms_and_not_for_ever(project, data, store, monkeypatch):
    other = CentralProject(project.base, "other", "1", project.key)
    other.publish_new("1")
    for n in range(3):
        project.add(village=f"v{n}")
        other.add(village=f"w{n}")
    since = len(logged(data))
    assert pulled(project.base, store, "small", "other", person=ADMIN).new == 6
    assert sum(line.path == "/v1/audits" for line in logged(data)[since:]) == 1
    by_form = "SELECT form, count(*) FROM server_event GROUP BY form ORDER BY form"
    assert store.connection.execute(by_form).fetchall() == [("trafic", 3), ("traite", 3)]
    monkeypatch.setattr(central, "LOG_PAGE", 2)
    monkeypatch.setattr(central, "LONGEST_LOG", 4)
    with client(project.base, ADMIN) as asking:
        assert len(list(asking.log("submission", None))) == 4
