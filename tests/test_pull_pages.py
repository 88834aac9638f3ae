"""Lists read whole whatever a server serves: cut pages, wrong counts, rows that come and go, keys without order."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server import serve
from kobo_sync.errors import UnexpectedAnswer
from kobo_sync.kobo_source import KoboSource
from kobo_sync.pull import PullReport, pull
from kobo_sync.store import Store
from tests.demo_server_fixture import LEAD, USERS, Project
from tests.store_fixture import KEY
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


# --- Lists long enough to be read by ranges of keys, and lists that move ----------------------------------------------


class Moving:
    """Rows of a server that cuts at 100; `before[n]` is done to them before the n-th page of the index."""

    def __init__(self, ids, cut: int = 100, count=None, before=None, repeats: int = 0) -> None:
        self.rows = {n: f"u{n}" for n in ids}
        self.cut, self.count, self.before, self.repeats = cut, count, before or {}, repeats
        self.asked = 0
        self.lock = threading.Lock()

    def __call__(self, request: Heard) -> Said:
        with self.lock:
            return self._answer(request)

    def _answer(self, request: Heard) -> Said:
        if request.path == "/me/":
            return Said({"username": "sync"})
        if request.path.endswith("/history/"):
            return Said({"detail": "Forbidden."}, 403)
        if not request.path.endswith("/data/"):
            number = request.path.rstrip("/").rpartition("/")[2]
            if number.isdecimal():
                there = int(number) in self.rows
                return Said({"_id": int(number)}) if there else Said({"detail": "Not found."}, 404)
            return Said({"effective_permissions": [{"codename": "view_submissions"}]})
        asked = json.loads(request.params["query"]).get("_id", {})
        if "fields" in request.params and request.params["limit"] != "1":
            self.asked += 1
            self.before.get(self.asked, lambda rows: None)(self.rows)
        low, high = asked.get("$gt", 0), asked.get("$lte", 10**12)
        found = [n for n in sorted(self.rows) if low < n <= high and n in asked.get("$in", self.rows)]
        if "-1" in request.params["sort"]:
            found.reverse()
        start = int(request.params.get("start", 0))
        page = found[start:][: min(self.cut, int(request.params["limit"]))]
        if self.repeats and low and "fields" in request.params:
            page = [n for n in sorted(self.rows) if n <= low][-self.repeats :] + page if page else page
        count = len(found) if self.count is None else self.count
        rows = [
            {"_id": n, "_uuid": self.rows[n], "meta/rootUuid": f"uuid:u{n}", "_validation_status": {}} for n in page
        ]
        return Said({"count": count, "next": None, "results": rows})


EVEN = range(1, 1501)
SPARSE = [n * n * 37 + 5 for n in range(1, 1201)]
BURSTS = [base + n for base in (10, 5_000_000, 200_000_000) for n in range(400)]


@pytest.mark.parametrize("ids", [EVEN, SPARSE, BURSTS], ids=["even", "sparse", "bursts"])
def test_a_long_list_is_read_whole_by_ranges_whatever_its_keys(ids):
    server = Moving(ids)
    with stub(server) as (base, heard), client(base) as asking:
        sweep, rows = swept(asking, "aUid")
    assert list(rows) == [str(n) for n in sorted(ids)] and sweep.complete and sweep.page == 100
    assert len(heard) < 4 * len(list(ids)) / 100 + 30
    assert any("$lte" in request.params["query"] for request in heard), "several ranges at a time"


@pytest.mark.parametrize("count", [0, 50, 10**9])
def test_a_count_that_is_wrong_for_ever_loses_no_row_and_makes_no_tombstone(count, tmp_path):
    server = Moving(EVEN)
    with Store.open(tmp_path / "s.db", KEY) as store:
        server.count = count
        with stub(server) as (base, _):
            first = pulled_once(base, store)
            assert first.new == len(EVEN)
            server.rows.pop(3)
            second = pulled_once(base, store)
        told = [w for w in second.warnings if "plus de fiches qu’il n’en montre" in w]
        # Too low: every row was shown, and the server's word for each row is still asked. Too high: told each night.
        assert (second.deleted, len(told)) == ((0, 1) if count == 10**9 else (1, 0))


def test_rows_repeated_on_the_next_page_are_taken_once():
    with stub(Moving(range(1, 450), repeats=3)) as (base, _), client(base) as asking:
        sweep, rows = swept(asking, "aUid")
    assert len(rows) == 449 == sweep.read and sweep.complete


@pytest.mark.parametrize("ids", [EVEN, range(1, 331)], ids=["by ranges", "one page after the other"])
def test_rows_that_come_and_go_during_the_sweep_are_right_after_one_more_run(ids, tmp_path):
    def late(rows):  # a slow upload: a key below those already read
        rows.pop(20)
        rows[2000] = "u2000"

    def slower(rows):
        rows[20] = "u20b"
        rows.pop(30, None)
        rows[2001] = "u2001"

    server = Moving([n for n in ids if n != 7], before={1: late, 3: slower, 4: lambda rows: rows.update({7: "u7"})})
    with stub(server) as (base, _), Store.open(tmp_path / "s.db", KEY) as store:
        pulled_once(base, store)
        server.before = {server.asked + 2: lambda rows: rows.update({8: "u8b"})}
        pulled_once(base, store)
        pulled_once(base, store)
        with Store.open(tmp_path / "clean.db", KEY) as clean:
            pulled_once(base, clean)
            held = {item.remote_key: item.instance_uuid for item in store.current_submissions() if not item.deleted}
            assert held == {item.remote_key: item.instance_uuid for item in clean.current_submissions()}
            assert held == {str(n): uuid for n, uuid in server.rows.items()}


def test_a_sweep_that_misses_rows_in_its_second_reading_makes_no_tombstone(tmp_path):
    server = Moving(range(1, 51))
    with stub(server) as (base, _), Store.open(tmp_path / "s.db", KEY) as store:
        pulled_once(base, store)
        server.rows.pop(3)
        # The first sweep is whole; from the second one on the server announces more than it shows.
        server.before = {server.asked + 3: lambda rows: setattr(server, "count", 80)}
        assert pulled_once(base, store).deleted == 0
        server.count, server.before = None, {}
        assert pulled_once(base, store).deleted == 1


def pulled_once(base: str, store: Store) -> PullReport:
    source = SourceConfig(name="kobo-anltp", url=base, token_env="KOBO_TOKEN", forms={"traite": "aForm567890"})
    with client(base) as asking:
        return pull(source, store, asking, now=datetime(2026, 11, 2, 1, 0, tzinfo=UTC))
