"""The sections `recovery` and `backup` of config.yaml: who can restore, where backups go and how many are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from kobo_sync.config_checks import under_config_folder, usable_folder
from kobo_sync.config_strict import Strict


def _public_key(value: str) -> str:
    from kobo_sync.age_files import public_key_problem

    if problem := public_key_problem(value):
        raise ValueError(problem)
    return value


def _folder(value: Path | None, info: ValidationInfo) -> Path | None:
    return None if value is None else usable_folder(under_config_folder(value, info))


class OfficerConfig(Strict):
    """One person who can open recovery copies and backups, alone, with a key that stays on her own machine."""

    name: str = Field(min_length=1)
    public_key: Annotated[str, AfterValidator(_public_key)]


class RecoveryConfig(Strict):
    """The officers: none yet, or two at least, so that one who leaves takes nothing along."""

    officers: list[OfficerConfig] = Field(default_factory=list)

    @model_validator(mode="after")
    def _two_people(self) -> RecoveryConfig:
        if len(self.officers) == 1:
            raise ValueError("un seul responsable : inscrivez-en deux au moins, chacun avec sa propre clé")
        for what, values in (
            ("cette clé publique", [officer.public_key for officer in self.officers]),
            ("ce nom", [officer.name for officer in self.officers]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"{what} y figure deux fois : chaque responsable a sa propre clé")
        return self

    @property
    def public_keys(self) -> dict[str, str]:
        """Name of each officer by public key."""
        return {officer.public_key: officer.name for officer in self.officers}


class KeepConfig(Strict):
    """How many backups are kept: the last of each of so many days, weeks and months that have one."""

    daily: int = Field(default=7, ge=1, le=366)
    weekly: int = Field(default=5, ge=0, le=520)
    monthly: int = Field(default=12, ge=0, le=240)


class BackupConfig(Strict):
    """Where backups are written. Without a folder, `sauvegardes` in data_dir: to be copied elsewhere."""

    folder: Annotated[Path | None, AfterValidator(_folder)] = None
    keep: KeepConfig = KeepConfig()
