"""Every error that the system raises on purpose: what is wrong, and what to do about it, in French.

The texts never hold a token, a key or an answer of a case: they end up in logs, mails and bug reports.
"""

from __future__ import annotations

from collections.abc import Sequence


class KoboSyncError(Exception):
    """Base of all: `message` says what is wrong, `remedy` what the reader can do. `str()` gives both."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} — {remedy}" if remedy else message)


class ConfigError(KoboSyncError):
    """The configuration can't be used. `problems` holds one text a key at fault, all of them together."""

    def __init__(self, problems: Sequence[str], source: str = "") -> None:
        self.problems = list(problems)
        heading = f"{source} : " if source else ""
        if len(self.problems) > 1:
            lines = "".join(f"\n  • {problem}" for problem in self.problems)
            super().__init__(f"{heading}{len(self.problems)} problèmes{lines}")
        else:
            super().__init__(heading + "".join(self.problems))


class StoreKeyError(KoboSyncError):
    """A key is lost, wrong, malformed, or lies open to others."""


class StoreError(KoboSyncError):
    """The store can't be opened, migrated or written."""


class DiskFull(StoreError):
    """No room is left where the store, or another file of ours, lies."""


class DiskReadOnly(StoreError):
    """The disk takes nothing any more: most often one that is dying, which the system protects."""


class LockHeld(KoboSyncError):
    """Another run is at work on the same store."""


class FormError(KoboSyncError):
    """A form can't be imported or deployed as it is."""


class ServerError(KoboSyncError):
    """The server, or the way to it. `fields`: the keys of a refused request that the server complains of."""

    fields: frozenset[str] = frozenset()


class AuthError(ServerError):
    """The server does not know us, or does not let us do this."""


class Forbidden(AuthError):
    """The server knows us, and this account may not do that."""


class NotFoundError(ServerError):
    """What was asked for is not there, or not shown to this account."""


class ServerUnavailable(ServerError):
    """No usable answer after all retries: refused, too slow, overloaded."""


class UnexpectedAnswer(ServerError):
    """An answer came, but not one that can be used: HTML, cut JSON, another address."""


class NoRoom(ServerError):
    """The server brings more than the disk, or a night, has room for."""
