"""An installation in a folder, a demonstration server beside it, and a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from kobo_sync.config import Config, load_config
from kobo_sync.keys import init_keys

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
