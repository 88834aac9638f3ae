"""config.yaml read and checked: one French message a key at fault, all of them together.

A message names the key (`sources[0].url`), the value unless it could be a secret, and the remedy.
Secrets are never written in the file: it names the environment variable, the file or the keyring entry
that holds each token.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from kobo_sync.config_accounts import AccountConfig, account_problems
from kobo_sync.config_attachments import Attachments
from kobo_sync.config_backup import BackupConfig, RecoveryConfig
from kobo_sync.config_central import central_problem, form_identifier
from kobo_sync.config_checks import (
    form_name,
    one_of,
    region,
    server_url,
    time_zone,
    token_name,
    under_config_folder,
    usable_folder,
    yes_no,
)
from kobo_sync.config_messages import french_problems, yaml_problem
from kobo_sync.config_nightly import LogsConfig, MailConfig, NightlyConfig
from kobo_sync.config_retention import RetentionConfig
from kobo_sync.config_strict import Strict
from kobo_sync.errors import ConfigError, StoreKeyError
from kobo_sync.secret_places import find_secret
from transforms import codelists

Folder = Annotated[Path, AfterValidator(under_config_folder), AfterValidator(usable_folder)]
FilePath = Annotated[Path, AfterValidator(under_config_folder)]
EntType = Annotated[str, one_of("ent_type")]
FormName = Annotated[str, AfterValidator(form_name)]


class SourceConfig(Strict):
    """One server: its address, where its token lies, and the identifier of each form there.

    `phones_url` is the address that phones are given, where it is another (Kobo: kc.… beside kf.…). ODK Central is
    asked by `project` and form id, and known to us by an `account` whose password lies where Kobo's token would.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal["kobo", "central"] = "kobo"
    url: Annotated[str, AfterValidator(server_url)]
    phones_url: Annotated[str, AfterValidator(server_url)] | None = None
    project: int | None = Field(default=None, ge=1, le=2_147_483_647)
    account: str | None = None
    token_env: Annotated[str | None, AfterValidator(token_name)] = None
    token_file: FilePath | None = None
    token_keyring: str | None = None
    forms: dict[FormName, Annotated[str | None, AfterValidator(form_identifier)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_token(self) -> SourceConfig:
        if sum(place is not None for place in (self.token_env, self.token_file, self.token_keyring)) != 1:
            raise ValueError("indiquez où est le jeton : token_env, token_file ou token_keyring (un seul)")
        return self

    @model_validator(mode="after")
    def _central_keys(self) -> SourceConfig:
        if problem := central_problem(self.kind, self.project, self.account):
            raise ValueError(problem)
        return self

    def uid(self, form: str) -> str:
        """Identifier of a form on this server. Raises ConfigError when it is not deployed yet."""
        found = self.forms.get(form)
        if not found:
            remedy = "déployez le formulaire (kobo-sync forms deploy)"
            if self.kind == "central":
                remedy = "écrivez l’identifiant que ce formulaire a dans Central (xmlFormId)"
            raise ConfigError([f"sources ({self.name}).forms.{form} : vide ; {remedy}"])
        return found

    @property
    def token_place(self) -> str:
        """Where the token is written, never the token, in French."""
        if self.token_env is not None:
            return f"la variable {self.token_env}"
        return f"le fichier {self.token_file}" if self.token_file else f"le trousseau (entrée {self.token_keyring})"

    def read_token(self) -> str:
        """The token, from where the configuration says.

        Raises ConfigError when there is none or it is badly copied, StoreKeyError when its file is missing or
        open to others, or the keyring does not answer. No text holds the token.
        """
        what = "le mot de passe" if self.kind == "central" else "le jeton"
        secret = find_secret(
            f"sources ({self.name}).token", what, "jeton",
            variable=self.token_env, file=self.token_file, entry=self.token_keyring,
        )  # fmt: skip
        if self.kind == "central":  # a password may hold a space, even at its end
            token = secret.text.rstrip("\r\n")
            if not token:
                raise ConfigError([f"{secret.key} : aucun mot de passe ; {secret.remedy}"])
            return token
        token = secret.text.strip()
        if not token:
            raise ConfigError([f"{secret.key} : aucun jeton ; {secret.remedy}"])
        if not re.fullmatch(r"[!-~]+", token):  # requests would print the whole header in its own error
            raise ConfigError([f"{secret.key} : le jeton contient une espace ou un caractère interdit ; recopiez-le"])
        return token


class ProviderConfig(Strict):
    """One body expected to report. `region` is a P-code, `type` a code of `ent_type`."""

    code: str = Field(pattern=r"^[A-Z0-9_]{2,20}$")
    label: str = Field(min_length=1)
    region: Annotated[str, AfterValidator(region)]
    family: Annotated[str, one_of("ent_family")]
    type: EntType
    nominative: Annotated[bool, BeforeValidator(yes_no)]
    since: date

    @model_validator(mode="after")
    def _families_apart(self) -> ProviderConfig:
        # The family decides who is shown a body's rows: police those of a shelter, or a body's account those of police.
        usual = codelists.family(self.type)
        if self.type != "other" and usual != self.family:
            raise ValueError(f"le type {self.type} est de la famille {usual} : corrigez family ou type")
        return self


class ReportingConfig(Strict):
    """When a quarter's data are due."""

    deadline_days: int = Field(default=30, ge=0, le=366)


class ReviewConfig(Strict):
    """What a record counts for while nobody has reviewed it."""

    no_status: Literal["counted", "pending"] = "counted"


class Config(Strict):
    """The whole file. Paths are absolute, taken from the folder of the file when written relative."""

    sources: list[SourceConfig] = Field(min_length=1)
    data_dir: Folder
    output_dir: Folder
    key_file: FilePath | None = None
    pseudonym_key_file: FilePath | None = None
    key_keyring: str | None = None
    timezone: Annotated[str, AfterValidator(time_zone)] = "Africa/Niamey"
    sync_account: str | None = None
    review: ReviewConfig = ReviewConfig()
    identified_by: list[EntType] = Field(min_length=1)
    reporting: ReportingConfig = ReportingConfig()
    providers: list[ProviderConfig] = Field(min_length=1)
    accounts: list[AccountConfig] = Field(default_factory=list)
    nightly: NightlyConfig = NightlyConfig()
    logs: LogsConfig = LogsConfig()
    mail: MailConfig | None = None
    recovery: RecoveryConfig = RecoveryConfig()
    backup: BackupConfig = BackupConfig()
    attachments: Attachments = Field(default_factory=dict)
    retention: RetentionConfig = RetentionConfig()
    _path: Path = PrivateAttr(default=Path("config.yaml"))

    @model_validator(mode="after")
    def _no_doubles(self) -> Config:
        for key, names in (
            ("sources", [source.name for source in self.sources]),
            ("providers", [provider.code for provider in self.providers]),
        ):
            doubles = sorted({name for name in names if names.count(name) > 1})
            if doubles:
                raise ValueError(f"{key} : {', '.join(doubles)} y figure deux fois ; gardez une seule entrée")
        return self

    @model_validator(mode="after")
    def _one_form_a_project(self) -> Config:
        # Deployed, one form would be put over the other; pulled, cases would count twice.
        places: dict[tuple[str, int | None, str], list[str]] = {}
        for source in self.sources:
            for form, uid in source.forms.items():
                if uid:
                    places.setdefault((source.url, source.project, uid), []).append(
                        f"sources ({source.name}).forms.{form}"
                    )
        if doubles := [
            f"{', '.join(keys)} : le même identifiant {uid} ; chaque fiche a son propre projet, corrigez-en un"
            for (_, _, uid), keys in places.items()
            if len(keys) > 1
        ]:
            raise ValueError("\n  • ".join(doubles))
        return self

    @model_validator(mode="after")
    def _accounts_fit(self) -> Config:
        if problems := account_problems(self.accounts, self.providers, self.sync_account):
            raise ValueError("\n  • ".join(problems))
        return self

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._path

    @property
    def store_path(self) -> Path:
        """The encrypted store."""
        return self.data_dir / "anltp.db"

    @property
    def lock_path(self) -> Path:
        """Held by the run at work."""
        return self.data_dir / "anltp.lock"

    def source(self, name: str) -> SourceConfig:
        """A source by name. Raises ConfigError."""
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.sources)
        raise ConfigError([f"sources : « {name} » n’y figure pas ; sources connues : {known}"], self.path.name)


def load_config(path: Path | str, *, need_tokens: bool = False) -> Config:
    """Read and check a configuration file; with `need_tokens` also that each token is there.

    Raises ConfigError with every problem found. Nothing is created on disk.
    """
    path = Path(path).resolve()
    data = _read_yaml(path)
    try:
        config = Config.model_validate(data, context={"folder": path.parent})
    except ValidationError as error:
        raise ConfigError(french_problems(error, data, Config), path.name) from None
    config._path = path
    if need_tokens:
        missing: list[str] = []
        for source in config.sources:
            try:
                source.read_token()
            except ConfigError as error:
                missing += error.problems
            except StoreKeyError as error:
                missing.append(f"sources ({source.name}) : {error}")
        if missing:
            raise ConfigError(missing, path.name)
    return config


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path} : fichier introuvable ; indiquez-le avec --config"]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "ce n’est pas un texte en UTF-8"
        raise ConfigError([f"{path} : illisible ({reason})"]) from None
    except yaml.YAMLError as error:
        raise ConfigError([yaml_problem(error)], path.name) from None
    if not isinstance(data, dict):
        raise ConfigError(["le fichier est vide ou n’est pas une liste de clés ; repartez du modèle"], path.name)
    return data
