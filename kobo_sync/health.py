"""The health file: how the last night went, for a monitor and for `kobo-sync health`. No personal data.

Written whole and swapped in, so that a reader never sees half of it. What failed is told by words chosen here for
the type of the error: an error's own text may repeat what a server said.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kobo_sync import __version__, logs
from kobo_sync.config import Config
from kobo_sync.disk import refused, system_problem
from kobo_sync.lock import is_held
from kobo_sync.secret_places import replace_private_file
from kobo_sync.terminal import terminal_text

FINE, FAILED, NEEDS_PEOPLE = 0, 1, 3
"""Exit codes of the command line; 2, wrong use, is typer's."""
FORMAT = 1
_LONGEST = 300
_MOST_UNSENT = 50
_BLOCK = 4096
_MANY_DIGITS = re.compile(r"\+?\d(?:[ .-]?\d){6,}")
"""As long as a telephone number; no count of ours is."""
_LINK = re.compile(r"(?:\b[a-z][a-z0-9+.-]*://|\bwww\.)\S*", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")

KINDS = {
    "ServerUnavailable": "le serveur ne répond pas, ou pas jusqu’au bout : kobo-sync doctor",
    "UnexpectedAnswer": "le serveur a donné une réponse inutilisable : kobo-sync doctor",
    "AuthError": "le serveur refuse le jeton ou le mot de passe : kobo-sync doctor",
    "Forbidden": "le compte n’a pas les droits qu’il faut : kobo-sync doctor",
    "NotFoundError": "un formulaire n’est pas trouvé sur le serveur : kobo-sync doctor",
    "NoRoom": "plus assez de place sur le disque, ou un serveur qui envoie sans fin : kobo-sync doctor",
    "ServerError": "le serveur a refusé une demande : kobo-sync doctor",
    "PublicationError": "classeur arrêté par un contrôle, l’ancien reste : kobo-sync run",
    "FileInUse": "classeur ouvert par quelqu’un, donc pas remplacé : fermez-le, puis kobo-sync run",
    "OSError": "écriture impossible (disque ou droits) : kobo-sync doctor",
    "LockHeld": "un autre travail tenait la base : kobo-sync status",
    "StoreKeyError": "une clé ou un secret ne peut pas être lu : kobo-sync doctor",
    "DiskFull": "disque plein, ce qui est reçu est gardé : libérez de la place, puis kobo-sync nightly --once",
    "DiskReadOnly": "disque en lecture seule (il meurt ?) : regardez dmesg, faites vérifier le disque (fsck)",
    "StoreError": "la base ne peut pas être ouverte ou écrite : kobo-sync doctor",
    "ConfigError": "config.yaml ne peut pas être utilisé : kobo-sync doctor",
    "Crash": "le travail s’est arrêté net (mémoire ? machine ?) : kobo-sync nightly --once",
    "Backup": "la sauvegarde n’est pas faite : kobo-sync backup",
}
"""What is said of a failure, by the type of its error: what is wrong and the next command to type."""


@dataclass(frozen=True)
class Failure:
    """Something that failed: where (a source, a period, nothing for the whole) and the type of the error."""

    where: str
    kind: str

    @property
    def words(self) -> str:
        """In French, without anything that a server or a file said."""
        words = KINDS.get(self.kind, f"erreur imprévue ({self.kind}) : kobo-sync run")
        return f"{self.where} : {words}" if self.where else words


def failure_of(where: str, error: BaseException) -> Failure:
    """The failure that an error is: its own type, or the nearest above it that has words."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        error = system_problem(error, where)
    known = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in KINDS]
    return Failure(where, known[0] if known else logs.place_of(error))


@dataclass(frozen=True)
class Notice:
    """Something that waits for a person: which source and which thing, how many, and the words for it, in French.

    `once`: it is said by one run only, and does not wait to be settled.
    """

    code: str
    words: str
    where: str = ""
    count: int = 1
    once: bool = False

    @classmethod
    def of(cls, where: str, warning: str) -> Notice:
        """What a source's pull warns of: its text without numbers says which thing it is, the first one how many."""
        # The source's own name may hold a number: it is no part of how many.
        numbers = _NUMBER.findall(warning.replace(where, ""))
        count = int(numbers[0][:9]) if numbers else 1
        return cls(_NUMBER.sub("#", warning), f"{where} · {warning}", where, count)


def path_of(config: Config) -> Path:
    """Where the file is: nightly.health_file, else in data_dir."""
    return config.nightly.health_file or config.data_dir / "health.json"


def read(config: Config) -> dict[str, Any]:
    """What the file says; empty when there is none, or when it can't be read."""
    try:
        content = json.loads(path_of(config).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def update(config: Config, **changes: Any) -> None:
    """Change some of the file. A disk that refuses is noted in the log and stops nothing.

    On a full disk the old bytes are written over: an older night's success must not stand there as the last word.
    """
    path = path_of(config)
    content = read(config) | {"format": FORMAT, "version": __version__} | changes
    try:
        replace_private_file(path, _bytes(content), 0o640)  # a monitor's group may read it
    except OSError as error:
        logs.event("health_failed", level=30, error=error)
        with suppress(OSError):
            _write_over(path, content)


def _bytes(content: dict[str, Any]) -> bytes:
    """The text, and blanks up to whole blocks with one to spare: room for a longer text when the disk has none."""
    text = (json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n").encode()
    return text.ljust((len(text) // _BLOCK + 2) * _BLOCK - 1) + b"\n"


def _write_over(path: Path, content: dict[str, Any]) -> None:
    """Into the blocks that the file has: the whole, or else what a monitor must know."""
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        for left_out in (set(), {"notices", "to_tell"}, {"notices", "to_tell", "for_people", "counts", "mail"}):
            text = json.dumps({k: v for k, v in content.items() if k not in left_out}, ensure_ascii=False, default=str)
            if len(text.encode()) <= size:
                file.write(text.encode().ljust(size))
                file.flush()
                os.fsync(file.fileno())
                return


def ended(
    config: Config,
    *,
    started: datetime,
    at: datetime,
    exit_code: int,
    counts: dict[str, int] | None = None,
    failures: Iterable[Failure] = (),
    notices: Iterable[Notice] = (),
) -> None:
    """Note how a run ended, whoever started it. What it alone says stays in `to_tell` until a mail has left."""
    notices = list(notices)
    done = {"last_success": instant(config, started)} if exit_code in (FINE, NEEDS_PEOPLE) else {}
    update(
        config,
        last_start=instant(config, started),
        last_end=instant(config, at),
        duration_s=round(max(0.0, (at - started).total_seconds()), 1),
        exit_code=exit_code,
        counts=counts or {},
        problems=[failure.words for failure in failures],
        for_people=[safe(notice.words) for notice in notices],
        notices=[asdict(notice) | {"words": safe(notice.words), "code": safe(notice.code)} for notice in notices],
        to_tell=list(dict.fromkeys(to_tell(config) + [safe(one.words) for one in notices if one.once]))[-_MOST_UNSENT:]
        if config.mail is not None
        else [],
        **done,
    )


def to_tell(config: Config) -> list[str]:
    """What a run said once, and no mail has told yet."""
    lines = read(config).get("to_tell")
    return [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []


def notices_of(content: dict[str, Any]) -> list[Notice]:
    """The notices of the last run, as the file has them."""
    try:
        return [Notice(**one) for one in content.get("notices", [])]
    except TypeError:  # another version's file
        return []


def safe(line: str) -> str:
    """A line of a report, cut, without what looks like a telephone number, a link, or an order to a terminal."""
    return _LINK.sub("…", _MANY_DIGITS.sub("…", " ".join(terminal_text(line).split())))[:_LONGEST]


def instant(config: Config, at: datetime) -> str:
    """An instant as the file writes it, in the time zone of the configuration."""
    return at.astimezone(ZoneInfo(config.timezone)).isoformat(timespec="seconds")


def when(content: dict[str, Any], name: str) -> datetime | None:
    """An instant of the file, None when it is not there or can't be read."""
    try:
        at = datetime.fromisoformat(content[name])
        return at if at.tzinfo else None
    except (KeyError, TypeError, ValueError):
        return None


def planned_before(config: Config, now: datetime) -> datetime:
    """The last planned time, at `now` or before."""
    local = now.astimezone(ZoneInfo(config.timezone))
    planned = datetime.combine(local.date(), config.nightly.at, local.tzinfo)
    if planned > local:
        planned = datetime.combine(local.date() - timedelta(days=1), config.nightly.at, local.tzinfo)
    return planned


def planned_after(config: Config, now: datetime) -> datetime:
    """The next planned time, after `now`."""
    before = planned_before(config, now)
    return datetime.combine(before.date() + timedelta(days=1), config.nightly.at, before.tzinfo)


def missed(config: Config, now: datetime) -> bool:
    """Whether the last planned time has passed without a run, begun since, that ended with 0 or 3.

    A success dated in the future is the mark of a clock that was wrong: it counts for nothing.
    """
    success = when(read(config), "last_success")
    return success is None or success > now + timedelta(minutes=5) or success < planned_before(config, now)


def verdict(config: Config, now: datetime) -> tuple[int, str]:
    """What a monitor should think, and why, in French. 0 fine; 1 failed, too old or never run; 3 needs people."""
    code, why = _verdict(config, now)
    content = read(config)
    if (content.get("mail") or {}).get("error") and _NO_MAIL not in why:
        why += f" ; et {_NO_MAIL} : kobo-sync doctor"
    return code, why


_NO_MAIL = "le courrier ne part pas"


def _verdict(config: Config, now: datetime) -> tuple[int, str]:
    # The disk is asked, not the file: on a disk that takes nothing, the file still tells of a better night.
    if problem := refused(path_of(config).parent) or refused(config.data_dir):
        return FAILED, str(problem)
    content = read(config)
    if when(content, "running_since") and _nobody_runs(config):
        return FAILED, KINDS["Crash"]
    if not content.get("exit_code") and not content.get("last_end"):
        return FAILED, "aucun travail de nuit n’a encore fini ici : kobo-sync nightly --once"
    patience = timedelta(minutes=config.nightly.retries * config.nightly.retry_minutes) + timedelta(hours=3)
    success = when(content, "last_success")
    if content.get("exit_code") not in (FINE, NEEDS_PEOPLE):
        return FAILED, "le dernier travail a échoué : kobo-sync doctor"
    if success is None or success < planned_before(config, now - patience) or success > now + timedelta(minutes=5):
        return FAILED, "la dernière nuit n’a pas eu lieu : l’ordonnanceur tourne-t-il ? kobo-sync nightly"
    if content.get("problems") or content.get("for_people"):
        return NEEDS_PEOPLE, "des fiches attendent une personne : kobo-sync status"
    if (content.get("backup") or {}).get("error"):
        return NEEDS_PEOPLE, "la sauvegarde n’est pas faite : kobo-sync backup"
    if (content.get("mail") or {}).get("error"):
        return NEEDS_PEOPLE, f"{_NO_MAIL} : kobo-sync doctor"
    return FINE, "tout va bien"


def lock_of(config: Config) -> Path:
    """The lock that a scheduler, or one night, holds while it runs."""
    return config.data_dir / "nightly.lock"


def _nobody_runs(config: Config) -> bool:
    """Whether the night that says it is running is dead. An account that may not open the lock can't know."""
    lock = lock_of(config)
    return not lock.exists() or (os.access(lock, os.R_OK | os.W_OK) and not is_held(lock))
