"""A small form published on a Central demo server, and what a phone and a manager do with it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from kobo_sync.demo_server.central import Person

ADMIN = Person("admin1@example.org", "secret of admin1", "admin")
LEAD = Person("lead1@example.org", "secret of lead1", "manager")
SYNC = Person("sync@example.org", "secret of sync", "viewer")
NOBODY = Person("nobody@example.org", "secret of nobody")
PEOPLE = [ADMIN, LEAD, SYNC, NOBODY]

QUESTIONS = (
    ("village", "string"),
    ("size", "int"),
    ("note_text", "string"),
    ("photo", "binary"),
)


def xform(form_id: str, version: str, questions: tuple[tuple[str, str], ...] = QUESTIONS) -> str:
    """The form: some questions, and a repeat `member` with a repeat `illness` in it."""
    names = "".join(f"<{name}/>" for name, _ in questions)
    binds = "".join(f'<bind nodeset="/data/{name}" type="{kind}"/>' for name, kind in questions)
    return (
        '<?xml version="1.0"?><h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml">'
        f'<h:head><h:title>Small</h:title><model><instance><data id="{form_id}" version="{version}">{names}'
        "<home><member><age/><illness><since/></illness></member></home><meta><instanceID/><instanceName/></meta>"
        f'</data></instance>{binds}<bind nodeset="/data/home/member/age" type="int"/>'
        '<bind nodeset="/data/home/member/illness/since" type="date"/></model></h:head><h:body>'
        '<group ref="/data/home/member"><repeat nodeset="/data/home/member"><group ref="/data/home/member/illness">'
        '<repeat nodeset="/data/home/member/illness"/></group></repeat></group></h:body></h:html>'
    )


@dataclass
class CentralProject:
    """The published form at a server: `lead` manages, a phone sends."""

    base: str
    form_id: str = "small"
    version: str = "1"
    key: str = ""
    _tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def published(cls, base: str, form_id: str = "small") -> CentralProject:
        """Publish the form and make the phone's account."""
        project = cls(base, form_id)
        project.publish_new(project.version)
        answer = project.ask("POST", "/app-users", json={"displayName": "phone1"})
        project.key = answer.json()["token"]
        return project

    def publish_new(self, version: str, *questions: tuple[str, str]) -> None:
        """The form, first or in a new version with other questions."""
        body = xform(self.form_id, version, questions or QUESTIONS).encode()
        headers = {"Content-Type": "application/xml"}
        there = self.ask("GET", f"/forms/{self.form_id}").status_code == 200
        path = f"/forms/{self.form_id}/draft" if there else "/forms?publish=true"
        answer = self.ask("POST", path, data=body, headers=headers)
        assert answer.status_code == 200, answer.text
        if there:
            assert self.ask("POST", f"/forms/{self.form_id}/draft/publish").status_code == 200
        self.version = version

    def ask(self, method: str, path: str, person: Person = LEAD, **more: Any) -> requests.Response:
        """A request in project 1 under somebody's session."""
        return self.any(method, f"/v1/projects/1{path}", person, **more)

    def any(self, method: str, path: str, person: Person = LEAD, **more: Any) -> requests.Response:
        """A request under somebody's session."""
        if person.email not in self._tokens:
            body = {"email": person.email, "password": person.password}
            self._tokens[person.email] = requests.post(f"{self.base}/v1/sessions", json=body).json()["token"]
        headers = {"Authorization": f"Bearer {self._tokens[person.email]}", **more.pop("headers", {})}
        return requests.request(method, f"{self.base}{path}", headers=headers, allow_redirects=False, **more)

    def row(self, key: str) -> str:
        """The address of a row."""
        return f"/forms/{self.form_id}/submissions/uuid:{key}"

    def send(self, xml: str, **files: bytes) -> requests.Response:
        """Send as a phone does; `files` by name, `__` standing for the dot."""
        parts = {"xml_submission_file": ("submission.xml", xml.encode(), "text/xml")}
        parts |= {
            name.replace("__", "."): (name.replace("__", "."), content, "image/png") for name, content in files.items()
        }
        return requests.post(f"{self.base}/v1/key/{self.key}/projects/1/submission", files=parts)

    def xml(self, instance: str, inner: str = "", *, replaces: str = "", **answers: str) -> str:
        """A submission; `replaces` makes it an edit."""
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in answers.items()) + inner
        meta = f"<instanceID>uuid:{instance}</instanceID>"
        meta += f"<deprecatedID>uuid:{replaces}</deprecatedID>" if replaces else ""
        return f'<data id="{self.form_id}" version="{self.version}">{inner}<meta>{meta}</meta></data>'

    def add(self, inner: str = "", **answers: str) -> str:
        """Send a new submission; its id."""
        instance = str(uuid.uuid4())
        answer = self.send(self.xml(instance, inner, **answers))
        assert answer.status_code == 201, answer.text
        return instance
