"""`kobo-sync doctor`: is everything there that the night needs?"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, err, out
from kobo_sync.terminal import terminal_text


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(doctor)


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Le résultat en JSON, pour une supervision.")] = False,
    send_test_mail: Annotated[
        bool, typer.Option("--send-test-mail", help="Envoyer aussi un message d’essai aux destinataires.")
    ] = False,
) -> None:
    """Vérifier tout ce dont la nuit a besoin, et dire comment réparer. Sort avec 0, 3 (à regarder) ou 1 (à réparer)."""
    from kobo_sync.doctor import examine_file, exit_code

    with err.status("Vérification") as status:
        findings = examine_file(
            config,
            now=lambda settings: datetime.now(ZoneInfo(settings.timezone)),
            send_test_mail=send_test_mail,
            step=lambda subject: status.update(f"Vérification : {subject}"),
        )
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            out.print(terminal_text(finding.line), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(findings))
