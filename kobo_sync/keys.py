"""The two secrets of an installation: the store's key and the pseudonyms' key, 256 random bits each.

Each is looked for in the environment, then in the operating system's keyring if the configuration names an
entry, then in a file that only its owner may read. Written as 64 hexadecimal digits everywhere.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path

from kobo_sync.addresses import is_loopback
from kobo_sync.config import Config
from kobo_sync.errors import StoreKeyError
from kobo_sync.secret_places import read_keyring, read_private_file, write_private_file

KEY_BYTES = 32
STORE_VARIABLE = "KOBO_SYNC_STORE_KEY"
PSEUDONYM_VARIABLE = "KOBO_SYNC_PSEUDONYM_KEY"

OPEN_COPY = "remettez-la depuis la copie de secours : kobo-sync recovery open COPIE --identity CLE_RESPONSABLE"
"""What to type when a key is lost or spoilt."""

_DEMO_MARK = b"DEMO-KEY"
"""A demo key begins with it and keeps 192 random bits: the mark follows the key wherever it is copied."""


@dataclass(frozen=True)
class Keys:
    """Both keys, never printed."""

    store: bytes = field(repr=False)
    pseudonym: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Sixteen letters by which two copies of the same keys are recognised; nothing of the keys is in it."""
        return hashlib.sha256(b"kobo-sync keys" + self.store + self.pseudonym).hexdigest()[:16]

    @property
    def demo(self) -> bool:
        """Whether one of them is a demo key."""
        return is_demo_key(self.store) or is_demo_key(self.pseudonym)


@dataclass(frozen=True)
class _Place:
    """Where one key may lie. `what` names it in French."""

    what: str
    variable: str
    entry: str | None
    path: Path


def _places(config: Config) -> tuple[_Place, _Place]:
    entry = config.key_keyring
    return (
        _Place(
            "clé de la base",
            STORE_VARIABLE,
            f"{entry}/store" if entry else None,
            config.key_file or config.data_dir / "store.key",
        ),
        _Place(
            "clé des pseudonymes",
            PSEUDONYM_VARIABLE,
            f"{entry}/pseudonym" if entry else None,
            config.pseudonym_key_file or config.data_dir / "pseudonym.key",
        ),
    )


def is_demo_key(key: bytes) -> bool:
    """Whether `init_keys(demo=True)` made it."""
    return key.startswith(_DEMO_MARK)


def load_keys(config: Config) -> Keys:
    """Both keys of an installation.

    Raises StoreKeyError when one is lost, malformed or open to others, and when a demo key meets a server that is
    not on this machine: demo keys lie beside invented data, unprotected.
    """
    keys = Keys(*(_required(place, config) for place in _places(config)))
    for source in config.sources:
        if keys.demo and not is_loopback(source.url):
            raise StoreKeyError(
                f"La clé est celle de la démonstration, et la source {source.name} est un vrai serveur ({source.url})",
                "choisissez un autre data_dir, puis kobo-sync init",
            )
    return keys


def missing_keys(config: Config) -> list[str]:
    """Names, in French, of the keys that are nowhere to be found. Raises StoreKeyError for one that can't be read."""
    return [place.what for place in _places(config) if _look(place)[0] is None]


def put_keys(config: Config, keys: Keys) -> list[str]:
    """Write to their files the keys that are missing; one French line a key. Never replaces a key.

    Raises StoreKeyError when another key lies there.
    """
    lines = []
    for place, key in zip(_places(config), (keys.store, keys.pseudonym), strict=True):
        found, where = _look(place)
        if found is None:
            write_private_file(place.path, key.hex() + "\n")
            lines.append(f"La {place.what} est remise : {place.path} (lisible par vous seul).")
        elif found == key:
            lines.append(f"La {place.what} est déjà là ({where}).")
        else:
            raise StoreKeyError(
                f"Une autre {place.what} est déjà sur cette machine ({where})",
                "mettez-la de côté si elle ne sert plus, puis relancez ; ou prenez la copie de secours de cette clé-là",
            )
    return lines


def init_keys(config: Config, demo: bool = False) -> list[str]:
    """Make the keys that are missing and say, in French, one line a key, what was done. Never replaces a key.

    Raises StoreKeyError when the store exists and its key does not: a new key could not open it.
    """
    lines = []
    for place in _places(config):
        found, where = _look(place)
        if found is not None:
            lines.append(f"La {place.what} existe déjà ({where}) : gardée telle quelle.")
            continue
        if config.store_path.exists():
            raise _lost(place, config)
        key = _DEMO_MARK + secrets.token_bytes(KEY_BYTES - len(_DEMO_MARK)) if demo else secrets.token_bytes(KEY_BYTES)
        write_private_file(place.path, key.hex() + "\n")
        lines.append(f"La {place.what} est créée : {place.path} (lisible par vous seul).")
    return lines


def _required(place: _Place, config: Config) -> bytes:
    key, _ = _look(place)
    if key is not None:
        return key
    if config.store_path.exists():
        raise _lost(place, config)
    raise StoreKeyError(f"La {place.what} n’existe pas encore", "kobo-sync init")


def _look(place: _Place) -> tuple[bytes | None, str]:
    """The key and where it was found; (None, "") if it is nowhere."""
    if os.environ.get(place.variable):
        return _parsed(os.environ[place.variable], place, f"variable {place.variable}"), f"variable {place.variable}"
    if place.entry is not None:
        kept = read_keyring(place.entry)
        if kept:
            return _parsed(kept, place, f"trousseau, {place.entry}"), f"trousseau, {place.entry}"
    if place.path.exists():
        return _parsed(
            read_private_file(place.path, place.what), place, f"fichier {place.path}"
        ), f"fichier {place.path}"
    return None, ""


def _parsed(text: str, place: _Place, where: str) -> bytes:
    text = text.strip()
    if len(text) != 2 * KEY_BYTES or set(text) - set(string.hexdigits):
        raise StoreKeyError(
            f"La {place.what} ({where}) est mal écrite : {2 * KEY_BYTES} chiffres hexadécimaux sont attendus, "
            f"{len(text)} caractères sont là",
            f"retirez-la de là, puis {OPEN_COPY}",
        )
    return bytes.fromhex(text)


def _lost(place: _Place, config: Config) -> StoreKeyError:
    kept = sorted(config.data_dir.glob("recovery-*.age"))  # their names begin with the date
    remedy = OPEN_COPY.replace("COPIE", str(kept[-1])) if kept else OPEN_COPY
    return StoreKeyError(
        f"La {place.what} est introuvable, alors que la base existe ({config.store_path}). Cherchée dans la variable "
        f"{place.variable}{', dans le trousseau' if place.entry else ''} et dans {place.path}",
        f"{remedy} ; sans copie de secours, les données ne peuvent plus être lues",
    )
