"""Rights on a deployed form: each account of the configuration gets exactly those of its role.

What is there is compared with what is wanted, so that a second run sends nothing. Rights above the role are taken
away first, then the missing ones given. The owner's and the caller's own are never touched, and accounts that the
configuration does not name are left alone, but those of them that see answers are told.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from kobo_sync.client import KoboClient
from kobo_sync.config_accounts import AccountConfig
from kobo_sync.errors import FormError, NotFoundError, ServerError
from transforms import codelists, places

PARTIAL = "partial_submissions"
ROW_RIGHTS = ("view_submissions", "change_submissions", "validate_submissions")
"""What a coordinator may do with the rows of its filter."""

RIGHTS = {
    "manage_asset": "administrer le projet",
    "change_asset": "modifier le formulaire",
    "delete_submissions": "supprimer des fiches",
    "change_submissions": "corriger toutes les fiches",
    "validate_submissions": "valider toutes les fiches",
    "view_submissions": "voir toutes les fiches",
    PARTIAL: "voir, corriger et valider les fiches de sa région et de ses familles",
    "discover_asset": "trouver le projet",
    "add_submissions": "envoyer des fiches",
    "view_asset": "voir le formulaire",
}
"""Every right in French, the strongest first: taken away and given in that order."""

SEEING = {
    "manage_asset",
    "delete_submissions",
    "change_submissions",
    "validate_submissions",
    "view_submissions",
    PARTIAL,
}
ROLES = {
    "agent": {"view_asset", "add_submissions"},
    # Kobo lets nobody correct a row who may not also send one.
    "coordinator": {"view_asset", "add_submissions", PARTIAL},
    "national": {"view_asset", "add_submissions", *ROW_RIGHTS},
    "sync": {"view_asset", "view_submissions", "validate_submissions"},
}
EVERYBODY = "AnonymousUser"
"""The name by which Kobo lists what people without an account may do."""

Filter = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """The rights that an account is to have, and the filter of its rows where it does not see all."""

    rights: frozenset[str]
    rows: Filter | None = None


@dataclass
class Held:
    """The rights that an account has: right to assignment, and the filters by right of its partial permission."""

    rights: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[Any]] = field(default_factory=dict)


@dataclass
class RightsReport:
    """What was done on one form: accounts by right taken or given; `unknown`: accounts that the server has not."""

    taken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    given: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    warnings: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def changes(self) -> list[str]:
        """One French line a right."""
        done = (("retiré", self.taken), ("donné", self.given))
        return [f"{verb} « {RIGHTS.get(r, r)} » : {', '.join(by[r])}" for verb, by in done for r in _sorted(by)]


def wanted_of(account: AccountConfig) -> Wanted:
    """The rights of an account's role."""
    rights = frozenset(ROLES[account.role])
    return Wanted(rights, row_filter(account.region or "", account.families) if account.role == "coordinator" else None)


def in_words(account: AccountConfig, body: str) -> str:
    """One French line: who holds the account, and what it may do where."""
    who = f"{account.username} ({body})"
    if account.role == "agent":
        return f"{who} : envoie, ne voit aucune fiche"
    if account.role == "national":
        return f"{who} : voit, corrige et valide toutes les fiches, de toutes les régions"
    families = " et ".join(f"« {codelists.label('ent_family', family)} »" for family in sorted(account.families))
    region = places.label(account.region or "")
    return f"{who} : voit, corrige et valide les fiches de {region} ({account.region}), famille(s) {families}"


def row_filter(region: str, families: Iterable[str]) -> Filter:
    """Rows of one region and of these families of body.

    The families stand first: Kobo joins the filters of two rights into one only by an `$in` under the first key, and
    nests them otherwise.
    """
    return {"famille_entite": {"$in": sorted(families)}, "region_decl": region}


