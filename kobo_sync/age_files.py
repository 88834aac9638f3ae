"""Encryption to officers’ public keys, in the format of age (age-encryption.org): any age tool opens these files.

An officer's identity (private key) is a file as `age-keygen` writes it, in clear or under a passphrase.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyrage  # type: ignore[import-not-found, import-untyped, unused-ignore]

from kobo_sync.errors import StoreKeyError
from kobo_sync.secret_places import read_private_bytes, write_private_file

PASSPHRASE_VARIABLE = "KOBO_SYNC_PASSPHRASE"
_SECRET = "AGE-SECRET-KEY-1"
_MAGIC = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")

Passphrase = Callable[[], str]
Identities = Sequence[Any]


def public_key_problem(text: str) -> str:
    """What is wrong, in French, with an officer's public key; empty when nothing is."""
    if text.strip().upper().startswith(_SECRET):
        return "c’est la clé SECRÈTE d’un responsable : retirez-la d’ici, et qu’il en fasse une autre"
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return "une clé publique commence par « age1 » ; recopiez celle que « kobo-sync recovery keygen » a affichée"
    return ""


def make_identity(path: Path, passphrase: str) -> str:
    """Write a new identity under a passphrase, for its owner alone; its public key. Never replaces a file."""
    if path.exists():
        raise StoreKeyError(f"Le fichier {path} existe déjà", "choisissez un autre nom : une clé ne se remplace pas")
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    clear = f"# clé publique : {public}\n{identity}\n".encode()
    write_private_file(path, pyrage.passphrase.encrypt(clear, passphrase, armored=True).decode("ascii"))
    return public


def read_identities(path: Path, passphrase: Passphrase) -> Identities:
    """The identities of an officer's file; `passphrase` is asked only when the file needs one.

    Raises StoreKeyError, whose text holds nothing of the file.
    """
    content = read_private_bytes(path, "clé du responsable")
    if content.lstrip().startswith(_MAGIC):
        try:
            content = pyrage.passphrase.decrypt(content, passphrase())
        except (pyrage.DecryptError, ValueError):
            raise StoreKeyError(
                f"La phrase secrète n’ouvre pas {path}",
                "retapez-la ; si ce fichier n’est pas une clé de responsable, donnez le bon avec --identity",
            ) from None
    lines = [line.strip() for line in content.decode("ascii", errors="replace").splitlines()]
    found = [line for line in lines if line.upper().startswith(_SECRET)]
    try:
        identities = [pyrage.x25519.Identity.from_str(line) for line in found]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        raise StoreKeyError(
            f"Le fichier {path} ne contient pas de clé de responsable lisible",
            "donnez le fichier fait par « kobo-sync recovery keygen » ou par age-keygen",
        )
    return identities


def public_keys(identities: Identities) -> list[str]:
    """The public key of each identity."""
    return [str(identity.to_public()) for identity in identities]


def seal(content: bytes, recipients: Sequence[str]) -> str:
    """A small text that each recipient alone can open, in letters that survive a mail or a sheet of paper."""
    armored: bytes = pyrage.encrypt(content, _recipients(recipients), armored=True)
    return armored.decode("ascii")


def unseal(sealed: bytes, identities: Identities, path: Path) -> bytes:
    """What `seal` closed. `path` names the file in the message of StoreKeyError."""
    try:
        content: bytes = pyrage.decrypt(sealed, identities)
    except pyrage.DecryptError as error:
        raise _unopened(path, error) from None
    return content


class _Reader(io.RawIOBase):
    """A file made of chunks, for a library that reads files."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""
        self.error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._left:
                self._left = next(self._chunks)
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error  # the library would tell its own, without the reason
            raise
        size = len(self._left) if size < 0 else size
        given, self._left = self._left[:size], self._left[size:]
        return given


class _Writer(io.RawIOBase):
    def __init__(self, file: BinaryIO, seen: Callable[[bytes], object]) -> None:
        self._file = file
        self._seen = seen
        self.error: BaseException | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            self._file.write(data)
        except BaseException as error:
            self.error = error
            raise
        self._seen(bytes(data))
        return len(data)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()


def seal_stream(
    chunks: Iterable[bytes], file: BinaryIO, recipients: Sequence[str], seen: Callable[[bytes], object]
) -> None:
    """Encrypt chunks into an open file, whatever their length; `seen` gets every byte written.

    Raises what the chunks raised, or OSError when the file can't be written.
    """
    reader, writer = _Reader(chunks), _Writer(file, seen)
    try:
        pyrage.encrypt_io(reader, writer, _recipients(recipients))
    except BaseException as error:
        raise reader.error or writer.error or error from None
    file.flush()
    os.fsync(file.fileno())


def unseal_stream(source: Path, file: BinaryIO, identities: Identities) -> None:
    """Decrypt a file into an open one. Raises StoreKeyError when it is cut or another’s, OSError for a disk."""
    writer = _Writer(file, lambda _: None)
    try:
        with source.open("rb") as sealed:
            pyrage.decrypt_io(sealed, writer, identities)
    except (pyrage.DecryptError, OSError) as error:
        if writer.error is not None:
            raise writer.error from None
        if isinstance(error, OSError) and error.errno:  # the disk's; the library's own, of a cut file, have no number
            raise
        raise _unopened(source, error) from None
    file.flush()
    os.fsync(file.fileno())


def _recipients(keys: Sequence[str]) -> list[Any]:
    return [pyrage.x25519.Recipient.from_str(key) for key in keys]


def _unopened(path: Path, error: Exception) -> StoreKeyError:
    if "No matching keys" in str(error):
        return StoreKeyError(
            f"Cette clé de responsable n’ouvre pas {path} : il a été écrit pour d’autres responsables",
            "donnez la clé d’un responsable inscrit à cette date (--identity)",
        )
    return StoreKeyError(f"Le fichier {path} est coupé ou abîmé", "prenez-en un autre exemplaire")
