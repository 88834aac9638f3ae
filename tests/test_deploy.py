"""Deploying a form: created once, updated when form or files change, left alone otherwise, and never archived."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from kobo_sync import forms
from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server import serve
from kobo_sync.deploy import DeployReport, deploy
from kobo_sync.errors import FormError
from tests.demo_server_fixture import LEAD, PHONE, USERS, Project
from tests.stub_server import Heard, Said, stub

PLACES = {"places.csv": b"name,label\nNE008,Niamey\n"}


def form_file(folder: Path, release: str, question: str = "text") -> Path:
    book = Workbook()
    book.active.title = "survey"
    for row in (
        ["type", "name", "label", "calculation"],
        ["calculate", "form_release", None, f"'{release}'"],
        ["select_one_from_file places.csv", "place", "Lieu", None],
        [question, "village", "Village", None],
    ):
        book.active.append(row)
    book.save(folder / "form.xlsx")
    return folder / "form.xlsx"


@pytest.fixture
def base(tmp_path):
    with serve(tmp_path / "kobo.db", users=USERS) as url:
        yield url


def source(base: str, uid: str | None = None, form: str = "traite") -> SourceConfig:
    return SourceConfig(name="kobo-anltp", url=base, token_env="KOBO_TOKEN", forms={form: uid})


def deployed(base: str, xlsx: Path, media=PLACES, uid: str | None = None) -> DeployReport:
    with KoboClient(base, LEAD.token, retries=0) as client:
        return deploy(client, source(base, uid), "traite", xlsx, media)


def asset(base: str, uid: str):
    with KoboClient(base, LEAD.token) as client:
        return client.asset(uid)


def manifest(base: str, uid: str) -> str:
    """What phones are told of the attached files."""
    import requests

    def ask(path: str) -> str:
        return requests.get(f"{base}{path}", headers={"Authorization": f"Token {LEAD.token}"}, timeout=10).text

    address = ask("/formList").split("<manifestUrl>")[1].split("</manifestUrl>")[0]
    return ask(address.removeprefix(base))


def writes(tmp_path, since: int) -> list[tuple[str, str]]:
    return [(line.method, line.path) for line in logged(tmp_path / "kobo.db")[since:] if line.method != "GET"]


def test_a_form_is_created_with_its_files_then_left_alone(base, tmp_path):
    xlsx = form_file(tmp_path, "traite-0000000001")
    first = deployed(base, xlsx)
    assert first.action == "created"
    live = asset(base, first.uid)
    assert live["name"] == "Traite des personnes" and live["deployment__active"]
    assert live["version_id"] == live["deployed_version_id"]
    assert "places.csv" in manifest(base, first.uid)
    sent = len(logged(tmp_path / "kobo.db"))
    assert deployed(base, xlsx, uid=first.uid) == DeployReport(first.uid, "unchanged")
    assert deployed(base, xlsx) == DeployReport(first.uid, "unchanged"), "found by its name when the uid was not noted"
    assert writes(tmp_path, sent) == []


def test_a_new_release_or_a_new_list_reaches_the_phones_under_the_same_identifier(base, tmp_path):
    uid = deployed(base, form_file(tmp_path, "traite-0000000001")).uid
    assert deployed(base, form_file(tmp_path, "traite-0000000002", "integer"), uid=uid) == DeployReport(uid, "updated")
    live = asset(base, uid)
    assert live["version_id"] == live["deployed_version_id"] and live["version_count"] == 2
    before = manifest(base, uid)
    more = {"places.csv": PLACES["places.csv"] + b"NE001,Agadez\n"}
    assert deployed(base, tmp_path / "form.xlsx", more, uid) == DeployReport(uid, "updated")
    assert manifest(base, uid) != before
    assert deployed(base, tmp_path / "form.xlsx", more, uid).action == "unchanged"


def test_a_deployment_killed_after_the_upload_is_finished_by_the_next(base, tmp_path):
    xlsx = form_file(tmp_path, "traite-0000000001")
    uid = deployed(base, xlsx).uid
    before = manifest(base, uid)
    more = {"places.csv": b"name,label\nNE001,Agadez\n"}
    with KoboClient(base, LEAD.token) as client:
        (file,) = client.media(uid)
        client.remove_media(uid, file["uid"])
        client.upload_media(uid, "places.csv", more["places.csv"])
    assert manifest(base, uid) == before
    assert deployed(base, xlsx, more, uid).action == "updated"
    assert manifest(base, uid) != before


def test_a_deployment_killed_after_the_import_is_finished_by_the_next(base, tmp_path):
    xlsx = form_file(tmp_path, "traite-0000000001")
    with KoboClient(base, LEAD.token) as client:
        task = client.import_xlsform("Traite des personnes", xlsx.read_bytes())
        uid = client.import_state(task)["messages"]["created"][0]["uid"]
    assert deployed(base, xlsx) == DeployReport(uid, "created")
    assert asset(base, uid)["deployment__active"]


def test_a_form_that_someone_archived_is_open_again(base, tmp_path):
    import requests

    xlsx = form_file(tmp_path, "traite-0000000001")
    uid = deployed(base, xlsx).uid
    headers = {"Authorization": f"Token {LEAD.token}"}
    requests.patch(f"{base}/api/v2/assets/{uid}/deployment/", json={"active": False}, headers=headers, timeout=10)
    assert not asset(base, uid)["deployment__active"]
    assert deployed(base, xlsx, uid=uid).action == "reopened"
    assert asset(base, uid)["deployment__active"]


def test_the_form_of_another_account_is_neither_taken_nor_doubled(base, tmp_path):
    xlsx = form_file(tmp_path, "traite-0000000001")
    theirs = deployed(base, xlsx).uid
    Project(base, theirs).allow(PHONE, "view_asset")
    sent = len(logged(tmp_path / "kobo.db"))
    with KoboClient(base, PHONE.token) as client, pytest.raises(FormError) as refused:
        deploy(client, source(base), "traite", xlsx, PLACES)
    assert f"{theirs} (propriétaire : lead1)" in refused.value.message
    assert f"écrivez traite: {theirs} sous forms" in refused.value.remedy and "--token-env" in refused.value.remedy
    assert writes(tmp_path, sent) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("trafic-0000000001", "le projet {uid} porte la fiche trafic, pas traite — corrigez la clé sources"),
        ("no release", "n’a pas la question form_release ; il n’a pas été fait avec nos fiches — si c’est bien"),
    ],
)
@pytest.mark.parametrize("noted", [True, False])
def test_a_project_that_is_not_this_form_is_left_alone(base, tmp_path, content, words, noted):
    with KoboClient(base, LEAD.token) as client:
        task = client.import_xlsform("Traite des personnes", form_file(tmp_path, content).read_bytes())
        uid = client.import_state(task)["messages"]["created"][0]["uid"]
        client.deploy(uid)
    sent = len(logged(tmp_path / "kobo.db"))
    with pytest.raises(FormError) as refused:
        deployed(base, form_file(tmp_path, "traite-0000000001"), uid=uid if noted else None)
    assert words.format(uid=uid) in str(refused.value)
    assert "sources (kobo-anltp).forms.traite" in str(refused.value)
    assert writes(tmp_path, sent) == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "absent.xlsx", "n’existe pas — kobo-sync forms build"),
        (
            lambda folder: form_file(folder, "trafic-0000000001"),
            "pas de question form_release pour le formulaire traite",
        ),
        (lambda folder: (folder / "x.xlsx").write_bytes(b"no") and folder / "x.xlsx", "n’est pas un classeur XLSX"),
        (
            lambda folder: form_file(folder, "traite-0000000001", "select_one nowhere"),
            r"ne se déploie pas : .*choices sheet",
        ),
    ],
)
def test_a_form_that_cannot_be_deployed_is_refused_in_french(base, tmp_path, make, words):
    with pytest.raises(FormError, match=words):
        deployed(base, make(tmp_path))


def test_an_identifier_that_the_server_does_not_know_creates_no_second_form(base, tmp_path):
    with pytest.raises(FormError, match="aUnknown12345 n’est pas sur"):
        deployed(base, form_file(tmp_path, "traite-0000000001"), uid="aUnknown12345")
    with KoboClient(base, LEAD.token) as client:
        assert client.find_assets("Traite des personnes") == []


def test_two_forms_of_our_name_need_a_choice(base, tmp_path):
    xlsx = form_file(tmp_path, "traite-0000000001")
    with KoboClient(base, LEAD.token) as client:
        for _ in range(2):
            client.import_xlsform("Traite des personnes", xlsx.read_bytes())
    with pytest.raises(FormError, match="2 projets s’appellent « Traite des personnes »"):
        deployed(base, xlsx)


def test_a_slow_import_is_waited_for_and_its_error_is_told(tmp_path):
    def answering(request: Heard) -> Said:
        if request.path == "/me/":
            return Said({"username": "sync"})
        if request.path.startswith("/api/v2/imports/i"):
            looks.append(1)
            done = {"status": "error", "messages": {"error": "Unsupported format"}}
            return Said(done if len(looks) > 3 else {"status": "processing", "messages": {}})
        return Said({"uid": "i1"}, 201) if request.method == "POST" else Said({"results": [], "next": None})

    looks: list[int] = []
    waits: list[float] = []
    xlsx = form_file(tmp_path, "traite-0000000001")
    words = r"n’a pas pu importer form.xlsx : Unsupported format"
    with stub(answering) as (base, _), KoboClient(base, "t" * 40) as client, pytest.raises(FormError, match=words):
        deploy(client, source(base), "traite", xlsx, {}, sleep=waits.append)
    assert waits == [2.0] * 3


@pytest.mark.parametrize("form", forms.FORMS)
def test_the_committed_forms_deploy_with_their_own_files(base, form):
    from kobo_sync.config import load_config

    media = forms.media(load_config(Path(__file__).parent.parent / "config.yaml").providers)
    with KoboClient(base, LEAD.token) as client:
        first = deploy(client, source(base, form=form), form, forms.xlsx_path(form), media)
        assert first.action == "created"
        assert deploy(client, source(base, first.uid, form), form, forms.xlsx_path(form), media).action == "unchanged"
    assert all(name in manifest(base, first.uid) for name in media)
