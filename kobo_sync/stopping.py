"""Stopping when asked: a signal is noted, the work under way reaches a safe point, then it ends.

On Linux SIGTERM (systemd, shutdown) and SIGINT (Ctrl+C); on Windows Ctrl+C and Ctrl+Break, its only signals that can be
heard. A second signal ends at once: the store is made to survive that.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType

Clock = Callable[[], datetime]
_NAMES = ("SIGTERM", "SIGINT", "SIGBREAK")


class Stopped(BaseException):
    """Raised at a safe point after a signal. Like KeyboardInterrupt, nothing that mends errors should catch it."""


class Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def check(self, _step: str = "") -> None:
        """A safe point: raises Stopped once somebody asked. Its signature is that of a run's steps."""
        if self.asked:
            raise Stopped

    def sleep(self, seconds: float, clock: Clock) -> None:
        """Wait, until somebody asks to stop.

        The wall clock counts as well as the machine's own, which stands still while the machine sleeps.
        """
        until, begun = clock() + timedelta(seconds=seconds), time.monotonic()
        while not self.asked and clock() < until and time.monotonic() - begun < seconds:
            time.sleep(min(1.0, max(0.01, seconds - (time.monotonic() - begun))))


@contextmanager
def heard(stop: Stop, at_once: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While the block runs, a first signal asks `stop`; a second calls `at_once` and ends the process."""

    def hear(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            at_once()
            os._exit(128 + number)
        stop.asked = True

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.signal(number, hear) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
