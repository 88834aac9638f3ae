"""The recovery copy of the keys: one small file that any officer opens alone, proved by a drill before real work.

`recovery.json` in data_dir remembers which copies were written, for whom, and who has opened one. It holds no secret:
of each officer's confirmation code it keeps a digest.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kobo_sync.addresses import is_loopback
from kobo_sync.age_files import Identities, public_keys, seal, unseal
from kobo_sync.config import Config
from kobo_sync.errors import ConfigError, StoreKeyError
from kobo_sync.keys import KEY_BYTES, Keys
from kobo_sync.secret_places import replace_private_file, write_private_file
from kobo_sync.store import connect

_FORMAT = "kobo-sync recovery 1"
_MAKE_KEY = "kobo-sync recovery keygen --out responsable.cle, sur la machine de chaque responsable"


@dataclass
class Copy:
    """One recovery copy that was written here. `officers`: name by public key; `confirmed`: instant by public key."""

    file: str
    written_at: str
    fingerprint: str
    officers: dict[str, str]
    codes: dict[str, str]
    confirmed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """What an officer found in a copy. `codes` prove it, one for each of her identities that can open it."""

    keys: Keys
    written_at: str
    codes: dict[str, str] = field(repr=False)


def needs_drill(config: Config, keys: Keys) -> bool:
    """Whether these keys guard real cases: another machine's server, and keys that are no demo's."""
    return not keys.demo and not all(is_loopback(source.url) for source in config.sources)


def wants_copy(config: Config, keys: Keys) -> bool:
    """Whether a recovery copy is to be made: real cases are guarded, or officers are there to guard some."""
    return needs_drill(config, keys) or (bool(config.recovery.officers) and not keys.demo)


def require_drill(config: Config, keys: Keys) -> None:
    """Refuse real work until a recovery copy of these very keys has been opened by an officer.

    Raises StoreKeyError with the next command to type.
    """
    if not needs_drill(config, keys):
        return
    copies = copies_of(config)
    if any(copy.confirmed for copy in copies if copy.fingerprint == keys.fingerprint):
        return
    if copies and all(copy.fingerprint != keys.fingerprint for copy in copies):
        raise StoreKeyError(
            "Les clés de cette machine ne sont pas celles de la copie de secours",
            "remettez les bonnes (kobo-sync recovery open COPIE --identity CLE_RESPONSABLE), ou écrivez une copie de "
            "celles-ci : kobo-sync recovery write",
        )
    raise StoreKeyError(
        "L’essai de la copie de secours n’est pas fait : si les clés se perdaient, les données seraient perdues",
        _next_step(config, copies),
    )


def recovery_notices(config: Config, keys: Keys) -> list[str]:
    """What the officers still have to do, in French; empty when all is in order or nothing real is guarded."""
    if not wants_copy(config, keys):
        return []
    copies = [copy for copy in copies_of(config) if copy.fingerprint == keys.fingerprint]
    if not copies:
        return [f"Aucune copie de secours de ces clés : {_next_step(config, copies)}"]
    last = copies[-1]
    if set(last.officers) != set(config.recovery.public_keys):
        return [
            f"Les responsables ont changé depuis la copie de secours {last.file} : kobo-sync recovery write, puis "
            "détruisez les anciens exemplaires"
        ]
    if not last.confirmed:
        return [f"La copie de secours {last.file} n’est pas essayée : {_next_step(config, copies)}"]
    waiting = [name for key, name in last.officers.items() if key not in last.confirmed]
    if waiting:
        return [f"N’ont pas encore ouvert la copie de secours {last.file} : {', '.join(waiting)} (conseillé)"]
    return []


def write_copy(config: Config, keys: Keys, now: datetime | None = None) -> Path:
    """Write a new recovery copy for the officers of the configuration; its path.

    Raises ConfigError when they are not two at least.
    """
    officers = config.recovery.public_keys
    if len(officers) < 2:
        raise ConfigError(
            [f"recovery.officers : inscrivez deux responsables au moins et leurs clés publiques ({_MAKE_KEY})"],
            config.path.name,
        )
    at = (now or datetime.now(UTC)).astimezone(UTC)
    nonce = secrets.token_hex(16)
    payload = {
        "format": _FORMAT,
        "written_at": at.isoformat(timespec="seconds"),
        "store_key": keys.store.hex(),
        "pseudonym_key": keys.pseudonym.hex(),
        "nonce": nonce,
    }
    path = config.data_dir / f"recovery-{at:%Y%m%dT%H%M%S}-{nonce[:4]}.age"
    write_private_file(path, seal(json.dumps(payload).encode(), list(officers)))
    codes = {key: _digest(_code(keys, nonce, key)) for key in officers}
    copy = Copy(path.name, payload["written_at"], keys.fingerprint, dict(officers), codes)
    _keep(config, [*copies_of(config), copy])
    return path


def open_copy(path: Path, identities: Identities) -> Opened:
    """The keys in a recovery copy. Raises StoreKeyError; nothing of the keys is in its text."""
    try:
        sealed = path.read_bytes()
    except OSError as error:
        raise StoreKeyError(
            f"La copie de secours {path} est illisible : {error.strerror}", "corrigez le chemin"
        ) from None
    try:
        payload = json.loads(unseal(sealed, identities, path))
        if payload["format"] != _FORMAT:
            raise ValueError
        keys = Keys(bytes.fromhex(payload["store_key"]), bytes.fromhex(payload["pseudonym_key"]))
        nonce, written_at = str(payload["nonce"]), str(payload["written_at"])
        if {len(keys.store), len(keys.pseudonym)} != {KEY_BYTES}:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise StoreKeyError(
            f"Le fichier {path} n’est pas une copie de secours des clés",
            "donnez le fichier recovery-….age ; une sauvegarde s’ouvre par kobo-sync restore",
        ) from None
    return Opened(keys, written_at, {key: _code(keys, nonce, key) for key in public_keys(identities)})


def check_store(config: Config, keys: Keys) -> bool:
    """Open the store with keys from a copy; False when there is none yet. Raises StoreKeyError."""
    if not config.store_path.exists():
        return False
    connect(config.store_path, keys.store, read_only=True).close()
    return True


def confirm(config: Config, code: str, now: datetime | None = None) -> str:
    """Note that an officer has opened the last copy, by the code she was given; her name. Raises StoreKeyError."""
    copies = copies_of(config)
    for copy in reversed(copies):
        for key, digest in copy.codes.items():
            if hmac.compare_digest(_digest(code), digest):
                copy.confirmed[key] = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
                _keep(config, copies)
                return copy.officers.get(key, "responsable")
    raise StoreKeyError(
        "Ce code n’est celui d’aucune copie de secours écrite ici",
        "recopiez celui que « kobo-sync recovery check COPIE --identity CLE_RESPONSABLE » a affiché",
    )


def record_opening(config: Config, file: Path, opened: Opened) -> None:
    """Note on a new machine that an officer has just restored the keys there: that was the drill."""
    copies = copies_of(config)
    if any(copy.fingerprint == opened.keys.fingerprint and copy.confirmed for copy in copies):
        return
    at = datetime.now(UTC).isoformat(timespec="seconds")
    officers = config.recovery.public_keys or dict.fromkeys(opened.codes, "responsable")
    copy = Copy(
        file.name, opened.written_at, opened.keys.fingerprint, officers,
        {key: _digest(code) for key, code in opened.codes.items()}, dict.fromkeys(opened.codes, at),
    )  # fmt: skip
    _keep(config, [*copies, copy])


def copies_of(config: Config) -> list[Copy]:
    """The recovery copies written here, oldest first. Raises StoreKeyError when their record is spoilt."""
    path = _record(config)
    try:
        return [Copy(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["copies"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreKeyError(
            f"Le fichier {path} est illisible", "retirez-le, puis écrivez une copie : kobo-sync recovery write"
        ) from None


def _next_step(config: Config, copies: list[Copy]) -> str:
    if len(config.recovery.officers) < 2:
        return f"inscrivez deux responsables dans {config.path.name} (recovery.officers ; {_MAKE_KEY}), puis " + (
            "kobo-sync init"
        )
    if not copies:
        return "kobo-sync init"
    return (
        f"kobo-sync recovery check {config.data_dir / copies[-1].file} --identity CLE_RESPONSABLE, puis, si c’est sur "
        "une autre machine, ici : kobo-sync recovery confirm CODE"
    )


def _code(keys: Keys, nonce: str, public_key: str) -> str:
    """Twelve letters and digits that only who holds the keys of this copy can make, another for each officer."""
    made = hmac.digest(keys.store + keys.pseudonym, f"drill {nonce} {public_key}".encode(), hashlib.sha256)
    letters = base64.b32encode(made).decode("ascii")[:12]
    return "-".join(letters[start : start + 4] for start in (0, 4, 8))


def _digest(code: str) -> str:
    plain = "".join(character for character in code.upper() if character.isalnum())
    return hashlib.sha256(f"kobo-sync drill {plain}".encode()).hexdigest()


def _record(config: Config) -> Path:
    return config.data_dir / "recovery.json"


def _keep(config: Config, copies: list[Copy]) -> None:
    text = json.dumps({"copies": [asdict(copy) for copy in copies]}, indent=1)  # ASCII: names are escaped
    replace_private_file(_record(config), text.encode("ascii"))
