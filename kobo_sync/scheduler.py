"""`kobo-sync nightly` as a service: waits for the hour, and gives each night a process of its own.

A process of its own: a night that dies of memory, or in a library, leaves the scheduler alive to say so; what it took
is given back; and the configuration is read anew. `schedule` compares wall clocks, so a machine that slept past the
hour runs on waking; a clock put right after a jump is noticed here.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import schedule

from kobo_sync import health, logs
from kobo_sync.config import Config, load_config
from kobo_sync.disk import refused
from kobo_sync.errors import KoboSyncError
from kobo_sync.health import FAILED, FINE, NEEDS_PEOPLE, Failure
from kobo_sync.nightly import Say, only_one, tell, wall_clock
from kobo_sync.stopping import Clock, Stop, heard

LONGEST = 18 * 3600.0
"""Seconds that a night may last, tries and waits included: the next one must find the store free."""
_PATIENCE = 600.0
_LOOK = 20.0
"""Seconds between two looks at the clock."""

Night = Callable[[], int]


class Nights:
    """The plan: one night a day. `night` runs one and returns the exit code of its process."""

    def __init__(self, config: Config, night: Night, *, clock: Clock = wall_clock) -> None:
        self.config = config
        self.scheduler = schedule.Scheduler()
        self._night = night
        self._clock = clock
        self.plan()

    def plan(self) -> None:
        """Take the hour of the configuration."""
        self.scheduler.clear()
        self.scheduler.every().day.at(self.config.nightly.time, self.config.timezone).do(self.run)
        health.update(self.config, next_planned=self._instant(health.planned_after(self.config, self._clock())))

    def _instant(self, at: datetime) -> str:
        return health.instant(self.config, at)

    def start(self) -> None:
        """Run at once the night that was missed while nothing ran here."""
        if self.config.nightly.catch_up and health.missed(self.config, self._clock()):
            logs.event("missed", at=health.planned_before(self.config, self._clock()))
            self.run()

    def tick(self) -> None:
        """Run the night if its hour has come."""
        planned = self.scheduler.next_run  # as schedule has it: the local clock, without a zone
        if planned is None or planned - datetime.now() > timedelta(hours=25):
            logs.event("clock_changed", level=logging.WARNING)  # it was ahead when the night was planned
            self.plan()
        self.scheduler.run_pending()

    def run(self) -> None:
        """One night. Nothing that happens to it ends the scheduler."""
        started = self._clock()
        try:
            code = self._night()
        except Exception as error:
            logs.event("night_crashed", level=logging.ERROR, error=error)
            code = FAILED
        self._check(code, started)
        try:
            fresh = load_config(self.config.path)
        except KoboSyncError:
            return  # the night has said so, in its mail
        changed = (fresh.nightly.time, fresh.timezone) != (self.config.nightly.time, self.config.timezone)
        self.config = fresh
        if changed:
            self.plan()

    def _check(self, code: int, started: datetime) -> None:
        """A night that ended without a word (killed, no memory, broken configuration) is told in its place."""
        ended = health.when(health.read(self.config), "last_end")
        if code in (FINE, NEEDS_PEOPLE) or (code == FAILED and ended and ended >= started.replace(microsecond=0)):
            return
        if code == FAILED and refused(health.path_of(self.config).parent):
            return  # the night has told why in its mail, and could not note that it ended
        failures = [Failure("", "ConfigError" if code == 2 else "Crash")]
        logs.event("night_crashed", level=logging.ERROR, exit_code=code)
        now = self._clock()
        health.ended(self.config, started=started, at=now, exit_code=FAILED, failures=failures)
        health.update(self.config, running_since=None)
        tell(self.config, failures, [], now, since=started)


def serve(config: Config, say: Say, stop: Stop | None = None) -> int:
    """Run every night until a signal. Returns 0. Raises LockHeld when a scheduler runs already."""
    stop = stop or Stop()
    child = Child(config.path)
    with only_one(config), logs.kept(config), heard(stop, child.kill):
        logs.event("scheduler_start")
        nights = Nights(config, lambda: child.run(stop))
        say(f"Prochaine nuit : {health.planned_after(config, wall_clock()):%d/%m/%Y à %H:%M} ({config.timezone}).")
        if not stop.asked:
            nights.start()
        while not stop.asked:
            nights.tick()
            stop.sleep(_LOOK, wall_clock)
        logs.event("scheduler_stop")
    say("Ordonnanceur arrêté.")
    return FINE


class Child:
    """The process of a night."""

    def __init__(self, config_path: Path) -> None:
        self._command = [
            sys.executable, "-c", "from kobo_sync.cli import main; main()",
            "nightly", "--once", "--by-scheduler", "--config", str(config_path),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, stop: Stop) -> int:
        """Run it to its end. When `stop` is asked, or when it lasts too long, it is asked to end, then killed."""
        # In a group of its own, it does not hear the terminal's Ctrl+C twice: once from there, once from here.
        if sys.platform == "win32":
            self._process = subprocess.Popen(self._command, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP)
        else:
            self._process = subprocess.Popen(self._command, start_new_session=True)
        until, asked = time.monotonic() + LONGEST, False
        try:
            while True:
                try:
                    code = self._process.wait(timeout=0.5)
                    if stop.asked and code in (FINE, -15):  # -15: it had not begun to listen
                        return FINE
                    return FAILED if asked and not stop.asked else code
                except subprocess.TimeoutExpired:
                    pass
                if not asked and (stop.asked or time.monotonic() > until):
                    self.ask()
                    asked, until = True, time.monotonic() + _PATIENCE
                elif asked and time.monotonic() > until:
                    self.kill()
        finally:
            self.kill()

    def ask(self) -> None:
        """The signal that its `heard` hears."""
        assert self._process is not None
        if sys.platform == "win32":
            import signal

            self._process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            self._process.terminate()

    def kill(self) -> None:
        """At once."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
