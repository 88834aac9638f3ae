"""What the disk refuses, told in French: full, read-only, damaged. Errors of SQLite and the system as StoreErrors."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync.errors import DiskFull, DiskReadOnly, StoreError
from kobo_sync.folders import on_read_only_disk, there

_RESTORE = "repartez de la dernière sauvegarde : kobo-sync restore SAUVEGARDE --identity CLE_RESPONSABLE"
_READ_ONLY = (
    "souvent un disque qui meurt : regardez dmesg, faites vérifier le disque (fsck) et sauvez une copie de data_dir ; "
    "sous systemd, voyez aussi ReadWritePaths"
)
_LEAST = 1 << 20
"""Bytes. Under it, an error of writing is called what it most likely is."""
_PRIMARY = 0xFF
"""SQLite's extended codes keep the primary one in their low byte."""

_SAID = {
    sqlcipher.SQLITE_FULL: (
        "n’a plus de place sur le disque ; elle est intacte, ce qui était déjà reçu est gardé",
        "libérez de la place (kobo-sync doctor dit combien il en reste), puis relancez",
    ),
    sqlcipher.SQLITE_READONLY: (
        "est en lecture seule ; rien n’a été modifié",
        "rendez le dossier accessible en écriture à ce compte, puis relancez",
    ),
    sqlcipher.SQLITE_CANTOPEN: (
        "ne peut pas être ouverte : son fichier ou son journal ne peut pas être créé",
        "vérifiez data_dir, ses droits et la place sur le disque, puis relancez",
    ),
    sqlcipher.SQLITE_IOERR: (
        "ne peut pas être lue ou écrite : le disque répond par une erreur ; ce qui était reçu est gardé",
        "vérifiez la place et l’état du disque, puis relancez ; si cela persiste, " + _RESTORE,
    ),
    sqlcipher.SQLITE_PERM: ("est refusée par le système", "donnez à ce compte le droit de lire et d’écrire data_dir"),
    sqlcipher.SQLITE_CORRUPT: (
        "est abîmée : une partie du fichier est illisible",
        "n’écrivez plus dedans, gardez-en une copie, puis " + _RESTORE,
    ),
    sqlcipher.SQLITE_NOTADB: (
        "est abîmée, ou n’est pas celle de cette clé",
        "vérifiez la clé ; si c’est la bonne, " + _RESTORE,
    ),
    sqlcipher.SQLITE_BUSY: (
        "est occupée par un autre programme",
        "fermez ce qui la lit (sauvegarde, antivirus, autre session), puis relancez",
    ),
    sqlcipher.SQLITE_LOCKED: ("est occupée par une autre lecture", "relancez"),
    sqlcipher.SQLITE_NOMEM: ("demande plus de mémoire que cette machine n’en a", "fermez d’autres programmes"),
}

_SYSTEM = {
    errno.ENOSPC: ("le disque est plein", "libérez de la place, puis relancez"),
    errno.EDQUOT: ("le quota de ce compte est atteint", "libérez de la place, puis relancez"),
    errno.EROFS: ("le disque est en lecture seule", _READ_ONLY),
    errno.EACCES: ("le système refuse l’accès", "donnez à ce compte le droit de lire et d’écrire data_dir"),
    errno.EPERM: ("le système refuse l’accès", "donnez à ce compte le droit de lire et d’écrire data_dir"),
    errno.EIO: ("le disque répond par une erreur", "vérifiez l’état du disque ; sinon " + _RESTORE),
    errno.EISDIR: ("c’est un dossier", "corrigez data_dir"),
    errno.EFBIG: ("la taille permise d’un fichier est dépassée", "levez cette limite (ulimit -f), puis relancez"),
}


def store_problem(error: sqlcipher.Error, path: Path) -> StoreError | None:
    """The French message of an error that comes of the disk or the file; None for any other (a fault of ours)."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or (code & _PRIMARY) not in _SAID:
        return None
    code &= _PRIMARY
    if code in (sqlcipher.SQLITE_IOERR, sqlcipher.SQLITE_CANTOPEN) and _is_full(path.parent):
        code = sqlcipher.SQLITE_FULL  # what SQLite says when its journal's index finds no room
    what, remedy = _SAID[code]
    if code == sqlcipher.SQLITE_FULL:
        return DiskFull(f"La base {path} {what}", remedy)
    if code in (sqlcipher.SQLITE_READONLY, sqlcipher.SQLITE_CANTOPEN) and on_read_only_disk(path.parent):
        return DiskReadOnly(f"La base {path} est sur un disque en lecture seule ; rien n’a été modifié", _READ_ONLY)
    return StoreError(f"La base {path} {what}", remedy)


def system_problem(error: OSError, what: str) -> StoreError:
    """The French message of a file that the system refuses. `what`: « La base /… ne peut pas être ouverte »."""
    reason, remedy = _SYSTEM.get(error.errno or 0, (error.strerror or "erreur du système", "vérifiez data_dir"))
    kind = {errno.ENOSPC: DiskFull, errno.EDQUOT: DiskFull, errno.EROFS: DiskReadOnly}.get(error.errno or 0, StoreError)
    return kind(f"{what} : {reason}", remedy)


def refused(folder: Path) -> StoreError | None:
    """What the disk where `folder` lies, or will be made, would refuse now: it is read-only, or full."""
    if on_read_only_disk(folder):
        return system_problem(OSError(errno.EROFS, ""), f"Le dossier {folder} ne peut pas être écrit")
    if _is_full(folder):
        return system_problem(OSError(errno.ENOSPC, ""), f"Le dossier {folder} ne peut pas être écrit")
    return None


def _is_full(folder: Path) -> bool:
    try:
        return free_bytes(folder) < _LEAST
    except OSError:
        return False


def free_bytes(folder: Path) -> int:
    """Free bytes where `folder` is, or will be made. Raises OSError."""
    return shutil.disk_usage(there(folder)).free
