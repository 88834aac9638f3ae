"""The day's log: named fields of allowed types, one JSON line an event. Free text has no way in.

A case's answers could reach a log by a library's message, an exception's text or a careless `%s`. So nothing that
anybody writes as text is kept: the formatter takes the fields of an `event` that it knows, and of any other record the
library's name, the level, and where an exception came from.

One file a day and nothing held open between two lines: the scheduler, its night and a command typed by a person may
write at once, and Windows can't rename a file that another process has open.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

from kobo_sync.config import Config
from kobo_sync.form_names import FORMS

EVENTS = {
    "scheduler_start", "scheduler_stop", "missed", "clock_changed", "night_start", "night_end", "night_crashed",
    "retry", "stopped", "run_start", "run_end", "source_end", "form_end", "failed", "backup_done", "backup_failed",
    "mail_sent", "mail_failed", "health_failed",
}  # fmt: skip
"""Every event there is; another name is a mistake of the program."""

_PERIOD = re.compile(r"\d{4}-[TS][1-4]")
_KIND = re.compile(r"[A-Za-z_]{1,60}")
_FILE = re.compile(r"[a-z_0-9]{1,60}\.py")
_LOGGER = logging.getLogger("kobo_sync.events")
_LOGGER.addHandler(logging.NullHandler())

Counts = Mapping[str, int]


def event(
    name: str,
    *,
    level: int = logging.INFO,
    source: str | None = None,
    form: str | None = None,
    period: str | None = None,
    counts: Counts | None = None,
    duration: float | None = None,
    exit_code: int | None = None,
    attempt: int | None = None,
    at: datetime | None = None,
    error: BaseException | None = None,
) -> None:
    """Note that something happened. Of `error`, its type and its place in the program are kept, never its text."""
    if name not in EVENTS:
        raise ValueError("event unknown to logs.EVENTS")
    given = {
        "event": name, "source": source, "form": form, "period": period, "counts": counts, "duration": duration,
        "exit_code": exit_code, "attempt": attempt, "at": at, "error": error,
    }  # fmt: skip
    _LOGGER.log(level, "event", extra={"kobo_sync_event": given})


@contextmanager
def kept(config: Config) -> Iterator[None]:
    """Write the events of the block to the day's file; a block within a block joins it."""
    folder = folder_of(config)
    root = logging.getLogger()
    if any(isinstance(handler, DayFiles) and handler.folder == folder for handler in root.handlers):
        yield
        return
    handler = DayFiles(folder, config.logs.keep_days, config.timezone, {source.name for source in config.sources})
    level = _LOGGER.level
    root.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        _LOGGER.setLevel(level)


def folder_of(config: Config) -> Path:
    """Where the files of the days are."""
    return config.logs.folder or config.data_dir / "logs"


class DayFiles(logging.Handler):
    """Appends to kobo-sync-AAAA-MM-JJ.jsonl, made for its owner alone, and removes those older than `keep_days`."""

    def __init__(self, folder: Path, keep_days: int, zone: str, sources: set[str]) -> None:
        super().__init__()
        self.folder = folder
        self._keep = timedelta(days=keep_days)
        self._zone = ZoneInfo(zone)
        self._day: date | None = None
        self.setFormatter(Whitelist(sources, self._zone))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. A full disk or a lost folder never stops the run that wanted to note something."""
        if "kobo_sync_event" not in record.__dict__ and record.levelno < logging.WARNING:
            return  # what libraries say of their ordinary work
        with suppress(Exception):
            line = self.format(record) + "\n"
            day = datetime.fromtimestamp(record.created, self._zone).date()
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if day != self._day:
                self._day = day
                prune(self.folder, day - self._keep)
            path = self.folder / f"kobo-sync-{day}.jsonl"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line.encode("ascii"))
            finally:
                os.close(descriptor)

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: the library's own way prints the record's text on the terminal."""


def prune(folder: Path, before: date) -> None:
    """Remove the files of the days before `before`. A date in the name decides, not the file's clock."""
    for path in folder.glob("kobo-sync-*.jsonl"):
        with suppress(ValueError, OSError):
            if date.fromisoformat(path.stem.removeprefix("kobo-sync-")) < before:
                path.unlink()


class Whitelist(logging.Formatter):
    """A record as one line of JSON, made of known fields alone."""

    def __init__(self, sources: set[str], zone: ZoneInfo) -> None:
        super().__init__()
        self._sources = sources
        self._zone = zone

    def format(self, record: logging.LogRecord) -> str:
        """The line. The record's message and arguments are not even looked at."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, self._zone).isoformat(timespec="seconds"),
            "level": logging.getLevelName(record.levelno) if record.levelno in _LEVELS else "OTHER",
        }
        given = record.__dict__.get("kobo_sync_event")
        if isinstance(given, dict):
            line |= {name: value for name, raw in given.items() if (value := self._allowed(name, raw)) is not None}
        else:
            library = record.name.split(".")[0]
            line["logger"] = library if library in sys.modules or library == "py" else "other"
            if record.exc_info and isinstance(record.exc_info[1], BaseException):
                line["error"] = place_of(record.exc_info[1])
        return json.dumps(line)

    def _allowed(self, name: str, value: Any) -> Any:
        """The value as it may be written; None for whatever is not of the kind that this field takes."""
        if name == "event":
            return value if value in EVENTS else None
        if name == "source":
            return value if value in self._sources else None
        if name == "form":
            return value if value in FORMS else None
        if name == "period":
            return value if isinstance(value, str) and _PERIOD.fullmatch(value) else None
        if name in ("exit_code", "attempt"):
            return value if type(value) is int else None
        if name == "duration":
            return round(value, 1) if type(value) in (int, float) else None
        if name == "at":
            return value.astimezone(self._zone).isoformat(timespec="seconds") if isinstance(value, datetime) else None
        if name == "counts" and isinstance(value, Mapping):
            return {key: number for key, number in value.items() if key in count_names() and type(number) is int}
        if name == "error" and isinstance(value, BaseException):
            return place_of(value)
        return None


_LEVELS = {logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL}


@cache
def count_names() -> frozenset[str]:
    """What may be counted: the numbers of the reports."""
    from kobo_sync.pull import PullReport  # here: the pull may itself note events
    from kobo_sync.rebuild import RebuildReport

    return frozenset(
        {field.name for report in (PullReport, RebuildReport) for field in fields(report)}
        | {"sources", "written", "problems", "for_people"}
    )


def place_of(error: BaseException) -> str:
    """`ServerUnavailable transport.py:120`: the type, and the last place of our own code or of a library."""
    kind = type(error).__name__
    # A type that its module does not know under this name was made at run time, of who knows what.
    written = getattr(sys.modules.get(type(error).__module__), kind, None) is type(error)
    kind = kind if written and _KIND.fullmatch(kind) else "Exception"
    return f"{kind} {_place(error.__traceback__)}".strip()


def _place(trace: TracebackType | None) -> str:
    steps = traceback.extract_tb(trace)
    if not steps:
        return ""
    file = Path(steps[-1].filename).name
    return f"{file}:{steps[-1].lineno}" if _FILE.fullmatch(file) else ""
