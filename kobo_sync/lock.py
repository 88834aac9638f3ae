"""One process at a time on a store: a lock of the operating system, gone with the process that held it.

Only the system's lock counts, never what the file says: after a crash or a restart the file still names the former
holder, whose number another process may bear by now, and nobody holds it. Between containers the lock works when they
share the disk of one kernel; their process numbers mean nothing to each other, so the machine is named too. On NFS or
SMB it can't be relied upon: `folders.refuse_unsafe` keeps the store away from there.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from kobo_sync.disk import system_problem
from kobo_sync.errors import LockHeld, StoreError
from kobo_sync.folders import close_to_others

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
def hold_lock(path: Path, what: str = "Un autre travail est en cours sur cette base") -> Iterator[None]:
    """Hold the lock file `path` while the block runs. `what` is said to who comes second.

    Raises LockHeld, which says who holds it and since when, and StoreError when the file can't be made. The file
    itself stays: only the system's lock on it counts, so a process that died holds nothing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        close_to_others(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        close_to_others(path)
    except OSError as error:
        raise system_problem(error, f"Le verrou {path} ne peut pas être créé") from None
    try:
        try:
            _seize(descriptor)
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                raise StoreError(
                    f"Le disque de {path.parent} ne sait pas poser de verrou",
                    "donnez à data_dir un dossier d’un disque de cette machine",
                ) from None
            time.sleep(0.1)  # who seized it an instant ago has signed by now, over the name of whoever died holding it
            raise LockHeld(
                f"{what}{_in_words(holder(path))}",
                "attendez sa fin ; s’il semble bloqué, arrêtez ce processus puis relancez",
            ) from None
        try:
            _sign(descriptor)
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            _release(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Holder:
    """Who signed the lock last, whether or not it still is held. `since` is an instant of the signer's clock."""

    pid: int
    host: str
    command: str
    since: datetime

    @property
    def since_words(self) -> str:
        """In the one clock of all messages: a machine's own may be set to another zone."""
        return f"{self.since.astimezone(ZoneInfo('Africa/Niamey')):%d/%m/%Y à %H:%M} (heure de Niamey)"


def holder(path: Path) -> Holder | None:
    """What the lock file says; None when nobody signed it, or not yet."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return Holder(
            int(about["pid"]), str(about["host"]), str(about["command"]), datetime.fromisoformat(about["since"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock now; asking takes it for an instant and leaves the signature alone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        try:
            _seize(descriptor)
        except OSError:
            return True
        _release(descriptor)
        return False
    finally:
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    about = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": _command(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with suppress(OSError):  # a full disk: the lock holds all the same, and the work itself will say what is wrong
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(about).encode())


def _command() -> str:
    """The command's own words (`run`, `nightly`): what follows them may be a case or a person."""
    words = [word for word in sys.argv[1:3] if word.isalpha() and word.islower()]
    return " ".join(["kobo-sync", *words[:1]])


def _in_words(who: Holder | None) -> str:
    if who is None:
        return ""  # seized an instant ago, not yet signed
    # A number is a process only on its own machine: a container, or another host on a shared disk, has its own.
    where = "" if who.host == socket.gethostname() else f" sur la machine {who.host}"
    return f" : processus {who.pid}{where} ({who.command}), depuis le {who.since_words}"
