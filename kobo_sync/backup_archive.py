"""What a backup file holds: a tar in an age envelope. Written as a stream, so that nothing lies in clear on disk.

`base.db` (the store under its own key), `attachments/…` (as they lie, encrypted), `config.yaml` (it holds no secret),
and last `manifest.json`, which names every other member with its size and digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kobo_sync.age_files import Identities, unseal_stream
from kobo_sync.disk import system_problem
from kobo_sync.errors import StoreError

STORE, CONFIG, MANIFEST, ATTACHMENTS = "base.db", "config.yaml", "manifest.json", "attachments"
FORMAT = "kobo-sync backup 1"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Contents:
    """A backup that was opened in a folder."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def store(self) -> Path:
        """The store, under its own key."""
        return self.folder / STORE

    @property
    def attachments(self) -> Path:
        """The folder of attachments; absent when there were none."""
        return self.folder / ATTACHMENTS


def stream(store: Path, config: Path, attachments: Path, about: dict[str, Any]) -> Iterator[bytes]:
    """The tar, piece by piece. A file that vanishes meanwhile is left out; one that changes is an error."""
    members: dict[str, dict[str, Any]] = {}
    yield from _member(STORE, store, members)
    if config.exists():
        yield from _member(CONFIG, config, members)
    for path in sorted(path for path in attachments.rglob("*") if path.is_file() and not path.is_symlink()):
        try:
            yield from _member(f"{ATTACHMENTS}/{path.relative_to(attachments).as_posix()}", path, members)
        except FileNotFoundError:
            continue  # erased since it was listed
    manifest = json.dumps({"format": FORMAT, **about, "members": members}, ensure_ascii=False, indent=1).encode()
    yield _head(MANIFEST, len(manifest)) + manifest + _padding(len(manifest))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, path: Path, members: dict[str, dict[str, Any]]) -> Iterator[bytes]:
    with path.open("rb") as file:
        size, seen, digest = os.fstat(file.fileno()).st_size, 0, hashlib.sha256()
        yield _head(name, size)
        while seen < size and (piece := file.read(min(_BLOCK, size - seen))):
            seen += len(piece)
            digest.update(piece)
            yield piece
    if seen != size:
        raise StoreError(f"Le fichier {path.name} a changé pendant la sauvegarde", "relancez : kobo-sync backup")
    members[name] = {"size": size, "sha256": digest.hexdigest()}
    yield _padding(size)


def _head(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def open_archive(path: Path, identities: Identities, folder: Path) -> Contents:
    """Open a backup in an empty private folder and check every member against the manifest.

    Raises StoreKeyError when the officer's key does not open it, StoreError when it is spoilt or no backup.
    """
    tar_path = folder / "archive.tar"
    not_one = StoreError(f"Le fichier {path} n’est pas une sauvegarde", "donnez un fichier anltp-….age")
    try:
        with os.fdopen(os.open(tar_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            unseal_stream(path, file, identities)
        with tarfile.open(tar_path, "r:") as tar:
            for member in tar:
                _unpack(tar, member, folder)
        tar_path.unlink()
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise not_one
        for name, told in manifest["members"].items():
            if _digest(folder / name) != told["sha256"]:
                raise StoreError(f"{name} est abîmé dans la sauvegarde {path.name}", "prenez-en une autre")
    except FileNotFoundError as error:
        if error.filename == str(path):
            raise StoreError(f"Le fichier {path} n’existe pas", "corrigez le chemin") from None
        raise not_one from None
    except OSError as error:
        raise system_problem(error, f"La sauvegarde {path} ne peut pas être ouverte dans {folder}") from None
    except (tarfile.TarError, ValueError, KeyError, TypeError):
        raise not_one from None
    return Contents(folder, manifest)


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one member below the folder. `extractall(filter=…)` is not in every Python 3.11.

    Raises ValueError for what no backup of ours holds: links, devices, a path that leads out of the folder.
    """
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or ":" in member.name or not member.isreg():
        raise ValueError("not a member of a backup")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = tar.extractfile(member)
    assert content is not None
    with content, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(content, file)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
