"""The sections `nightly`, `logs` and `mail` of config.yaml: when the job runs, what it notes, whom it tells."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kobo_sync.config_checks import token_name, under_config_folder, yes_no
from kobo_sync.config_strict import Strict
from kobo_sync.errors import ConfigError
from kobo_sync.secret_places import find_secret

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}")
_PORTS = {"starttls": 587, "tls": 465}

FilePath = Annotated[Path, AfterValidator(under_config_folder)]


def _clock_time(value: Any) -> Any:
    """`22:30` without quotes is 1350 to YAML, which counts in sixties."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        value = f"{value // 60:02}:{value % 60:02}"
    if not isinstance(value, str) or not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        raise ValueError('écrivez l’heure entre guillemets, par exemple "02:00"')
    return value.zfill(5)


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("écrivez une adresse électronique seule, par exemple statistiques@anltp.example")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("écrivez le nom du serveur d’envoi seul, par exemple smtp.anltp.example")
    return value


class NightlyConfig(Strict):
    """When `kobo-sync nightly` runs, in the time zone of the file, and how often it tries again after the network."""

    time: Annotated[str, BeforeValidator(_clock_time)] = "02:00"
    catch_up: Annotated[bool, BeforeValidator(yes_no)] = True
    retries: int = Field(default=3, ge=0, le=12)
    retry_minutes: int = Field(default=60, ge=1, le=240)
    health_file: FilePath | None = None

    @property
    def at(self) -> datetime.time:
        """The time of day."""
        return datetime.time.fromisoformat(self.time)


class LogsConfig(Strict):
    """Where the day's log goes (data_dir/logs without `folder`), and for how long."""

    folder: FilePath | None = None
    keep_days: int = Field(default=90, ge=1, le=3650)


class MailConfig(Strict):
    """The server that takes our mail, always over TLS with its certificate checked, and who is told.

    `ca_file`: the authority of a server whose certificate no public authority has signed.
    """

    host: Annotated[str, AfterValidator(_host)]
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls"] = "starttls"
    sender: Annotated[str, AfterValidator(_address)]
    to: list[Annotated[str, AfterValidator(_address)]] = Field(min_length=1, max_length=20)
    username: str | None = None
    password_env: Annotated[str | None, AfterValidator(token_name)] = None
    password_file: FilePath | None = None
    password_keyring: str | None = None
    ca_file: FilePath | None = None
    remind_days: int = Field(default=7, ge=1, le=7)

    @model_validator(mode="after")
    def _password_place(self) -> MailConfig:
        places = sum(place is not None for place in (self.password_env, self.password_file, self.password_keyring))
        if self.username is not None and places != 1:
            raise ValueError(
                "indiquez où est le mot de passe : password_env, password_file ou password_keyring (un seul)"
            )
        if self.username is None and places:
            raise ValueError("un mot de passe ne sert qu’avec username : ajoutez username, ou retirez le mot de passe")
        return self

    @property
    def port_used(self) -> int:
        """587 for STARTTLS and 465 for TLS from the start, unless the file says otherwise."""
        return self.port or _PORTS[self.security]

    def read_password(self) -> str:
        """The password, from where the file says. No text holds it.

        Raises ConfigError when there is none or it can't be sent, StoreKeyError when its file is missing or open to
        others, or the keyring does not answer.
        """
        secret = find_secret(
            "mail.password", "le mot de passe", "mot de passe du courrier",
            variable=self.password_env, file=self.password_file, entry=self.password_keyring,
        )  # fmt: skip
        word = secret.text.strip("\r\n")
        if not word:
            raise ConfigError([f"{secret.key} : aucun mot de passe ; {secret.remedy}"])
        if not word.isascii():  # smtplib would print the password in its own error
            raise ConfigError(
                [f"{secret.key} : le mot de passe contient un caractère accentué ; choisissez-en un autre"]
            )
        return word
