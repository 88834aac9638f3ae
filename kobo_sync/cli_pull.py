"""`kobo-sync pull`: bring the store level with the servers, and nothing else."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, out
from kobo_sync.terminal import terminal_text


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command()
    def pull(
        config: ConfigOption = DEFAULT_CONFIG,
        source: Annotated[str | None, typer.Option("--source", help="Une seule source, par son nom.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Le compte rendu en JSON, pour une supervision.")] = False,
        confirm_deletions: Annotated[
            bool, typer.Option("--confirm-deletions", help="Accepter une baisse inhabituelle du nombre de fiches.")
        ] = False,
    ) -> None:
        """Tirer les fiches des serveurs dans la base, sans recalculer ni écrire de classeur."""
        from kobo_sync.config import load_config
        from kobo_sync.run import pull_only

        settings = load_config(config)
        report = pull_only(
            settings, now=datetime.now(ZoneInfo(settings.timezone)), only=source, confirm_deletions=confirm_deletions
        )
        if as_json:
            typer.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=1))
            raise typer.Exit(report.exit_code)
        for name, pulled in report.pulls.items():
            told = (
                f"{name} : {pulled.received} fiches sur le serveur ; {pulled.new} nouvelles, "
                f"{pulled.changed} modifiées, {pulled.status_changed} revues, "
                f"{pulled.deleted} supprimées, {pulled.reappeared} revenues."
            )
            out.print(terminal_text(told), markup=False, highlight=False, soft_wrap=True)
        for line in (*report.problems, *report.for_people):
            out.print(terminal_text(f"  • {line}"), markup=False, highlight=False, soft_wrap=True)
        out.print("Les tables ne sont pas recalculées : kobo-sync rebuild, ou kobo-sync run.")
        raise typer.Exit(report.exit_code)
