"""One form's pull, as its steps share it, and the report of a whole pull."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kobo_sync.config import SourceConfig
from kobo_sync.errors import ServerError
from kobo_sync.pull_room import Room
from kobo_sync.source import Source
from kobo_sync.store import Store

Progress = Callable[[str, int, int], None]
"""Told (what is under way, done, total)."""


@dataclass
class PullReport:
    """What one pull of a source did, in rows. `warnings`: what a person should know, in French, without answers.

    `received`: rows on the server's index. `deletions_waiting`: rows that vanished and are kept until confirmed.
    `problems`: forms that could not be read, while others were.
    """

    received: int = 0
    new: int = 0
    changed: int = 0
    status_changed: int = 0
    deleted: int = 0
    reappeared: int = 0
    quarantined: int = 0
    deletions_waiting: int = 0
    fetched_bodies: int = 0
    requests: int = 0
    warnings: list[str] = field(default_factory=list)
    problems: list[tuple[str, ServerError]] = field(default_factory=list)

    def numbers(self) -> dict[str, int]:
        """Every number, under its name."""
        return {name: value for name, value in vars(self).items() if type(value) is int}

    def as_json(self) -> dict[str, Any]:
        """For a monitor."""
        return {**self.numbers(), "warnings": self.warnings, "problems": [str(error) for _, error in self.problems]}


@dataclass
class Job:
    """One form's pull. `refused`: keys of what could not be kept this time, not to be asked for twice.

    `modified`: what the index says of the rows to be fetched, where their bodies should not say it. `just_kept`: what
    the index must say of the rows that this pull wrote first, as hashes: 100,000 of them take a few megabytes.
    """

    source: SourceConfig
    form: str
    uid: str
    store: Store
    server: Source
    at: str
    confirmed: bool
    progress: Progress
    report: PullReport
    room: Room
    refused: set[str] = field(default_factory=set)
    modified: dict[str, str] = field(default_factory=dict)
    just_kept: set[int] = field(default_factory=set)

    def tell(self, warning: str) -> None:
        """What a person should know of this form."""
        self.report.warnings.append(f"{self.form} : {warning}")

    def fact(self, name: str, value: str) -> None:
        """What was detected of the server, kept with the time it was last seen."""
        self.store.connection.execute(
            "INSERT INTO source_fact (source, form, name, value, seen_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (source, form, name) DO UPDATE SET value = excluded.value, seen_at = excluded.seen_at",
            (self.source.name, self.form, name, value, self.at),
        )

    def known_fact(self, name: str) -> str | None:
        """What was detected before."""
        row = self.store.connection.execute(
            "SELECT value FROM source_fact WHERE source = ? AND form = ? AND name = ?",
            (self.source.name, self.form, name),
        ).fetchone()
        return str(row[0]) if row else None
