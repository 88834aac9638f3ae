"""ODK Central as a source: the session, the whole list, whole rows, proof of a deletion, the log."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from kobo_sync.central import CentralClient
from kobo_sync.central_source import CentralSource
from kobo_sync.demo_server.central import Person, purge, serve_central
from kobo_sync.demo_server.storage import requests as logged
from kobo_sync.errors import AuthError, Forbidden, NotFoundError, UnexpectedAnswer
from kobo_sync.source import Refused
from tests.central_fixture import ADMIN, NOBODY, PEOPLE, SYNC, CentralProject
from tests.stub_server import Heard, Said, stub


@pytest.fixture
def data(tmp_path):
    return tmp_path / "central.db"


@pytest.fixture
def project(data):
    with serve_central(data, people=PEOPLE) as base:
        yield CentralProject.published(base)


def source(project: CentralProject, person: Person = SYNC, password: str | None = None):
    return CentralClient(project.base, 1, person.email, password or person.password, retries=0)


def index(client: CentralClient, form_id: str = "small"):
    rows = []
    sweep = CentralSource(client).sweep(form_id, rows.extend)
    return sweep, {row.remote_key: row for row in rows}


def body(client: CentralClient, key: str):
    (batch,) = CentralSource(client).bodies("small", [f"uuid:{key}"])
    return batch.rows[0] if batch.rows else batch.absent


# --- The session ------------------------------------------------------------------------------------------------------


def test_a_session_that_ended_is_opened_once_more(project, data):
    project.add(village="Alpha")
    with source(project) as client:
        assert client.count("small") == 1
        with closing(sqlite3.connect(data)) as db, db:
            db.execute("DELETE FROM session WHERE actor = (SELECT id FROM actor WHERE email = ?)", (SYNC.email,))
        assert client.count("small") == 1
    ours = [line for line in logged(data) if line.path == "/v1/sessions" or line.path.startswith("/v1/sessions/")]
    assert [line.method for line in ours[-3:]] == ["POST", "POST", "DELETE"], "and it is ended afterwards"


def test_a_wrong_password_is_told_without_it(project):
    with source(project, password="not the one") as client, pytest.raises(AuthError) as caught:
        CentralSource(client).whoami()
    assert "refuse l’adresse ou le mot de passe" in str(caught.value) and "not the one" not in str(caught.value)


def test_an_account_without_a_role_is_refused_and_sees_no_empty_list(project):
    with source(project, NOBODY) as client, pytest.raises(Forbidden):
        CentralSource(client).sees_all_rows("small")


# --- The list ---------------------------------------------------------------------------------------------------------


def test_the_link_to_the_next_page_is_followed_on_our_server_only(tmp_path):
    other = tmp_path / "other.db"
    with (
        serve_central(other) as elsewhere,
        serve_central(tmp_path / "central.db", people=PEOPLE, page=2, public_url=elsewhere) as base,
    ):
        project = CentralProject.published(base)
        sent = {f"uuid:{project.add(village=f'v{n}')}" for n in range(5)}
        with source(project) as client:
            sweep, rows = index(client)
            whole = [row.remote_key for batch in CentralSource(client).everything("small") for row in batch.rows]
    assert (set(rows), sweep.read, sweep.page, sweep.complete) == (sent, 5, 2, True)
    assert sorted(whole) == sorted(sent)
    assert logged(other) == [], "no request, and so no token, went to the other host"


def test_a_list_that_breaks_off_without_an_error_is_incomplete(tmp_path):
    data = tmp_path / "central.db"
    with serve_central(data, people=PEOPLE, page=2) as base:
        project = CentralProject.published(base)
        keys = [project.add(village=f"v{n}") for n in range(5)]

        seen = []

        def remove_the_row_of_the_link(done: int, total: int) -> None:
            seen.append(done)
            if len(seen) == 1:
                assert project.ask("DELETE", project.row(keys[3])).status_code == 200
                assert purge(data) == 1

        with source(project) as client:
            sweep = CentralSource(client).sweep("small", lambda rows: None, remove_the_row_of_the_link)
            assert (sweep.read, sweep.complete) == (2, False)
            assert index(client)[0].complete


def test_a_file_that_comes_changes_the_index(project):
    key = project.add(village="Alpha", photo="house é.png")
    with source(project) as client:
        assert index(client)[1][f"uuid:{key}"].files == "0/1"
        assert project.send(project.xml(key, village="Alpha", photo="house é.png"), **{"house é__png": b"1"}).ok
        assert index(client)[1][f"uuid:{key}"].files == "1/1"
        row = body(client, key)
    assert (row.files, row.raw["__system"]["attachmentsPresent"], row.raw["photo"]) == ("1/1", 1, "house é.png")


# --- Whole rows -------------------------------------------------------------------------------------------------------


def test_a_row_of_an_older_version_keeps_the_answer_that_the_list_no_longer_shows(project, data):
    key = project.add(village="Alpha", note_text="dit alors", size="12345678901234567890")
    with source(project) as client:
        assert body(client, key).raw["size"] == "12345678901234567000", "a JSON number"
        project.publish_new("2", ("village", "string"), ("extra", "string"))
        since = len(logged(data))
        row = body(client, key)
        newer = body(client, project.add(village="Beta", extra="x"))
    assert (row.raw["note_text"], row.raw["size"]) == ("dit alors", "12345678901234567890")
    assert (row.remote_version, row.edited) == ("1", False)
    assert (newer.raw["extra"], newer.remote_version) == ("x", "2")
    assert sum(line.path.endswith(".xml") for line in logged(data)[since:]) == 1, "only the older one by its XML"


def test_an_edited_row_is_read_from_its_xml_with_all_its_names(project):
    first = project.add(village="Alpha")
    second = f"{first[:-4]}beef"
    project.publish_new("2", ("village", "string"))
    answer = project.ask("PUT", project.row(first), data=project.xml(second, village="Beta", replaces=first).encode())
    assert answer.status_code == 200
    with source(project) as client:
        row = body(client, first)
        assert index(client)[1][f"uuid:{first}"].instance_uuid == second
    assert (row.remote_key, row.instance_uuid, row.root_uuid) == (f"uuid:{first}", second, first)
    assert (row.edited, row.witnesses, row.remote_version) == (True, frozenset({first, second}), "2")
    assert (row.raw["village"], row.raw["meta/rootUuid"], row.raw["_uuid"]) == ("Beta", f"uuid:{first}", second)


def test_an_encrypted_row_is_refused_with_what_to_do(project, data):
    key = project.add(village="Alpha")
    with closing(sqlite3.connect(data)) as db, db:
        db.execute("UPDATE submission SET status = 'notDecrypted'")
    with source(project) as client:
        row = body(client, key)
    assert isinstance(row, Refused) and row.reason_code == "encrypted" and row.remote_key == f"uuid:{key}"
    assert "désactivez le chiffrement" in row.message


def test_broken_xml_that_the_server_took_is_no_row_of_ours(project, data):
    key = project.add(village="Alpha")
    broken = project.xml(key, village="Alpha").replace("</village>", "")
    with closing(sqlite3.connect(data)) as db, db:
        db.execute("UPDATE def SET xml = ?", (broken,))
    project.publish_new("2")
    with source(project) as client:
        row = body(client, key)
    assert isinstance(row, Refused) and row.reason_code == "broken_xml"


def test_a_row_that_went_meanwhile_is_absent(project):
    with source(project) as client:
        assert body(client, "nosuch") == ["uuid:nosuch"]


# --- Deletions and the log --------------------------------------------------------------------------------------------


def test_gone_means_that_the_form_is_there_and_the_row_is_not(project):
    key = project.add(village="Alpha")
    with source(project) as client:
        central = CentralSource(client)
        assert not central.is_gone("small", f"uuid:{key}")
        assert project.ask("DELETE", project.row(key)).status_code == 200
        assert central.is_gone("small", f"uuid:{key}"), "in the trash"
        project.ask("POST", f"{project.row(key)}/restore")
        assert not central.is_gone("small", f"uuid:{key}")
        with pytest.raises(NotFoundError):
            central.is_gone("no-such-form", f"uuid:{key}")


def test_the_log_tells_an_administrator_who_did_what_and_nobody_else(project):
    key = project.add(village="Alpha")
    second = f"{key[:-4]}beef"
    with source(project, ADMIN) as client:
        since = CentralSource(client).events("small", None)[-1].at
        project.ask("PATCH", project.row(key), json={"reviewState": "approved"})
        project.ask("PUT", project.row(key), data=project.xml(second, village="Beta", replaces=key).encode())
        project.ask("DELETE", project.row(key))
        project.ask("POST", f"{project.row(key)}/restore")
        events = CentralSource(client).events("small", None)
        later = CentralSource(client).events("small", since)
        assert [(event.witness, event.action, event.by_whom, event.detail) for event in events] == [
            (key, "added", "phone1", ""),
            (key, "reviewed", "lead1@example.org", "approved"),
            (key, "edited", "lead1@example.org", ""),
            (key, "deleted", "lead1@example.org", ""),
            (key, "restored", "lead1@example.org", ""),
        ]
        assert later[-4:] == events[-4:], "a review names its row by the line of its creation, also an old one"
        assert [event.at for event in events] == sorted(event.at for event in events)
    with source(project) as client:
        assert CentralSource(client).events("small", None) is None


def test_a_list_that_never_ends_is_given_up():
    def endless(request: Heard) -> Said:
        if request.path == "/v1/sessions":
            return Said({"token": "t" * 64})
        if request.path.endswith("/Submissions"):
            start = int(request.params.get("$skiptoken", "0"))
            rows = [{"__id": f"uuid:{start + n}", "__system": {}} for n in range(4000)]
            link = f"https://elsewhere.example.org/Submissions?%24skiptoken={start + 4000}"
            return Said({"value": rows, "@odata.count": 10, "@odata.nextLink": link})
        return Said({"success": True})

    with (
        stub(endless) as (base, _),
        CentralClient(base, 1, SYNC.email, SYNC.password, retries=0) as client,
        pytest.raises(UnexpectedAnswer, match="la liste ne finit pas"),
    ):
        index(client)
