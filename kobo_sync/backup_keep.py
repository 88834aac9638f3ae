"""Which backups are kept: the last of each of so many days, weeks and months."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kobo_sync.config_backup import KeepConfig

_NAME = re.compile(r"anltp-(\d{8}T\d{6})Z\.age")


def backup_name(at: datetime) -> str:
    """Name of the backup of an instant."""
    return f"anltp-{at.astimezone(UTC):%Y%m%dT%H%M%S}Z.age"


def instant_of(name: str) -> datetime | None:
    """The instant that a backup's name tells; None for any other file."""
    found = _NAME.fullmatch(name)
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def backups_in(folder: Path) -> list[Path]:
    """The backups of a folder, oldest first."""
    return sorted(path for path in folder.glob("anltp-*.age") if instant_of(path.name)) if folder.is_dir() else []


def superfluous(names: Iterable[str], keep: KeepConfig, zone: str) -> list[str]:
    """The backups that no rule keeps, oldest first; never the last day's, never a file that is no backup of ours."""
    known = sorted((at, name) for name in names if (at := instant_of(name)))
    if not known:
        return []
    kept = {name for at, name in known if known[-1][0] - at < timedelta(days=1)}
    rules: tuple[tuple[int, Callable[[datetime], Any]], ...] = (
        (keep.daily, lambda at: at.date()),
        (keep.weekly, lambda at: at.isocalendar()[:2]),
        (keep.monthly, lambda at: (at.year, at.month)),
    )
    for count, period in rules:
        last: dict[Any, str] = {}
        for at, name in reversed(known):
            last.setdefault(period(at.astimezone(ZoneInfo(zone))), name)
        kept |= set(list(last.values())[:count])
    return [name for _, name in known if name not in kept]
