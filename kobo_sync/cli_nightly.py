"""`kobo-sync nightly` and `kobo-sync health`. Heavy modules are imported inside the commands."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, err, out


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def nightly(
    config: ConfigOption = DEFAULT_CONFIG,
    once: Annotated[
        bool, typer.Option("--once", help="Une seule nuit, maintenant : pour systemd, cron ou Windows.")
    ] = False,
    if_missed: Annotated[
        bool, typer.Option("--if-missed", help="Avec --once : seulement si la dernière heure prévue a été manquée.")
    ] = False,
    by_scheduler: Annotated[bool, typer.Option("--by-scheduler", hidden=True)] = False,
) -> None:
    """Chaque nuit à l’heure de config.yaml : tirage, calculs, classeurs, sauvegarde, courrier. Ne s’arrête pas seul."""
    from contextlib import nullcontext

    from kobo_sync.config import load_config
    from kobo_sync.health import missed
    from kobo_sync.nightly import night, only_one, wall_clock
    from kobo_sync.stopping import Stop, heard

    settings = load_config(config)
    stop = Stop()
    if once and if_missed and not missed(settings, wall_clock()):
        _say("La dernière nuit a eu lieu : rien à rattraper.")
        return
    if not once:
        from kobo_sync.scheduler import serve

        raise typer.Exit(serve(settings, _say, stop))
    with nullcontext() if by_scheduler else only_one(settings), heard(stop):
        code = night(settings, stop, say=_say)
    raise typer.Exit(code)


def health(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Le fichier de santé en JSON, pour une supervision.")] = False,
) -> None:
    """Comment va le travail de nuit. Code 0 : bien ; 1 : échec, ou nuit manquée ; 3 : quelque chose attend."""
    from kobo_sync import health as file
    from kobo_sync.config import load_config
    from kobo_sync.health_words import sentences
    from kobo_sync.nightly import wall_clock

    settings = load_config(config)
    now = wall_clock()
    code, why = file.verdict(settings, now)
    if as_json:
        typer.echo(json.dumps(file.read(settings), ensure_ascii=False, indent=1))
        err.print(why, markup=False, highlight=False, soft_wrap=True)
    else:
        for line in sentences(settings, code, why, now):
            _say(line)
    raise typer.Exit(code)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(nightly)
    app.command()(health)
