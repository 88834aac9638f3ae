"""Lists read whole whatever a server serves: cut pages, wrong counts, rows that come and go, keys without order."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from kobo_sync.client import KoboClient
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server import serve
from kobo_sync.errors import UnexpectedAnswer
from kobo_sync.kobo_source import KoboSource
from tests.demo_server_fixture import LEAD, USERS, Project
from tests.stub_server import Heard, Said, in_turn, stub

EMPTY = Said({"count": 0, "next": None, "results": []})


@contextmanager
def client(url: str, token: str = "t" * 40):
    with KoboClient(url, token, retries=0) as asking:
        yield KoboSource(asking)


def swept(asking: KoboSource, uid: str):
    """The sweep, and its rows by key."""
    rows = {}

    def take(page):
        for row in page:
            assert row.remote_key not in rows, "no key twice"
            rows[row.remote_key] = row

    return asking.sweep(uid, take), rows


@pytest.fixture
def project(tmp_path):
    with serve(tmp_path / "kobo.db", users=USERS, page_max=100) as base:
        yield Project.deployed(base)


def test_a_server_that_cuts_pages_at_100_is_read_whole(project, tmp_path):
    for n in range(230):
        project.add(village=f"v{n}")
    with client(project.base, token=LEAD.token) as asking:
        sweep, rows = swept(asking, project.uid)
        ids = list(rows)
        assert (len(ids), sweep.complete, sweep.malformed, sweep.page) == (230, True, [], 100)
        assert ids == sorted(ids, key=int)
        for read in (asking.bodies(project.uid, ids), asking.everything(project.uid)):
            batches = list(read)
            assert [row.remote_key for batch in batches for row in batch.rows] == ids
            assert {row.raw["village"] for batch in batches for row in batch.rows} == {f"v{n}" for n in range(230)}
    lines = [line for line in logged(tmp_path / "kobo.db") if line.path.endswith("/data/") and "fields" in line.query]
    assert len(lines) == 4, "three pages and the empty one that ends the list"


def test_rows_that_vanished_since_the_sweep_are_named(project):
    for n in range(3):
        project.add(village=f"v{n}")
    with client(project.base, token=LEAD.token) as asking:
        ids = list(swept(asking, project.uid)[1])
        assert project.ask("DELETE", f"{project.path}data/{ids[1]}/").status_code == 204
        (batch,) = asking.bodies(project.uid, ids)
        assert ([row.remote_key for row in batch.rows], batch.absent) == ([ids[0], ids[2]], [ids[1]])
        assert [asking.is_gone(project.uid, key) for key in ids] == [False, True, False]


def page(ids: list[int], count: int) -> Said:
    return Said({"count": count, "next": None, "results": [{"_id": n, "_uuid": f"u{n}"} for n in ids]})


def test_bodies_cut_shorter_than_asked_are_asked_again():
    def answering(request: Heard) -> Said:
        wanted = json.loads(request.params["query"])["_id"]["$in"]
        return page([n for n in wanted if n != 5][:40], len(wanted))

    with stub(answering) as (base, heard), client(base) as asking:
        (batch,) = asking.bodies("aUid", [str(n) for n in range(100)])
    assert {row.remote_key for row in batch.rows} == {str(n) for n in range(100) if n != 5} and batch.absent == ["5"]
    assert len(heard) == 4


def test_a_list_shorter_than_its_count_is_called_incomplete():
    def answering(request: Heard) -> Said:
        query = json.loads(request.params["query"])
        return page([1, 2] if query.get("_id") == {"$gt": 0} else [], 5)

    with stub(answering) as (base, _), client(base) as asking:
        assert not swept(asking, "aUid")[0].complete


def test_rows_deleted_during_the_sweep_do_not_make_it_incomplete():
    def answering(request: Heard) -> Said:
        query = json.loads(request.params["query"])
        return page([1, 2], 3) if query.get("_id") == {"$gt": 0} else page([], 0 if query else 2)

    with stub(answering) as (base, _), client(base) as asking:
        assert swept(asking, "aUid")[0].complete


def test_a_server_that_ignores_the_position_is_refused_rather_than_read_for_ever():
    always, words = in_turn(page([1, 2], 2)), "ne tient pas compte de la position"
    with stub(always) as (base, _), client(base) as asking, pytest.raises(UnexpectedAnswer, match=words):
        swept(asking, "aUid")


def test_index_rows_without_a_key_are_set_apart():
    odd = [{"_uuid": "x"}, {"_id": "7"}, {"_id": True}, None, {"_id": 4}]

    def answering(request: Heard) -> Said:
        return Said({"count": 5, "results": odd}) if "0" in request.params["query"] else EMPTY

    with stub(answering) as (base, _), client(base) as asking:
        sweep, rows = swept(asking, "aUid")
    assert list(rows) == ["4"] and len(sweep.malformed) == 4 and sweep.complete


def test_rows_that_were_not_asked_for_are_not_taken():
    other = Said({"count": 1, "next": None, "previous": None, "results": [{"_id": 9}]})
    with stub(in_turn(other)) as (base, _), client(base) as asking:
        (batch,) = asking.bodies("aForm123456", ["1"])
    assert batch.rows == [] and batch.absent == ["1"]
