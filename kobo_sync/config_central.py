"""What a source of kind `central` needs in config.yaml, beside what every source has.

An ODK Central server is asked by project number and form id (xmlFormId), and knows an account by its e-mail address.
"""

from __future__ import annotations

import re

from pydantic import ValidationInfo

from kobo_sync.config_checks import asset_uid

_FORM_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


def form_identifier(value: str | None, info: ValidationInfo) -> str | None:
    """The form's identifier on the server: Kobo's asset uid, or Central's xmlFormId."""
    kind = info.data.get("kind")  # absent where it is wrong itself, and told
    if kind == "kobo":
        return asset_uid(value)
    if kind == "central" and value is not None and not _FORM_ID.fullmatch(value):
        raise ValueError(
            "l’identifiant d’un formulaire de Central (xmlFormId) n’a que des lettres, des chiffres et _ . : - ; "
            "il se lit sur la page du formulaire ; laissez vide s’il n’y est pas"
        )
    return value


def central_problem(kind: str, project: int | None, account: str | None) -> str | None:
    """What is wrong with the keys that only Central has; None when they fit."""
    if kind != "central":
        if project is None and account is None:
            return None
        return "project et account ne servent qu’avec kind: central ; retirez-les"
    if project is None:
        return "donnez project, le numéro du projet dans Central (…/#/projects/7 : project: 7)"
    if account is None:
        return "donnez account, l’adresse électronique du compte de synchronisation dans Central"
    if not _ADDRESS.fullmatch(account):
        return "account est l’adresse électronique d’un compte de Central, par exemple sync@exemple.org"
    return None
