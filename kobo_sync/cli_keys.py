"""`kobo-sync init` and `kobo-sync recovery …`: the keys, their recovery copy and the drill that proves it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kobo_sync.cli_ask import ask, passphrase
from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, out

if TYPE_CHECKING:
    from kobo_sync.config import Config
    from kobo_sync.keys import Keys
    from kobo_sync.recovery import Opened

recovery_app = typer.Typer(no_args_is_help=True, help="La copie de secours des clés, que chaque responsable ouvre.")

IdentityOption = Annotated[Path, typer.Option("--identity", help="Fichier de clé d’un responsable.")]
CopyArgument = Annotated[Path, typer.Argument(help="Copie de secours, recovery-….age.")]

_ASKED = "Fichier de clé d’un responsable présent (vide s’il ouvre la copie sur sa machine)"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(init)
    app.add_typer(recovery_app, name="recovery")


def say(text: str) -> None:
    """One line for the user, as it is."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def init(
    config: ConfigOption = DEFAULT_CONFIG,
    identity: Annotated[
        Path | None, typer.Option("--identity", help="Clé d’un responsable présent, pour l’essai de la copie.")
    ] = None,
) -> None:
    """Créer les clés, écrire leur copie de secours et l’essayer avec un responsable. Se reprend après un arrêt."""
    from kobo_sync.config import load_config
    from kobo_sync.keys import init_keys, load_keys
    from kobo_sync.recovery import copies_of, needs_drill, write_copy

    settings = load_config(config)
    for line in init_keys(settings):
        say(line)
    keys = load_keys(settings)
    if not needs_drill(settings, keys) and not settings.recovery.officers:
        if not keys.demo:
            say("Pas de copie de secours des clés : aucun responsable inscrit, et les serveurs sont sur cette machine.")
            say("Sans responsable, pas de sauvegarde non plus : kobo-sync backup refuse, la nuit n’en fait pas.")
            say("Pour de vrais cas, inscrivez-en deux dans config.yaml (recovery.officers), puis : kobo-sync init")
        return
    copies = [copy for copy in copies_of(settings) if copy.fingerprint == keys.fingerprint]
    last = copies[-1] if copies else None
    if last is not None and last.confirmed:
        say(f"La copie de secours {last.file} existe et un responsable l’a ouverte : rien à faire.")
        return
    path = settings.data_dir / last.file if last else None
    if path is None or not path.exists() or set(last.officers if last else ()) != set(settings.recovery.public_keys):
        path = write_copy(settings, keys)
        _say_written(path, settings)
    _drill(settings, path, identity)


@recovery_app.command("keygen")
def keygen(out_file: Annotated[Path, typer.Option("--out", help="Fichier à écrire, sur votre machine.")]) -> None:
    """Faire la clé d’un responsable, sur sa propre machine ; la clé publique affichée va dans config.yaml."""
    from kobo_sync.age_files import make_identity
    from kobo_sync.errors import StoreKeyError

    if out_file.exists():  # before a phrase is asked for nothing
        raise StoreKeyError(
            f"Le fichier {out_file} existe déjà", "choisissez un autre nom : une clé ne se remplace pas"
        )
    public = make_identity(out_file, passphrase(new=True))
    say(f"Votre clé est dans {out_file} : gardez ce fichier et sa phrase secrète, vous seul.")
    say("Votre clé publique, à donner à la personne qui tient config.yaml (recovery.officers) :")
    say(public)


