"""Files of a server that means harm: bounded in time and number, refused one by one, heard by a stop."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kobo_sync.attachment_servers import KoboFiles, open_files
from kobo_sync.attachments import fetch_files, fetch_source
from kobo_sync.store import Store
from kobo_sync.transport_bounds import Limits
from tests.attachments_fixture import (
    DRIP,
    NOW,
    PNG,
    asked_of,
    kobo_source,
    on_disk,
    states,
    transport,
    waiting,
)
from tests.store_fixture import KEY
from tests.stub_server import Said, dripping, stub


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data" / "anltp.db", KEY) as opened:
        yield opened


def test_a_file_that_drips_is_asked_for_once_and_three_of_them_end_the_night_of_files(store):
    waiting(store, 5)
    with dripping(DRIP, b"x") as base:
        report, requests = asked_of(base, store, Limits(request=0.25))
    assert (requests, report.awaited) == (3, 5)
    assert report.warnings == ["fournisseur : le serveur interrompt les fichiers joints ; la suite au prochain tirage"]


def test_the_files_of_a_source_have_an_hour_together_and_the_rest_waits_for_another_night(store):
    waiting(store, 3)
    with dripping(DRIP, b"x") as base:
        report, requests = asked_of(base, store, Limits(request=60, total=0.3))
    assert (requests, states(store)) == (1, [("1.png", "awaited"), ("2.png", "awaited")])
    assert "ont pris leur temps de la nuit" in report.warnings[0]
    with open_files(kobo_source(base), "t") as files:
        assert files.time_left() <= 3600


def test_a_night_hears_of_each_file(store):
    waiting(store, 2)
    steps: list[str] = []
    config = SimpleNamespace(attachments={"fournisseur": True})
    with stub(lambda heard: Said(PNG[:500], kind="image/png")) as (base, _):
        assert fetch_source(config, kobo_source(base), "t", store, KEY, NOW, steps.append) == []
    assert steps[-1] == "kobo · Fichiers joints de fournisseur (2 sur 2)" and len(steps) >= 4


def test_a_refused_file_does_not_make_up_for_those_that_broke_off(store):
    waiting(store, 5)

    def answer(heard):
        return Said("", 404) if "att2" in heard.path else Said(PNG, kind="image/png", cut=20)

    with stub(answer) as (base, heard):
        report, _ = asked_of(base, store)
    assert (report.failed, report.awaited) == (1, 4)
    assert not [one for one in heard if "att5" in one.path]


def test_a_stop_is_heard_in_the_middle_of_a_file_and_what_came_is_kept(store):
    class Stopped(BaseException):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    waiting(store, 1)
    with dripping(DRIP, b"x") as base, pytest.raises(Stopped):
        asked_of(base, store, Limits(request=10), progress=stop)
    reason = store.connection.execute("SELECT reason FROM attachment").fetchone()[0]
    assert on_disk(store) and states(store) == [("1.png", "awaited")] and reason is None, "not waited for to its end"


@pytest.mark.parametrize(
    "header",
    [
        *(
            b"Location: " + to
            for to in (b"http://[", b"https://a:99999999/", b"file:///etc/passwd", b"http://10.9.9.9/x")
        ),
        b"Content-Length: " + b"1" * 5000,
        b"Content-Length: \xb2",
    ],
)
def test_headers_that_mean_harm_refuse_their_file_and_no_other(store, header):
    status = b"302 Found" if header.startswith(b"Location") else b"200 OK"
    waiting(store, 2)
    with (
        dripping(b"HTTP/1.1 " + status + b"\r\n" + header + b"\r\n\r\nMZ", None) as bad,
        stub(lambda heard: Said(PNG, kind="image/png")) as (good, _),
        transport(bad) as first,
        transport(good) as second,
    ):
        evil, server = KoboFiles(first), KoboFiles(second)
        opened = server.open
        server.open = lambda *asked: evil.open(*asked) if asked[2].remote_id == "att1" else opened(*asked)
        report = fetch_files(store, KEY, "kobo", "fournisseur", "aX", server, now=NOW)
    assert (report.failed, report.fetched) == (1, 1)


def test_the_401_of_a_file_store_refuses_its_file_and_says_nothing_of_our_token(store):
    waiting(store, 1)
    with stub(lambda heard: Said("", 401)) as (elsewhere, _):
        signed = Said(status=307, headers={"Location": f"{elsewhere}/signed"})
        with stub(lambda heard: signed) as (base, _):
            report, _ = asked_of(base, store)
    assert report.failed == 1
