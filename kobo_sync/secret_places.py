"""Where tokens and keys lie: files that only their owner reads, and the operating system's keyring."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kobo_sync.errors import StoreKeyError

KEYRING_SERVICE = "kobo-sync"


def read_private_file(path: Path, what: str) -> str:
    """Text of a file that nobody else may read. `what` names its content in French, for the messages.

    Raises StoreKeyError when it is missing, unreadable, or open to the group or to others. On Windows the
    mode bits mean nothing: the access list is checked by a later step.
    """
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StoreKeyError(
                f"Le fichier {path} ({what}) est lisible par d’autres que vous",
                f"chmod 600 '{path}', puis considérez le secret comme connu si d’autres ont pu le lire",
            )
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise StoreKeyError(f"Le fichier {path} ({what}) n’existe pas", "créez-le ou corrigez le chemin") from None
    except OSError as error:
        raise StoreKeyError(f"Le fichier {path} ({what}) est illisible : {error.strerror}") from None
    except UnicodeDecodeError:
        raise StoreKeyError(f"Le fichier {path} ({what}) n’est pas un texte simple", "recopiez-le") from None


def write_private_file(path: Path, text: str) -> None:
    """Create a file with mode 0600 and flush it to disk. Raises FileExistsError rather than overwrite."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


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
