"""One process at a time on a store: a lock of the operating system, gone with the process that held it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kobo_sync.errors import LockHeld, StoreError

if sys.platform == "win32":
    import msvcrt

    _BEYOND = 1 << 20
    """Windows hides locked bytes from other readers: a byte past the text is locked, so that it stays legible."""

    def _seize(descriptor: int) -> None:
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _release(descriptor: int) -> None:
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _seize(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Raises LockHeld, which says who holds it and since when, and StoreError when the file can't be made. The file
    itself stays: only the system's lock on it counts, so a process that died holds nothing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"Le verrou {path} ne peut pas être créé : {error.strerror}", "vérifiez data_dir") from None
    try:
        try:
            _seize(descriptor)
        except OSError:
            raise LockHeld(
                f"Un autre travail est en cours sur cette base{_holder(path)}",
                "attendez sa fin ; s’il semble bloqué, arrêtez ce processus puis relancez",
            ) from None
        about = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(about).encode())
        try:
            yield
        finally:
            _release(descriptor)
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        since = datetime.fromisoformat(about["since"]).astimezone()
        return f" : processus {about['pid']}, depuis le {since:%d/%m/%Y à %H:%M}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # seized an instant ago, not yet signed
