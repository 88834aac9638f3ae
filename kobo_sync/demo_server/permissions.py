"""Who may do what with a project, and with which of its rows."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from kobo_sync.demo_server.storage import Store, new_uid
from kobo_sync.demo_server.web import FORBIDDEN, NOT_FOUND, Call, HtmlPage, Refusal

_PARTIAL_LABEL = {
    "default": "Act on submissions only from specific users",
    "view_submissions": "View submissions only from specific users",
    "change_submissions": "Edit submissions only from specific users",
    "delete_submissions": "Delete submissions only from specific users",
    "validate_submissions": "Validate submissions only from specific users",
}
# In the order in which the server lists what can be assigned.
LABELS: dict[str, str | dict[str, str]] = {
    "view_asset": "View form",
    "change_asset": "Edit form",
    "manage_asset": "Manage project",
    "add_submissions": "Add submissions",
    "view_submissions": "View submissions",
    "partial_submissions": _PARTIAL_LABEL,
    "change_submissions": "Edit submissions",
    "delete_submissions": "Delete submissions",
    "validate_submissions": "Validate submissions",
}
NAMES = {
    "add_submissions": "Can submit data to asset",
    "change_asset": "Can change asset",
    "change_submissions": "Can modify submitted data for asset",
    "delete_submissions": "Can delete submitted data for asset",
    "discover_asset": "Can discover asset in public lists",
    "manage_asset": "Can manage all aspects of asset",
    "partial_submissions": "Can make partial actions on submitted data for asset for specific users",
    "validate_submissions": "Can validate submitted data asset",
    "view_asset": "Can view asset",
    "view_submissions": "Can view submitted data for asset",
}
IMPLIED: dict[str, tuple[str, ...]] = {
    "change_asset": ("view_asset",),
    "change_submissions": ("add_submissions", "view_asset", "view_submissions"),
    "delete_submissions": ("view_asset", "view_submissions"),
    "discover_asset": ("view_asset",),
    "manage_asset": (
        "change_asset",
        "change_submissions",
        "validate_submissions",
        "view_asset",
        "add_submissions",
        "view_submissions",
        "delete_submissions",
        "discover_asset",
    ),
    "partial_submissions": ("view_asset",),
    "validate_submissions": ("view_asset", "view_submissions"),
    "view_submissions": ("view_asset",),
}
CONTRADICTORY: dict[str, tuple[str, ...]] = {
    "partial_submissions": (
        "view_submissions",
        "change_submissions",
        "delete_submissions",
        "validate_submissions",
        "manage_asset",
    ),
    **dict.fromkeys(
        ("change_submissions", "delete_submissions", "validate_submissions", "view_submissions"),
        ("partial_submissions",),
    ),
}
OWNERS = (
    "add_submissions",
    "change_asset",
    "change_submissions",
    "delete_submissions",
    "manage_asset",
    "validate_submissions",
    "view_asset",
    "view_submissions",
)

Partial = dict[str, list[dict[str, Any]]]
# None: every row. An empty list: no row. Otherwise the rows that satisfy one of the queries.
Rows = list[dict[str, Any]] | None


def granted(store: Store, asset: sqlite3.Row, name: str) -> dict[str, Partial]:
    """Permissions of an account on an asset; the value holds the row filters of partial permissions."""
    found = store.all("SELECT codename, partial FROM assignment WHERE asset_uid = ? AND user = ?", (asset["uid"], name))
    return {row["codename"]: json.loads(row["partial"] or "{}") for row in found}


def has(call: Call, asset: sqlite3.Row, codename: str) -> bool:
    """Whether the caller holds a permission without limit of rows; a superuser holds all."""
    if call.user is None:
        return False
    return bool(call.user["superuser"]) or codename in granted(call.store, asset, call.username)


def rows(call: Call, asset: sqlite3.Row, codename: str) -> Rows:
    """The rows on which the caller may do this."""
    if call.user is None:
        return []
    if call.user["superuser"]:
        return None
    held = granted(call.store, asset, call.username)
    return None if codename in held else _flat(held.get("partial_submissions", {}).get(codename, []))


def find_asset(store: Store, uid: str) -> sqlite3.Row | None:
    """The asset of that uid."""
    return store.one("SELECT * FROM asset WHERE uid = ?", (uid,))


def asset_for(call: Call, uid: str, codename: str = "view_asset") -> sqlite3.Row:
    """The asset, if the caller may do this with it.

    What may not be viewed is 404, as on Kobo; 403 means "you may look but not do this".
    """
    asset = find_asset(call.store, uid)
    if asset is None or not has(call, asset, "view_asset"):
        raise Refusal(404, NOT_FOUND)
    if not has(call, asset, codename):
        raise Refusal(403, FORBIDDEN)
    return asset


def nested_asset(call: Call, uid: str) -> sqlite3.Row:
    """The asset above a nested list; an unknown one is an HTML page, looked up before the error handler."""
    asset = find_asset(call.store, uid)
    if asset is None:
        raise HtmlPage(404)
    return asset


def data_access(call: Call, uid: str, codename: str = "view_submissions") -> tuple[sqlite3.Row, Rows]:
    """The asset and the rows on which the caller may do this.

    Without any right to view rows 404, without this right 403, never deployed 400.
    """
    asset = nested_asset(call, uid)
    if rows(call, asset, "view_submissions") == []:
        raise Refusal(404, NOT_FOUND)
    allowed = rows(call, asset, codename)
    if allowed == []:
        raise Refusal(403, FORBIDDEN)
    if asset["deployed_version"] is None:
        raise Refusal(400, {"detail": "The specified asset has not been deployed"})
    return asset, allowed


def grant(store: Store, asset_uid: str, user: str, codename: str, partial: Partial | None = None) -> None:
    """Give a permission with those it implies, and take away those it contradicts."""
    for other in CONTRADICTORY.get(codename, ()):
        store.run("DELETE FROM assignment WHERE asset_uid=? AND user=? AND codename=?", (asset_uid, user, other))
    for name in (codename, *IMPLIED.get(codename, ())):
        if name == "discover_asset":
            continue  # implied, yet never listed among the assignments
        filters = json.dumps(_with_implied(partial)) if name == codename and partial else None
        store.run(
            "INSERT INTO assignment VALUES (?,?,?,?,?)"
            " ON CONFLICT (asset_uid, user, codename) DO UPDATE SET partial = excluded.partial",
            (new_uid("p"), asset_uid, user, name, filters),
        )


def revoke(store: Store, asset_uid: str, user: str, codename: str) -> None:
    """Take a permission away with those that imply it."""
    for name in (codename, *(name for name, implied in IMPLIED.items() if codename in implied)):
        store.run("DELETE FROM assignment WHERE asset_uid=? AND user=? AND codename=?", (asset_uid, user, name))


def _with_implied(partial: Partial) -> Partial:
    """Acting on rows implies seeing them: the filters of an action join those of viewing.

    As the real server joins them, with its trap: two single filters become one only if their first key holds an
    `$in` (and then only that key is joined); all others are nested, and a nested list is an OR.
    """
    wanted: Partial = json.loads(json.dumps(partial))  # joining changes filters in place
    full: dict[str, list[Any]] = {}
    for codename, filters in wanted.items():
        full.setdefault(codename, filters)
        for implied in IMPLIED.get(codename, ()):
            if not implied.endswith("_submissions"):
                continue
            if implied not in full:
                full[implied] = wanted.get(implied, [])
            there = full[implied]
            if not there:
                full[implied] = filters
            elif not (len(filters) == len(there) == 1 and _joined(there[0], filters[0])):
                full[implied] = [*there, filters] if isinstance(there[0], list) else [filters, there]
    return full


def _joined(there: Any, more: dict[str, Any]) -> bool:
    """Join the `$in` of the first key of a filter into another filter, if both have one."""
    key = next(iter(more), "")
    try:
        values, others = there[key]["$in"], more[key]["$in"]
    except (KeyError, TypeError):
        return False
    there[key]["$in"] = sorted({*values, *others})
    return True


def _flat(filters: list[Any]) -> list[dict[str, Any]]:
    return [query for item in filters for query in (_flat(item) if isinstance(item, list) else [item])]
