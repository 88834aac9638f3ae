"""The section `accounts` of config.yaml: who may do what on the forms.

An agent only sends; a coordinator sees, corrects and validates the rows of one region and of named families of body;
a national reviewer sees all. An account held by a body of justice or security is never shown what protection bodies
report: the configuration that would allow it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from kobo_sync.config_checks import account_name, one_of
from kobo_sync.config_checks import region as region_code
from kobo_sync.config_strict import Strict

JUSTICE, PROTECTION = "justice_securite", "protection"
Role = Literal["agent", "coordinator", "national"]


class AccountConfig(Strict):
    """One account of the Kobo servers. `entity` is the code of the body that holds it; without one, ANLTP/TIM."""

    username: Annotated[str, AfterValidator(account_name)]
    role: Role
    entity: str | None = None
    region: Annotated[str, AfterValidator(region_code)] | None = None
    families: list[Annotated[str, one_of("ent_family")]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits_role(self) -> AccountConfig:
        if self.role == "coordinator":
            if not self.region or not self.families:
                raise ValueError("un coordinateur voit une région et des familles : donnez region et families")
        elif self.region or self.families:
            raise ValueError(f"le rôle {self.role} ne prend ni region ni families : retirez-les")
        if self.role == "agent" and not self.entity:
            raise ValueError("donnez entity, le code de l’organisme (providers) dont cet agent envoie les fiches")
        return self


def account_problems(
    accounts: Sequence[AccountConfig], body_families: Mapping[str, str], sync_account: str | None
) -> list[str]:
    """What is wrong between accounts and the rest of the file. `body_families`: provider code to family."""
    return list(_problems(accounts, body_families, sync_account))


def _problems(
    accounts: Sequence[AccountConfig], body_families: Mapping[str, str], sync_account: str | None
) -> Iterator[str]:
    for name in _doubles(account.username.lower() for account in accounts):
        yield f"accounts ({name}) : ce compte y figure deux fois ; gardez une seule entrée"
    for account in accounts:
        key = f"accounts ({account.username})"
        if sync_account and account.username.lower() == sync_account.lower():
            yield f"{key} : c’est sync_account, que personne d’autre n’emploie ; retirez-le de accounts"
        if account.entity is None:
            continue
        family = body_families.get(account.entity)
        if family is None:
            yield f"{key}.entity = « {account.entity} » : ce code n’est pas dans providers ; corrigez-le ou ajoutez-le"
        elif family == JUSTICE and PROTECTION in account.families:
            yield (
                f"{key}.families : {account.entity} est un organisme de justice ou de sécurité, son compte ne doit "
                f"jamais voir les fiches de la famille protection ; écrivez families: [{JUSTICE}]"
            )
        elif family == JUSTICE and account.role == "national":
            yield (
                f"{key}.role : {account.entity} est un organisme de justice ou de sécurité, son compte ne doit jamais "
                f"voir toutes les fiches ; écrivez role: coordinator, sa region et families: [{JUSTICE}]"
            )


def _doubles(names: Iterable[str]) -> list[str]:
    listed = list(names)
    return sorted({name for name in listed if listed.count(name) > 1})
