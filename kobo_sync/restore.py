"""`kobo-sync restore`: a backup put in place, on this machine or on one that never held the store.

What was erased after the backup is erased again before the store is used: the list of erasures lies outside backups.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kobo_sync import audit
from kobo_sync.backup import ERASURES, backup_folder, erasure_lines
from kobo_sync.backup_archive import Contents
from kobo_sync.backup_copy import Snapshot, check_copy, purge_schema_copies, remove_store, store_files
from kobo_sync.config import Config
from kobo_sync.disk import system_problem
from kobo_sync.errors import StoreError, StoreKeyError
from kobo_sync.keys import Keys, load_keys, missing_keys, put_keys
from kobo_sync.lock import hold_lock
from kobo_sync.migrations import CURRENT
from kobo_sync.store import ARRIVING, Store


@dataclass(frozen=True)
class Restored:
    """What was put back. `aside`: the former store; `erased`: erasures that the backup did not know."""

    submissions: int
    made_at: str
    erased: int
    aside: Path | None
    said: list[str]


@dataclass(frozen=True)
class Erasures:
    """The lines of the erasure list; or the reason why a person goes without it."""

    lines: list[str]
    without: str = ""


def keys_for(contents: Contents, config: Config, recovered: Keys | None) -> Keys:
    """The keys of the backed-up store: from a recovery copy, or those of this machine.

    Raises StoreKeyError when there are none, or when they are others.
    """
    if recovered is None and missing_keys(config):
        raise StoreKeyError(
            "Les clés ne sont pas sur cette machine, et une sauvegarde ne les contient pas",
            "ajoutez à la commande --recovery COPIE (le fichier recovery-….age)",
        )
    keys = recovered or load_keys(config)
    wanted = contents.manifest.get("keys")
    if keys.fingerprint != wanted:
        raise StoreKeyError(
            f"Cette sauvegarde a d’autres clés : empreinte {wanted}, et non {keys.fingerprint}",
            "donnez avec --recovery la copie de secours de cette empreinte (kobo-sync recovery check la montre)",
        )
    return keys


def find_erasures(contents: Contents, backup: Path, config: Config, given: Path | None, without: str) -> Erasures:
    """The erasure list: the one given, else all those beside the backup and on this machine, put together.

    Raises StoreError when there is none, or when it is older than the backup, unless a person says why to go without.
    """
    places = [given] if given else [backup.parent / ERASURES, backup_folder(config) / ERASURES]
    places += [] if given else [config.data_dir / ERASURES]
    try:
        found = {path.resolve(): erasure_lines(path) for path in places if path.exists()}
    except (OSError, UnicodeDecodeError):
        found = {}
    lines = list(dict.fromkeys(line for lines in found.values() for line in lines))
    if without:
        return Erasures(lines, without)
    if not found:
        raise StoreError(
            f"La liste des effacements ({ERASURES}) n’est pas là : des noms effacés depuis cette sauvegarde "
            "reviendraient",
            "copiez-la à côté de la sauvegarde, ou donnez-la avec --erasures ; si elle est perdue : "
            '--without-erasures "raison"',
        )
    known = int(contents.manifest.get("erasures", 0))
    if len(lines) < known:
        raise StoreError(
            f"La liste des effacements a {len(lines)} ligne(s), la sauvegarde en connaît {known} : elle est plus "
            "ancienne, ou coupée",
            'prenez la plus récente ; si elle est perdue : --without-erasures "raison"',
        )
    return Erasures(lines)


def restore(
    contents: Contents,
    config: Config,
    keys: Keys,
    erasures: Erasures,
    *,
    now: datetime,
    replace: bool = False,
    step: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Check the backed-up store, erase again, and put it in place with its attachments and, if missing, its keys.

    Nothing in place is touched before all is checked. Raises StoreError when a store is there and `replace` is not
    asked for; with it the former one is kept aside.
    """
    with hold_lock(config.lock_path):
        if config.store_path.exists() and not replace:
            raise StoreError(
                f"Une base est déjà là ({config.store_path}) : rien n’a été remplacé",
                "ajoutez --replace pour la mettre de côté, ou --to DOSSIER pour restaurer ailleurs",
            )
        step("Vérification de la base")
        _check(contents, keys)
        step("Effacements")
        erased = _erase_again(contents, config, keys, erasures, now)
        step("Mise en place")
        said = put_keys(config, keys)
        try:
            aside = _place(contents, config, now)
        except OSError as error:
            raise system_problem(error, f"La base ne peut pas être mise en place dans {config.data_dir}") from None
    counts = contents.manifest["counts"]
    return Restored(counts.get("submission", 0), contents.manifest["made_at"], erased, aside, said)


def _check(contents: Contents, keys: Keys) -> None:
    told = Snapshot(int(contents.manifest["schema"]), dict(contents.manifest["counts"]))
    if check_copy(contents.store, keys.store) != told:
        raise StoreError("La sauvegarde ne contient pas ce que dit son manifeste", "prenez-en une autre")
    digest = contents.manifest.get("digest")
    if digest and told.schema == CURRENT and contents.manifest.get("software") == _software():
        from kobo_sync.digest import store_digest

        with Store.open(contents.store, keys.store) as store:
            if store_digest(store) != digest:
                raise StoreError("La sauvegarde ne redonne pas la même base", "prenez-en une autre")


def _software() -> str:
    from kobo_sync import __version__

    return __version__


def _erase_again(contents: Contents, config: Config, keys: Keys, erasures: Erasures, now: datetime) -> int:
    from kobo_sync.erasure_list import replay_erasures
    from kobo_sync.rebuild import rebuild

    at = now.astimezone(UTC).isoformat(timespec="seconds")
    with Store.open(contents.store, keys.store) as store:  # migrates an older schema on the way
        erased = replay_erasures(store, erasures.lines, at, only_good=bool(erasures.without))
        if erased:
            rebuild(store, config, now=now)  # no derived row may still show what was erased
        reason = f"sans la liste des effacements : {erasures.without}" if erasures.without else "restauration"
        audit.note(store, "restore", f"sauvegarde du {contents.manifest['made_at']}", reason, now)
    purge_schema_copies(contents.store)  # made by a migration on the way: what was erased is in them
    check_copy(contents.store, keys.store)
    return erased


def _place(contents: Contents, config: Config, now: datetime) -> Path | None:
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}"
    arriving = config.store_path.with_name(ARRIVING)
    remove_store(arriving)  # left by a restore that was killed; Windows moves onto no file
    shutil.move(contents.store, arriving)  # the long part, if it is another disk
    arriving.chmod(0o600)
    aside = None
    if config.store_path.exists():
        aside = config.store_path.with_name(f"anltp-avant-restauration-{stamp}.db")
        kept = dict(zip(store_files(config.store_path), store_files(aside), strict=True))
        for source, target in reversed(kept.items()):  # the store itself last: without it nothing is lost yet
            if source.exists():
                source.replace(target)
    for left in store_files(config.store_path)[1:]:
        left.unlink(missing_ok=True)
    arriving.replace(config.store_path)
    files = config.data_dir / "attachments"
    if aside is not None and files.exists():
        files.replace(files.with_name(f"attachments-avant-restauration-{stamp}"))
    if contents.attachments.exists():
        shutil.copytree(contents.attachments, files, dirs_exist_ok=True)
    return aside
