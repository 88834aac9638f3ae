"""Rights on deployed forms: exactly those of the role, set once, and rows hidden that a role must not see."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from kobo_sync import forms
from kobo_sync.client import KoboClient
from kobo_sync.config import Config, load_config
from kobo_sync.demo_server import User, serve
from kobo_sync.demo_server import requests as logged
from kobo_sync.deploy_accounts import ROLES, row_filter, set_rights
from kobo_sync.deploy_all import deploy_all, kobo_sources, token_from
from kobo_sync.errors import ConfigError, FormError
from tests.demo_server_fixture import LEAD, Project

COMMITTED = Path(__file__).parent.parent / "config.yaml"
NAMES = ("agent", "coord", "parquet", "ong_coord", "revue", "autre", "anltp_sync")
USERS = {name: User(name, f"secret of {name}", f"{number:x}" * 40) for number, name in enumerate(NAMES, start=2)}
BOTH = ["justice_securite", "protection"]
ACCOUNTS = [
    {"username": "agent", "role": "agent", "entity": "ONG_AGZ"},
    {"username": "coord", "role": "coordinator", "region": "NE001", "families": BOTH},
    {"username": "parquet", "role": "coordinator", "entity": "DST_AGZ", "region": "NE001", "families": BOTH[:1]},
    {"username": "ong_coord", "role": "coordinator", "entity": "ONG_AGZ", "region": "NE001", "families": BOTH[1:]},
    {"username": "revue", "role": "national"},
]


def configuration(folder: Path, url: str, accounts=ACCOUNTS, **more) -> Config:
    content = yaml.safe_load(COMMITTED.read_text(encoding="utf-8")) | {"accounts": accounts} | more
    content["sources"] = [{"name": "kobo", "kind": "kobo", "url": url, "token_env": "LEAD_TOKEN"}]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_config(path)


class Said(list):
    def text(self) -> str:
        return "\n".join(self)


def deployed(config: Config, yes: bool = False):
    said, warned = Said(), Said()
    unknown = deploy_all(
        config, kobo_sources(config), lambda source: LEAD.token, yes=yes, say=said.append, warn=warned.append
    )
    return unknown, said, warned


@contextmanager
def small_form(folder: Path, *names: str):
    """The small form of the fixture, on a server that has these accounts."""
    data = folder / "small.db"
    people = [LEAD, User("phone1", "secret of phone1", "f" * 40), *(USERS[name] for name in names)]
    with serve(data, users=people) as base, KoboClient(base, LEAD.token, retries=0) as client:
        project = Project.deployed(base)
        yield (
            project,
            client,
            lambda since=0: [(line.method, line.path) for line in logged(data)[since:] if line.method != "GET"],
        )


def rights(project: Project, name: str) -> set[str]:
    listed = project.ask("GET", f"{project.path}permission-assignments/").json()
    return {line["permission"].split("/")[-2] for line in listed if line["user"].endswith(f"/{name}/")}


def accounts_of(folder: Path, *names: str):
    config = configuration(folder, "https://kobo.example.org")
    return [account for account in config.accounts if account.username in names]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The committed forms on a server, their accounts, and one row of each body of Agadez and Niamey in each form."""
    folder = tmp_path_factory.mktemp("site")
    with serve(folder / "kobo.db", users=[LEAD, *USERS.values()]) as base:
        config = configuration(folder, base)
        unknown, said, warned = deployed(config)
        assert unknown == []
        projects = {}
        with KoboClient(base, LEAD.token) as client:
            from kobo_sync.deploy import NAMES as TITLES

            for form in forms.FORMS:
                (uid,) = client.find_assets(TITLES[form])
                projects[form] = project = Project(base, uid)
                for region in ("NE001", "NE008"):
                    for family in BOTH:
                        xml = project.xml(str(uuid.uuid4()), region_decl=region, famille_entite=family)
                        assert project.send(xml, USERS["agent"]).status_code == 201
        yield config, projects, folder, said, warned


