"""Who looked at what, or erased it, when and why: lines of the store that no command takes back."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from kobo_sync.store import Store


def operator() -> str:
    """Name of the system's account at work."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a service without a name
        return "inconnu"


def note(store: Store, action: str, subject: str, reason: str, now: datetime) -> None:
    """Write one line; committed before this returns, unless the caller holds a transaction."""
    store.connection.execute(
        "INSERT INTO audit (at, actor, action, subject, reason) VALUES (?, ?, ?, ?, ?)",
        (now.astimezone(UTC).isoformat(timespec="seconds"), operator(), action, subject, reason),
    )
