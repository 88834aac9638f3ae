"""`kobo-sync attachments …`: which files of submissions are kept, and one of them taken out, which is noted."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, out
from kobo_sync.terminal import terminal_text

attachments_app = typer.Typer(no_args_is_help=True, help="Les fichiers joints aux fiches, gardés chiffrés.")

_STATES = {"awaited": "attendu", "fetched": "gardé", "failed": "refusé", "gone": "plus sur le serveur"}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(attachments_app, name="attachments")


def say(text: str) -> None:
    """One line for the user, as it is."""
    out.print(terminal_text(text), markup=False, highlight=False, soft_wrap=True)


@attachments_app.command("list")
def list_files(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Dire de chaque fichier joint où il en est. Aucun nom de fichier n’est montré : il peut nommer quelqu’un."""
    from kobo_sync.config import load_config
    from kobo_sync.opened import opened_store

    settings = load_config(config)
    with opened_store(settings, write=False) as (store, _):
        rows = store.connection.execute(
            "SELECT id, submission_key, state, size, reason FROM attachment ORDER BY id"
        ).fetchall()
    if not rows:
        wanted = [form for form, yes in settings.attachments.items() if yes]
        say(
            f"Aucun fichier joint reçu ({', '.join(wanted)})."
            if wanted
            else "Les fichiers joints ne sont pas demandés : attachments: {fournisseur: oui} dans config.yaml."
        )
        return
    for number, submission_key, state, size, reason in rows:
        told = [_STATES[state], *([f"{size} octets"] if size else []), *([reason] if reason else [])]
        say(f"{number}  {submission_key}  {' ; '.join(told)}")
    counted = Counter(row[2] for row in rows)
    say(" · ".join(f"{_STATES[state]} : {counted[state]}" for state in _STATES if counted[state]))


@attachments_app.command("export")
def export(
    number: Annotated[int, typer.Argument(metavar="NUMÉRO", help="Numéro donné par attachments list.")],
    to: Annotated[Path, typer.Option("--to", help="Fichier à écrire, en clair, lisible par vous seul.")],
    reason: Annotated[str, typer.Option("--reason", help="Pourquoi il faut le voir ; c’est noté.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Écrire un fichier joint en clair ; qui, quand et pourquoi restent dans la base. Effacez-le après usage."""
    from kobo_sync import audit
    from kobo_sync.attachments import read_file
    from kobo_sync.config import load_config
    from kobo_sync.disk import system_problem
    from kobo_sync.opened import opened_store

    settings = load_config(config)
    if not reason.strip():
        raise typer.BadParameter('dites pourquoi : --reason "…"', param_hint="--reason")
    target = to.resolve()
    for kept, key in ((settings.output_dir, "output_dir"), (settings.data_dir, "data_dir")):
        if target.is_relative_to(kept):
            raise typer.BadParameter(f"pas dans {key} : un fichier en clair n’y a pas sa place", param_hint="--to")
    with opened_store(settings) as (store, keys):
        content = read_file(store, keys.store, number)
        audit.note(store, "attachment", str(number), reason.strip(), datetime.now(ZoneInfo(settings.timezone)))
        try:
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
        except FileExistsError:
            raise typer.BadParameter(f"{to} existe déjà ; rien n’est écrasé", param_hint="--to") from None
        except OSError as error:
            raise system_problem(error, f"{to} ne peut pas être écrit") from None
    say(f"Écrit en clair : {target}. Effacez-le après usage.")
