"""Where tokens and keys lie: files that only their owner reads, and the operating system's keyring."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from kobo_sync.errors import StoreKeyError

if sys.platform == "win32":
    from kobo_sync import windows_access

KEYRING_SERVICE = "kobo-sync"
_CREDENTIALS = Path("/run/credentials")
"""Where systemd lays a service's secrets (LoadCredential), for as long as it runs."""
_NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)


def open_to_others(path: Path) -> str:
    """The command, in French words, that closes a file which others than its owner can read; "" when it is closed.

    Raises OSError when the file is missing or its access can't be read.
    """
    if sys.platform == "win32":
        others = windows_access.others(path)
        # icacls takes names or SIDs; a SID is the same in every language of Windows.
        return " ".join((f'icacls "{path}" /inheritance:r', *(f'/remove "*{sid}"' for sid in others))) if others else ""
    others = 0o077
    if path.parent == Path(os.environ.get("CREDENTIALS_DIRECTORY", "/")):
        others = 0o037  # systemd's LoadCredential: 0440 under an access list that names the service alone
    return f"chmod 600 '{path}'" if stat.S_IMODE(path.stat().st_mode) & others else ""


def read_private_bytes(path: Path, what: str) -> bytes:
    """Content of a file that nobody else may read. `what` names it in French, for the messages.

    Raises StoreKeyError when it is missing, unreadable, or open to others.
    """
    try:
        if command := open_to_others(path):
            raise StoreKeyError(
                f"Le fichier {path} ({what}) est lisible par d’autres que vous",
                f"{command}, puis considérez le secret comme connu si d’autres ont pu le lire",
            )
        return path.read_bytes()
    except OSError as error:
        if path.is_relative_to(_CREDENTIALS):
            raise StoreKeyError(
                f"Le fichier {path} ({what}) est montré à ce service seul, par systemd",
                "tapez la commande ainsi : sudo anltp doctor (docs/exploitation.md) ; dans le service même : voyez sa "
                "ligne LoadCredential",
            ) from None
        if isinstance(error, FileNotFoundError):
            raise StoreKeyError(f"Le fichier {path} ({what}) n’existe pas", "créez-le ou corrigez le chemin") from None
        raise StoreKeyError(
            f"Le fichier {path} ({what}) est illisible : {error.strerror}",
            "lancez la commande sous le compte qui l’a créé, ou rendez-le lisible à ce compte",
        ) from None


def read_private_file(path: Path, what: str) -> str:
    """Text of a file that nobody else may read, as `read_private_bytes`."""
    try:
        return read_private_bytes(path, what).decode("ascii")
    except UnicodeDecodeError:
        raise StoreKeyError(f"Le fichier {path} ({what}) n’est pas un texte simple", "recopiez-le") from None


def write_private_file(path: Path, text: str) -> None:
    """Create a file that only its owner reads and flush it to disk. Raises FileExistsError rather than overwrite."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _create(path, text.encode("ascii"), 0o600)


def replace_private_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole and give it its name: a reader, or a crash, finds the old content or the new one.

    A link at `path` is itself replaced, never written through. Raises OSError; nothing is left of what failed.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # a name that nobody could lay a link under
    try:
        _create(beside, content, mode)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def open_private_list(path: Path) -> BinaryIO:
    """Open to read and append a file that only its owner reads: made, or closed to others, if need be.

    Raises OSError, also when `path` is a link: what it leads to is not ours to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.is_symlink():  # Windows has no O_NOFOLLOW
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _NO_LINK, 0o600)
    file = os.fdopen(descriptor, "r+b")
    try:
        if open_to_others(path):
            _close_to_others(path, descriptor, 0o600)
    except BaseException:
        file.close()
        raise
    return file


def flush_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    if os.name == "posix":  # Windows has no such call, and needs none
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _create(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        _close_to_others(path, descriptor, mode)  # while still empty: nobody has read it open
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _close_to_others(path: Path, descriptor: int, mode: int) -> None:
    if sys.platform != "win32":
        os.fchmod(descriptor, mode)
    elif not mode & 0o077:
        windows_access.keep_to_owner(path)


def read_keyring(entry: str) -> str | None:
    """A secret kept by the operating system under the service `kobo-sync`, None if it has none.

    Raises StoreKeyError when this machine has no keyring (a server without a session, usually).
    """
    import keyring  # only when the configuration asks: on a server it searches for a session bus
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING_SERVICE, entry)
    except KeyringError:
        raise StoreKeyError(
            f"Le trousseau du système ne répond pas (entrée {entry})",
            "ouvrez la session, ou passez par une variable d’environnement ou un fichier 0600",
        ) from None


@dataclass(frozen=True)
class FoundSecret:
    """A secret as it was written, the key of the configuration that led to it, and how to put one there, in French."""

    text: str = field(repr=False)
    key: str
    remedy: str


def find_secret(
    prefix: str, what: str, holder: str, *, variable: str | None, file: Path | None, entry: str | None
) -> FoundSecret:
    """A secret from the one place that the configuration names; its text is empty where there is none.

    `prefix`: the keys' beginning (`mail.password`); `what`: the secret with its article; `holder`: what the file is
    said to hold. Raises StoreKeyError when the file is missing or open to others, or the keyring does not answer.
    """
    if variable is not None:
        remedy = "définissez cette variable d’environnement"
        return FoundSecret(os.environ.get(variable, ""), f"{prefix}_env : {variable}", remedy)
    if file is not None:
        remedy = f"écrivez-y {what}, seul sur une ligne"
        return FoundSecret(read_private_file(file, holder), f"{prefix}_file : {file}", remedy)
    assert entry is not None  # the configuration names one of the three
    remedy = f"rangez-y {what} : keyring set {KEYRING_SERVICE} {entry}"
    return FoundSecret(read_keyring(entry) or "", f"{prefix}_keyring : {entry}", remedy)
