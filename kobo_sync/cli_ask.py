"""What a person is asked at the keyboard, in French: yes or no, a text, a secret phrase."""

from __future__ import annotations

import os
import sys

import click

from kobo_sync.errors import ConfigError

LEAST_LETTERS = 12
_YES, _NO = {"o", "oui", "y", "yes"}, {"", "n", "non", "no"}


def ask(question: str, *, hidden: bool = False) -> str:
    """An answer, empty when there is none. The end of the input or Ctrl+C is no answer either."""
    try:
        # Not typer's own questions: what they add to ours is English.
        return str(click.prompt(question, default="", show_default=False, hide_input=hidden, prompt_suffix=" : "))
    except click.Abort:
        click.echo("", err=True)
        return ""


def yes(question: str) -> bool:
    """Whether the answer is yes; nothing typed is no."""
    while (answer := ask(f"{question} [o/N]").strip().casefold()) not in _YES | _NO:
        click.echo("Répondez o (oui) ou n (non).")
    return answer in _YES


def passphrase(new: bool = False) -> str:
    """From the environment, else asked without showing it; twice for a new one. Raises ConfigError."""
    from kobo_sync.age_files import PASSPHRASE_VARIABLE

    given = os.environ.get(PASSPHRASE_VARIABLE, "")
    if not given and not sys.stdin.isatty():
        raise ConfigError([f"phrase secrète : personne pour la taper ; mettez-la dans {PASSPHRASE_VARIABLE}"])
    if given or not new:
        given = given or ask("Phrase secrète", hidden=True)
        if new:
            _long_enough(given)
        return given
    click.echo(
        f"Choisissez une phrase secrète : {LEAST_LETTERS} caractères au moins, quatre mots sans lien par exemple."
    )
    given = ask("Phrase secrète (rien ne s’affiche)", hidden=True)
    _long_enough(given)
    if ask("La même, une seconde fois", hidden=True) != given:
        raise ConfigError(["phrase secrète : les deux ne sont pas les mêmes ; rien n’est écrit, relancez la commande"])
    return given


def _long_enough(given: str) -> None:
    if len(given) < LEAST_LETTERS:
        raise ConfigError(["phrase secrète : douze caractères au moins (quatre mots sans lien, par exemple)"])
