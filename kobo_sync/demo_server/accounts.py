"""The caller's own token and description, and the address of an account."""

from __future__ import annotations

import hashlib
import sqlite3

from starlette.responses import Response

from kobo_sync.demo_server.auth import find_user
from kobo_sync.demo_server.storage import now
from kobo_sync.demo_server.web import FORBIDDEN, NO_CREDENTIALS, NOT_FOUND, Call, Refusal, answer


def token(call: Call) -> Response:
    """`GET /token/`: the caller's token; a superuser may name another account."""
    user = _caller(call)
    name = call.params.get("username", user["name"])
    if name != user["name"] and not user["superuser"]:
        raise Refusal(403, FORBIDDEN)
    wanted = find_user(call.store, name)
    if wanted is None:
        raise Refusal(404, NOT_FOUND)
    return answer({"token": wanted["token"]})


def me(call: Call) -> Response:
    """`GET /me/`: who the server takes the caller for."""
    if call.user is None:
        return answer({"message": "user is not logged in"})
    user = _caller(call)
    name, organization = user["name"], f"org{user['uid'][1:]}"
    email = f"{name}@example.org"
    digest = hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()
    return answer(
        {
            "username": name,
            "first_name": "",
            "last_name": "",
            "email": email,
            "is_superuser": bool(user["superuser"]),
            "server_time": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "date_joined": f"{user['date_joined'][:19]}Z",
            "projects_url": f"{call.base}/{name}",
            "gravatar": f"https://www.gravatar.com/avatar/{digest}?s=40",
            "last_login": None,
            "extra_details": {"name": "", "organization": "", "require_auth": True},
            "git_rev": False,
            "social_accounts": [],
            "validated_password": True,
            "accepted_tos": False,
            "organization": {
                "url": call.link(f"/api/v2/organizations/{organization}/"),
                "name": f"{name}'s organization",
                "uid": organization,
            },
            "extra_details__uid": user["uid"],
        }
    )


def read_user(call: Call, name: str) -> Response:
    """`GET /api/v2/users/{name}/`."""
    _caller(call)
    user = find_user(call.store, name)
    if user is None:
        raise Refusal(404, NOT_FOUND)
    return answer({"url": call.link(f"/api/v2/users/{name}/"), "username": name, "date_joined": user["date_joined"]})


def _caller(call: Call) -> sqlite3.Row:
    if call.user is None:
        raise Refusal(401, {"detail": NO_CREDENTIALS}, {"WWW-Authenticate": "Session"})
    return call.user
