"""Forms as the server gives them out, filled in Enketo, sent as Enketo wrote them, and read by the base."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kobo_sync.demo_server import serve
from kobo_sync.form_names import CASE_FORMS, FORMS
from tests.engines import enketo
from tests.enketo_fixture import needs_browser
from tests.forms_fixture import KEY_CHILD, TRAFIC, TRAITE
from tests.forms_fixture_other import DECLARATION, FOURNISSEUR, SUIVI
from tests.test_live_path import OWNER, PHONE, Site
from transforms.linkage_key import linkage_key
from transforms.mapping import map_submission
from transforms.mapping_other import map_other
from transforms.models import Mapped
from transforms.models_other import Other

pytestmark = needs_browser

ANSWERS = {
    "traite": TRAITE,
    "trafic": TRAFIC,
    "suivi": SUIVI,
    "fournisseur": FOURNISSEUR,
    "declaration": DECLARATION,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The five forms deployed by the command line on a server of our own."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch, serve(folder / "server.db", users=[OWNER, PHONE]) as url:
        patch.setenv("KOBO_TOKEN", OWNER.token)
        patch.delenv("KOBO_SYNC_STORE_KEY", raising=False)
        made = Site(folder, url)
        assert made.command("init").exit_code == 0
        made.deploy()
        yield made


def given_out(site: Site, form: str, folder: Path) -> Path:
    """The form and its files, fetched from the server as Enketo's host fetches them."""
    as_phone = requests.Session()
    as_phone.auth = (PHONE.name, PHONE.password)
    listed = as_phone.get(f"{site.url}/formList").text
    entry = next(part for part in listed.split("<xform>") if f"<formID>{site.uids[form]}</formID>" in part)
    address, manifest = (re.search(rf"<{tag}>(.*?)</{tag}>", entry)[1] for tag in ("downloadUrl", "manifestUrl"))  # type: ignore[index]
    pattern = r"<filename>(.*?)</filename>.*?<downloadUrl>(.*?)</downloadUrl>"
    for name, url in re.findall(pattern, as_phone.get(manifest).text):
        (folder / name).write_bytes(as_phone.get(url).content)
    xform = folder / f"{form}.xml"
    xform.write_bytes(as_phone.get(address).content)
    return xform


def send(site: Site, xml: str, account: Any = PHONE) -> None:
    answer = requests.post(
        f"{site.url}/submission",
        files={"xml_submission_file": ("submission.xml", xml.encode(), "text/xml")},
        headers={"X-OpenRosa-Version": "1.0"},
        auth=(account.name, account.password),
        timeout=30,
    )
    assert answer.status_code == 201, answer.text


def rows(site: Site, form: str) -> list[dict[str, Any]]:
    """What the server holds, as the pull reads it."""
    address = f"{site.url}/api/v2/assets/{site.uids[form]}/data/"
    answer = requests.get(address, headers={"Authorization": f"Token {OWNER.token}"}, timeout=30)
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def read(form: str, row: dict[str, Any]) -> Mapped | Other:
    return map_submission("1", form, row) if form in CASE_FORMS else map_other("1", form, row)


@pytest.mark.parametrize("form", FORMS)
def test_what_enketo_sends_is_taken_and_read_without_a_question_left_over(
    site: Site, form: str, tmp_path: Path
) -> None:
    opened = enketo.Form(given_out(site, form, tmp_path))
    assert opened.errors == []
    report = opened.fill(ANSWERS[form])
    assert (report.refused, report.unmet, opened.problem()) == ({}, [], None)
    send(site, opened.xml())
    (row,) = rows(site, form)
    mapped = read(form, row)
    assert mapped.leftover == []
    assert [finding for finding in mapped.findings if finding.rule.startswith(("unknown", "bad", "class"))] == []
    assert row["resume"] == opened.value("resume")
    if isinstance(mapped, Mapped):
        assert mapped.event.case_code == opened.value("code_evenement")
        assert mapped.event.form_release == opened.value("form_release")


def test_of_a_name_typed_in_the_browser_the_server_holds_the_key_alone(site: Site, tmp_path: Path) -> None:
    opened = enketo.Form(given_out(site, "traite", tmp_path))
    opened.fill(KEY_CHILD)
    assert opened.problem() is None
    before = len(rows(site, "traite"))
    send(site, opened.xml())
    row = rows(site, "traite")[before]
    assert "Zouleymata" not in str(row) and "Exemple" not in str(row)
    mapped = map_submission("1", "traite", row)
    (identity,) = mapped.identities
    assert identity.linkage_key == linkage_key("Zouleymata N’Exemple", "F", None)
    assert identity.family_name is None


def test_an_edit_in_the_browser_replaces_what_was_sent_and_keeps_its_codes(site: Site, tmp_path: Path) -> None:
    xform = given_out(site, "trafic", tmp_path)
    first = enketo.Form(xform)
    first.fill(TRAFIC)
    code = first.value("code_evenement")
    assert first.problem() is None
    sent = first.xml()
    before = len(rows(site, "trafic"))
    send(site, sent)
    edited = enketo.Form(xform, sent, submitted=True)
    assert edited.set("deces", 3) == "ok"
    assert edited.problem() is None
    send(site, edited.xml(), OWNER)
    after = rows(site, "trafic")
    assert len(after) == before + 1
    row = after[-1]
    assert row["code_evenement"] == code and row["g_faits/deces"] == "3"
    assert row["meta/rootUuid"] != f"uuid:{row['_uuid']}"
    assert row["passeur"][0]["passeur/s_code"] == f"{code}-S1"
