"""`kobo-sync backup`: the store and its attachments in one file that only the officers can open.

The machine that makes a backup can't read it back. The keys are not in it: they come from the recovery copy.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kobo_sync import __version__, backup_archive, health
from kobo_sync.age_files import seal_stream
from kobo_sync.backup_copy import SCHEMA_COPY_DAYS, Snapshot, keyed_copy, purge_schema_copies, remove_store
from kobo_sync.backup_keep import backup_name, superfluous
from kobo_sync.config import Config
from kobo_sync.disk import free_bytes, system_problem
from kobo_sync.errors import ConfigError, StoreError
from kobo_sync.keys import Keys, load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.migrations import CURRENT
from kobo_sync.secret_places import flush_folder, open_private_list
from kobo_sync.store import Store, connect

ERASURES = "effacements.jsonl"
"""Beside the backups: what was erased, under keys without names, to be erased again after a restore."""

_COPY, _PARTIAL = "sauvegarde-en-cours.db", ".partiel"


@dataclass(frozen=True)
class Backup:
    """A backup that was written. `submissions`: those of its store; `removed`: older ones that no rule keeps."""

    path: Path
    at: datetime
    size: int
    submissions: int
    removed: list[str]


def backup_folder(config: Config) -> Path:
    """Where backups are written."""
    return config.backup.folder or config.data_dir / "sauvegardes"


def last_backup(config: Config) -> datetime | None:
    """When the last backup of this machine was made; None if never, or if nothing tells."""
    kept = health.read(config).get("backup")
    return health.when(kept, "at") if isinstance(kept, dict) else None


def back_up(config: Config, *, now: datetime, step: Callable[[str], None] = lambda _: None) -> Backup:
    """Write a backup, while a run may be writing; then remove those that no rule keeps.

    Raises ConfigError without two officers, StoreKeyError, StoreError (disk full, no store), LockHeld for a second one.
    Nothing is left under a backup's name unless it is whole.
    """
    officers = config.recovery.public_keys
    if len(officers) < 2:
        raise ConfigError(
            [
                "recovery.officers : une sauvegarde se chiffre pour deux responsables au moins ; inscrivez-les dans "
                "config.yaml (docs/sauvegardes.md), puis kobo-sync init"
            ],
            config.path.name,
        )
    keys = load_keys(config)
    if not config.store_path.exists():
        raise StoreError(f"Il n’y a pas encore de base ({config.store_path})", "kobo-sync run")
    folder = backup_folder(config)
    with hold_lock(config.data_dir / "sauvegarde.lock"):
        _prepare(folder, config)
        copy = config.data_dir / _COPY
        try:
            step("Copie de la base")
            taken = keyed_copy(config.store_path, keys.store, copy)
            about = _about(config, keys, copy, taken, now)
            step("Chiffrement")
            path, size, digest = _write(_free_name(folder, now), config, copy, about)
        finally:
            remove_store(copy)
        _note(config, now, {"file": path.name, "folder": str(folder), "size": size, "sha256": digest})
        removed = superfluous([each.name for each in folder.iterdir()], config.backup.keep, config.timezone)
        for name in removed:
            (folder / name).unlink(missing_ok=True)
        purge_schema_copies(config.store_path, timedelta(days=SCHEMA_COPY_DAYS), now)
    return Backup(path, now, size, taken.counts.get("submission", 0), removed)


def erasure_lines(path: Path) -> list[str]:
    """The lines of an erasure list; a last one cut by a crash is left out. Raises OSError."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [line for line in whole.split("\n") if line.strip()]


def _prepare(folder: Path, config: Config) -> None:
    """Room on the disks, and nothing left of a backup that was killed: the lock says that none is under way."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_store(config.data_dir / _COPY)
        for left in folder.glob(f"anltp-*{_PARTIAL}"):
            left.unlink()
        store = sum(each.stat().st_size for each in config.data_dir.glob(f"{config.store_path.name}*"))
        files = sum(each.stat().st_size for each in (config.data_dir / "attachments").rglob("*") if each.is_file())
        same = folder.stat().st_dev == config.data_dir.stat().st_dev
        for where, needed in ((config.data_dir, store), (folder, files + store + (store if same else 0))):
            if free_bytes(where) < needed * 1.02 + (1 << 20):
                raise StoreError(
                    f"Pas assez de place dans {where} pour une sauvegarde : {needed // (1 << 20) + 1} Mio sont "
                    "nécessaires ; rien n’a été écrit, les sauvegardes précédentes sont là",
                    "libérez de la place, ou donnez un autre dossier (backup.folder)",
                )
    except OSError as error:
        raise system_problem(error, f"Le dossier des sauvegardes {folder} ne peut pas servir") from None


def _about(config: Config, keys: Keys, copy: Path, taken: Snapshot, now: datetime) -> dict[str, Any]:
    """What the manifest says. The erasure list is brought up to date on the way."""
    known, digest = list[str](), None
    connection = connect(copy, keys.store, journal="DELETE")
    try:
        if taken.schema == CURRENT:
            from kobo_sync.digest import store_digest
            from kobo_sync.erasure_list import export_erasures

            store = Store(copy, connection, keys.store)
            digest = store_digest(store)
            known = export_erasures(store)
    finally:
        connection.close()
    erasures = complete_list(backup_folder(config) / ERASURES, known)
    return {
        "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "software": __version__,
        "schema": taken.schema,
        "keys": keys.fingerprint,
        "digest": digest,
        "counts": taken.counts,
        "erasures": erasures,
        "officers": list(config.recovery.public_keys.values()),
    }


def complete_list(path: Path, known: list[str]) -> int:
    """Append to an erasure list what the store has and it has not; how many lines the store has. Raises StoreError."""
    try:
        with open_private_list(path) as file:
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:  # a line cut by a crash: its erasure is in the store, so it comes back whole
                file.truncate(len(whole))
            there = set(whole.decode("utf-8", errors="replace").splitlines())
            # Appended, never rewritten: an erasure that another process notes meanwhile stays.
            file.write("".join(f"{line}\n" for line in known if line not in there).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise system_problem(error, f"La liste des effacements {path} ne peut pas être écrite") from None
    return len(known)


def _write(path: Path, config: Config, copy: Path, about: dict[str, Any]) -> tuple[Path, int, str]:
    """Encrypt under a temporary name, read it again, then give the file its name."""
    partial = path.with_name(path.name + _PARTIAL)
    written, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            chunks = backup_archive.stream(copy, config.path, config.data_dir / "attachments", about)
            seal_stream(chunks, file, list(config.recovery.public_keys), written.update)
        size = partial.stat().st_size
        with partial.open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != written.digest():
                raise StoreError(f"La sauvegarde {path} ne se relit pas comme elle a été écrite", "vérifiez le disque")
        partial.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise system_problem(error, f"La sauvegarde {path} n’a pas pu être écrite") from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path, size, written.hexdigest()


def _free_name(folder: Path, at: datetime) -> Path:
    while (folder / backup_name(at)).exists():  # a second one within the second, by hand or by an upgrade
        at += timedelta(seconds=1)
    return folder / backup_name(at)


def _note(config: Config, now: datetime, about: dict[str, Any]) -> None:
    """In the health file, whoever asked for the backup: one that failed in the night is made good."""
    missing = health.Failure("", "Backup").words
    problems = [words for words in health.read(config).get("problems") or [] if words != missing]
    done = {"at": health.instant(config, now), "error": None}
    health.update(config, backup=done | about, problems=problems)
