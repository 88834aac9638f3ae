"""A release that would leave collected answers behind is named before anything is sent, and needs a person’s yes."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server import serve
from kobo_sync.deploy import DeployReport, deploy, find
from kobo_sync.deploy_foresee import foresee
from kobo_sync.errors import FormError
from tests.demo_server_fixture import LEAD, USERS, Project

FIRST = [("text", "village"), ("integer", "age")]
ORPHANING = [("text", "village")]


def form_file(folder: Path, release: int, survey) -> Path:
    book = Workbook()
    book.active.title = "survey"
    for row in [
        ("type", "name", "label", "calculation"),
        ("calculate", "form_release", None, f"'traite-{release:010}'"),
        *((kind, name, name.title(), None) for kind, name in survey),
    ]:
        book.active.append(list(row))
    book.save(folder / "form.xlsx")
    return folder / "form.xlsx"


class Server:
    def __init__(self, folder: Path, base: str) -> None:
        self.folder, self.base, self.uid = folder, base, None
        self.release = 0
        self.deploy(FIRST)

    def deploy(self, survey, **options) -> DeployReport:
        self.release += 1
        xlsx = form_file(self.folder, self.release, survey)
        source = SourceConfig(name="kobo", url=self.base, token_env="KOBO_TOKEN", forms={"traite": self.uid})
        with KoboClient(self.base, LEAD.token, retries=0) as client:
            done = deploy(client, source, "traite", xlsx, {}, **options)
        self.uid = done.uid
        return done

    def foreseen(self, survey):
        xlsx = form_file(self.folder, self.release + 1, survey)
        source = SourceConfig(name="kobo", url=self.base, token_env="KOBO_TOKEN", forms={"traite": self.uid})
        with KoboClient(self.base, LEAD.token, retries=0) as client:
            return foresee(client, find(client, source, "traite"), xlsx)

    def collect(self) -> None:
        answer = Project(self.base, self.uid).send(
            Project(self.base, self.uid).xml("5a1e3f6e-0000-4000-8000-000000000001", village="Alpha", age="7"), LEAD
        )
        assert answer.status_code == 201, answer.text

    def writes(self, since: int = 0) -> list[tuple[str, str]]:
        lines = logged(self.folder / "kobo.db")[since:]
        return [(line.method, line.path) for line in lines if line.method != "GET"]


@pytest.fixture
def server(tmp_path):
    with serve(tmp_path / "kobo.db", users=USERS) as base:
        yield Server(tmp_path, base)


def test_a_first_deployment_changes_nothing_and_a_lost_question_without_answers_needs_no_yes(server):
    assert server.foreseen(FIRST).changes == ()
    foreseen = server.foreseen(ORPHANING)
    assert [change.text for change in foreseen.changes] == [
        "question « age » retirée : les réponses déjà reçues restent sous l’ancien nom"
    ]
    assert not foreseen.collected and not foreseen.needs_yes
    assert server.deploy(ORPHANING).action == "updated"


def test_a_lost_question_with_answers_is_refused_and_the_server_is_left_as_it_was(server):
    server.collect()
    sent = len(logged(server.folder / "kobo.db"))
    with pytest.raises(FormError, match="« age » retirée") as refused:
        server.deploy(ORPHANING)
    assert "--yes" in refused.value.remedy
    assert server.writes(sent) == []
    assert server.deploy(ORPHANING, accept_orphans=True).action == "updated"
    assert Project(server.base, server.uid).rows()[0]["age"] == "7", "what was collected stays"


def test_a_question_more_asks_nothing(server):
    server.collect()
    assert server.deploy([*FIRST, ("date", "jour")]).action == "updated"


def test_a_version_that_was_imported_and_not_deployed_hides_no_change(server):
    """Somebody replaced the form in Kobo, or a run was stopped between import and deployment."""
    server.collect()
    with KoboClient(server.base, LEAD.token) as client:
        xlsx = form_file(server.folder, 9, ORPHANING)
        client.import_xlsform("Traite des personnes", xlsx.read_bytes(), server.uid)
    assert server.foreseen(ORPHANING).needs_yes
    with pytest.raises(FormError, match="« age » retirée"):
        server.deploy(ORPHANING)
