"""An installation in a folder, a demonstration server beside it, and a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from kobo_sync import logs
from kobo_sync.config import Config, load_config
from kobo_sync.keys import init_keys
from tests.demo_server_fixture import USERS, Project
from tests.stub_server import Said

ROOT = Path(__file__).parent.parent
TOKEN = "1" * 40


def installation(folder: Path, url: str = "http://127.0.0.1:9", uid: str = "aBC45678901", **sections: Any) -> Config:
    """A configuration with its keys. Without `url`, its server is a port where nothing listens."""
    content = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    secret = folder / "jeton.txt"
    secret.write_text(TOKEN, encoding="ascii")
    secret.chmod(0o600)
    content["sources"] = [
        {"name": "kobo-anltp", "url": url, "token_file": "jeton.txt", "forms": {"traite": uid}},
    ]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content | sections, allow_unicode=True), encoding="utf-8")
    config = load_config(path)
    if not config.data_dir.joinpath("store.key").exists():
        init_keys(config, demo=True)
    return config


class Clock:
    """A wall clock that stands still until `sleep` moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


NIGHT = datetime(2026, 11, 24, 1, 0, 3, tzinfo=UTC)
"""02:00 in Niamey, and a moment."""


GATEWAY = Said("<html>Passerelle : Amina Issoufou</html>", kind="text/html")
"""What a hotel's or a provider's gateway answers in place of the server: at once, and an hour may mend it."""


@contextmanager
def demo_site(folder: Path, *middleware, **sections) -> Iterator[Config]:
    """A server with one small form, without a row, and an installation that pulls it."""
    from kobo_sync.demo_server import serve

    with serve(folder / "serveur.db", users=USERS, middleware=middleware) as url:
        yield installation(folder, url, Project.deployed(url).uid, **sections)


def say(lines: list[str]) -> Callable[[str], None]:
    return lines.append


def events(config: Config) -> list[str]:
    files = sorted(logs.folder_of(config).glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line["event"] for line in lines if "event" in line]


class Refusing:
    """Answers `status` to what has `word` in its address."""

    def __init__(self, app, word: str, status: int) -> None:
        self.app, self.word, self.status = app, word, status

    async def __call__(self, scope, receive, send) -> None:
        if self.word not in scope.get("path", ""):
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"detail": "no"}'})


class Gateway:
    """Answers a page in the server's place while `down`; with `held`, lets nothing pass until it is let go."""

    def __init__(self, app, down=None, held=None, reached=None) -> None:
        self.app, self.down, self.held, self.reached = app, down, held, reached

    async def __call__(self, scope, receive, send) -> None:
        if self.down is not None and self.down.is_set():
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": b"<html></html>"})
            return
        if self.held is not None and "/data" in scope["path"]:
            import asyncio

            self.reached.set()
            while not self.held.is_set():
                await asyncio.sleep(0.05)
        await self.app(scope, receive, send)
