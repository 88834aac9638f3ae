"""`kobo-sync erase`: what the law lets a person ask, and what has been kept for long enough."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from kobo_sync.cli_ask import yes as ask_yes
from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, err, out

if TYPE_CHECKING:
    from kobo_sync.config import Config
    from kobo_sync.erase import Plan
    from kobo_sync.erasure_list import Emptied
    from kobo_sync.store import Store


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("erase")(erase)


def erase(
    subject: Annotated[
        str, typer.Argument(help="Code du cas, code de la personne (…-V2), clé d’une fiche, ou numéro de personne.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Pourquoi, sans nom ni détail sur la personne.")] = "",
    by: Annotated[str, typer.Option("--by", help="Qui en décide.")] = "",
    only: Annotated[
        bool, typer.Option("--only", help="Cette personne dans ce cas seulement, non ses autres fiches.")
    ] = False,
    due: Annotated[bool, typer.Option("--due", help="Ce qui a dépassé sa durée de conservation.")] = False,
    lift: Annotated[
        str, typer.Option("--lift", help="Lever l’effacement d’un code : ce qui arrive ensuite est gardé.")
    ] = "",
    finish: Annotated[bool, typer.Option("--finish", help="Terminer un effacement interrompu.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Sans poser de question, pour un script.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Effacer ce qui identifie une personne, ou toutes celles d’un cas ; les nombres restent."""
    from kobo_sync import erase as work
    from kobo_sync import retention
    from kobo_sync.config import load_config
    from kobo_sync.opened import opened_store

    if (bool(subject) + bool(lift) + due + finish) != 1:
        raise typer.BadParameter("donnez un code, ou --due, ou --lift CODE, ou --finish", param_hint="subject")
    if not finish and not (reason.strip() and by.strip()):
        raise typer.BadParameter("--reason et --by sont obligatoires : ils restent dans la base", param_hint="--reason")
    settings = load_config(config)
    now = datetime.now(ZoneInfo(settings.timezone))
    with opened_store(settings) as (store, _):
        if finish:
            work.finish(store, settings, now=now, step=_say)
            out.print("Effacement terminé.")
            return
        if lift:
            number = work.lift(store, settings, lift, by=by.strip(), reason=reason.strip(), now=now)
            out.print(
                f"Effacement levé pour {number} fiche(s) : ce qui arrivera désormais sera gardé. Ce qui a été vidé le "
                "reste : renvoyez la fiche, ou corrigez-la dans Kobo, pour que les noms reviennent.",
                soft_wrap=True,
            )
            return
        plan = retention.due_plan(store, settings, now.date()) if due else work.plan(store, subject, only=only)
        _announce(store, settings, plan, now)
        if due and not retention.periods_over(store, settings, now.date()):
            return
        if not yes and not ask_yes("Effacer pour de bon ?"):
            out.print("Rien n’a été effacé.")
            raise typer.Exit(1)
        servers, sent = work.server_steps(store, settings, plan.targets), work.periods_sent(store, plan.targets)
        if due:
            retention.drop_others(store, settings, now.date())
        done = work.erase(store, settings, plan, by=by.strip(), reason=reason.strip(), now=now, step=_say)
    out.print(f"Effacé : {_numbers(done)}. Les nombres et la trace de l’effacement restent.", soft_wrap=True)
    _what_remains(servers, sent, settings)


def _announce(store: Store, settings: Config, plan: Plan, now: datetime) -> None:
    from kobo_sync import erase as work
    from kobo_sync import retention

    if plan.kind == "retention":
        lines = retention.periods_over(store, settings, now.date())
        out.print("\n".join(lines) if lines else "Rien n’a dépassé sa durée de conservation.", markup=False)
        if not plan.targets:
            return
    out.print("Seront vidés, dans toutes leurs versions :")
    for target in plan.targets[:50]:
        whom = f"la personne {target.row_code}" if target.row_code else "toutes les personnes de la fiche"
        out.print(f"  • {target.submission_key} : {whom}", markup=False, highlight=False, soft_wrap=True)
    if len(plan.targets) > 50:
        out.print(f"  … et {len(plan.targets) - 50} autre(s) fiche(s)")
    out.print(f"Soit : {_numbers(work.rehearse(store, plan))}.", soft_wrap=True)


def _numbers(emptied: Emptied) -> str:
    return (
        f"{emptied.submissions} fiche(s), {emptied.revisions} version(s), {emptied.answers} réponse(s), "
        f"{emptied.quarantine} texte(s) en quarantaine, {emptied.files} fichier(s) joint(s)"
    )


def _what_remains(servers: list[str], sent: list[str], config: Config) -> None:
    """The store is done; the rest is in other hands."""
    from kobo_sync.erase import left_aside

    if aside := left_aside(config):
        out.print("\nUne restauration a mis de côté une ancienne base : elle tient encore ces données. À supprimer :")
        for path in aside:
            command = ("rmdir /s /q" if path.is_dir() else "del") if os.name == "nt" else "rm -r"
            out.print(f'  {command} "{path}"', markup=False, highlight=False, soft_wrap=True)
    if servers:
        out.print("\nÀ faire sur les serveurs, qui gardent leur copie :")
        for line in servers[:200]:
            out.print(f"  • {line}", markup=False, highlight=False, soft_wrap=True)
        if len(servers) > 200:
            out.print(f"  … et {len(servers) - 200} autre(s) : kobo-sync show CODE donne la clé de chacune")
    if sent:
        out.print(f"\nFichiers déjà remis pour {', '.join(sent)} : prévenir leurs destinataires.", soft_wrap=True)
    out.print(
        f"\nSauvegardes : la liste {config.data_dir / 'effacements.jsonl'} est appliquée à chaque restauration ; les "
        "sauvegardes faites avant aujourd’hui tiennent encore ces données jusqu’à leur fin (docs/effacement.md).",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _say(text: str) -> None:
    err.print(f"{text} …", markup=False)
