"""`kobo-sync forms deploy`: every form on every Kobo server of the configuration, with the rights of its accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from kobo_sync import forms
from kobo_sync.client import KoboClient
from kobo_sync.config import Config, SourceConfig
from kobo_sync.config_accounts import account_warnings
from kobo_sync.config_checks import token_name
from kobo_sync.deploy import deploy, find
from kobo_sync.deploy_accounts import in_words, set_rights
from kobo_sync.deploy_foresee import foresee, refuse_faults, refuse_orphans
from kobo_sync.errors import AuthError, ConfigError, Forbidden, FormError
from kobo_sync.forms_lint_files import unfinished

DONE = {
    "created": "créé",
    "updated": "mis à jour",
    "reopened": "rouvert (il était archivé) et mis à jour",
    "unchanged": "inchangé",
}
Say = Callable[[str], None]


def kobo_sources(config: Config, name: str | None = None) -> list[SourceConfig]:
    """The servers that forms can be deployed on. Raises FormError when there is none."""
    chosen = [config.source(name)] if name else config.sources
    kobo = [source for source in chosen if source.kind == "kobo"]
    if not kobo:
        names = ", ".join(source.name for source in chosen)
        raise FormError(
            f"{names} : les formulaires ne se déploient que sur Kobo, seul à limiter les fiches par région et famille",
            "indiquez une source de type kobo (kind: kobo)",
        )
    return kobo


def forms_of(source: SourceConfig) -> list[str]:
    """The forms that a server is to have: those that stand under it, even without a value; all where none does."""
    return [form for form in forms.FORMS if form in source.forms or not source.forms]


def token_from(variable: str | None) -> Callable[[SourceConfig], str]:
    """Where the deploying token is: in a variable of the environment, or where each source says.

    Raises ConfigError when the variable is not a name; a token pasted in its place is not repeated.
    """
    try:
        token_name(variable)
    except ValueError as error:
        raise ConfigError([f"--token-env : {error}"]) from None

    def token_of(source: SourceConfig) -> str:
        place = {"token_env": variable, "token_file": None, "token_keyring": None} if variable else {}
        return source.model_copy(update=place).read_token()

    return token_of


@contextmanager
def tokens_named(sources: list[SourceConfig], variable: str | None) -> Iterator[None]:
    """A server's refusal of the token says which one it was, and where to write another."""
    places = ", ".join(
        source.token_env or str(source.token_file or f"trousseau {source.token_keyring}") for source in sources
    )
    try:
        yield
    except Forbidden as error:
        remedy = "déployez avec --token-env NOM, la variable qui porte le jeton du propriétaire des projets"
        if variable:
            remedy = f"{variable} doit porter le jeton du propriétaire des projets, ou d’un compte qui les administre"
        raise Forbidden(error.message, remedy) from None
    except AuthError as error:
        raise AuthError(error.message, f"recopiez le jeton, en entier : {variable or places}") from None


def deploy_all(
    config: Config,
    sources: list[SourceConfig],
    token_of: Callable[[SourceConfig], str],
    *,
    yes: bool,
    say: Say,
    warn: Say,
    again: str = "kobo-sync forms deploy --yes",
) -> list[str]:
    """Deploy all forms and set the rights; the accounts that a server does not have, as `source: account`.

    Everything is looked at first: when the forms have faults, a project is not the one noted, or a form would leave
    collected answers behind and `yes` is not given (`again`: the command that gives it), FormError is raised and no
    server was changed.
    """
    refuse_faults()
    unknown: list[str] = []
    with ExitStack() as stack:
        clients = {s.name: stack.enter_context(KoboClient(s.url, token_of(s))) for s in sources}
        _look_first(sources, clients, None if yes else again, say)
        _tell_accounts(config, say, warn)
        for source in sources:
            client = clients[source.name]
            for form in forms_of(source):
                path = forms.xlsx_path(form)
                done = deploy(client, source, form, path, forms.media(config.providers, form), accept_orphans=yes)
                where = f"{source.name} · {form}"
                say(f"{where} : {DONE[done.action]} ({done.uid})")
                if source.forms.get(form) != done.uid:
                    say(f"  à noter dans {config.path.name}, source {source.name}, sous forms :  {form}: {done.uid}")
                unknown += [f"{source.name} : {name}" for name in _rights(config, client, done.uid, where, say, warn)]
            _tell_sync_account(config, source, client, warn)
    for line in _unfinished():
        warn(line)
    return list(dict.fromkeys(unknown))


def _tell_accounts(config: Config, say: Say, warn: Say) -> None:
    """Who will see what, in words: the last chance to see that a code is the wrong one."""
    bodies = {provider.code: provider.label for provider in config.providers}
    for account in config.accounts:
        say(f"compte {in_words(account, bodies[account.entity] if account.entity else 'ANLTP/TIM')}")
    for line in account_warnings(config.accounts, config.providers):
        warn(line)


def _look_first(sources: list[SourceConfig], clients: dict[str, KoboClient], again: str | None, say: Say) -> None:
    refusals = []
    for source in sources:
        client = clients[source.name]
        client.whoami()
        for form in forms_of(source):
            try:
                asset = find(client, source, form)
            except FormError as refusal:
                refusals.append(refusal)
                continue
            foreseen = foresee(client, asset, forms.xlsx_path(form))
            for change in foreseen.changes:
                say(f"{source.name} · {form} : {change.text}")
            if foreseen.changes and not foreseen.collected:
                say(f"{source.name} · {form} : aucune fiche reçue, rien ne se perd")
            if again:
                try:
                    refuse_orphans(f"{form} ({source.name})", foreseen, again)
                except FormError as refusal:
                    refusals.append(refusal)
    if refusals:
        raise FormError("\n".join(map(str, refusals)) + "\nRien n’a été changé")


def _rights(config: Config, client: KoboClient, uid: str, where: str, say: Say, warn: Say) -> list[str]:
    owner = str(client.asset(uid).get("owner__username"))
    report = set_rights(client, uid, owner, config.accounts, config.sync_account)
    for line in report.changes:
        say(f"{where} : {line}")
    if not report.changes and not report.unknown:
        say(f"{where} : droits inchangés")
    for line in report.warnings:
        warn(f"{where} : {line}")
    return report.unknown


def _tell_sync_account(config: Config, source: SourceConfig, client: KoboClient, warn: Say) -> None:
    if config.sync_account and client.whoami() == config.sync_account:
        warn(
            f"{source.name} : le compte de synchronisation {config.sync_account} déploie lui-même et garde tous ses "
            "droits ; pour qu’il ne fasse que voir et valider, déployez avec le jeton d’un autre compte (--token-env)"
        )


def _unfinished() -> Iterator[str]:
    """What is still to be written in the files that travel with the forms, once each."""
    found = (
        f"{where} : {message}"
        for form in forms.FORMS
        for where, message in unfinished(forms.expand(form)[0]["survey"], forms.FOLDER)
    )
    yield from dict.fromkeys(found)
