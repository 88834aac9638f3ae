"""`kobo-sync forms …`: building, checking and deploying the forms. Other `forms` commands are added here too.

Heavy modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kobo_sync.cli_forms_files import translations_app

forms_app = typer.Typer(no_args_is_help=True, help="Construire, vérifier et déployer les formulaires.")
forms_app.add_typer(translations_app, name="translations")
out = Console()
err = Console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Fichier de configuration.")]
DEFAULT_CONFIG = Path("config.yaml")


@forms_app.command()
def build() -> None:
    """Construire l’XLSX de chaque formulaire à partir de ses sources."""
    from kobo_sync import forms

    for form in forms.FORMS:
        result = forms.build(form)
        out.print(f"{form} : {result.path.name}, version {result.form_release}")
        for warning in result.warnings:
            err.print(f"{form} : {warning}")


@forms_app.command()
def check() -> None:
    """Vérifier chaque formulaire : pyxform, ODK Validate, traductions, listes de codes, ce que la base en lit."""
    from kobo_sync import forms
    from kobo_sync.forms_agree import agree

    problems = [problem for form in forms.FORMS for problem in forms.check(form)] + agree()
    for problem in problems:
        kind = "à savoir" if problem.warning else "à corriger"
        where = f"{problem.form} · {problem.where} ({kind}) : {problem.message}"
        err.print(where, markup=False, highlight=False, soft_wrap=True)
    failed = any(not problem.warning for problem in problems)
    if not failed:
        out.print("Les formulaires sont valides.")
    raise typer.Exit(1 if failed else 0)


@forms_app.command()
def deploy(
    config: ConfigOption = DEFAULT_CONFIG,
    yes: Annotated[
        bool, typer.Option("--yes", help="Accepter qu’une nouvelle version laisse de côté des réponses reçues.")
    ] = False,
    source: Annotated[str | None, typer.Option("--source", help="Un seul serveur, par son nom.")] = None,
    token_env: Annotated[
        str | None,
        typer.Option(
            "--token-env", help="Variable d’environnement du jeton qui déploie, si ce n’est pas celui de la source."
        ),
    ] = None,
) -> None:
    """Créer ou mettre à jour les formulaires sur chaque serveur Kobo, et régler les droits des comptes."""
    from kobo_sync.config import load_config
    from kobo_sync.deploy_all import deploy_all, kobo_sources, token_from

    settings = load_config(config, need_tokens=token_env is None)
    unknown = deploy_all(
        settings,
        kobo_sources(settings, source),
        token_from(token_env),
        yes=yes,
        say=lambda text: out.print(text, markup=False, highlight=False, soft_wrap=True),
        warn=lambda text: err.print(f"à savoir : {text}", markup=False, highlight=False, soft_wrap=True),
    )
    if unknown:
        err.print("Comptes que le serveur ne connaît pas (à créer dans Kobo, puis relancez) :", markup=False)
        for account in unknown:
            err.print(f"  • {account}", markup=False, highlight=False)
        raise typer.Exit(1)
