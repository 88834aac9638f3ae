"""`kobo-sync backup`, `restore` and `upgrade`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kobo_sync.cli_ask import passphrase
from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, err
from kobo_sync.cli_keys import IdentityOption, say

if TYPE_CHECKING:
    from kobo_sync.backup_archive import Contents
    from kobo_sync.config import Config


_STAGING_LOCK = "verrou"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(backup)
    app.command()(restore)
    app.command()(upgrade)


def backup(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Sauvegarder la base et les pièces jointes, même pendant un tirage ; seuls les responsables peuvent l’ouvrir."""
    from kobo_sync.backup import ERASURES, back_up
    from kobo_sync.config import load_config
    from kobo_sync.doctor_life import same_disk

    settings = load_config(config)
    with _steps() as step:
        made = back_up(settings, now=datetime.now(ZoneInfo(settings.timezone)), step=step)
    say(f"Sauvegarde écrite et relue : {made.path} ({made.size / 1e6:.1f} Mo, {made.submissions} fiches)")
    if made.removed:
        say(f"Anciennes sauvegardes retirées, selon backup.keep : {len(made.removed)}")
    if same_disk(made.path.parent, settings.data_dir):
        say("Elle est sur le même disque que la base : une panne ou un vol emporterait les deux.")
    say(
        f"À copier hors de cette machine (autre bâtiment, clé USB) : tout le dossier {made.path.parent}, les .age et "
        f"{ERASURES}."
    )


def restore(
    file: Annotated[Path, typer.Argument(help="Sauvegarde, anltp-….age.")],
    identity: IdentityOption,
    recovery: Annotated[
        Path | None, typer.Option("--recovery", help="Copie de secours des clés, si elles ne sont pas ici.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Dossier d’une nouvelle installation.")] = None,
    erasures: Annotated[
        Path | None, typer.Option("--erasures", help="Liste des effacements (sinon à côté de la sauvegarde).")
    ] = None,
    without_erasures: Annotated[
        str, typer.Option("--without-erasures", help="Se passer de la liste des effacements, et pourquoi.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Mettre de côté la base qui est déjà là.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Remettre une sauvegarde en place, ici ou sur une machine neuve."""
    from kobo_sync.age_files import read_identities
    from kobo_sync.backup_archive import open_archive
    from kobo_sync.recovery import open_copy, record_opening
    from kobo_sync.restore import find_erasures, keys_for
    from kobo_sync.restore import restore as put_in_place

    path = (to / "config.yaml" if to else config).resolve()
    identities = read_identities(identity, passphrase)
    opened = open_copy(recovery, identities) if recovery else None
    with _steps() as step, _staging(path) as folder, ExitStack() as stack:
        step("Ouverture de la sauvegarde")
        contents = open_archive(file.resolve(), identities, folder)
        settings = stack.enter_context(_settings(path, contents))
        keys = keys_for(contents, settings, opened.keys if opened else None)
        done = put_in_place(
            contents,
            settings,
            keys,
            find_erasures(contents, file.resolve(), settings, erasures, without_erasures),
            now=datetime.now(ZoneInfo(settings.timezone)),
            replace=replace,
            step=step,
        )
        if opened is not None and recovery is not None:
            record_opening(settings, recovery, opened)
    for line in done.said:
        say(line)
    say(f"Base remise en place : {done.submissions} fiches, sauvegarde du {done.made_at} ({settings.store_path})")
    if done.erased:
        say(f"Effacements faits depuis la sauvegarde, refaits : {done.erased}")
    if done.aside is not None:
        say(f"L’ancienne base est gardée à côté : {done.aside} ; retirez-la quand tout est vérifié.")
    say("À faire : remettre les jetons des serveurs (ils ne sont jamais sauvegardés), kobo-sync doctor, kobo-sync run.")


def upgrade(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Après l’installation d’une nouvelle version : sauvegarder, mettre la base à niveau, recalculer, vérifier.

    Sort avec 3 si « doctor » trouve ensuite quelque chose à regarder.
    """
    from kobo_sync.backup_copy import SCHEMA_COPY_DAYS
    from kobo_sync.config import load_config
    from kobo_sync.doctor import examine
    from kobo_sync.upgrade import upgrade as bring_up

    settings = load_config(config)
    now = datetime.now(ZoneInfo(settings.timezone))
    with _steps() as step:
        done = bring_up(settings, now=now, step=step)
        to_mend = [finding for finding in examine(settings, now=now, step=step) if finding.state != "ok"]
    if done.copy is None:
        say(f"Rien à mettre à niveau : la base est déjà au schéma {done.after}, calculée par cette version.")
    elif done.backup is None:
        say("Pas de sauvegarde chiffrée : aucun responsable n’est inscrit (recovery.officers).")
    else:
        say(f"Sauvegarde : {done.backup.path}")
    if done.copy is not None:
        say(f"La base d’avant est gardée {SCHEMA_COPY_DAYS} jours : {done.copy}")
    if to_mend:
        say("\nLa vérification de la machine (kobo-sync doctor) trouve à regarder :")
        for finding in to_mend:
            say(f"  {finding.line}")
        say("")
    if done.copy is not None:
        say(
            f"Mise à niveau réussie : base au schéma {done.after} (elle était au schéma {done.before}), recalculée et "
            "vérifiée."
        )
    raise typer.Exit(3 if to_mend else 0)


@contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Démarrage")
        yield lambda text: progress.update(task, description=text)


@contextmanager
def _staging(config: Path) -> Iterator[Path]:
    """A private folder beside the configuration; what lies in it is encrypted under the store's own key."""
    config.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    from kobo_sync.errors import LockHeld
    from kobo_sync.lock import hold_lock

    for left in config.parent.glob(".restauration-*"):  # of one that was killed
        try:
            with hold_lock(left / _STAGING_LOCK):
                pass
        except LockHeld:
            continue  # a restore is at work in it
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".restauration-", dir=config.parent))
    try:
        with hold_lock(folder / _STAGING_LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _settings(path: Path, contents: Contents) -> Iterator[Config]:
    """This machine's configuration; on a new machine the one that was backed up, taken away again by a failure."""
    from kobo_sync.backup_archive import CONFIG
    from kobo_sync.config import load_config
    from kobo_sync.secret_places import replace_private_file

    taken = not path.exists() and (contents.folder / CONFIG).exists()
    if taken:
        replace_private_file(path, (contents.folder / CONFIG).read_bytes())
    try:
        yield load_config(path)
    except BaseException:
        if taken:
            path.unlink(missing_ok=True)
        raise
    if taken:
        say(f"Configuration reprise de la sauvegarde : {path}")
