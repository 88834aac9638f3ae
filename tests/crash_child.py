"""A process that does one job and is killed with SIGKILL in the middle of it.

`python -m tests.crash_child` imports everything once, then forks a child for each line of JSON that it reads: the job
runs in the child, which kills itself at its `at_call`-th call to the disk, the network or SQLite, or within a
statement of SQLite (`at_step`), or is killed by the parent after `after` seconds. Nothing of this is in the product.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401  (imported once, before the forks)
import openpyxl  # noqa: F401
import requests
import splink  # noqa: F401
from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync import cli_backup
from kobo_sync import run as run_module
from kobo_sync.backup import back_up
from kobo_sync.config import load_config
from kobo_sync.outputs import periods_of
from kobo_sync.store import Store
from tests.store_fixture import KEY

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
_OS_CALLS = ("open", "close", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "ftruncate", "write", "chmod")
_STEP = 60
"""Instructions of SQLite between two counted steps."""


class Fuse:
    """Counts what may be interrupted; dies at the number asked for."""

    def __init__(self, at_call: int | None, at_step: int | None) -> None:
        self.calls = self.steps = 0
        self.at_call, self.at_step = at_call, at_step

    def counted(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        """A function that first counts its call, and may be the last thing this process does."""

        @functools.wraps(plain)
        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.at_call:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(*args, **options)

        return call

    def step(self) -> int:
        self.steps += 1
        if self.steps == self.at_step:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def light(self) -> None:
        """From here on, in this process."""
        for name in _OS_CALLS:
            setattr(os, name, self.counted(getattr(os, name)))
        requests.Session.send = self.counted(requests.Session.send)
        plain = sqlcipher.Connection

        class Counting(plain):
            execute, executemany, backup = map(self.counted, (plain.execute, plain.executemany, plain.backup))

        def connect(*args: Any, **options: Any) -> Any:
            connection = connect_plainly(*args, factory=Counting, **options)
            connection.set_progress_handler(self.step, _STEP)
            return connection

        connect_plainly, sqlcipher.connect = sqlcipher.connect, connect


def night(config: str) -> list[str]:
    """The whole nightly job, of two periods; what failed in it."""
    run_module.periods_of = lambda *about: periods_of(*about)[-2:]
    return run_module.run(load_config(config), now=NOW).problems


def pull(config: str) -> list[str]:
    """The nightly job up to what is received."""
    run_module.rebuild = lambda *_, **__: None
    run_module._write = lambda *_: None
    return night(config)


def opening(path: str) -> list[str]:
    """Opening a store: creation, or migration with its copy."""
    Store.open(Path(path), KEY).close()
    return []


def swap(path: str) -> list[str]:
    """Other derived tables in place of those there."""
    with Store.open(Path(path), KEY) as store:
        rows = [{"record_id": f"{n:05}", "value": n} for n in range(400)]
        columns = {"record_id": str, "value": int}
        store.replace_derived(dict.fromkeys(("victims", "events", "links"), (columns, rows)), {"v": "2"})
    return []


def backup(about: str) -> list[str]:
    """A backup for the officers of a configuration; each is named by its second, so each has its own minute."""
    told = json.loads(about)
    back_up(load_config(told["config"]), now=NOW + timedelta(minutes=told["minute"]))
    return []


def restore(about: str) -> list[str]:
    """A backup put in place of the store there, or where there is none, as the command does it."""
    told = {name: Path(value) for name, value in json.loads(about).items()}
    cli_backup.restore(**told, recovery=None, to=None, erasures=None, without_erasures="", replace=True)
    return []


JOBS: dict[str, Callable[[str], list[str]]] = {
    "night": night, "pull": pull, "opening": opening, "swap": swap, "backup": backup, "restore": restore,
}  # fmt: skip


def _child(job: dict[str, Any], answer: int) -> None:
    fuse = Fuse(job.get("at_call"), job.get("at_step"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a command prints is not for who counts kills
    fuse.light()
    try:
        problems = JOBS[job["job"]](job["about"])
    except BaseException as error:
        problems = [f"{type(error).__name__}: {error}"]
    os.write(answer, json.dumps({"problems": problems, "calls": fuse.calls, "steps": fuse.steps}).encode())


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        reader, writer = os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                _child(job, writer)
            finally:
                os._exit(0)
        os.close(writer)
        if job.get("after") is not None:
            time.sleep(job["after"])
            os.kill(pid, signal.SIGKILL)  # harmless on a child that has ended: it is not waited for yet
        with os.fdopen(reader, "rb") as stream:
            text = stream.read()
        _, status = os.waitpid(pid, 0)
        done = json.loads(text) if text else {}
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(json.dumps(done | {"killed": killed, "seconds": time.monotonic() - started}), flush=True)


if __name__ == "__main__":
    main()
