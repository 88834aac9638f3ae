"""Accounts of the demonstration's phones and reviewers, and the rights they are given on the forms.

Passwords and tokens are drawn afresh at each run and live in memory: there is nothing to find in the source.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import requests

from kobo_sync.demo.plan import Plan
from kobo_sync.errors import UnexpectedAnswer

TIMEOUT = 30
_PHONE = ("add_submissions",)
_COORDINATOR = ("change_submissions", "validate_submissions")


@dataclass(frozen=True)
class Account:
    """A user of the server. The secrets stay out of `repr`, hence out of logs and tracebacks."""

    name: str
    password: str = field(repr=False)
    token: str = field(repr=False)


def draw(names: Iterable[str]) -> dict[str, Account]:
    """New secrets for these accounts, by name; tokens are 40 hexadecimal digits, as Kobo's."""
    return {name: Account(name, secrets.token_urlsafe(16), secrets.token_hex(20)) for name in names}


def names(plan: Plan) -> list[str]:
    """Every account that the plan acts with: one a provider, and the coordinators."""
    return [*plan.accounts, *plan.coordinators]


def grant(base_url: str, uids: Mapping[str, str], owner_token: str, plan: Plan) -> None:
    """Lets phones add, and coordinators correct and review, on each deployed form (`uids`: form -> asset uid).

    Raises UnexpectedAnswer when the server refuses an assignment.
    """
    wanted = [(name, right) for name in plan.accounts for right in _PHONE]
    wanted += [(name, right) for name in plan.coordinators for right in _COORDINATOR]
    with requests.Session() as session:
        session.headers["Authorization"] = f"Token {owner_token}"
        for uid in uids.values():
            for name, right in wanted:
                answer = session.post(
                    f"{base_url}/api/v2/assets/{uid}/permission-assignments/",
                    json={
                        "user": f"{base_url}/api/v2/users/{name}/",
                        "permission": f"{base_url}/api/v2/permissions/{right}/",
                    },
                    timeout=TIMEOUT,
                )
                if answer.status_code != 201:
                    raise UnexpectedAnswer(
                        f"Le serveur refuse le droit « {right} » au compte {name} (code {answer.status_code})",
                        "vérifier que le compte existe et que le jeton est celui du propriétaire du projet",
                    )
