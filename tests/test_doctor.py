"""`kobo-sync doctor`: all is well on a sound installation; each thing broken once is found, with how to mend it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml
from pyrage.x25519 import Identity
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kobo_sync import health
from kobo_sync.backup import back_up
from kobo_sync.config import load_config
from kobo_sync.demo_server import serve
from kobo_sync.demo_server.central import serve_central
from kobo_sync.doctor import Finding, examine, examine_file, exit_code
from kobo_sync.doctor_life import same_disk
from kobo_sync.errors import StoreError
from kobo_sync.keys import PSEUDONYM_VARIABLE, STORE_VARIABLE
from kobo_sync.lock import hold_lock
from kobo_sync.store import ARRIVING, Store
from tests.central_fixture import PEOPLE, SYNC, CentralProject
from tests.demo_server_fixture import LEAD, NORTH, PHONE, USERS, Project
from tests.mail_fixture import mail_section, mail_server
from tests.store_fixture import KEY, fill

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TOKEN = "KOBO_SYNC_DOCTOR_TOKEN"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with serve(tmp_path_factory.mktemp("server") / "kobo.db", users=USERS, page_max=100) as base:
        made = Project.deployed(base)
        for number in range(3):
            made.add(village=f"Zinariya{number}")
        yield made


Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def installed(tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a configuration of a sound installation, changed as a test likes; its path."""
    for name, value in ((STORE_VARIABLE, KEY.hex()), (PSEUDONYM_VARIABLE, "cd" * 32), (TOKEN, LEAD.token)):
        monkeypatch.setenv(name, value)

    def write(**changes: Any) -> Path:
        content = yaml.safe_load(Path(__file__).parent.parent.joinpath("config.yaml").read_text(encoding="utf-8"))
        source = {"name": "kobo-anltp", "kind": "kobo", "url": project.base, "token_env": TOKEN}
        source |= {"forms": {"traite": project.uid}} | changes.pop("source", {})
        content |= {"sources": [source], "data_dir": str(tmp_path / "data"), "output_dir": str(tmp_path / "out")}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(content | changes, allow_unicode=True), encoding="utf-8")
        config = load_config(path)
        if not config.store_path.exists():
            with Store.open(config.store_path, KEY) as store:
                fill(store)
        return path

    return write


def found(path: Path, **options: Any) -> list[Finding]:
    return examine_file(path, now=lambda _: NOW, **options)


def about(findings: list[Finding], subject: str, state: str) -> str:
    """The lines on a subject in a state, or all lines where there is none: the failure then shows them."""
    lines = [finding.line for finding in findings if finding.subject == subject and finding.state == state]
    return "\n".join(lines) or f"nothing {state} on {subject} in:\n" + "\n".join(f.line for f in findings)


def test_a_sound_installation_has_nothing_to_repair(installed: Callable[..., Path], project: Project) -> None:
    findings = found(installed())
    assert [finding.line for finding in findings if not finding.ok] == []
    assert project.base in about(findings, "kobo-anltp", "ok") and "compte lead1" in about(findings, "kobo-anltp", "ok")
    form = about(findings, "kobo-anltp · traite", "ok")
    assert "toutes les fiches sont visibles" in form and "3 fiche(s), lues en une page" in form
    assert "date de modification" in form and "historique lisible" in form
    assert "horloge d’accord" in about(findings, "kobo-anltp", "ok")
    assert "s’ouvre, saine, 3 fiche(s) reçue(s)" in about(findings, "base", "ok")
    assert "variable KOBO_SYNC_STORE_KEY" in about(findings, "clé de la base", "ok")
    assert exit_code(findings) == 3, "no mail is configured: somebody should look"
    text = "\n".join(finding.line for finding in findings)
    assert LEAD.token not in text and KEY.hex() not in text and "Zinariya" not in text