def seen(project: Project, name: str) -> set[tuple[str, str]]:
    return {(row["region_decl"], row["famille_entite"]) for row in project.rows(USERS[name])}


@pytest.mark.parametrize("form", forms.FORMS)
def test_each_coordinator_sees_its_region_and_its_families_alone(site, form):
    project = site[1][form]
    assert seen(project, "coord") == {("NE001", "justice_securite"), ("NE001", "protection")}
    assert seen(project, "parquet") == {("NE001", "justice_securite")}, "not the row of an NGO of its own region"
    assert seen(project, "ong_coord") == {("NE001", "protection")}
    assert len(seen(project, "revue")) == len(seen(project, "anltp_sync")) == 4


def test_an_agent_sends_and_sees_nothing(site):
    for project in site[1].values():
        assert project.ask("GET", f"{project.path}data/", USERS["agent"]).status_code == 404
        assert rights(project, "agent") == {"add_submissions", "view_asset"}


def test_a_coordinator_corrects_and_validates_inside_its_filter_only(site):
    project = site[1]["traite"]
    approve = {"validation_status.uid": "validation_status_approved"}
    numbers = {(row["region_decl"], row["famille_entite"]): row["_id"] for row in project.rows()}
    for row, status, edited in (
        (("NE001", "justice_securite"), 200, 200),
        (("NE001", "protection"), 404, 403),
        (("NE008", "justice_securite"), 404, 403),
    ):
        path = f"{project.path}data/{numbers[row]}/validation_status/"
        assert project.ask("PATCH", path, USERS["parquet"], json=approve).status_code == status
        body = {"payload": {"submission_ids": [numbers[row]], "data": {"resume": "x"}}}
        assert project.ask("PATCH", f"{project.path}data/bulk/", USERS["parquet"], json=body).status_code == edited
    assert (
        project.ask(
            "DELETE", f"{project.path}data/{numbers['NE001', 'justice_securite']}/", USERS["parquet"]
        ).status_code
        == 403
    )


def test_a_second_deployment_sends_nothing_and_says_so(site):
    config, _, folder, first, _ = site
    assert any("donné « envoyer des fiches » : agent" in line for line in first)
    sent = len(logged(folder / "kobo.db"))
    unknown, said, _ = deployed(config)
    writes = [line for line in logged(folder / "kobo.db")[sent:] if line.method != "GET"]
    assert writes == [] and unknown == []
    for form in forms.FORMS:
        assert any(line.startswith(f"kobo · {form} : inchangé") for line in said)
        assert f"kobo · {form} : droits inchangés" in said


def test_the_sync_account_sees_and_validates_and_no_more(site):
    for project in site[1].values():
        assert rights(project, "anltp_sync") == {"view_asset", "view_submissions", "validate_submissions"}


def test_contacts_still_to_be_written_are_told(site):
    warned = site[4]
    waiting = [line for line in warned if "contacts.csv" in line]
    assert len(waiting) == ("à compléter" in (forms.FOLDER / "contacts.csv").read_text(encoding="utf-8"))


def test_rights_above_the_role_are_taken_away_and_the_owner_is_left_alone(tmp_path):
    with small_form(tmp_path, "agent", "coord", "revue") as (project, client, writes):
        for right in ("manage_asset", "validate_submissions"):
            project.allow(USERS["agent"], right)
        project.allow(USERS["coord"], "delete_submissions")
        report = set_rights(client, project.uid, "lead1", accounts_of(tmp_path, "agent", "coord", "revue"), None)
        assert report.unknown == []
        for name, role in (("agent", "agent"), ("coord", "coordinator"), ("revue", "national")):
            assert rights(project, name) == ROLES[role]
        assert "manage_asset" in rights(project, "lead1")
        assert "retiré « administrer le projet » : agent" in report.changes
        done = len(writes())
        again = set_rights(client, project.uid, "lead1", accounts_of(tmp_path, "agent", "coord", "revue"), None)
        assert again.changes == [] and len(writes()) == done


