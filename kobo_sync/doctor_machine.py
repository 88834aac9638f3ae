"""What this machine offers: the folder and its disk, the keys and what protects them, the store, the time zone."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from kobo_sync import __version__, keys
from kobo_sync.config import Config
from kobo_sync.disk import free_bytes, refused
from kobo_sync.doctor import Check, Finding, bad, good, number, warn
from kobo_sync.folders import on_read_only_disk, refuse_unsafe, synchronising_service
from kobo_sync.lock import holder, is_held
from kobo_sync.migrations import CURRENT, version_of
from kobo_sync.store import ARRIVING, connect
from kobo_sync.versions import code_version

_MEGA = 1 << 20
_LEAST, _COMFORT = 100 * _MEGA, 1024 * _MEGA
"""Bytes free: under the first a night may fail, under the second somebody should look."""


def checks(config: Config, now: datetime) -> list[tuple[str, Check]]:
    """Every check of the machine."""
    return [
        ("dossier", lambda: _folder(config)),
        ("disque", lambda: _disk(config)),
        ("clés", lambda: _keys(config)),
        ("base", lambda: _store(config)),
        ("verrou", lambda: _lock(config)),
        ("heure", lambda: _zone(config, now)),
    ]


def _folder(config: Config) -> Iterator[Finding]:
    refuse_unsafe(config.data_dir)
    if os.name == "posix" and config.data_dir.exists() and stat.S_IMODE(config.data_dir.stat().st_mode) & 0o077:
        yield warn("dossier", f"{config.data_dir} est ouvert à d’autres comptes", f"chmod 700 '{config.data_dir}'")
    else:
        yield good("dossier", f"{config.data_dir}, sur cette machine, fermé aux autres")
    if service := synchronising_service(config.output_dir):
        yield warn(
            "dossier",
            f"les classeurs ({config.output_dir}) sont copiés ailleurs par {service}",
            "choisissez un autre output_dir, ou assurez-vous que l’ANLTP l’a permis",
        )


def _disk(config: Config) -> Iterator[Finding]:
    for name, folder in (("data_dir", config.data_dir), ("output_dir", config.output_dir)):
        if on_read_only_disk(folder):
            problem = refused(folder)
            yield bad(
                "disque", f"{name} ({folder}) est sur un disque en lecture seule", problem.remedy if problem else ""
            )
            continue
        free = free_bytes(folder)
        text = f"{number(free // _MEGA)} Mo libres pour {name}"
        size = config.store_path.stat().st_size if config.store_path.exists() else 0
        if free < _LEAST:
            yield bad("disque", text, "libérez de la place : la nuit s’arrêterait")
        elif free < max(_COMFORT, 3 * size):  # the store, its copy before a migration, the derived tables twice
            yield warn("disque", text, "libérez de la place")
        else:
            yield good("disque", text)


def _keys(config: Config) -> Iterator[Finding]:
    encrypted = disk_is_encrypted(config.data_dir)
    for place in keys._places(config):
        key, where = keys._look(place)
        if key is None:
            keys._required(place, config)  # says what is missing and how to mend it
            continue
        if keys.is_demo_key(key):
            yield warn(place.what, "clé de démonstration", "pour de vraies données : un autre data_dir, puis init")
        elif where.startswith("fichier") and encrypted is not True:
            yield warn(
                place.what,
                f"{where}, lisible par ce compte seul ; " + _unprotected(encrypted),
                "chiffrez le disque (LUKS, BitLocker, FileVault), ou rangez la clé dans le trousseau (key_keyring)",
            )
        else:
            yield good(place.what, where + (" ; disque chiffré" if encrypted else ""))


def _unprotected(encrypted: bool | None) -> str:
    if encrypted is False:
        return "le disque n’est pas chiffré : qui l’emporte a la base et sa clé"
    how = {"win32": "manage-bde -status", "darwin": "fdesetup status"}.get(
        sys.platform, "lsblk -o NAME,TYPE,MOUNTPOINT"
    )
    return f"le chiffrement du disque n’est pas connu d’ici (voir : {how})"


def disk_is_encrypted(folder: Path) -> bool | None:
    """Whether the disk under a folder is encrypted (dm-crypt); None where the system does not say."""
    if sys.platform != "linux":
        return None
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    device = there.stat().st_dev
    block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    if not block.exists():  # in memory, over the network, or a pool that has no device of its own
        return None
    waiting = [block]
    while waiting:
        one = waiting.pop()
        uuid = one / "dm" / "uuid"
        if uuid.exists() and uuid.read_text(encoding="ascii", errors="replace").startswith("CRYPT-"):
            return True
        slaves = one / "slaves"
        waiting += sorted(slaves.iterdir()) if slaves.is_dir() else []
    virtual = any(kind in str(block.resolve()) for kind in ("virtio", "xen", "/loop"))
    return None if virtual else False  # below a virtual machine, its host may encrypt


def _store(config: Config) -> Iterator[Finding]:
    software = f"logiciel {__version__} ({code_version()}), schéma {CURRENT}"
    if not config.store_path.exists():
        if config.store_path.with_name(ARRIVING).exists():
            yield bad("base", "une restauration a été interrompue", "relancez la même commande kobo-sync restore")
            return
        yield warn("base", f"pas encore créée ; {software}", "kobo-sync run")
        return
    key = keys.load_keys(config).store
    with closing(connect(config.store_path, key, read_only=True)) as connection:
        version = version_of(connection)
        said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        count = connection.execute("SELECT count(*) FROM submission").fetchone()[0] if version else 0
    if said != "ok":
        yield bad("base", "le fichier est abîmé", "kobo-sync restore SAUVEGARDE --identity CLE_RESPONSABLE --replace")
    elif version > CURRENT:
        yield bad("base", f"schéma {version}, plus récent que ce logiciel ({software})", "installez la version récente")
    elif version < CURRENT:
        yield warn("base", f"schéma {version} ; {software}", "kobo-sync upgrade")
    else:
        yield good("base", f"s’ouvre, saine, {number(count)} fiche(s) reçue(s) ; {software}")


def _lock(config: Config) -> Iterator[Finding]:
    if not is_held(config.lock_path):
        yield good("verrou", "libre")
        return
    who = holder(config.lock_path)
    since = f" par {who.command} (processus {who.pid}) depuis le {who.since_words}" if who else ""
    yield good("verrou", f"tenu{since}")


def _zone(config: Config, now: datetime) -> Iterator[Finding]:
    zone = ZoneInfo(config.timezone)
    offset = now.astimezone(zone).strftime("%z")
    yield good("heure", f"{config.timezone} (UTC{offset[:3]}), il y est {now.astimezone(zone):%H:%M}")
