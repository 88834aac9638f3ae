"""A small form deployed on a demo server, and what a phone and a manager do with it."""

from __future__ import annotations

import io
import json
import uuid
from dataclasses import dataclass
from typing import Any

import requests
from openpyxl import Workbook

from kobo_sync.demo_server import User

LEAD = User("lead1", "secret of lead1", "1" * 40)
PHONE = User("phone1", "secret of phone1", "2" * 40)
NORTH = User("north1", "secret of north1", "3" * 40)
USERS = [LEAD, PHONE, NORTH]

SURVEY = [
    ["type", "name", "label"],
    ["calculate", "region", "Region"],
    ["text", "village", "Village"],
    ["begin_repeat", "member", "Member"],
    ["integer", "age", "Age"],
    ["image", "portrait", "Portrait"],
    ["end_repeat", None, None],
    ["image", "photo", "Photo"],
]


def workbook() -> bytes:
    """The form as a spreadsheet."""
    book = Workbook()
    book.active.title = "survey"
    for row in SURVEY:
        book.active.append([*row, "'north'" if row[1] == "region" else "calculation" if row[0] == "type" else None])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@dataclass
class Project:
    """The deployed form at a server, reached by its owner (`lead`) and by others."""

    base: str
    uid: str

    @classmethod
    def deployed(cls, base: str) -> Project:
        """Import and deploy the form; the phone account may add, nobody else may anything."""
        project = cls(base, "")
        answer = project.ask(
            "POST", "/api/v2/imports/", data={"name": "Small", "library": "false"}, files={"file": workbook()}
        )
        task = project.ask("GET", answer.json()["url"].removeprefix(base)).json()
        project.uid = task["messages"]["created"][0]["uid"]
        assert project.ask("POST", f"{project.path}deployment/", json={"active": True}).status_code == 200
        project.allow(PHONE, "add_submissions")
        return project

    @property
    def path(self) -> str:
        return f"/api/v2/assets/{self.uid}/"

    def ask(self, method: str, path: str, user: User = LEAD, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Token {user.token}"}
        return requests.request(method, f"{self.base}{path}", headers=headers, allow_redirects=False, **more)

    def allow(self, user: User, codename: str, partial: dict[str, list[dict[str, Any]]] | None = None) -> None:
        body: dict[str, Any] = {
            "user": f"{self.base}/api/v2/users/{user.name}/",
            "permission": f"{self.base}/api/v2/permissions/{codename}/",
        }
        if partial:
            body["partial_permissions"] = [
                {"url": f"{self.base}/api/v2/permissions/{name}/", "filters": filters}
                for name, filters in partial.items()
            ]
        answer = self.ask("POST", f"{self.path}permission-assignments/", json=body)
        assert answer.status_code == 201, answer.text

    def send(self, xml: str, user: User = PHONE, **files: bytes) -> requests.Response:
        """Send a submission as a phone does; `files` by name, `__` standing for the dot."""
        parts = {"xml_submission_file": ("submission.xml", xml.encode(), "text/xml")}
        parts |= {
            name.replace("__", "."): (name.replace("__", "."), content, "image/png") for name, content in files.items()
        }
        return self.ask("POST", "/submission", user, files=parts, data=None)

    def xml(self, instance: str, *, replaces: str = "", root: str = "", **answers: str) -> str:
        """A submission of the form; `replaces` makes it an edit."""
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in answers.items())
        meta = f"<instanceID>uuid:{instance}</instanceID>"
        if replaces:
            meta += f"<deprecatedID>uuid:{replaces}</deprecatedID><rootUuid>uuid:{root or replaces}</rootUuid>"
        return f'<{self.uid} id="{self.uid}" version="1">{inner}<meta>{meta}</meta></{self.uid}>'

    def add(self, **answers: str) -> str:
        """Send a new submission; its uuid."""
        instance = str(uuid.uuid4())
        answer = self.send(self.xml(instance, **answers))
        assert answer.status_code == 201, answer.text
        return instance

    def rows(self, user: User = LEAD, **params: Any) -> list[dict[str, Any]]:
        """Rows of `/data/`; a query or a list of fields may be given as an object."""
        texts = {name: value if isinstance(value, (str, int)) else json.dumps(value) for name, value in params.items()}
        answer = self.ask("GET", f"{self.path}data/", user, params=texts)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results
