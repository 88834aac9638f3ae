"""Files of submissions: fetched, taken up where they broke off, sealed beside the store; our token stays at home."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import time
from urllib.parse import quote

import pytest
from sqlcipher3 import dbapi2 as sqlcipher
from starlette.middleware import Middleware

from kobo_sync import attachments
from kobo_sync.attachment_files import DiskRefused, SealedWriter, file_name, read_sealed
from kobo_sync.attachment_servers import KoboFiles, open_files
from kobo_sync.attachments import fetch_files, folder, kept_of, read_file, remove_files
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import RequestLine, serve
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server.central import serve_central
from kobo_sync.demo_server.faults import Fault, FaultBoard, Faults
from kobo_sync.errors import AuthError, StoreError
from kobo_sync.open_source import open_source
from kobo_sync.pull import pull
from kobo_sync.received_rows import read_row
from kobo_sync.store import Store
from kobo_sync.store_receive import Row, submission_key, write_row
from kobo_sync.transport_bounds import Limits
from tests.attachments_fixture import (
    DRIP,
    FILES,
    NOW,
    PNG,
    Ranges,
    add,
    asked_of,
    fetched,
    on_disk,
    pulled,
    states,
    transport,
    waiting,
)
from tests.central_fixture import PEOPLE, SYNC, CentralProject
from tests.demo_server_fixture import LEAD, USERS, Project
from tests.store_fixture import KEY
from tests.stub_server import Said, dripping, stub


@pytest.fixture
def board():
    return FaultBoard()


@pytest.fixture
def ranges():
    return []


@pytest.fixture
def project(tmp_path, board, ranges):
    middleware = [Middleware(Faults, board=board), Middleware(Ranges, heard=ranges)]
    with serve(tmp_path / "kobo.db", users=USERS, middleware=middleware) as base:
        yield Project.deployed(base)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data" / "anltp.db", KEY) as opened:
        yield opened


def test_a_file_is_fetched_hashed_and_sealed_under_a_name_that_says_nothing(project, store):
    add(project)
    report = fetched(project, store)
    assert (report.fetched, report.awaited, report.failed, report.warnings) == (1, 0, 0, [])
    size, sha, stored_as = store.connection.execute("SELECT size, sha256, stored_as FROM attachment").fetchone()
    assert (size, sha) == (len(PNG), hashlib.sha256(PNG).hexdigest())
    assert read_file(store, KEY, 1) == PNG
    (sealed,) = on_disk(store)
    assert PNG[:64] not in sealed and bytes(range(64)) not in sealed
    assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{32}", stored_as)
    if os.name == "posix":
        assert (folder(store) / stored_as).stat().st_mode & 0o077 == 0


def test_a_fetched_file_does_not_travel_again(project, store, tmp_path):
    add(project)
    fetched(project, store)
    sent = len(logged(tmp_path / "kobo.db"))
    assert fetched(project, store).fetched == 1
    assert not [line for line in logged(tmp_path / "kobo.db")[sent:] if FILES in line.path]


def test_an_interrupted_file_is_taken_up_where_it_broke_off(project, store, board, ranges):
    add(project)
    board.set(Fault("truncated", path=FILES, last=1))
    assert fetched(project, store).fetched == 1
    assert ranges == [f"bytes={len(PNG) // 2}-"]
    assert read_file(store, KEY, 1) == PNG


def test_what_a_broken_night_leaves_is_sealed_and_the_next_night_goes_on_from_there(project, store, board, ranges):
    add(project)
    board.set(Fault("truncated", path=FILES, last=1))
    with transport(project.base) as http:
        server = KoboFiles(http)
        opened = server.open
        tries = []

        def once(*asked):
            tries.append(asked)
            if len(tries) > 1:
                raise ConnectionError
            return opened(*asked)

        server.open = once  # the line itself is dead after the first try
        pulled(project, store)
        report = fetch_files(store, KEY, "kobo", "fournisseur", project.uid, server, now=NOW)
    assert (report.awaited, states(store)) == (1, [("scan.png", "awaited")])
    (half,) = on_disk(store)
    assert len(half) > len(PNG) // 3 and bytes(range(64)) not in half
    assert fetched(project, store).fetched == 1
    assert ranges == [f"bytes={len(PNG) // 2}-"]
    assert read_file(store, KEY, 1) == PNG


def test_a_file_received_whole_by_a_process_that_was_killed_does_not_travel_again(project, store, tmp_path):
    add(project)
    keys = pulled(project, store)
    uid = project.rows()[0]["_attachments"][0]["uid"]
    stored_as = file_name(KEY, keys[0], "scan.png", uid)
    with SealedWriter(folder(store) / stored_as, KEY) as writer:
        writer.begin({"total": len(PNG)})
        writer.write(PNG)  # and killed before its end is written
    assert fetched(project, store).fetched == 1
    (folder(store) / stored_as).rename(folder(store) / f"{stored_as}.part")  # killed before it took its name
    store.connection.execute("UPDATE attachment SET state = 'awaited'")
    assert fetched(project, store).fetched == 1
    store.connection.execute("UPDATE attachment SET state = 'awaited'")  # killed before the table knew
    assert fetched(project, store).fetched == 1
    assert read_file(store, KEY, 1) == PNG
    assert not [line for line in logged(tmp_path / "kobo.db") if FILES in line.path]


def test_without_ranges_the_file_is_read_again_from_its_start(tmp_path, store, board):
    with serve(tmp_path / "kobo.db", users=USERS, middleware=[Middleware(Faults, board=board)]) as base:
        project = Project.deployed(base)
        add(project)
        board.set(Fault("truncated", path=FILES, last=2))
        assert fetched(project, store).fetched == 1
    assert read_file(store, KEY, 1) == PNG


def test_a_row_may_come_before_its_file(project, store):
    add(project, content=None)
    report = fetched(project, store)
    assert (report.awaited, states(store)) == (1, [("scan.png", "awaited")])
    add(project)
    assert fetched(project, store).fetched == 1
    assert states(store) == [("scan.png", "fetched")], "the same line, not a second one"
    assert read_file(store, KEY, 1) == PNG


def test_a_page_or_bytes_of_another_kind_are_refused_and_asked_again(project, store, board):
    add(project, content=b"MZ this is a program" * 50)
    add(project, uuid="0b8f9d8e-0000-4000-8000-000000000002", name="b.png")
    board.set(Fault("html", path=FILES))
    report = fetched(project, store)
    assert (report.failed, report.fetched, len(report.warnings)) == (2, 0, 1)
    assert "scan" not in report.warnings[0]
    board.lift()
    report = fetched(project, store)
    assert (report.failed, report.fetched) == (1, 1)
    assert [one.reason for one in kept_of(store, pulled(project, store)[0])] == ["ce n’est ni une image ni un PDF"]
    assert len(on_disk(store)) == 1


def test_a_huge_file_is_refused_by_its_length(project, store, monkeypatch):
    monkeypatch.setattr(attachments, "MAX_BYTES", 100_000)
    add(project)
    assert fetched(project, store).failed == 1
    assert on_disk(store) == []


def test_a_file_of_untold_length_is_bounded_too(tmp_path, store, monkeypatch):
    monkeypatch.setattr(attachments, "MAX_BYTES", 100_000)
    with serve(tmp_path / "kobo.db", users=USERS, middleware=[Middleware(Untold)]) as base:
        project = Project.deployed(base)
        add(project)
        add(project, uuid="0b8f9d8e-0000-4000-8000-000000000002", name="small.png", content=PNG[:90_000])
        report = fetched(project, store)
    assert (report.failed, report.fetched) == (1, 1)
    assert len(on_disk(store)) == 1


class Untold:
    """Middleware that leaves the length of a file out: it comes in chunks, and ends when it ends."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def without(message):
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, without if FILES in scope.get("path", "") else send)


