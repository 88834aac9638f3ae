"""One night: the run, tried again when the network failed, then the backup, the health file and the mail.

Whatever fails here is noted and told; nothing but a signal ends it early.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from kobo_sync import health, logs
from kobo_sync.config import Config
from kobo_sync.errors import KoboSyncError, LockHeld, StoreError
from kobo_sync.health import FAILED, FINE, NEEDS_PEOPLE, Failure, Notice, failure_of
from kobo_sync.lock import hold_lock, holder
from kobo_sync.mail import MailError, send
from kobo_sync.night_letter import Told, items_of, letter
from kobo_sync.stopping import Clock, Stop, Stopped
from kobo_sync.terminal import terminal_text

PASSING = {"ServerUnavailable", "UnexpectedAnswer", "LockHeld"}
"""Failures that an hour may mend: no network, a gateway's page instead of an answer, somebody else at work."""

Say = Callable[[str], None]
Sleep = Callable[[float], None]


def wall_clock() -> datetime:
    """Now."""
    return datetime.now(UTC)


def night(
    config: Config, stop: Stop, *, clock: Clock = wall_clock, sleep: Sleep | None = None, say: Say = lambda _: None
) -> int:
    """The whole night, now. Returns its exit code; 0 when it was asked to stop.

    `sleep` waits a number of seconds between two tries, and returns early when `stop` is asked.
    """
    wait = sleep or (lambda seconds: stop.sleep(seconds, clock))
    with logs.kept(config):
        begun = clock()
        logs.event("night_start", at=begun)
        health.update(config, running_since=health.instant(config, begun), next_planned=_next(config, begun))
        try:
            code, failures, notices = _tries(config, stop, clock, wait, say)
            code = _backed_up(config, clock, stop, code, failures)
            tell(config, failures, notices, clock(), since=begun)
        except Stopped:
            logs.event("stopped")
            say("Arrêt demandé : ce qui est reçu est gardé, la nuit sera reprise au prochain démarrage.")
            code = FINE
            health.update(config, stopped_at=health.instant(config, clock()))
        health.update(config, running_since=None, next_planned=_next(config, clock()))
        logs.event("night_end", exit_code=code, duration=(clock() - begun).total_seconds())
    return code


def _next(config: Config, now: datetime) -> str:
    return health.instant(config, health.planned_after(config, now))


def _tries(
    config: Config, stop: Stop, clock: Clock, wait: Sleep, say: Say
) -> tuple[int, list[Failure], Sequence[Notice]]:
    begun = clock()
    for attempt in range(1, config.nightly.retries + 2):
        code, failures, notices = _try(config, stop, clock, say)
        health.update(config, attempts=attempt)
        if not any(failure.kind in PASSING for failure in failures) or attempt > config.nightly.retries:
            break
        logs.event("retry", attempt=attempt)
        say(f"Nouvel essai dans {config.nightly.retry_minutes} minutes ({attempt} sur {config.nightly.retries}).")
        wait(60.0 * config.nightly.retry_minutes)
        stop.check()
        success = health.when(health.read(config), "last_success")
        if success is not None and begun.replace(microsecond=0) <= success <= clock():
            content = health.read(config)  # whoever held the store did the night's work
            return int(content["exit_code"]), [], health.notices_of(content)
    return code, failures, notices


def _try(config: Config, stop: Stop, clock: Clock, say: Say) -> tuple[int, list[Failure], Sequence[Notice]]:
    from kobo_sync.run import run  # heavy: the scheduler, which lives for months, does without

    started = clock()
    try:
        report = run(config, now=started, step=stop.check)
    except Exception as error:
        # A person who reads the journal is told what was foreseen; of the rest only the type and the place.
        say(terminal_text(error) if isinstance(error, KoboSyncError) else logs.place_of(error))
        failures = [failure_of("", error)]
        logs.event("failed", level=logging.ERROR, error=error)
        health.ended(config, started=started, at=clock(), exit_code=FAILED, failures=failures)
        return FAILED, failures, []
    for words in (*(failure.words for failure in report.failures), *report.for_people):
        say(health.safe(words))  # this ends in the system's journal: not what a server said
    return report.exit_code, list(report.failures), report.notices


def _backed_up(config: Config, clock: Clock, stop: Stop, code: int, failures: list[Failure]) -> int:
    """Back up if officers are there to open it. A backup that fails is a thing for people; the figures are there."""
    if not config.recovery.officers or not config.store_path.exists():
        return code
    from kobo_sync.backup import back_up

    stop.check()
    try:
        back_up(config, now=clock())
    except Exception as error:
        failures.append(Failure("", "Backup"))
        code = code or NEEDS_PEOPLE
        logs.event("backup_failed", level=logging.ERROR, error=error)
        health.update(
            config,
            exit_code=code,
            backup=(health.read(config).get("backup") or {})
            | {"failed_at": health.instant(config, clock()), "error": type(error).__name__},
            problems=[failure.words for failure in failures],
        )
        return code
    logs.event("backup_done")
    return code


def tell(
    config: Config, failures: Sequence[Failure], notices: Sequence[Notice], now: datetime, *, since: datetime
) -> None:
    """Write to the data manager if there is something to say. A mail that can't leave is tried again the next night.

    `since`: when the night began; what the health file says of an earlier run is not told as of this night.
    """
    if config.mail is None:
        return
    content = health.read(config)
    state: dict[str, Any] = content["mail"] if isinstance(content.get("mail"), dict) else {}
    told = Told.read(state)
    items = items_of(failures, notices, health.to_tell(config))
    local = now.astimezone(health.planned_before(config, now).tzinfo)
    planned = health.planned_before(config, now).date()
    last = health.when(content, "last_start")
    counts = content.get("counts") if last is not None and last >= since.replace(microsecond=0) else None
    due = letter(told, items, counts or {}, planned, local, config.mail.remind_days)
    state = state | {"error": None}
    if due is not None:
        try:
            send(config.mail, due.subject, due.text, local)
        except Exception as error:
            logs.event("mail_failed", level=logging.ERROR, error=error)
            kind = error.kind if isinstance(error, MailError) else type(error).__name__
            health.update(config, mail=state | {"error": kind, "failed_at": health.instant(config, now)})
            return
        logs.event("mail_sent")
        state["sent_at"] = health.instant(config, now)
    health.update(config, mail=state | {"told": told.after(items, sent=due is not None)}, to_tell=[])


@contextmanager
def only_one(config: Config) -> Iterator[None]:
    """One scheduler, or one `--once`, an installation. Raises LockHeld, which says who it is.

    Where the disk takes no lock (read-only, dying) the night begins all the same: it fails, and its mail says why.
    """
    path = health.lock_of(config)
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(path))
        except LockHeld:
            other = holder(path)
            who = f" : processus {other.pid}, depuis le {other.since_words}" if other else ""
            raise LockHeld(
                f"kobo-sync nightly tourne déjà sur cette machine{who}",
                "un seul suffit ; pour un tirage maintenant : kobo-sync run",
            ) from None
        except StoreError as error:
            logs.event("failed", level=logging.ERROR, error=error)
        yield