@recovery_app.command("check")
def check(file: CopyArgument, identity: IdentityOption, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Prouver qu’une copie de secours s’ouvre, sans montrer les clés ; donne le code qui le confirme au serveur."""
    opened = _opened(file, identity)
    settings = _settings(config)
    say(f"La copie du {opened.written_at[:10]} s’ouvre, elle contient les deux clés.")
    say(f"Empreinte des clés : {opened.keys.fingerprint}")
    if settings is not None and _tried_here(settings, opened):
        return
    for code in opened.codes.values():
        say(f"Code à donner à la personne qui tient le serveur : {code}")
    say("Elle tape alors : kobo-sync recovery confirm CODE")


@recovery_app.command("confirm")
def confirm(
    code: Annotated[str, typer.Argument(help="Code donné par « recovery check ».")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Noter qu’un responsable a ouvert la copie de secours sur sa machine."""
    from kobo_sync.config import load_config
    from kobo_sync.recovery import confirm as note

    say(f"Noté : {note(load_config(config), code)} a ouvert la copie de secours. La mise en service est terminée.")


@recovery_app.command("write")
def write(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Écrire une nouvelle copie de secours, quand les responsables ont changé."""
    from kobo_sync.config import load_config
    from kobo_sync.keys import load_keys
    from kobo_sync.recovery import write_copy

    settings = load_config(config)
    path = write_copy(settings, load_keys(settings))
    _say_written(path, settings)
    _say_next(path)
    raise typer.Exit(3)


@recovery_app.command("open")
def open_(file: CopyArgument, identity: IdentityOption, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Remettre les clés sur cette machine, à partir de la copie de secours."""
    from kobo_sync.config import load_config
    from kobo_sync.recovery import check_store, record_opening

    settings = load_config(config)
    opened = _opened(file, identity)
    there = check_store(settings, opened.keys)
    put_back(settings, file, opened)
    record_opening(settings, file, opened)
    say(
        "Les clés ouvrent la base."
        if there
        else f"Pas encore de base ici : kobo-sync restore SAUVEGARDE --identity {identity}"
    )


def put_back(settings: Config, file: Path, opened: Opened) -> Keys:
    """Write the keys of an opened copy to their places and say so."""
    from kobo_sync.keys import put_keys

    for line in put_keys(settings, opened.keys):
        say(line)
    return opened.keys


def _opened(file: Path, identity: Path) -> Opened:
    from kobo_sync.age_files import read_identities
    from kobo_sync.recovery import open_copy

    return open_copy(file, read_identities(identity, passphrase))


def _settings(config: Path) -> Config | None:
    """The configuration of this machine; an officer's own has none."""
    from kobo_sync.config import load_config

    return load_config(config) if config.exists() else None


def _tried_here(settings: Config, opened: Opened) -> bool:
    """Whether the copy is that of this machine's keys; then the drill is noted."""
    from kobo_sync.errors import StoreKeyError
    from kobo_sync.keys import load_keys, missing_keys
    from kobo_sync.recovery import check_store, confirm

    if check_store(settings, opened.keys):
        say("Ses clés ouvrent la base de cette machine.")
    if missing_keys(settings) or load_keys(settings).fingerprint != opened.keys.fingerprint:
        say("Ces clés ne sont pas celles qui servent sur cette machine.")
        return False
    for code in opened.codes.values():
        try:
            say(f"Essai noté pour {confirm(settings, code)}. La mise en service est terminée.")
        except StoreKeyError:  # this identity opens it, and another is in the configuration
            continue
        return True
    return False


def _say_written(path: Path, settings: Config) -> None:
    names = ", ".join(settings.recovery.public_keys.values())
    say(f"La copie de secours des clés est écrite : {path}")
    say(f"Chacun de ces responsables peut l’ouvrir seul : {names}.")
    say("Mettez-en des exemplaires hors de cette machine : clé USB au coffre, un autre chez chaque responsable.")


def _say_next(path: Path) -> None:
    say("Reste l’essai : un responsable ouvre un exemplaire, ici ou sur sa machine :")
    say(f"  kobo-sync recovery check {path} --identity CLE_RESPONSABLE")
    say("puis, s’il l’a fait ailleurs, tapez ici le code qu’il a reçu :")
    say("  kobo-sync recovery confirm CODE")


def _drill(settings: Config, path: Path, identity: Path | None) -> None:
    """The drill, with an officer who is here; else what is to be done, and exit code 3."""
    if identity is None and sys.stdin.isatty():
        answer = ask(_ASKED)
        identity = Path(answer).expanduser() if answer.strip() else None
    if identity is not None:
        if _tried_here(settings, _opened(path, identity)):
            return
        raise typer.Exit(1)
    _say_next(path)
    raise typer.Exit(3)