def test_the_command_prints_a_line_a_check_and_gives_the_code(installed: Callable[..., Path]) -> None:
    path = installed()

    def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from kobo_sync.cli import main; main()", "doctor", "--config", str(path), *words],
            env=os.environ | environment, capture_output=True, text=True, encoding="utf-8",
        )  # fmt: skip

    done = command()
    assert done.returncode == 3 and done.stderr == ""
    assert {line[0] for line in done.stdout.splitlines()} == {"✓", "!"}
    done = command("--json", **{TOKEN: "0" * 40})
    findings = json.loads(done.stdout)
    assert done.returncode == 1 and {"subject", "state", "text", "remedy"} == set(findings[0])
    assert [f["subject"] for f in findings if f["state"] == "failed"] == ["kobo-anltp"]
    path.write_text("sources: [", encoding="utf-8")
    done = command()
    assert done.returncode == 1 and done.stdout.startswith("✗ configuration : ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: {"url": f"http://127.0.0.1:{_free_port()}"}, "ne répond pas"),
        (lambda p: {"token_env": "KOBO_SYNC_NO_SUCH_TOKEN"}, "définissez cette variable"),
        (lambda p: {"forms": {}}, "aucun formulaire à tirer"),
    ],
    ids=["no server", "no token", "no form"],
)
def test_a_source_that_cannot_be_pulled_is_found(
    installed: Callable[..., Path], project: Project, change: Callable[[Project], dict[str, Any]], said: str
) -> None:
    assert said in about(found(installed(source=change(project))), "kobo-anltp", "failed")


def test_a_form_that_is_not_there_is_found(installed: Callable[..., Path], project: Project) -> None:
    findings = found(installed(source={"forms": {"traite": project.uid, "trafic": "a" + "Z" * 21, "suivi": None}}))
    assert "Introuvable" in about(findings, "kobo-anltp · trafic", "failed")
    assert "visibles" in about(findings, "kobo-anltp · traite", "ok"), "the other form is examined all the same"
    assert "pas encore déployé : suivi — kobo-sync forms deploy" in about(findings, "kobo-anltp", "warning")


def test_what_an_account_may_not_see_is_found(
    installed: Callable[..., Path], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.allow(NORTH, "partial_submissions", {"view_submissions": [{"_submitted_by": PHONE.name}]})
    monkeypatch.setenv(TOKEN, NORTH.token)
    findings = found(installed())
    said = about(findings, "kobo-anltp · traite", "warning")
    assert "aucune suppression ne peut être constatée" in said and "historique non lisible" in said
    assert "compte north1" in about(findings, "kobo-anltp", "ok")


def test_a_page_smaller_than_what_was_asked_is_told(
    installed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path / "small.db", users=USERS, page_max=2) as base:
        small = Project.deployed(base)
        for _ in range(5):
            small.add(village="Alpha")
        findings = found(installed(source={"url": base, "forms": {"traite": small.uid}}))
        assert "page réellement servie : 2 fiches" in about(findings, "kobo-anltp · traite", "ok")


class LateDate:
    """A server whose clock is wrong: its answers bear another Date."""

    def __init__(self, app: ASGIApp, by: timedelta) -> None:
        self.app, self.by = app, by

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = (datetime.now(UTC) + self.by).strftime("%a, %d %b %Y %H:%M:%S GMT").encode()

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message.get("headers", []) if name.lower() != b"date"]
                message = message | {"headers": [*headers, (b"date", said)]}
            await send(message)

        await self.app(scope, receive, dated)


@contextmanager
def skewed(folder: Path, by: timedelta) -> Iterator[Project]:
    with serve(folder / "late.db", users=USERS, middleware=[Middleware(LateDate, by=by)]) as base:
        yield Project.deployed(base)


@pytest.mark.parametrize(
    ("minutes", "state", "said"), [(-10, "warning", "avance de 10 min"), (180, "failed", "retarde de 180 min")]
)
def test_a_clock_that_differs_from_the_servers_is_found(
    installed: Callable[..., Path], tmp_path: Path, minutes: int, state: str, said: str
) -> None:
    with skewed(tmp_path, timedelta(minutes=minutes)) as late:
        findings = found(installed(source={"url": late.base, "forms": {"traite": late.uid}}))
        assert said in about(findings, "kobo-anltp", state) and "timedatectl" in about(findings, "kobo-anltp", state)


