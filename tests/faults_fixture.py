"""A server on which faults are set and lifted; one store suffers them, another lives the same nights in peace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from starlette.middleware import Middleware

from kobo_sync.central import CentralClient
from kobo_sync.central_source import CentralSource
from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.demo_server import serve
from kobo_sync.demo_server.central import serve_central
from kobo_sync.demo_server.faults import FaultBoard, Faults
from kobo_sync.kobo_source import KoboSource
from kobo_sync.pull import PullReport, pull
from kobo_sync.source import Source
from kobo_sync.store import Store
from kobo_sync.transport_bounds import Limits
from tests.central_fixture import PEOPLE, SYNC, CentralProject
from tests.demo_server_fixture import LEAD, USERS, Project

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
PATIENT = 30.0
"""Seconds for an answer; only the faults that hold the line are met with less."""


class World(Protocol):
    """A server of one kind with one form: what people do there, and how we read it."""

    board: FaultBoard
    config: SourceConfig

    def add(self, village: str) -> None:
        """A phone sends a submission."""
        ...

    def edit(self, village: str, to: str) -> None:
        """Somebody corrects it."""
        ...

    def delete(self, village: str) -> None:
        """Somebody deletes it."""
        ...

    def review(self, village: str) -> None:
        """A reviewer approves it."""
        ...

    def source(self, patience: float, retries: int, waits: list[float]) -> AbstractContextManager[Source]:
        """A reader of the server that takes 1 MB at most."""
        ...


class KoboWorld:
    """The demonstration server, whose pages are cut at two rows."""

    def __init__(self, project: Project, board: FaultBoard) -> None:
        self.project = project
        self.board = board
        self.config = SourceConfig(
            name="kobo-anltp", url=project.base, token_env="KOBO_TOKEN", forms={"traite": project.uid}
        )

    def add(self, village: str) -> None:
        """As World says."""
        self.project.add(village=village)

    def edit(self, village: str, to: str) -> None:
        """As World says."""
        old = self._row(village)["_uuid"]
        xml = self.project.xml(f"{old[:-4]}beef", replaces=old, village=to)
        assert self.project.send(xml, LEAD).status_code == 201

    def delete(self, village: str) -> None:
        """As World says."""
        answer = self.project.ask("DELETE", f"{self.project.path}data/{self._row(village)['_id']}/")
        assert answer.status_code == 204

    def review(self, village: str) -> None:
        """As World says."""
        path = f"{self.project.path}data/{self._row(village)['_id']}/validation_status/"
        answer = self.project.ask("PATCH", path, json={"validation_status.uid": "validation_status_approved"})
        assert answer.status_code == 200

    @contextmanager
    def source(self, patience: float, retries: int, waits: list[float]) -> Iterator[Source]:
        """As World says."""
        with KoboClient(
            self.project.base,
            LEAD.token,
            timeout=(PATIENT, patience),
            retries=retries,
            sleep=waits.append,
            limits=Limits(request=2 * patience, answer=1_000_000),
        ) as client:
            yield KoboSource(client)

    def _row(self, village: str) -> dict[str, Any]:
        # One at a time, by query: pages are cut, and a fault may be waiting for lists.
        (row,) = self.project.rows(query={"village": village})
        return row


class CentralWorld:
    """The Central demonstration server, which pages by two rows."""

    def __init__(self, project: CentralProject, board: FaultBoard) -> None:
        self.project = project
        self.board = board
        self.config = SourceConfig(
            name="central-oim", kind="central", url=project.base, project=1, account=SYNC.email,
            token_env="CENTRAL_PASSWORD", forms={"traite": project.form_id},
        )  # fmt: skip
        self._keys: dict[str, str] = {}

    def add(self, village: str) -> None:
        """As World says."""
        self._keys[village] = self.project.add(village=village)

    def edit(self, village: str, to: str) -> None:
        """As World says."""
        key = self._keys[village]
        xml = self.project.xml(f"{key[:-4]}beef", replaces=key, village=to)
        headers = {"Content-Type": "application/xml"}
        answer = self.project.ask("PUT", self.project.row(key), data=xml.encode(), headers=headers)
        assert answer.status_code == 200, answer.text

    def delete(self, village: str) -> None:
        """As World says."""
        assert self.project.ask("DELETE", self.project.row(self._keys[village])).status_code == 200

    def review(self, village: str) -> None:
        """As World says."""
        answer = self.project.ask("PATCH", self.project.row(self._keys[village]), json={"reviewState": "approved"})
        assert answer.status_code == 200, answer.text

    @contextmanager
    def source(self, patience: float, retries: int, waits: list[float]) -> Iterator[Source]:
        """As World says."""
        with CentralClient(
            self.project.base, 1, SYNC.email, SYNC.password, timeout=(PATIENT, patience), retries=retries,
            sleep=waits.append, limits=Limits(request=2 * patience, answer=1_000_000),
        ) as client:  # fmt: skip
            yield CentralSource(client)


@contextmanager
def central_worlds(folder: Path) -> Iterator[Callable[[], World]]:
    """A running server; each call publishes a form of its own there."""
    board, number = FaultBoard(), count(1)
    with serve_central(
        folder / "central.db", people=PEOPLE, page=2, middleware=[Middleware(Faults, board=board)]
    ) as base:
        yield lambda: CentralWorld(CentralProject.published(base, f"small{next(number)}"), board)


@contextmanager
def kobo_worlds(folder: Path) -> Iterator[Callable[[], World]]:
    """A running server; each call deploys a form of its own there."""
    board = FaultBoard()
    with serve(folder / "kobo.db", users=USERS, page_max=2, middleware=[Middleware(Faults, board=board)]) as base:
        yield lambda: KoboWorld(Project.deployed(base), board)


def night(
    world: World, store: Store, *, patience: float = PATIENT, retries: int = 0, waits: list[float] | None = None
) -> PullReport:
    """One pull."""
    with world.source(patience, retries, waits if waits is not None else []) as source:
        return pull(world.config, store, source, now=NOW)


def villages(store: Store, deleted: bool = False) -> set[str]:
    """What the current submissions say."""
    return {item.raw["village"] for item in store.current_submissions() if item.deleted == deleted}
