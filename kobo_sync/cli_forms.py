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
def deploy(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Créer ou mettre à jour les formulaires sur chaque serveur Kobo de la configuration."""
    from kobo_sync import forms
    from kobo_sync.client import KoboClient
    from kobo_sync.config import load_config
    from kobo_sync.deploy import deploy as deploy_form

    settings = load_config(config, need_tokens=True)
    words = {"created": "créé", "updated": "mis à jour", "unchanged": "inchangé"}
    for source in settings.sources:
        with KoboClient(source.url, source.read_token()) as client:
            for form in forms.FORMS:
                done = deploy_form(client, source, form, forms.xlsx_path(form), forms.media(settings.providers))
                said = f"{source.name} · {form} : {words[done.action]} ({done.uid})"
                if source.forms.get(form) != done.uid:
                    said += f"\n  à noter dans {config}, source {source.name}, sous forms :  {form}: {done.uid}"
                out.print(said, markup=False, highlight=False, soft_wrap=True)
