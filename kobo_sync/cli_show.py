"""`kobo-sync show`: one case as it stands, and all that happened to it."""

from __future__ import annotations

from typing import Annotated

import typer

from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, out


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("show")(show)


def show(
    case: Annotated[str, typer.Argument(help="Code du cas (K7M 4XQ 2PR), de la personne (…-V2), ou clé d’une fiche.")],
    history: Annotated[bool, typer.Option("--history", help="Tout ce qui s’est passé, version par version.")] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Montrer aussi ce qui identifie une personne ; c’est noté.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Pourquoi il faut le voir.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Montrer une fiche dans les mots du formulaire ; ce qui identifie est masqué."""
    from kobo_sync import audit
    from kobo_sync.config import load_config
    from kobo_sync.find_case import find
    from kobo_sync.opened import opened_store
    from kobo_sync.show_case import print_case, today

    if reveal and not reason.strip():
        raise typer.BadParameter('dites pourquoi : --reveal --reason "…"', param_hint="--reveal")
    settings = load_config(config)
    with opened_store(settings, write=False) as (store, _):
        found = find(store, case)
        if reveal:  # noted before anything is shown
            out.print("Noté au journal (pour le lire : kobo-sync audit list).", highlight=False)
            audit.note(store, "reveal", found.subject, reason.strip(), today(settings))
        print_case(out, store, settings, found, with_history=history, reveal=reveal)