def test_a_file_deleted_on_the_server_is_gone_and_what_we_have_is_kept(project, store):
    add(project)
    fetched(project, store)
    uid = project.rows()[0]["_attachments"][0]["uid"]
    assert project.ask("DELETE", f"{project.path}attachments/{uid}/").status_code == 204
    assert fetched(project, store).gone == 1
    assert read_file(store, KEY, 1) == PNG


def test_the_token_does_not_follow_a_redirect_to_another_host(project, store):
    add(project)
    pulled(project, store)
    with stub(lambda heard: Said(PNG, kind="image/png")) as (elsewhere, there):

        def sends_on(heard):
            return Said(status=307, headers={"Location": f"{elsewhere}/signed?key=1"})

        with stub(sends_on) as (base, here), transport(base) as http:
            report = fetch_files(store, KEY, "kobo", "fournisseur", project.uid, KoboFiles(http), now=NOW)
    assert report.fetched == 1
    assert [heard.headers.get("Authorization") for heard in here] == [f"Token {LEAD.token}"]
    assert [heard.headers.get("Authorization") for heard in there] == [None]
    assert LEAD.token not in json.dumps([heard.headers | heard.params for heard in there])


def test_a_refused_token_stops_the_files_and_says_so(project, store):
    add(project)
    with pytest.raises(AuthError) as refused:
        fetched(project, store, "9" * 40)
    assert "9" * 40 not in str(refused.value)


