"""`kobo-sync audit list`: who displayed a name, took out a file, erased or restored, when and why."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, out

audit_app = typer.Typer(no_args_is_help=True, help="Le journal : qui a affiché, effacé ou restauré, et pourquoi.")

ACTIONS = {
    "reveal": "a affiché ce qui identifie",
    "attachment": "a sorti un fichier joint",
    "erase": "a effacé",
    "scrub": "fin d’effacement : base réécrite",
    "restore": "a restauré une sauvegarde",
    "withheld": "nom non repris : un effacement porte sur ce code",
    "lift": "a levé un effacement",
}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.add_typer(audit_app, name="audit")


@audit_app.command("list")
def list_(
    last: Annotated[int, typer.Option("--last", min=1, help="Combien de lignes, les dernières.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Toutes les lignes en JSON.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Lire le journal, la ligne la plus récente à la fin. Rien ne s’en retire avant sa durée de conservation."""
    from kobo_sync.config import load_config
    from kobo_sync.opened import opened_store
    from kobo_sync.terminal import terminal_text

    settings = load_config(config)
    with opened_store(settings, write=False) as (store, _):
        lines = store.connection.execute("SELECT at, actor, action, subject, reason FROM audit ORDER BY id").fetchall()
    if as_json:
        names = ("at", "actor", "action", "subject", "reason")
        text = json.dumps([dict(zip(names, line, strict=True)) for line in lines], ensure_ascii=False, indent=1)
        typer.echo(text)
        return
    if not lines:
        out.print("Le journal est vide : rien n’a été affiché, effacé ni restauré.")
        return
    zone = ZoneInfo(settings.timezone)
    table = Table("Quand", "Compte", "Quoi", "Sur", "Pourquoi", show_edge=False, pad_edge=False)
    for at, actor, action, subject, reason in lines[-last:]:
        when = f"{datetime.fromisoformat(at).astimezone(zone):%d/%m/%Y %H:%M}"
        said = (when, actor, ACTIONS.get(action, action), subject, reason)
        table.add_row(*(Text(" ".join(terminal_text(cell).split()), overflow="fold") for cell in said))
    out.print(table)
    if len(lines) > last:
        out.print(f"{len(lines) - last} ligne(s) plus ancienne(s) : kobo-sync audit list --last {len(lines)}")
