"""The project history: who did what and when is kept where it may be read; where it may not, that is a fact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server import serve
from kobo_sync.kobo_source import KoboSource
from kobo_sync.pull import PullReport, pull
from kobo_sync.store import Store
from tests.demo_server_fixture import LEAD, NORTH, USERS, Project
from tests.store_fixture import KEY
from tests.stub_server import Heard, Said, stub


@pytest.fixture
def project(tmp_path):
    with serve(tmp_path / "kobo.db", users=USERS, page_max=3) as base:
        yield Project.deployed(base)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "anltp.db", KEY) as opened:
        yield opened


def pulled(project: Project, store: Store, user=LEAD, now: datetime | None = None) -> PullReport:
    source = SourceConfig(name="kobo-anltp", url=project.base, token_env="T_TOKEN", forms={"traite": project.uid})
    with KoboClient(project.base, user.token, retries=0) as client:
        return pull(source, store, KoboSource(client), now=now or datetime.now(UTC))


def events(store: Store) -> list[tuple[str, str, str, str]]:
    return [
        tuple(row)
        for row in store.connection.execute("SELECT witness, action, by_whom, detail FROM server_event ORDER BY 1, 2")
    ]


def facts(store: Store) -> dict[str, str]:
    return dict(store.connection.execute("SELECT name, value FROM source_fact WHERE name LIKE 'history%'").fetchall())


def busy(project: Project) -> list[str]:
    """Some rows edited, reviewed and deleted; their first uuids."""
    roots = [project.add(village=f"v{n}") for n in range(6)]
    ids = {row["village"]: row["_id"] for row in project.rows(fields=["_id", "village"])} | {
        row["village"]: row["_id"] for row in project.rows(fields=["_id", "village"], start=3)
    }
    for n in range(4):
        new = f"{roots[n][:-4]}beef"
        assert project.send(project.xml(new, replaces=roots[n], village=f"v{n}"), LEAD).status_code == 201
    status = {"validation_status.uid": "validation_status_approved"}
    assert project.ask("PATCH", f"{project.path}data/{ids['v4']}/validation_status/", json=status).status_code == 200
    assert project.ask("DELETE", f"{project.path}data/{ids['v5']}/").status_code == 204
    return roots


def test_who_edited_reviewed_and_deleted_is_kept_once(project, store):
    roots = busy(project)
    pulled(project, store)
    wanted = sorted(
        [(root, "edited", "lead1", "") for root in roots[:4]]
        + [(roots[4], "reviewed", "lead1", "Approved"), (roots[5], "deleted", "lead1", "")]
    )
    assert events(store) == wanted
    assert facts(store)["history"] == "oui" and facts(store)["history_since"].endswith("Z")
    pulled(project, store)
    assert events(store) == wanted, "what was read twice is kept once"


def test_only_what_is_new_is_asked_for_with_an_overlap(project, store, tmp_path):
    busy(project)
    pulled(project, store)
    sent = len(logged(tmp_path / "kobo.db"))
    pulled(project, store, now=datetime.now(UTC) + timedelta(days=30))  # reads from two days before the last time
    later = [line for line in logged(tmp_path / "kobo.db")[sent:] if line.path.endswith("/history/")]
    assert all("date_created__gte" in line.query for line in later if "q=" in line.query)
    sent = len(logged(tmp_path / "kobo.db"))
    pulled(project, store, now=datetime.now(UTC) + timedelta(days=31))
    later = [line for line in logged(tmp_path / "kobo.db")[sent:] if "q=" in line.query and "history" in line.path]
    assert len(later) == 2, "one empty page for each kind of action"


def test_an_account_that_may_not_read_it_pulls_all_the_same(project, store):
    busy(project)
    project.allow(NORTH, "view_submissions")
    report = pulled(project, store, NORTH)
    assert report.new == 5 and facts(store) == {"history": "non"} and events(store) == []
    assert not any("historique" in warning for warning in report.warnings)
    pulled(project, store)
    assert len(events(store)) == 6, "the day the right is there, all of it is read"


@pytest.mark.parametrize(
    "lines",
    [
        [None, 3, "x", [], {}],
        [{"action": "modify-submission", "metadata": None, "date_created": "2026-11-01T00:00:00Z"}],
        [{"action": "modify-submission", "metadata": {"submission": {"root_uuid": 7}}, "date_created": "x"}],
        [{"action": 4, "metadata": {"submission": {"root_uuid": "a"}}, "date_created": None}],
    ],
)
def test_lines_of_another_shape_are_left_out(store, lines):
    def answering(request: Heard) -> Said:
        if request.path.endswith("/history/"):
            return Said({"count": len(lines), "next": None, "results": lines})
        return Said({"username": "sync"})

    with stub(answering) as (base, _), KoboClient(base, "t" * 40, retries=0) as client:
        assert list(KoboSource(client).events("aForm567890", None) or []) == []
