"""The section `accounts` of config.yaml: who may do what on the forms.

An agent only sends; a coordinator sees, corrects and validates the rows of one region and of named families of body;
a national reviewer sees all. An account held by a body of justice or security is never shown what protection bodies
report: the configuration that would allow it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field, model_validator

from kobo_sync.config_checks import account_name, one_of
from kobo_sync.config_checks import region as region_code
from kobo_sync.config_strict import Strict
from transforms import places

JUSTICE, PROTECTION, AGENCY = "justice_securite", "protection", "anltp"
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


class Body(Protocol):
    """What matters here of a provider."""

    code: str
    label: str
    region: str
    family: str
    type: str


def account_problems(accounts: Sequence[AccountConfig], bodies: Iterable[Body], sync_account: str | None) -> list[str]:
    """What is wrong between accounts and the rest of the file."""
    return list(_problems(accounts, {body.code: body for body in bodies}, sync_account))


def account_warnings(accounts: Iterable[AccountConfig], bodies: Iterable[Body]) -> list[str]:
    """What is allowed and had better be meant: a protection body that sees what justice and security report."""
    known = {body.code: body for body in bodies}
    return [
        f"accounts ({account.username}) : {body.label} est un organisme de protection, son compte voit aussi les "
        f"fiches de justice et de sécurité de sa région ; sinon, écrivez families: [{PROTECTION}]"
        for account in accounts
        if (body := known.get(account.entity or "")) and body.type != AGENCY
        if body.family == PROTECTION and JUSTICE in account.families
    ]


def _problems(accounts: Sequence[AccountConfig], bodies: dict[str, Body], sync_account: str | None) -> Iterator[str]:
    for name in _doubles(account.username.lower() for account in accounts):
        yield f"accounts ({name}) : ce compte y figure deux fois ; gardez une seule entrée"
    for account in accounts:
        key = f"accounts ({account.username})"
        if sync_account and account.username.lower() == sync_account.lower():
            yield f"{key} : c’est sync_account, que personne d’autre n’emploie ; retirez-le de accounts"
        if account.entity is None:
            continue
        body = bodies.get(account.entity)
        if body is None:
            yield f"{key}.entity = « {account.entity} » : ce code n’est pas dans providers ; corrigez-le ou ajoutez-le"
        elif body.family == JUSTICE and PROTECTION in account.families:
            yield (
                f"{key}.families : {account.entity} est un organisme de justice ou de sécurité, son compte ne doit "
                f"jamais voir les fiches de la famille protection ; écrivez families: [{JUSTICE}]"
            )
        elif body.family == JUSTICE and account.role == "national":
            yield (
                f"{key}.role : {account.entity} est un organisme de justice ou de sécurité, son compte ne doit jamais "
                f"voir toutes les fiches ; écrivez role: coordinator, sa region et families: [{JUSTICE}]"
            )
        elif body.type == AGENCY:
            continue
        elif account.role == "national":
            yield (
                f"{key}.role : toutes les fiches ne sont montrées qu’à l’ANLTP/TIM, et {account.entity} n’en est pas ; "
                f"écrivez role: coordinator, region: {body.region} et families: [{body.family}]"
            )
        elif account.role == "coordinator":
            if body.family not in account.families:
                yield (
                    f"{key}.families : {account.entity} est de la famille {body.family} ; "
                    f"écrivez families: [{body.family}], ou corrigez entity"
                )
            if account.region != body.region:
                yield (
                    f"{key}.region = « {account.region} » : {account.entity} est en {body.region} "
                    f"{places.label(body.region)} ; écrivez region: {body.region}, ou corrigez entity"
                )


def _doubles(names: Iterable[str]) -> list[str]:
    listed = list(names)
    return sorted({name for name in listed if listed.count(name) > 1})
