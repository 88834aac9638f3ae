"""The demo server keeps what it took, once, through a stop and under many phones at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests as http
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kobo_sync.demo_server import requests, serve
from tests.demo_server_fixture import LEAD, PHONE, USERS, Project


def test_a_stop_and_a_start_keep_everything(tmp_path: Path) -> None:
    data = tmp_path / "server.db"
    with serve(data, users=USERS) as base:
        project = Project.deployed(base)
        instance = project.add(village="Alpha", photo="a.png")
        assert project.send(project.xml(instance, village="Alpha", photo="a.png"), a__png=b"picture").status_code == 201
        (before,) = project.rows()
        status = f"{project.path}data/{before['_id']}/validation_status/"
        project.ask("PATCH", status, json={"validation_status.uid": "validation_status_approved"})
    with serve(data) as base:  # accounts are kept as well
        again = Project(base, project.uid)
        (after,) = again.rows()
        assert after["_validation_status"]["label"] == "Approved"
        assert {key: after[key] for key in ("_id", "_uuid", "village")} == {
            key: before[key] for key in ("_id", "_uuid", "village")
        }
        (photo,) = after["_attachments"]
        assert again.ask("GET", photo["download_url"].removeprefix(base)).content == b"picture"
        assert again.send(again.xml(instance, village="Alpha", photo="a.png")).status_code == 202
        forms = http.get(f"{base}/formList", auth=http.auth.HTTPDigestAuth(PHONE.name, PHONE.password)).text
        assert project.uid in forms


def test_the_same_submission_twice_is_not_two(tmp_path: Path) -> None:
    with serve(tmp_path / "server.db", users=USERS) as base:
        project = Project.deployed(base)
        text = project.xml(str(uuid.uuid4()), village="Alpha")
        assert [project.send(text).status_code for _ in range(3)] == [201, 202, 202]
        assert len(project.rows()) == 1


def test_a_refused_submission_burns_its_number(tmp_path: Path) -> None:
    with serve(tmp_path / "server.db", users=USERS) as base:
        project = Project.deployed(base)
        first = project.add(village="Alpha")
        assert project.send(project.xml(first, village="Other")).status_code == 409
        project.add(village="Beta")
        numbers = [row["_id"] for row in project.rows()]
        assert numbers[1] == numbers[0] + 2


def test_a_deleted_submission_sent_again_has_a_new_number_and_its_old_uuids(tmp_path: Path) -> None:
    with serve(tmp_path / "server.db", users=USERS) as base:
        project = Project.deployed(base)
        instance = project.add(village="Alpha")
        (before,) = project.rows()
        assert project.ask("DELETE", f"{project.path}data/{before['_id']}/").status_code == 204
        assert project.rows() == []
        assert project.send(project.xml(instance, village="Alpha")).status_code == 201
        (after,) = project.rows()
        assert after["_id"] > before["_id"]
        assert (after["_uuid"], after["meta/rootUuid"]) == (before["_uuid"], before["meta/rootUuid"])


def test_many_phones_at_a_time_lose_and_double_nothing(tmp_path: Path) -> None:
    with serve(tmp_path / "server.db", users=USERS) as base:
        project = Project.deployed(base)
        # Each submission is sent by two phones at the same time.
        texts = [project.xml(str(uuid.uuid4()), village=f"V{number}") for number in range(40)] * 2
        with ThreadPoolExecutor(8) as pool:
            codes = sorted(answer.status_code for answer in pool.map(project.send, texts))
        assert codes == [201] * 40 + [202] * 40
        rows = project.rows(limit=1000)
        assert len({row["_id"] for row in rows}) == len({row["village"] for row in rows}) == len(rows) == 40


def test_pages_are_cut_as_the_server_was_told(tmp_path: Path) -> None:
    with serve(tmp_path / "server.db", users=USERS, page_default=2, page_max=3) as base:
        project = Project.deployed(base)
        for number in range(7):
            project.add(village=f"V{number}")
        assert len(project.rows()) == 2
        assert len(project.rows(limit=1000)) == 3
        seen, url = [], f"{base}{project.path}data/?limit=1000"
        while url:
            page = project.ask("GET", url.removeprefix(base)).json()
            seen += [row["village"] for row in page["results"]]
            url = page["next"]
        assert seen == [f"V{number}" for number in range(7)]


def test_the_request_log_has_each_request_once_and_no_secret(tmp_path: Path) -> None:
    data = tmp_path / "server.db"
    with serve(data, users=USERS) as base:
        project = Project.deployed(base)
        before = len(requests(data))
        project.add(village="Alpha")
        project.rows(limit=5)
        http.get(f"{base}/me/", headers={"Authorization": "Token wrong"})
        lines = requests(data)[before:]
    assert [(line.method, line.path, line.query, line.status, line.user) for line in lines] == [
        ("POST", "/submission", "", 201, PHONE.name),
        ("GET", f"{project.path}data/", "limit=5", 200, LEAD.name),
        ("GET", "/me/", "", 401, None),
    ]
    assert all(line.response_bytes > 0 for line in lines)
    kept = data.read_bytes()
    assert LEAD.password.encode() not in kept


def test_the_program_writes_its_address_and_stops_when_asked(tmp_path: Path) -> None:
    address, data = tmp_path / "url", tmp_path / "server.db"
    command = [sys.executable, "-m", "kobo_sync.demo_server", "--data", str(data), "--url-file", str(address)]
    account = f"{LEAD.name}:{LEAD.password}:{LEAD.token}"
    process = subprocess.Popen([*command, "--user", account])
    try:
        while not address.exists():
            assert process.poll() is None
            time.sleep(0.02)
        base = address.read_text(encoding="utf-8").strip()
        me = http.get(f"{base}/me/", headers={"Authorization": f"Token {LEAD.token}"}).json()
        assert me["username"] == LEAD.name
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert [line.path for line in requests(data)] == ["/me/"]


class _Down:
    """A fault: the server answers 503 to everything under /api/."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        down = scope["path"].startswith("/api/")
        await (PlainTextResponse("down", 503) if down else self.app)(scope, receive, send)


def test_what_a_middleware_answers_is_logged_too(tmp_path: Path) -> None:
    data = tmp_path / "server.db"
    with serve(data, users=USERS, middleware=[Middleware(_Down)]) as base:
        assert http.get(f"{base}/api/v2/assets/").status_code == 503
        assert http.get(f"{base}/me/").status_code == 200
    assert [line.status for line in requests(data)] == [503, 200]
