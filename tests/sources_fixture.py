"""The same happenings at a Kobo and at a Central server, so that one test runs over both."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import RequestLine, serve
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server.central import purge, serve_central
from kobo_sync.open_source import open_source
from kobo_sync.source import Source
from tests.central_fixture import LEAD as MANAGER
from tests.central_fixture import PEOPLE, SYNC, CentralProject
from tests.demo_server_fixture import LEAD, USERS, Project

KINDS = ("kobo", "central")


class Place(ABC):
    """A form with questions `village` and others, at a running server. Rows are named by their village."""

    kind: str
    reviewer: str

    def __init__(self, base: str, data: Path, source: SourceConfig, secret: str) -> None:
        self.base = base
        self.data = data
        self.source = source
        self.secret = secret
        self.sent: dict[str, tuple[str, str]] = {}  # village: first id, current id

    @contextmanager
    def open(self) -> Iterator[Source]:
        """The source, as a run opens it."""
        with open_source(self.source, self.secret) as server:
            yield server

    def log(self) -> list[RequestLine]:
        """Every request of this server so far."""
        return logged(self.data)

    @abstractmethod
    def bodies(self, lines: list[RequestLine]) -> list[RequestLine]:
        """Those of the requests that fetched whole rows."""

    @abstractmethod
    def add(self, village: str, **answers: str) -> None:
        """A phone sends a row."""

    @abstractmethod
    def edit(self, village: str, new: str) -> None:
        """The row's village is corrected."""

    @abstractmethod
    def review(self, village: str, state: str | None) -> None:
        """A person reviews: approved, rejected, or None again."""

    @abstractmethod
    def delete(self, village: str) -> None:
        """The row is deleted for good or into the trash."""

    @abstractmethod
    def bring_back(self, village: str) -> None:
        """The deleted row is there again, under its own key: from the trash, or from the server's own backup."""

    @abstractmethod
    def forget(self, village: str) -> None:
        """The deleted row is gone for good: the phone may send it again."""

    @abstractmethod
    def resend(self, village: str) -> None:
        """The phone that still has the row sends it again."""

    @abstractmethod
    def publish_without(self, question: str) -> None:
        """A new version of the form, without a question."""


class KoboPlace(Place):
    """The form at the Kobo demo server."""

    kind = "kobo"
    reviewer = LEAD.name
    _states: dict[str | None, str] = {  # noqa: RUF012
        "approved": "validation_status_approved",
        "rejected": "validation_status_not_approved",
    }

    def __init__(self, base: str, data: Path, name: str) -> None:
        self.project = Project.deployed(base)
        source = SourceConfig(name=name, url=base, token_env="KOBO_TOKEN", forms={"traite": self.project.uid})
        super().__init__(base, data, source, LEAD.token)
        self._rows: dict[str, list[Any]] = {}

    def bodies(self, lines: list[RequestLine]) -> list[RequestLine]:
        return [line for line in lines if line.path.endswith("/data/") and "fields" not in line.query]

    def add(self, village: str, **answers: str) -> None:
        instance = self.project.add(village=village, **answers)
        self.sent[village] = instance, instance

    def edit(self, village: str, new: str) -> None:
        first, old = self.sent.pop(village)
        made = f"{old[:-4]}beef"
        xml = self.project.xml(made, replaces=old, root=first, village=new)
        assert self.project.send(xml, LEAD).status_code == 201
        self.sent[new] = first, made

    def review(self, village: str, state: str | None) -> None:
        path = f"{self.project.path}data/{self._number(village)}/validation_status/"
        if state is None:
            assert self.project.ask("DELETE", path).status_code == 204
        else:
            body = {"validation_status.uid": self._states[state]}
            assert self.project.ask("PATCH", path, json=body).status_code == 200

    def delete(self, village: str) -> None:
        number = self._number(village)
        with closing(sqlite3.connect(self.data)) as db:
            self._rows[village] = db.execute("SELECT * FROM submission WHERE id = ?", (number,)).fetchone()
        assert self.project.ask("DELETE", f"{self.project.path}data/{number}/").status_code == 204

    def bring_back(self, village: str) -> None:
        row = self._rows[village]
        with closing(sqlite3.connect(self.data)) as db, db:
            db.execute(f"INSERT INTO submission VALUES ({','.join('?' * len(row))})", row)

    def forget(self, village: str) -> None:
        """Kobo forgets at once."""

    def resend(self, village: str) -> None:
        assert self.project.send(self.project.xml(self.sent[village][0], village=village)).status_code == 201

    def publish_without(self, question: str) -> None:
        """Kobo shows what was sent, whatever the version: nothing to do here that changes what is read."""

    def _number(self, village: str) -> int:
        instance = self.sent[village][1]
        with closing(sqlite3.connect(self.data)) as db:
            (number,) = db.execute("SELECT id FROM submission WHERE uuid = ?", (instance,)).fetchone()
        return int(number)


class CentralPlace(Place):
    """The form at the Central demo server."""

    kind = "central"
    reviewer = MANAGER.email

    def __init__(self, base: str, data: Path, name: str) -> None:
        self.project = CentralProject.published(base)
        source = SourceConfig(
            name=name, kind="central", url=base, project=1, account=SYNC.email, token_env="CENTRAL_PASSWORD",
            forms={"traite": self.project.form_id},
        )  # fmt: skip
        super().__init__(base, data, source, SYNC.password)

    def bodies(self, lines: list[RequestLine]) -> list[RequestLine]:
        return [line for line in lines if "expand" in line.query or line.path.endswith(".xml")]

    def add(self, village: str, **answers: str) -> None:
        instance = self.project.add(village=village, **answers)
        self.sent[village] = instance, instance

    def edit(self, village: str, new: str) -> None:
        first, old = self.sent.pop(village)
        made = f"{old[:-4]}beef"
        xml = self.project.xml(made, replaces=old, village=new)
        assert self.project.ask("PUT", self.project.row(first), data=xml.encode()).status_code == 200
        self.sent[new] = first, made

    def review(self, village: str, state: str | None) -> None:
        answer = self.project.ask("PATCH", self._row(village), json={"reviewState": state})
        assert answer.status_code == 200 and answer.json()["reviewState"] == state

    def delete(self, village: str) -> None:
        assert self.project.ask("DELETE", self._row(village)).status_code == 200

    def bring_back(self, village: str) -> None:
        assert self.project.ask("POST", f"{self._row(village)}/restore").status_code == 200

    def forget(self, village: str) -> None:
        assert purge(self.data, f"uuid:{self.sent[village][0]}") == 1

    def resend(self, village: str) -> None:
        assert self.project.send(self.project.xml(self.sent[village][0], village=village)).status_code == 201

    def publish_without(self, question: str) -> None:
        self.project.publish_new(
            "2", *[each for each in (("village", "string"), ("size", "int")) if each[0] != question]
        )

    def _row(self, village: str) -> str:
        return self.project.row(self.sent[village][0])


@contextmanager
def place(kind: str, folder: Path, name: str = "") -> Iterator[Place]:
    """A server of that kind with the form on it; small pages, so that there are several."""
    name = name or f"{kind}-1"
    data = folder / f"{name}.db"
    if kind == "kobo":
        with serve(data, users=USERS, page_max=100) as base:
            yield KoboPlace(base, data, name)
    else:
        with serve_central(data, people=PEOPLE) as base:
            yield CentralPlace(base, data, name)
