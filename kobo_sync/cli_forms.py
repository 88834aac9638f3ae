"""`kobo-sync forms …`: building, checking and deploying the forms. Other `forms` commands are added here too.

Heavy modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kobo_sync.cli_forms_files import print_guides, print_paper, translations_app

forms_app = typer.Typer(no_args_is_help=True, help="Construire, vérifier et déployer les formulaires.")
forms_app.add_typer(translations_app, name="translations")
forms_app.command("paper")(print_paper)
forms_app.command("guides")(print_guides)
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
    from kobo_sync import form_paper, forms
    from kobo_sync.forms_agree import agree

    problems = [problem for form in forms.FORMS for problem in forms.check(form)]
    unread = any(problem.where in (forms.SOURCES, *forms.SHEETS) and not problem.warning for problem in problems)
    if not unread:  # what cannot be read cannot be compared either
        problems += agree() + form_paper.problems()
    for problem in problems:
        kind = "à savoir" if problem.warning else "à corriger"
        where = f"{problem.form} · {problem.where} ({kind}) : {problem.message}"
        err.print(where, markup=False, highlight=False, soft_wrap=True)
    if unread:
        err.print("Le reste sera vérifié quand ces points seront corrigés : relancez kobo-sync forms check.")
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
    from kobo_sync.deploy_all import deploy_all, kobo_sources, token_from, tokens_named

    settings = load_config(config, need_tokens=token_env is None)
    servers = kobo_sources(settings, source)
    typed = {"--config": None if config == DEFAULT_CONFIG else str(config), "--source": source}
    token_of = token_from(token_env)  # before its name is repeated: it may be a token
    typed["--token-env"] = token_env
    options = [f"{option} {shlex.quote(value)}" for option, value in typed.items() if value]
    with tokens_named(servers, token_env):
        unknown = deploy_all(
            settings,
            servers,
            token_of,
            yes=yes,
            say=lambda text: out.print(text, markup=False, highlight=False, soft_wrap=True),
            warn=lambda text: err.print(f"à savoir : {text}", markup=False, highlight=False, soft_wrap=True),
            again=" ".join(["kobo-sync forms deploy", *options, "--yes"]),
        )
    if unknown:
        err.print("Comptes que le serveur ne connaît pas (à créer dans Kobo, puis relancez) :", markup=False)
        for account in unknown:
            err.print(f"  • {account}", markup=False, highlight=False)
        raise typer.Exit(1)


@forms_app.command()
def qr(
    config: ConfigOption = DEFAULT_CONFIG,
    username: Annotated[str | None, typer.Option("--username", "-u", help="Compte Kobo de l’agent.")] = None,
    every: Annotated[
        Path | None, typer.Option("--all", help="Dossier : un code par agent de la configuration.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", help="Adresse pour les téléphones (Kobo : souvent https://kc…).")
    ] = None,
    file: Annotated[Path | None, typer.Option("--out", "-o", help="Image à écrire (COMPTE.png sinon).")] = None,
) -> None:
    """Écrire le code QR qui règle KoboCollect ou ODK Collect pour un agent ; jamais de mot de passe dedans."""
    from kobo_sync.collect_settings import write_qr
    from kobo_sync.config import load_config
    from kobo_sync.config_checks import account_name, server_url, site_of

    if (username is None) == (every is None) or (every is not None and file is not None):
        raise typer.BadParameter("donnez --username COMPTE [--out FICHIER.png], ou --all DOSSIER")
    needed = every is not None or server is None
    settings = load_config(config) if needed or config.exists() else None
    source = settings.sources[0] if settings is not None else None
    if server is None and source is not None:
        server = source.phones_url or source.url
    try:
        address = server_url(server or "")
        names = [account_name(username)] if username else []
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    accounts = {account.username: account for account in settings.accounts} if settings is not None else {}
    bodies = {body.code: body.label for body in settings.providers} if settings is not None else {}
    if every is not None:
        names = [name for name, account in accounts.items() if account.role == "agent"]
        if not names:
            raise typer.BadParameter(f"aucun agent dans la section accounts de {config}", param_hint="--all")
    if username and accounts and username not in accounts:
        # Such a phone would send nothing, or under another body.
        near = difflib.get_close_matches(username.lower(), {name.lower(): name for name in accounts}, n=1)
        meant = next((name for name in accounts if [name.lower()] == near), "")
        remedy = (
            f"vouliez-vous dire « {meant} » ?" if meant else f"ajoutez-le à accounts de {config}, puis forms deploy"
        )
        raise typer.BadParameter(f"« {username} » n’est pas dans accounts ; {remedy}", param_hint="--username")
    for name in names:
        path = file or (every or Path()) / f"{name}.png"
        account = accounts.get(name)
        body = bodies.get(account.entity, "") if account and account.entity else "ANLTP/TIM" if account else ""
        write_qr(address, name, path, body)
        out.print(f"{name}{f' ({body})' if body else ''} : {path}", markup=False, highlight=False, soft_wrap=True)
        if account and account.role != "agent":
            told = (
                f"à savoir : {name} n’est pas un compte d’agent (rôle {account.role}), il voit des fiches : gardez ce "
            )
            err.print(f"{told}téléphone et son mot de passe de près", markup=False, highlight=False, soft_wrap=True)
    out.print(f"Adresse du serveur dans le code : {address}", markup=False, highlight=False, soft_wrap=True)
    if source is not None and site_of(address) != site_of(source.url):
        told = f"à savoir : {address} n’est pas du même domaine que le serveur ({source.url}) ; vérifiez phones_url, "
        err.print(f"{told}les fiches partiraient là", markup=False, highlight=False, soft_wrap=True)
    out.print(
        "Le code ne contient aucun mot de passe : le téléphone demande celui du compte à la première connexion. "
        "Fixez ensuite vous-même le mot de passe des paramètres protégés sur chaque téléphone.",
        soft_wrap=True,
    )