def test_a_name_is_never_a_path(store, tmp_path):
    with stub(lambda heard: Said(PNG, kind="image/png")) as (base, _), transport(base) as http:
        raw = {
            "_id": 7, "_uuid": "u7", "photo": "../../../evil.png",
            "_attachments": [{"uid": "att7", "media_file_basename": "../../../evil.png"},
                             {"uid": "../../me", "media_file_basename": "x.png"}],
        }  # fmt: skip
        row = read_row(raw)
        assert isinstance(row, Row)
        write_row(store, "kobo", "fournisseur", row, "2026-11-02T01:00:00+00:00")
        fetch_files(store, KEY, "kobo", "fournisseur", "aX", KoboFiles(http), now=NOW)
    assert states(store) == [("../../../evil.png", "fetched")]
    kept = [
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if path.is_file() and "db" not in path.name
    ]
    assert [re.sub(r"[0-9a-f]{32}", "…", path[:18] + path[18:]) for path in kept] == [
        f"data/attachments/{kept[0][17:19]}/…"
    ]


def test_an_erasure_takes_files_and_names_and_the_next_night_brings_neither_back(project, store):
    add(project)
    keys = pulled(project, store)
    fetched(project, store)
    with store.transaction() as connection:
        connection.execute("INSERT INTO erasure VALUES (1, 'x', 'x', 'x', 'case', 'x', '{}')")
        connection.execute(
            "INSERT INTO suppression (erasure_id, source, form, remote_key, at)"
            " VALUES (1, 'kobo', 'fournisseur', ?, 'x')",
            (keys[0].rpartition("/")[2],),
        )
        assert remove_files(store, keys) == 1
    assert on_disk(store) == []
    with transport(project.base) as http:
        fetch_files(store, KEY, "kobo", "fournisseur", project.uid, KoboFiles(http), now=NOW)
    assert states(store) == [("effacé 1", "gone")]
    assert on_disk(store) == []