def set_rights(
    client: KoboClient, uid: str, owner: str, accounts: Iterable[AccountConfig], sync_account: str | None
) -> RightsReport:
    """Bring the rights on the form to what the configuration says.

    Raises FormError when the server shows other rights afterwards than were asked for.
    """
    report = RightsReport()
    wanted = {account.username: wanted_of(account) for account in accounts}
    if sync_account:
        wanted[sync_account] = Wanted(frozenset(ROLES["sync"]))
    untouched = {owner, client.whoami()}
    for name in sorted(untouched & wanted.keys() - {sync_account}):
        why = "possède ce formulaire" if name == owner else "est celui qui déploie"
        report.warnings.append(f"le compte {name} {why} : ses droits restent entiers")
    wanted = {name: rights for name, rights in wanted.items() if name not in untouched}
    held = _held(client, uid)
    for name, wish in wanted.items():
        _bring(client, uid, name, wish, held.get(name, Held()), report)
    if report.taken or report.given:
        held = _held(client, uid)
        wrong = [n for n, wish in wanted.items() if n not in report.unknown and not fits(held.get(n, Held()), wish)]
        if wrong:
            raise FormError(
                f"Le serveur ne montre pas les droits demandés pour : {', '.join(wrong)}",
                "relancez ; si cela persiste, vérifiez ces comptes dans Kobo (Paramètres, Partage)",
            )
    report.warnings += _strangers(held, {*wanted, *untouched})
    return report


def fits(held: Held, wish: Wanted) -> bool:
    """Whether an account has exactly what it should."""
    return held.rights.keys() == wish.rights and (wish.rows is None or _same_rows(held, wish.rows))


def _bring(client: KoboClient, uid: str, name: str, wish: Wanted, held: Held, report: RightsReport) -> None:
    for right in _sorted(held.rights.keys() - wish.rights):
        with suppress(NotFoundError):  # it went with a right taken away before, which it needed
            client.withdraw(uid, held.rights[right])
        report.taken[right].append(name)
    missing = wish.rights - held.rights.keys()
    if wish.rows is not None and not _same_rows(held, wish.rows):
        missing |= {PARTIAL}
    for right in _sorted(missing):
        rows = dict.fromkeys(ROW_RIGHTS, wish.rows) if right == PARTIAL and wish.rows else None
        try:
            client.assign(uid, name, right, rows)
        except ServerError as error:
            if "user" not in error.fields:
                raise
            report.unknown.append(name)
            return
        report.given[right].append(name)


def _held(client: KoboClient, uid: str) -> dict[str, Held]:
    found: dict[str, Held] = defaultdict(Held)
    for line in client.assignments(uid):
        holder = found[_last_part(line.get("user"))]
        right = _last_part(line.get("permission"))
        holder.rights[right] = _last_part(line.get("url"))
        for part in line.get("partial_permissions") or []:
            holder.rows[_last_part(part.get("url"))] = list(part.get("filters") or [])
    return found


def _same_rows(held: Held, wanted: Filter) -> bool:
    """Whether each right on rows has this filter and no other; that for sending is the server's own addition."""
    mine = {right: _filters(filters) for right, filters in held.rows.items() if right != "add_submissions"}
    return mine == {right: _filters([wanted]) for right in ROW_RIGHTS}


def _filters(filters: Iterable[Any]) -> set[str]:
    """Filters as comparable texts. A list within the list is an OR like the list itself."""
    found: set[str] = set()
    for item in filters:
        found |= _filters(item) if isinstance(item, list) else {json.dumps(_ordered(item), sort_keys=True)}
    return found


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: sorted(v) if key == "$in" and isinstance(v, list) else _ordered(v) for key, v in value.items()}
    return value


def _strangers(held: Mapping[str, Held], known: set[str]) -> list[str]:
    """Accounts outside the configuration that see answers, and what is open to people without an account."""
    said = []
    if everybody := held.get(EVERYBODY, Held()).rights.keys() & (SEEING | {"add_submissions"}):
        words = ", ".join(f"« {RIGHTS[right]} »" for right in _sorted(everybody))
        said.append(f"ouvert à tous, sans compte : {words} ; fermez-le dans Kobo (Paramètres, Partage)")
    seeing = sorted(n for n, h in held.items() if n not in known | {EVERYBODY} and h.rights.keys() & SEEING)
    if seeing:
        names = ", ".join(seeing)
        said.append(f"voient des fiches sans figurer dans accounts : {names} ; notez-les ou retirez-les dans Kobo")
    return said


def _sorted(rights: Iterable[str]) -> list[str]:
    order = list(RIGHTS)
    return sorted(rights, key=lambda right: (order.index(right) if right in order else -1, right))


def _last_part(url: object) -> str:
    return unquote(str(url or "").partition("?")[0].rstrip("/").rpartition("/")[2])
