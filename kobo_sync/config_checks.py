"""What a value of config.yaml must be; each refusal says, in French, what to write instead."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ValidationInfo

from kobo_sync.addresses import is_loopback
from kobo_sync.folders import on_read_only_disk
from kobo_sync.form_names import FORMS
from transforms import codelists, places

_UID = re.compile(r"a[0-9A-Za-z]{9,39}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ACCOUNT = re.compile(r"[A-Za-z0-9_.+-]{1,150}")
_LOOKS_LIKE_A_TOKEN = re.compile(r"[0-9a-fA-F]{32,}")


def site_of(url: str) -> str:
    """The domain that two addresses of one installation share: kf.kobotoolbox.org and kc.kobotoolbox.org."""
    host = (urlsplit(url).hostname or "").lower()
    parts = host.split(".")
    return host if len(parts) < 3 or parts[-1].isdecimal() else ".".join(parts[1:])


def server_url(value: str) -> str:
    """An address without path or password, over https except on this machine; no final slash."""
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("écrivez l’adresse complète du serveur, par exemple https://kf.kobotoolbox.org")
    if parts.username or parts.password:
        raise ValueError("retirez le nom et le mot de passe de l’adresse : le jeton suffit (token_env)")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("gardez seulement le début de l’adresse, sans chemin après le nom du serveur")
    if parts.scheme == "http" and not is_loopback(value):
        raise ValueError("écrivez https:// : par http:// le jeton et les cas passeraient en clair")
    return value.rstrip("/")


def asset_uid(value: str | None) -> str | None:
    """A Kobo asset's identifier, or None while the form is not deployed."""
    if value is not None and not _UID.fullmatch(value):
        raise ValueError(
            "l’identifiant d’un formulaire Kobo commence par « a » et n’a que des lettres et des chiffres ; "
            "il se lit dans l’adresse du projet (…/#/forms/aXXXXXXXX/) ; laissez vide s’il n’est pas déployé"
        )
    return value


def account_name(value: str) -> str:
    """A Kobo account's name, as its holder types it to log in."""
    if "@" in value:
        raise ValueError("donnez le nom du compte Kobo, pas l’adresse électronique")
    if not _ACCOUNT.fullmatch(value):
        raise ValueError("un nom de compte Kobo n’a que des lettres, des chiffres et _ . + -")
    return value


def form_name(value: str) -> str:
    """One of the forms that the system knows."""
    if value not in FORMS:
        raise ValueError(f"formulaire inconnu ; formulaires connus : {', '.join(FORMS)}")
    return value


def token_name(value: str | None) -> str | None:
    """The name of an environment variable, not a token."""
    if value is not None and (_LOOKS_LIKE_A_TOKEN.fullmatch(value) or not _ENVIRONMENT_NAME.fullmatch(value)):
        raise ValueError(
            "donnez le NOM d’une variable d’environnement (par exemple KOBO_TOKEN), jamais le jeton lui-même"
        )
    return value


def one_of(variable: str) -> AfterValidator:
    """Only codes of a variable of the code list, missing values apart."""

    def check(value: str) -> str:
        allowed = [code for code in codelists.codes(variable) if code not in ("none", "unk")]
        if value not in allowed:
            raise ValueError("valeurs permises : " + ", ".join(allowed))
        return value

    return AfterValidator(check)


def region(value: str) -> str:
    """The P-code of one of the eight regions."""
    if value not in places.regions():
        known = ", ".join(f"{code} {name}" for code, name in places.regions().items())
        raise ValueError(f"donnez le code d’une région : {known}")
    return value


def yes_no(value: Any) -> Any:
    """YAML knows yes/no, not oui/non, and the file is edited by French speakers."""
    return {"oui": True, "non": False}.get(value, value) if isinstance(value, str) else value


def under_config_folder(value: Path, info: ValidationInfo) -> Path:
    """A relative path starts from the folder of the configuration file."""
    folder: Path = info.context["folder"] if info.context else Path.cwd()
    return (folder / value.expanduser()).resolve()


def usable_folder(value: Path) -> Path:
    """A folder that can be written, or that can be made where it is wanted."""
    there = value
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"« {there} » est un fichier : donnez un dossier")
    # A disk that dies turns read-only: no fault of config.yaml, and the night that can't write says so.
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK) and not on_read_only_disk(there):
        raise ValueError(f"« {there} » n’est pas accessible en lecture et en écriture : changez ses droits")
    return value


def time_zone(value: str) -> str:
    """A name of the zone database."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("fuseau horaire inconnu : écrivez Africa/Niamey") from None
    return value