@pytest.mark.parametrize(
    "before",
    [
        {"view_submissions": [{"region_decl": "NE001"}]},
        {"view_submissions": [row_filter("NE001", BOTH)], "delete_submissions": [row_filter("NE001", BOTH)]},
        {
            right: [row_filter("NE001", BOTH), {"region_decl": "NE008"}]
            for right in ("view_submissions", "change_submissions", "validate_submissions")
        },
        {
            right: [row_filter("NE002", BOTH)]
            for right in ("view_submissions", "change_submissions", "validate_submissions")
        },
    ],
)
def test_another_filter_is_replaced(tmp_path, before):
    with small_form(tmp_path, "parquet") as (project, client, _):
        project.allow(USERS["parquet"], "partial_submissions", before)
        report = set_rights(client, project.uid, "lead1", accounts_of(tmp_path, "parquet"), None)
        assert any(line.startswith("donné « voir, corriger et valider") for line in report.changes)
        (partial,) = [
            {entry["url"].split("/")[-2]: entry["filters"] for entry in line["partial_permissions"]}
            for line in client.assignments(project.uid)
            if line["user"].endswith("/parquet/") and "partial_permissions" in line
        ]
        mine = row_filter("NE001", BOTH[:1])
        assert {right: filters for right, filters in partial.items() if right != "add_submissions"} == {
            right: [mine] for right in ("view_submissions", "change_submissions", "validate_submissions")
        }


def test_an_account_that_the_server_has_not_is_named_and_the_others_go_on(tmp_path):
    with small_form(tmp_path, "revue") as (project, client, _):
        report = set_rights(
            client, project.uid, "lead1", accounts_of(tmp_path, "agent", "coord", "revue"), "anltp_sync"
        )
        assert report.unknown == ["agent", "coord", "anltp_sync"]
        assert rights(project, "revue") == ROLES["national"]


def test_accounts_outside_the_configuration_that_see_rows_are_told(tmp_path):
    with small_form(tmp_path, "autre", "agent") as (project, client, writes):
        project.allow(USERS["autre"], "view_submissions")
        sent = len(writes())
        report = set_rights(client, project.uid, "lead1", [], None)
        assert report.warnings == [
            "voient des fiches sans figurer dans accounts : autre ; notez-les ou retirez-les dans Kobo"
        ]
        assert len(writes()) == sent and "view_submissions" in rights(project, "autre")


def test_the_account_that_deploys_does_not_lower_its_own_rights(tmp_path):
    with small_form(tmp_path, "revue") as (project, _, _writes):
        project.allow(USERS["revue"], "manage_asset")
        with KoboClient(project.base, USERS["revue"].token) as client:
            report = set_rights(client, project.uid, "lead1", accounts_of(tmp_path, "revue"), None)
        assert report.warnings == ["le compte revue est celui qui déploie : ses droits restent entiers"]
        assert "manage_asset" in rights(project, "revue")


def test_a_source_that_is_not_kobo_is_refused(tmp_path):
    config = configuration(tmp_path, "https://kobo.example.org")
    central = config.sources[0].model_copy(update={"kind": "central"})
    with pytest.raises(FormError, match="ne se déploient que sur Kobo"):
        kobo_sources(config.model_copy(update={"sources": [central]}))


def test_a_token_pasted_where_its_variable_belongs_is_not_repeated():
    token = "0123456789abcdef" * 3
    with pytest.raises(ConfigError, match="--token-env : donnez le NOM") as caught:
        token_from(token)
    assert token not in str(caught.value)


def test_the_deploying_token_may_be_another_than_the_nightly_one(tmp_path, monkeypatch):
    config = configuration(tmp_path, "https://kobo.example.org")
    monkeypatch.setenv("LEAD_TOKEN", "nightly")
    monkeypatch.setenv("OWNER_TOKEN", "owner")
    assert token_from(None)(config.sources[0]) == "nightly"
    assert token_from("OWNER_TOKEN")(config.sources[0]) == "owner"
