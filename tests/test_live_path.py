"""From a phone to the workbook: JavaRosa fills the forms, /submission takes the XML, `kobo-sync` does the rest."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import yaml
from openpyxl import load_workbook
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.attachments import folder, read_file
from kobo_sync.config import load_config
from kobo_sync.demo_server import User, serve
from kobo_sync.demo_server import requests as request_log
from kobo_sync.form_names import CASE_FORMS, FORMS
from kobo_sync.keys import load_keys
from kobo_sync.store import Store
from tests.forms_fixture import KEY_CHILD, TRAFIC, TRAITE, blank, with_details, with_victim
from tests.forms_fixture_other import FOURNISSEUR, NIL_BY_PHONE, SUIVI
from transforms.linkage_key import linkage_key

OWNER = User("anltp_sync", "secret of the owner", "a" * 40)
PHONE = User("pol_nia", "secret of the phone", "b" * 40)
ROOT = Path(__file__).parent.parent


class Site:
    """A server with the forms deployed by the command line, and a configuration that points at it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.config = folder / "config.yaml"
        self._write({})
        self.uids: dict[str, str] = {}

    def _write(self, uids: dict[str, str]) -> None:
        content = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        content["sources"] = [
            {"name": "kobo-anltp", "kind": "kobo", "url": self.url, "token_env": "KOBO_TOKEN", "forms": uids}
        ]
        self.config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")

    def command(self, *words: str) -> Any:
        return CliRunner().invoke(cli.app, [*words, "--config", str(self.config)])

    def deploy(self) -> None:
        done = self.command("forms", "deploy")
        assert done.exit_code == 0, done.output
        self.uids = dict(re.findall(r"· (\w+) : créé \((\w+)\)", done.output))
        assert set(self.uids) == set(FORMS)
        for uid in self.uids.values():
            answer = requests.post(
                f"{self.url}/api/v2/assets/{uid}/permission-assignments/",
                json={
                    "user": f"{self.url}/api/v2/users/{PHONE.name}/",
                    "permission": f"{self.url}/api/v2/permissions/add_submissions/",
                },
                headers={"Authorization": f"Token {OWNER.token}"},
                timeout=30,
            )
            assert answer.status_code == 201, answer.text
        self._write(self.uids)

    def take(self, uids: dict[str, str]) -> None:
        """The forms are deployed already, under these identifiers."""
        self.uids = uids
        self._write(uids)

    def send(self, form: str, answers: dict[str, Any], spoil: tuple[str, str] | None = None) -> str:
        """Fills the form as a worker does and posts it as the phone does; returns the event's code."""
        code, xml = self.filled(form, answers, spoil)
        self.post(xml)
        return code

    def filled(self, form: str, answers: dict[str, Any], spoil: tuple[str, str] | None = None) -> tuple[str, str]:
        """The event's code ("" where a form has none) and the XML that the phone sends."""
        filled = blank(form)
        report = filled.fill(answers)
        assert not report.refused and not report.unmet, report
        assert filled.problem() is None
        xml = re.sub(r"^(?:<\?xml[^>]*\?>)?\s*", "", filled.xml())
        root = re.match(r"<(\S+)", xml)
        assert root
        uid = self.uids[form]
        xml = re.sub(rf"<(/?){root[1]}(?=[\s>])", rf"<\1{uid}", xml)
        xml = re.sub(r'(<\S+[^>]*?)\bid="[^"]*"', rf'\1id="{uid}"', xml, count=1)
        assert "<instanceID>" in xml
        xml = re.sub(r"<instanceID>[^<]*</instanceID>", f"<instanceID>uuid:{uuid.uuid4()}</instanceID>", xml)
        if spoil:
            assert spoil[0] in xml
            xml = xml.replace(*spoil)
        return filled.value("code_evenement") if form in CASE_FORMS else "", xml

    def post(self, xml: str, **files: bytes) -> None:
        """Sends it, with its `files` by the name that the answers give them, less `.pdf`."""
        parts = {"xml_submission_file": ("submission.xml", xml.encode(), "text/xml")}
        parts |= {f"{name}.pdf": (f"{name}.pdf", content, "application/pdf") for name, content in files.items()}
        answer = requests.post(
            f"{self.url}/submission",
            files=parts,
            headers={"X-OpenRosa-Version": "1.0"},
            auth=(PHONE.name, PHONE.password),
            timeout=30,
        )
        assert answer.status_code in (201, 202), answer.text

    def fetch_files(self) -> None:
        """Files asked for as `config.yaml` says how."""
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(f"{text}attachments: {{fournisseur: oui}}\n", encoding="utf-8")

    def store(self) -> Store:
        """The store that the command line filled."""
        config = load_config(self.config)
        return Store.open(config.store_path, load_keys(config).store)

    def body_requests(self) -> list[str]:
        """Requests for whole submissions that the server has answered."""
        log = request_log(self.folder / "server.db")
        return [
            line.query
            for line in log
            if line.path.endswith("/data/") and "fields" not in parse_qs(line.query) and line.method == "GET"
        ]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The data file of a server on which the command line deployed the forms, once for all, and their identifiers."""
    folder = tmp_path_factory.mktemp("deployed")
    with pytest.MonkeyPatch.context() as patch, serve(folder / "server.db", users=[OWNER, PHONE]) as url:
        patch.setenv("KOBO_TOKEN", OWNER.token)
        made = Site(folder, url)
        made.deploy()
    return folder / "server.db", made.uids


@pytest.fixture
def site(deployed: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("KOBO_TOKEN", OWNER.token)
    monkeypatch.delenv("KOBO_SYNC_STORE_KEY", raising=False)
    data, uids = deployed
    shutil.copy(data, tmp_path / "server.db")  # the server is stopped: its file is whole
    with serve(tmp_path / "server.db", users=[OWNER, PHONE]) as url:
        made = Site(tmp_path, url)
        made.take(uids)
        assert made.command("init").exit_code == 0
        yield made


def sheet(site: Site, name: str, title: str) -> list[dict[str, Any]]:
    """The record sheet of the quarter's workbook as rows by header."""
    (path,) = (site.folder / "outputs" / name).glob("*.xlsx")
    book = load_workbook(path)
    table = next(iter(book[title].tables.values()), None)
    if table is None:
        return []
    header, *rows = [[cell.value for cell in row] for row in book[title][table.ref]]
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_a_case_filled_on_a_phone_is_in_the_workbook(site: Site) -> None:
    girl = with_victim(
        v_majorite="0-17", v_c_adulte="service", v_age=12, v_statut="ActualVictimOfTrafficking",
        v_statut_organe="police", v_nom="Zakwembaro",
    )  # fmt: skip
    del girl["victime"][0]["v_mineur_faits"]  # not asked: her age already says that she is a child
    code = site.send("traite", girl)
    truck = site.send("trafic", TRAFIC)
    done = site.command("run", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["pulls"]["kobo-anltp"]["new"] == 2 and report["rebuild"]["quarantined"] == 0
    (victim,) = sheet(site, "2026-T1", "Victimes")
    assert code in victim.values() and "0-17" in victim.values()
    assert not any("Zakwembaro" in str(value) for value in victim.values())
    (event,) = sheet(site, "2026-T2", "Événements trafic")
    assert truck in event.values()


def test_all_that_is_asked_is_read_without_a_question_left_over(site: Site) -> None:
    site.send("traite", with_details())
    site.send("traite", KEY_CHILD)
    site.send("trafic", TRAFIC)
    for form, answers in (("suivi", SUIVI), ("fournisseur", FOURNISSEUR), ("declaration", NIL_BY_PHONE)):
        site.send(form, answers)
    done = site.command("run", "--json")
    assert done.exit_code == 3, done.output  # the follow-up names a case that nobody sent
    rebuilt = json.loads(done.stdout)["rebuild"]
    assert (rebuilt["submissions"], rebuilt["quarantined"]) == (3, 0)
    assert (rebuilt["follow_ups"], rebuilt["provider_entries"], rebuilt["declarations"]) == (1, 1, 1)
    assert rebuilt["follow_ups_waiting"] == 1
    with site.store() as store:
        read = store.frame("SELECT rule FROM quality")["rule"].tolist()
        assert not {"unknown_question", "bad_code", "bad_key", "bad_release", "classification_differs"} & set(read)
        assert read.count("follow_unknown_case") == 1
        (told,) = store.frame(
            "SELECT health, identity_papers, legal_basis, facts_month, consent FROM victims "
            "JOIN events USING (submission_key) WHERE health IS NOT NULL"
        ).values.tolist()
        assert told == ["care_needed", "withheld", "ord2010_86", "2026-03", "full"]
        keys = store.connection.execute("SELECT linkage_key, given_name FROM identity WHERE linkage_key IS NOT NULL")
        assert keys.fetchall() == [(linkage_key("Zouleymata N’Exemple", "F", None), None)]


def test_a_withdrawal_sent_from_a_phone_takes_the_name_out(site: Site) -> None:
    code = site.send("traite", TRAITE)
    assert site.command("run").exit_code == 0
    confirmed = SUIVI | {"code_cas": code, "ligne_no": 1, "c_sexe": "F", "c_tranche": "25-34", "c_mois": "2026-03-01"}
    for name in ("aide", "aide_date"):
        del confirmed[name]
    site.send("suivi", confirmed | {"suivi_types": ["withdrawal"], "retrait": "tout", "retrait_date": "2026-05-04"})
    with site.store() as store:
        assert store.connection.execute("SELECT count(*) FROM identity").fetchone()[0] == 1
    assert site.command("run").exit_code == 3  # a person must still take the name out of Kobo
    with site.store() as store:
        assert store.connection.execute("SELECT count(*) FROM identity").fetchone()[0] == 0
        assert store.frame("SELECT consent FROM victims")["consent"].tolist() == ["refused"]
    assert "1 suivi(s)" in site.command("status").output


def test_the_second_run_fetches_no_unchanged_body(site: Site) -> None:
    for _ in range(3):
        site.send("traite", TRAITE)
    assert site.command("run").exit_code == 0
    before = len(site.body_requests())
    assert before > 0
    site.send("traite", TRAITE)
    again = site.command("run", "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["pulls"]["kobo-anltp"]["fetched_bodies"] == 1
    assert len(site.body_requests()) == before + 1
    third = site.command("run", "--json")
    assert json.loads(third.stdout)["pulls"]["kobo-anltp"]["fetched_bodies"] == 0
    assert len(site.body_requests()) == before + 1


def test_what_cannot_be_read_waits_and_the_rest_goes_through(site: Site) -> None:
    site.send("traite", TRAITE, spoil=("<date_detection>2026-03-10<", "<date_detection>pas une date<"))
    code = site.send("traite", TRAITE)
    done = site.command("run")
    assert done.exit_code == 3, done.output
    assert "en quarantaine" in done.output
    (event,) = sheet(site, "2026-T1", "Événements traite")
    assert code in event.values()
    (waiting,) = sheet(site, "2026-T1", "Quarantaine")
    assert "bad_date" in waiting.values()
    shown = site.command("status")
    assert shown.exit_code == 0 and "date_detection" in shown.output


def test_a_source_renamed_would_receive_everything_twice_and_is_refused(site: Site) -> None:
    site.send("traite", TRAITE)
    assert site.command("run").exit_code == 0
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text(text.replace("name: kobo-anltp", "name: kobo-autre"), encoding="utf-8")
    done = site.command("run")
    assert done.exit_code == 1 and "remettez ce nom" in str(done.exception)


def test_a_folder_that_cannot_be_written_is_said_and_what_was_received_stays(site: Site) -> None:
    site.send("traite", TRAITE)
    (site.folder / "outputs").mkdir()
    (site.folder / "outputs" / "2026-T1").write_text("un fichier à la place du dossier", encoding="utf-8")
    done = site.command("run")
    assert done.exit_code == 1 and "2026-T1 n’est pas écrit" in done.output and "output_dir" in done.output
    (site.folder / "outputs" / "2026-T1").unlink()
    again = site.command("run", "--json")
    assert again.exit_code == 0 and json.loads(again.stdout)["pulls"]["kobo-anltp"]["fetched_bodies"] == 0
    assert len(sheet(site, "2026-T1", "Événements traite")) == 1


def test_a_wrong_token_is_said_and_the_last_files_stay(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.send("traite", TRAITE)
    assert site.command("run").exit_code == 0
    written = {path: path.read_bytes() for path in (site.folder / "outputs").rglob("*.xlsx")}
    monkeypatch.setenv("KOBO_TOKEN", "c" * 40)
    done = site.command("run")
    assert done.exit_code == 1
    assert "kobo-anltp" in done.output and "c" * 40 not in done.output
    assert {path: path.read_bytes() for path in (site.folder / "outputs").rglob("*.xlsx")} == written


PDF = b"%PDF-1.7\n" + bytes(range(256)) * 300 + b"\n%%EOF\n"
SIGNED = FOURNISSEUR | {"me_etat": "signed", "mou_scan": "Zakwembaro.pdf"}


def test_the_copy_of_a_signed_memorandum_is_fetched_hashed_encrypted_and_listed(site: Site) -> None:
    _, xml = site.filled("fournisseur", SIGNED)
    site.post(xml, Zakwembaro=PDF)
    site.send("traite", TRAITE)
    assert site.command("run").exit_code == 0
    assert "ne sont pas demandés" in site.command("attachments", "list").output
    site.fetch_files()
    assert site.command("run").exit_code == 0
    listed = site.command("attachments", "list").output
    assert f"gardé ; {len(PDF)} octets" in listed and "gardé : 1" in listed and "Zakwembaro" not in listed
    with site.store() as store:
        ((key, sha256, stored_as, question),) = store.connection.execute(
            "SELECT submission_key, sha256, stored_as, question FROM attachment"
        ).fetchall()
        assert "/fournisseur/" in key and sha256 == hashlib.sha256(PDF).hexdigest() and question == "g_accord/mou_scan"
        sealed = (folder(store) / stored_as).read_bytes()
    assert b"%PDF" not in sealed and PDF[:64] not in sealed
    taken = site.folder / "copie.pdf"
    out = site.command("attachments", "export", "1", "--to", str(taken), "--reason", "vérifier la signature")
    assert out.exit_code == 0 and taken.read_bytes() == PDF
    shown = site.command("show", key).output
    assert "Copie du protocole signé" in shown and "Zakwembaro" not in shown
    for path in (site.folder / "outputs").rglob("*.xlsx"):
        with zipfile.ZipFile(path) as workbook:
            assert not any(b"Zakwembaro" in workbook.read(name) for name in workbook.namelist())


def test_a_copy_that_comes_after_its_sheet_is_fetched_the_next_night(site: Site) -> None:
    site.fetch_files()
    _, xml = site.filled("fournisseur", SIGNED)
    site.post(xml)  # the line broke before the file had gone
    assert site.command("run").exit_code == 0
    assert "attendu : 1" in site.command("attachments", "list").output
    site.post(xml, Zakwembaro=PDF)
    assert site.command("run").exit_code == 0
    listed = site.command("attachments", "list").output
    assert f"gardé ; {len(PDF)} octets" in listed and "attendu" not in listed
    with site.store() as store:
        assert read_file(store, load_keys(load_config(site.config)).store, 1) == PDF