def test_an_erasure_that_is_not_kept_has_deleted_no_file_and_a_second_try_ends_the_work(project, store):
    add(project)
    keys = pulled(project, store)
    fetched(project, store)
    store.connection.execute(
        "CREATE TEMP TRIGGER full AFTER UPDATE ON attachment BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    )
    with pytest.raises(sqlcipher.DatabaseError, match="disk is full"):
        remove_files(store, keys)
    assert read_file(store, KEY, 1) == PNG and states(store) == [("scan.png", "fetched")]
    store.connection.execute("DROP TRIGGER full")
    store.connection.execute(  # the name goes, and then the disk takes no more
        "CREATE TEMP TRIGGER full AFTER UPDATE ON attachment WHEN NEW.stored_as IS NULL"
        " BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    )
    with pytest.raises(sqlcipher.DatabaseError, match="disk is full"):
        remove_files(store, keys)
    store.connection.execute("DROP TRIGGER full")
    assert remove_files(store, keys) == 1
    assert on_disk(store) == [] and store.connection.execute("SELECT stored_as FROM attachment").fetchall() == [(None,)]


def test_an_erasure_takes_half_a_file_too(store):
    waiting(store, 1)
    with dripping(DRIP, b"x") as base:
        asked_of(base, store, Limits(request=0.25))
    assert len(on_disk(store)) == 1
    assert remove_files(store, [submission_key("kobo", "fournisseur", "1")]) == 0
    assert on_disk(store) == []


@pytest.mark.skipif(os.name != "posix", reason="links need a right on Windows")
@pytest.mark.parametrize("linked", ["ab", "ab/abcd.part"])
def test_no_link_below_the_folder_is_written_through(tmp_path, linked):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x").write_bytes(b"not ours")
    place = tmp_path / "attachments" / linked
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere if linked == "ab" else elsewhere / "x")
    with pytest.raises(DiskRefused):
        SealedWriter(tmp_path / "attachments" / "ab" / "abcd", KEY)
    assert [(path.name, path.read_bytes()) for path in elsewhere.iterdir()] == [("x", b"not ours")]


# --- ODK Central ------------------------------------------------------------------------------------------------------


def test_central_files_are_fetched_by_name_when_they_come_and_not_listed_again(tmp_path, store):
    name = "reçu é (1).png"
    with serve_central(tmp_path / "central.db", people=PEOPLE) as base:
        project = CentralProject.published(base)
        instance = project.add(photo=name)
        source = central_source(base, project)
        assert pulled_central(source, store) == [(name, "awaited")]
        sent = project.ask("POST", f"{project.row(instance)}/attachments/{quote(name)}", data=PNG)
        assert sent.status_code == 200, sent.text
        assert pulled_central(source, store) == [(name, "fetched")]
        assert read_file(store, KEY, 1) == PNG
        asked = len(file_requests(tmp_path))
        assert asked and pulled_central(source, store) == [(name, "fetched")]
        assert len(file_requests(tmp_path)) == asked
        assert project.ask("DELETE", f"{project.row(instance)}/attachments/{quote(name)}").status_code == 200
        assert pulled_central(source, store) == [(name, "gone"), (name, "awaited")], "the answer still names one"
        assert read_file(store, KEY, 1) == PNG


def central_source(base: str, project: CentralProject) -> SourceConfig:
    return SourceConfig(
        name="central", kind="central", url=base, project=1, account=SYNC.email, token_env="CENTRAL_PASSWORD",
        forms={"fournisseur": project.form_id},
    )  # fmt: skip


def pulled_central(source: SourceConfig, store: Store) -> list[tuple[str, str]]:
    """A pull and the files after it; where each file stands."""
    with open_source(source, SYNC.password, ["fournisseur"]) as server:
        pull(source, store, server, now=NOW)
    with open_files(source, SYNC.password) as files:
        fetch_files(store, KEY, source.name, "fournisseur", source.uid("fournisseur"), files, now=NOW)
    return states(store)


def file_requests(tmp_path) -> list[RequestLine]:
    return [line for line in logged(tmp_path / "central.db") if line.path.rstrip("/").endswith("/attachments")]


# --- The sealed file itself -------------------------------------------------------------------------------------------


def _write_until_killed(path, started):
    with SealedWriter(path, KEY) as writer:
        writer.begin({"total": 10**9})
        for number in range(10**6):
            writer.write(number.to_bytes(4, "big") * 25_000)
            if number == 3:
                started.set()


def test_a_writer_that_is_killed_leaves_whole_pieces(tmp_path):
    path = tmp_path / "ab" / "abcd"
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    process = context.Process(target=_write_until_killed, args=(path, started))
    process.start()
    assert started.wait(30)
    time.sleep(0.01)
    process.kill()
    process.join()
    with SealedWriter(path, KEY) as writer:
        assert writer.note == {"total": 10**9}
        whole = writer.size
        assert whole >= 400_000 and whole % 100_000 == 0
        writer.write(b"the end")
        digest = writer.finish()
    content = b"".join(number.to_bytes(4, "big") * 25_000 for number in range(whole // 100_000)) + b"the end"
    assert read_sealed(path, KEY) == content and digest == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("change", ["cut", "bit", "key", "moved", "last piece gone"])
def test_a_sealed_file_that_was_touched_is_refused(tmp_path, change):
    path = tmp_path / "ab" / "abcd"
    with SealedWriter(path, KEY) as writer:
        writer.begin({})
        writer.write(b"a" * 1000)
        before_last = path.with_name("abcd.part").stat().st_size
        writer.finish()
    content, key = bytearray(path.read_bytes()), KEY
    if change == "cut":
        path.write_bytes(content[:-10])
    elif change == "bit":
        content[200] ^= 1
        path.write_bytes(content)
    elif change == "key":
        key = bytes(reversed(KEY))
    elif change == "moved":
        path = path.rename(path.with_name("dcba"))
    else:
        path.write_bytes(content[:before_last])
    with pytest.raises(StoreError):
        read_sealed(path, key)


def test_names_of_stored_files_depend_on_the_key():
    assert file_name(KEY, "a", "b") != file_name(bytes(32), "a", "b")
    assert file_name(KEY, "a", "b") != file_name(KEY, "ab", "")
