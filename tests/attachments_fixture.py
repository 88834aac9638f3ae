"""Files on a demonstration server and in a store: sent, pulled, fetched, counted."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.responses import Response

from kobo_sync.attachment_servers import FileTransport, KoboFiles
from kobo_sync.attachments import fetch_files, folder
from kobo_sync.config import SourceConfig
from kobo_sync.received_rows import read_row
from kobo_sync.store import Store
from kobo_sync.store_receive import Row, submission_key, write_row
from kobo_sync.transport import HeaderAuth
from kobo_sync.transport_bounds import LIMITS, Limits
from tests.demo_server_fixture import LEAD, Project
from tests.store_fixture import KEY

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4000
FILES = "/attachments/"


class Ranges:
    """Middleware that serves a part of a file where one is asked for, as nginx does before a real Kobo."""

    def __init__(self, app, heard):
        self.app, self.heard = app, heard

    async def __call__(self, scope, receive, send):
        asked = dict(scope.get("headers") or {}).get(b"range", b"").decode() if scope["type"] == "http" else ""
        if FILES not in scope.get("path", "") or not asked:
            await self.app(scope, receive, send)
            return
        self.heard.append(asked)
        start, content = {}, bytearray()

        async def kept(message):
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                content.extend(message.get("body", b""))

        await self.app(scope, receive, kept)
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        headers = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        await Response(bytes(content[first:]), 206, headers, "image/png")(scope, receive, send)


def transport(base, token=LEAD.token, limits=LIMITS) -> FileTransport:
    auth = HeaderAuth("Token", token)
    return FileTransport(base, auth, timeout=(2, 2), retries=0, sleep=lambda _: None, limits=limits)


def pulled(project: Project, store: Store) -> list[str]:
    """The server's rows, written as a pull writes them; their keys."""
    keys = []
    with store.transaction():
        for raw in project.rows():
            row = read_row(raw)
            assert isinstance(row, Row)
            write_row(store, "kobo", "fournisseur", row, "2026-11-02T01:00:00+00:00")
            keys.append(submission_key("kobo", "fournisseur", row.remote_key))
    return keys


def fetched(project: Project, store: Store, token=LEAD.token):
    pulled(project, store)
    with transport(project.base, token) as http:
        return fetch_files(store, KEY, "kobo", "fournisseur", project.uid, KoboFiles(http), now=NOW)


def states(store: Store) -> list[tuple[str, str]]:
    return store.connection.execute("SELECT name, state FROM attachment ORDER BY id").fetchall()


def add(project: Project, uuid="0b8f9d8e-0000-4000-8000-000000000001", name="scan.png", content: bytes | None = PNG):
    files = {name.replace(".", "__"): content} if content is not None else {}
    assert project.send(project.xml(uuid, photo=name), **files).status_code in (201, 202)


def on_disk(store: Store) -> list[bytes]:
    return [path.read_bytes() for path in folder(store).rglob("*") if path.is_file()]


def kobo_source(base: str) -> SourceConfig:
    return SourceConfig(name="kobo", kind="kobo", url=base, token_env="T", forms={"fournisseur": "a" + "X" * 21})


def waiting(store: Store, count: int) -> None:
    """Rows that name one file each, which has not been fetched."""
    for number in range(1, count + 1):
        listed = [{"uid": f"att{number}", "media_file_basename": f"{number}.png"}]
        row = read_row({"_id": number, "_uuid": f"u{number}", "_attachments": listed})
        assert isinstance(row, Row)
        write_row(store, "kobo", "fournisseur", row, "2026-11-02T01:00:00+00:00")


def asked_of(base: str, store: Store, limits: Limits = LIMITS, **more):
    """What the files came to, and how many times the server was asked for one."""
    with transport(base, limits=limits) as http:
        report = fetch_files(store, KEY, "kobo", "fournisseur", "aX", KoboFiles(http), now=NOW, **more)
    return report, http.requests


DRIP = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n\x89PNG\r\n\x1a\n"
