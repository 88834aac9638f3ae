"""Files beside the store, encrypted piece by piece, so that one half received is neither lost nor readable.

A file is `KSA1`, 16 random bytes from which its own key is derived, then pieces: length, nonce, AES-256-GCM. Each piece
is bound to its place and to the file's name; the last one says that it is the last. A process killed while writing
leaves whole pieces and perhaps half a one, which is cut off.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kobo_sync.errors import StoreError

FOLDER = "attachments"
PIECE = 1 << 18
_MAGIC = b"KSA1"
_SALT, _NONCE, _TAG = 16, 12, 16
_NOTE, _DATA, _LAST = b"n", b"d", b"l"


class DiskRefused(Exception):
    """The disk takes no more; the OSError is its argument. No OSError itself: those of the network are retried."""


class SealedWriter:
    """Writes `path` through `path.part`, which a former try may have left. `size`: bytes already there."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.note: dict[str, Any] = {}
        self._key = key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            _refuse_links(path, self.part)
        except OSError as error:
            raise DiskRefused(error) from None
        self._stream = self._resumed() or self._new()

    def __enter__(self) -> SealedWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def begin(self, note: dict[str, Any]) -> None:
        """From nothing; `note` tells a later try what was being received."""
        self._stream.close()
        self._stream = self._new()
        self.note = note
        self._piece(_NOTE, json.dumps(note).encode())

    def write(self, data: bytes) -> None:
        """The next bytes, on the disk when this returns."""
        self._piece(_DATA, data)
        self._digest.update(data)
        self.size += len(data)

    def finish(self) -> str:
        """The file is whole: it takes its name. Its SHA-256."""
        self._piece(_LAST, b"")
        os.fsync(self._stream.fileno())
        self._stream.close()
        self.part.replace(self.path)
        return self._digest.hexdigest()

    def drop(self) -> None:
        """Nothing of it is worth keeping."""
        self._stream.close()
        self.part.unlink(missing_ok=True)

    def beginning(self, count: int) -> bytes:
        """Its first bytes, read back."""
        found = b""
        with self.part.open("rb") as stream:
            for kind, data, _ in _pieces(stream, self._key, self.path.name):
                found += data if kind == _DATA else b""
                if len(found) >= count:
                    break
        return found[:count]

    def _new(self) -> BinaryIO:
        self.part.unlink(missing_ok=True)
        stream = os.fdopen(
            os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "r+b"
        )
        salt = secrets.token_bytes(_SALT)
        stream.write(_MAGIC + salt)
        self._cipher = _cipher(self._key, salt)
        self._count = self.size = 0
        self._digest = hashlib.sha256()
        return stream

    def _resumed(self) -> BinaryIO | None:
        """What a former try received, up to its last whole piece."""
        if not self.part.exists():
            return None
        stream = self.part.open("r+b")
        self._count = self.size = 0
        self._digest = hashlib.sha256()
        end = 0
        try:
            for kind, data, after in _pieces(stream, self._key, self.path.name):
                if kind == _LAST:  # killed between the last piece and the name: written anew
                    break
                self._count += 1
                end = after
                if kind == _NOTE:
                    self.note = json.loads(data)
                else:
                    self._digest.update(data)
                    self.size += len(data)
        except StoreError:
            pass  # half a piece at the end
        if not self.size:
            stream.close()
            return None
        stream.seek(len(_MAGIC))
        self._cipher = _cipher(self._key, stream.read(_SALT))
        stream.seek(end)
        stream.truncate()
        return stream

    def _piece(self, kind: bytes, data: bytes) -> None:
        nonce = secrets.token_bytes(_NONCE)  # never a counter: a piece may be written twice
        sealed = self._cipher.encrypt(nonce, data, _bound(self.path.name, self._count, kind))
        try:
            self._stream.write(kind + len(sealed).to_bytes(4, "big") + nonce + sealed)
            self._stream.flush()
        except OSError as error:
            raise DiskRefused(error) from None
        self._count += 1


def read_sealed(path: Path, key: bytes) -> bytes:
    """The file in clear, in memory. Raises StoreError when it is missing, cut, changed, or of another key."""
    try:
        _refuse_links(path)
        with path.open("rb") as stream:
            kinds, parts = [], []
            for kind, data, _ in _pieces(stream, key, path.name):
                kinds.append(kind)
                parts.append(data if kind == _DATA else b"")
    except OSError as error:
        raise StoreError(
            f"Le fichier joint {path.name} ne peut pas être lu ({error.strerror})", "remettez-le depuis une sauvegarde"
        ) from None
    if kinds[-1:] != [_LAST]:
        raise _damaged(path.name)
    return b"".join(parts)


def file_name(key: bytes, *words: str) -> str:
    """Where a file lies in the folder: a name that says nothing and is always the same."""
    digest = hashlib.blake2b("\0".join(words).encode(), key=_derived(key, b"", b"names"), digest_size=16).hexdigest()
    return f"{digest[:2]}/{digest}"


def _refuse_links(*paths: Path) -> None:
    """The folder itself may lie on another disk; what is in it is ours, and ours are no links."""
    for path in (paths[0].parent, *paths):
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _pieces(stream: BinaryIO, key: bytes, name: str) -> Iterator[tuple[bytes, bytes, int]]:
    """Kind, content and end of each piece. Raises StoreError at the first that is cut or changed."""
    stream.seek(0)
    head = stream.read(len(_MAGIC) + _SALT)
    if len(head) < len(_MAGIC) + _SALT or not head.startswith(_MAGIC):
        raise _damaged(name)
    cipher = _cipher(key, head[len(_MAGIC) :])
    count = 0
    while start := stream.read(5):
        length = int.from_bytes(start[1:], "big")
        if length > PIECE * 8 or len(start) < 5:
            raise _damaged(name)
        sealed = stream.read(_NONCE + length)
        try:
            data = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(name, count, start[:1]))
        except (InvalidTag, ValueError):
            raise _damaged(name) from None
        yield start[:1], data, stream.tell()
        count += 1


def _damaged(name: str) -> StoreError:
    return StoreError(
        f"Le fichier joint {name} est incomplet, modifié, ou d’une autre clé",
        "remettez-le depuis une sauvegarde, ou effacez-le du dossier attachments : il sera repris au prochain tirage",
    )


def _bound(name: str, count: int, kind: bytes) -> bytes:
    return f"{name}:{count}:".encode() + kind


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(_derived(key, salt, b"content"))


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, b"kobo-sync attachments " + purpose).derive(key)
