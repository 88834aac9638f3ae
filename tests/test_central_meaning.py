"""A case sent to Central means what it means sent to Kobo, and Central's review states have their effect."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests

import kobo_sync.demo
from kobo_sync.central import CentralClient
from kobo_sync.central_source import STATES, CentralSource
from kobo_sync.demo_server import instance_xml
from kobo_sync.demo_server.central import serve_central
from kobo_sync.demo_server.xlsform import repeat_paths
from kobo_sync.form_names import FORMS
from kobo_sync.forms import xlsx_path
from tests.central_fixture import LEAD, PEOPLE, SYNC, CentralProject
from transforms.counting import review_effect
from transforms.reading import read

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ARCHIVE = Path(kobo_sync.demo.__file__).with_name("instances.zip")
A_FORM = 5


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with serve_central(tmp_path_factory.mktemp("central") / "server.db", people=PEOPLE) as base:
        yield CentralProject.published(base)


def templates(form: str) -> list[str]:
    """A few finished submissions of a form, with something in place of codes and names."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        names = [name for name in sorted(archive.namelist()) if re.search(rf"(^|/){form}[_-]", name)]
        return [archive.read(name).decode() for name in names[:: max(1, len(names) // A_FORM)][:A_FORM]]


@pytest.mark.parametrize("form", FORMS)
def test_a_case_reads_the_same_from_both_servers(project, form):
    answer = project.ask(
        "POST", "/forms?publish=true", data=xlsx_path(form).read_bytes(), headers={"Content-Type": XLSX}
    )
    assert answer.status_code == 200, answer.text
    version = answer.json()["version"]
    xform = project.ask("GET", f"/forms/{form}.xml").text
    root = next(iter(re.findall(r'<repeat nodeset="/([^/]+)/', xform)), "data")
    expected = {}
    for number, template in enumerate(templates(form)):
        marks = {"uid": form, "version": version, "instance_id": f"uuid:{form}-{number}", "deprecated_id": ""}
        text = re.sub(r"\{\{(\w+)\}\}", lambda found, m=marks: m.get(found[1], "7"), template)
        text = re.sub(r"<(formhub|__version__)>.*?</\1>|<(rootUuid|deprecatedID)>.*?</\2>", "", text, flags=re.DOTALL)
        sent = requests.post(
            f"{project.base}/v1/key/{project.key}/projects/1/submission",
            files={"xml_submission_file": ("s.xml", text.encode(), "text/xml")},
        )
        assert sent.status_code == 201, sent.text
        kobo = instance_xml.answers(ElementTree.fromstring(text), repeat_paths(xform, root))
        expected[kobo["meta/instanceID"]] = kobo
    assert expected
    with CentralClient(project.base, 1, SYNC.email, SYNC.password) as client:
        rows = {row.remote_key: row for batch in CentralSource(client).everything(form) for row in batch.rows}
    assert set(rows) == set(expected)
    for key, row in rows.items():
        plain = {name: value for name, value in row.raw.items() if not name.startswith("_") and name != "meta/rootUuid"}
        assert plain == expected[key]
        assert row.form_release == expected[key]["form_release"]
        assert read(form, row.raw).leftover == read(form, expected[key]).leftover == []


@pytest.mark.parametrize(
    ("state", "effect", "counted"),
    [
        ("approved", "approved", True),
        ("rejected", "not_approved", False),
        ("hasIssues", "on_hold", False),
        ("edited", "to_confirm", True),
    ],
)
def test_a_review_state_has_its_effect(project, state, effect, counted):
    key = project.add(village="Alpha")
    assert project.ask("PATCH", project.row(key), json={"reviewState": state}).status_code == 200
    with CentralClient(project.base, 1, SYNC.email, SYNC.password) as client:
        (batch,) = CentralSource(client).bodies(project.form_id, [f"uuid:{key}"])
    (row,) = batch.rows
    assert (row.review.uid, row.review.by_whom) == (STATES[state], LEAD.email)
    found = review_effect(
        row.review.uid, row.review.by_whom, row.instance_uuid, row.instance_uuid, sync_account=SYNC.email,
        no_status_counts=True,
    )  # fmt: skip
    assert (found.state, found.counted) == (effect, counted)
