"""The `traite` form on a demo server, cases written by hand, and `kobo-sync show` run on what was pulled."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.client import KoboClient
from kobo_sync.forms import FOLDER
from kobo_sync.kobo_source import KoboSource
from kobo_sync.pull import pull
from tests.demo_server_fixture import LEAD, PHONE, Project
from tests.erase_fixture import configured, opened

CODE = "ABCD2345"
NAMES = ("Fatouzikira", "Zakwembaro", "Dourandoro")


class Server:
    """The `traite` form deployed on a demo server; cases written by hand, as XML."""

    def __init__(self, url: str, folder: Path) -> None:
        self.project, self.nights = Project(url, ""), 0
        files = {"file": (FOLDER / "traite" / "traite.xlsx").read_bytes()}
        answer = self.project.ask("POST", "/api/v2/imports/", data={"name": "T", "library": "false"}, files=files)
        task = self.project.ask("GET", answer.json()["url"].removeprefix(url)).json()
        self.uid = self.project.uid = task["messages"]["created"][0]["uid"]
        assert self.project.ask("POST", f"{self.project.path}deployment/", json={"active": True}).ok
        self.project.allow(PHONE, "add_submissions")
        self.config = configured(folder, url=url, uid=self.uid)

    def send(self, victims: list[dict[str, str]], *, replaces: str = "", by: Any = PHONE, **answers: str) -> str:
        """Post a case, or an edit of one; the uuid of this version."""
        instance = str(uuid.uuid4())
        top = {
            "form_release": "traite-0123456789", "entite": "POL_NIA", "code_evenement": CODE, "date_connue": "oui",
            "date_detection": "2026-04-03", "det_region": "NE008", "portee": "domestic", "actes": "recruitment",
            "moyens": "deception", "exploitation": "begging",
        } | answers  # fmt: skip
        body = "".join(f"<{name}>{value}</{name}>" for name, value in top.items())
        for victim in victims:
            body += f"<victime>{''.join(f'<{name}>{value}</{name}>' for name, value in victim.items())}</victime>"
        meta = f"<instanceID>uuid:{instance}</instanceID>"
        if replaces:
            meta += f"<deprecatedID>uuid:{replaces}</deprecatedID>"
        xml = f'<{self.uid} id="{self.uid}" version="1">{body}<meta>{meta}</meta></{self.uid}>'
        answer = requests.post(
            f"{self.project.base}/submission",
            files={"xml_submission_file": ("submission.xml", xml.encode(), "text/xml")},
            headers={"X-OpenRosa-Version": "1.0"}, auth=(by.name, by.password), timeout=30,
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        return instance

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = self.project.ask(method, f"{self.project.path}data/{path}", **more)
        assert answer.status_code < 300, answer.text
        return answer

    def pull(self) -> None:
        """One night's pull, by the account of the sync."""
        with KoboClient(self.project.base, LEAD.token, retries=0) as client, opened(self.config) as store:
            pull(
                self.config.sources[0], store, KoboSource(client), now=datetime.now(UTC) + timedelta(hours=self.nights)
            )
        self.nights += 1

    def show(self, *words: str) -> str:
        done = run(self.config, *words)
        assert done.exit_code == 0, done.output
        return re.sub(r"\s+", " ", done.output)

    def ids(self) -> list[int]:
        return [row["_id"] for row in self.ask("GET", "?format=json").json()["results"]]


def victim(number: int, **answers: str) -> dict[str, str]:
    return {
        "v_code": f"{CODE}-V{number}", "v_c_enreg": "oui", "v_c_partage": "oui", "v_c_nom": "oui", "v_sexe": "F",
        "v_age_connu": "age", "v_age": "12", "v_nationalite": "NER", "v_meme_situation": "oui",
    } | answers  # fmt: skip


def run(config: Any, *words: str, width: str = "100") -> Any:
    return CliRunner().invoke(cli.app, ["show", *words, "--config", str(config.path)], env={"COLUMNS": width})