def test_lost_and_wrong_keys_are_found(installed: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = installed()
    monkeypatch.setenv(STORE_VARIABLE, "ef" * 32)
    assert "La clé n’ouvre pas la base" in about(found(path), "base", "failed")
    monkeypatch.delenv(STORE_VARIABLE)
    copy = load_config(path).data_dir / "recovery-20261124T010000-abcd.age"
    copy.touch()
    lost = [finding.line for finding in found(path) if "introuvable" in finding.line]
    assert len(lost) == 1 and lost[0].startswith("✗ clés : ")
    assert f"kobo-sync recovery open {copy} --identity CLE_RESPONSABLE" in lost[0]


def test_officers_make_the_recovery_copy_wanted_even_for_a_local_server(installed: Callable[..., Path]) -> None:
    assert "serveurs de cette machine" in about(found(installed()), "copie de secours des clés", "ok")
    keys = [str(pyrage.x25519.Identity.generate().to_public()) for _ in range(2)]
    officers = {"officers": [{"name": key[-4:], "public_key": key} for key in keys]}
    assert "kobo-sync init" in about(found(installed(recovery=officers)), "copie de secours des clés", "warning")


def test_backups_on_the_disk_of_the_data_are_found(installed: Callable[..., Path], tmp_path: Path) -> None:
    keys = [str(pyrage.x25519.Identity.generate().to_public()) for _ in range(2)]
    officers = {"officers": [{"name": key[-4:], "public_key": key} for key in keys]}
    path = installed(recovery=officers, backup={"folder": str(tmp_path / "autre" / "dossier")})
    back_up(load_config(path), now=NOW)
    assert "même disque" in about(found(path), "sauvegarde", "warning")
    other = next((disk for disk in map(Path, ("/dev/shm", "/dev")) if disk.exists()), tmp_path)
    assert same_disk(tmp_path, other / "absent") is (other.stat().st_dev == tmp_path.stat().st_dev)


@pytest.mark.skipif(os.name != "posix", reason="mode bits are POSIX's")
def test_files_open_to_others_are_found(
    installed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = installed()
    (tmp_path / "data").chmod(0o755)
    monkeypatch.delenv(STORE_VARIABLE)
    key = tmp_path / "data" / "store.key"
    key.write_text(KEY.hex())
    key.chmod(0o644)
    findings = found(path)
    assert "chmod 700" in about(findings, "dossier", "warning") and "chmod 600" in about(findings, "clés", "failed")
    key.chmod(0o600)
    text = about(found(path), "clé de la base", "warning")
    assert "disque" in text and "key_keyring" in text, "a key beside the store, on a disk not known to be encrypted"


def test_a_synchronised_folder_is_found(installed: Callable[..., Path], tmp_path: Path) -> None:
    path = installed()
    (tmp_path / ".dropbox.cache").mkdir()
    findings = found(path)
    assert "copié ailleurs par Dropbox" in about(findings, "dossier", "failed")
    assert "s’ouvre" in about(findings, "base", "ok"), "the checks after it go on"


def test_a_damaged_and_a_newer_store_are_found(installed: Callable[..., Path]) -> None:
    path = installed()
    store_path = load_config(path).store_path
    with Store.open(store_path, KEY) as store:
        store.connection.execute("INSERT INTO schema_version VALUES (999, 'x')")
    assert "schéma 999, plus récent" in about(found(path), "base", "failed")
    content = bytearray(store_path.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 + 9] ^= 0xFF
    store_path.write_bytes(content)
    assert "kobo-sync restore" in about(found(path), "base", "failed")


def test_a_store_that_is_not_there_yet_is_told_and_one_on_its_way_is_found(installed: Callable[..., Path]) -> None:
    path = installed()
    store_path = load_config(path).store_path
    store_path.rename(store_path.with_name(ARRIVING))
    assert "restauration a été interrompue — relancez" in about(found(path), "base", "failed")
    with pytest.raises(StoreError, match="restauration a été interrompue"):
        Store.open(store_path, KEY)
    store_path.with_name(ARRIVING).unlink()
    assert "pas encore créée" in about(found(path), "base", "warning")


def test_a_run_under_way_is_told(installed: Callable[..., Path]) -> None:
    path = installed()
    assert "libre" in about(found(path), "verrou", "ok")
    with hold_lock(load_config(path).lock_path):
        assert f"processus {os.getpid()}" in about(found(path), "verrou", "ok")


def test_a_mail_server_that_does_not_answer_is_found(installed: Callable[..., Path]) -> None:
    assert "personne ne sera prévenu" in about(found(installed()), "courrier", "warning")
    mail = {"host": "127.0.0.1", "port": _free_port(), "sender": "a@exemple.invalid", "to": ["b@exemple.invalid"]}
    assert "ne répond pas" in about(found(installed(mail=mail)), "courrier", "failed")


def test_the_last_mail_that_did_not_leave_is_told(installed: Callable[..., Path], tmp_path: Path) -> None:
    with mail_server(tmp_path) as (_, config):
        path = installed(mail=mail_section(tmp_path, config.port_used))
        assert "dernier courrier" not in {finding.subject for finding in found(path)}
        failed = {"error": "refus", "failed_at": "2026-11-24T02:10:00+01:00"}
        health.update(load_config(path), mail=failed)
        said = about(found(path), "dernier courrier", "warning")
        assert "n’est pas parti le 24/11/2026 à 01:10 (refus)" in said and "--send-test-mail" in said


def test_the_mail_is_tried_without_sending_unless_asked(installed: Callable[..., Path], tmp_path: Path) -> None:
    with mail_server(tmp_path) as (box, config):
        path = installed(mail=mail_section(tmp_path, config.port_used))
        assert "rien n’a été envoyé" in about(found(path), "courrier", "ok")
        assert box.logins == 1 and not box.messages
        assert "message d’essai confié" in about(found(path, send_test_mail=True), "courrier", "ok")
        assert [message["Subject"] for message in box.messages] == ["Essai de kobo-sync doctor"]


def test_a_central_server_is_examined_the_same_way(
    installed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, SYNC.password)
    with serve_central(tmp_path / "central.db", people=PEOPLE) as base:
        central = CentralProject.published(base, "traite")
        for village in ("Alpha", "Beta"):
            central.add(village=village)
        source = {
            "name": "central-oim", "kind": "central", "url": base, "project": 1, "account": SYNC.email,
            "forms": {"traite": "traite"},
        }  # fmt: skip
        findings = found(installed(source=source))
        assert [finding.line for finding in findings if not finding.ok] == []
        assert SYNC.email in about(findings, "central-oim", "ok") and "horloge" in about(findings, "central-oim", "ok")
        assert "2 fiche(s), lues en une page" in about(findings, "central-oim · traite", "ok")
        monkeypatch.setenv(TOKEN, "not the password")
        (failed,) = (finding for finding in found(installed(source=source)) if not finding.ok)
        assert failed.subject == "central-oim" and failed.remedy and "not the password" not in failed.line


def test_a_missing_backup_and_a_night_that_never_was_are_told(installed: Callable[..., Path]) -> None:
    findings = found(installed())
    assert "recovery.officers" in about(findings, "sauvegarde", "ok"), "a demonstration has nobody for it"
    assert "kobo-sync nightly" in about(findings, "dernière nuit", "warning")
    people = [{"name": f"Responsable {n}", "public_key": str(Identity.generate().to_public())} for n in (1, 2)]
    findings = found(installed(recovery={"officers": people}))
    assert "kobo-sync backup" in about(findings, "sauvegarde", "warning")
    assert "kobo-sync nightly" in about(findings, "dernière nuit", "warning")
    assert "Africa/Niamey (UTC+01), il y est 02:00" in about(findings, "heure", "ok")


@pytest.mark.skipif(sys.platform != "linux", reason="a full disk is mounted on Linux")
def test_a_full_disk_is_found(installed: Callable[..., Path], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        findings = examine(load_config(installed(data_dir=str(disk / "data"))), now=NOW)
        assert "Mo libres pour data_dir — libérez de la place" in about(findings, "disque", "failed")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
