"""Who calls, and what roles allow."""

from __future__ import annotations

import secrets
import sqlite3
from datetime import UTC, datetime

from starlette.responses import Response

from kobo_sync.demo_server.central.storage import SESSION, hashed, new_token, note, now, written
from kobo_sync.demo_server.central.web import Call, Problem, answer, not_allowed, not_found, not_known
from kobo_sync.demo_server.storage import Store

_READING = {"project.read", "form.list", "form.read", "submission.list", "submission.read"}
ROLES: dict[str, set[str]] = {
    "viewer": _READING,
    "formfill": {"project.read", "form.list", "form.read", "submission.create"},
    "app-user": {"form.read", "submission.create"},
    "manager": _READING
    | {"form.create", "form.update", "form.delete", "submission.create", "submission.update", "submission.delete"}
    | {"submission.restore", "field_key.create", "assignment.create", "assignment.delete"},
}


def recognise(store: Store, header: str, key: str | None) -> sqlite3.Row | None:
    """The caller; None for nobody. Raises Problem: 401.2, or 403.1 for a phone's address that is unknown."""
    if not header and key is None:
        return None
    scheme, _, token = header.partition(" ")
    if key is None and (scheme != "Bearer" or len(token) != 64):
        raise not_known()
    found = store.one(
        "SELECT actor.*, session.expires FROM session JOIN actor ON actor.id = session.actor WHERE token = ?",
        (token if key is None else key,),
    )
    if key is not None:
        if found is None or found["type"] != "field_key":
            raise not_allowed()
        return found
    if found is None or found["expires"] < now():
        raise not_known()
    return found


def may(call: Call, verb: str, project: int, form: int = 0) -> bool:
    """Whether the caller's roles allow it, on the server, in the project or for this form."""
    rows = call.store.all(
        "SELECT role FROM assignment WHERE actor = ? AND ((role = 'admin') OR (project = ? AND form IN (0, ?)))",
        (call.number, project, form),
    )
    return any(row["role"] == "admin" or verb in ROLES.get(row["role"], set()) for row in rows)


def demand(call: Call, verb: str, project: int, form: int = 0) -> None:
    """Raises Problem when the caller may not."""
    if not may(call, verb, project, form):
        raise not_allowed()


def is_admin(call: Call) -> bool:
    """Whether the caller administers the whole server."""
    return call.store.one("SELECT 1 FROM assignment WHERE actor = ? AND role = 'admin'", (call.number,)) is not None


def person(row: sqlite3.Row) -> dict[str, object]:
    """An actor as others see it."""
    return {
        "id": row["id"], "type": row["type"], "displayName": row["name"], "createdAt": row["created"],
        "updatedAt": None, "deletedAt": None,
    }  # fmt: skip


def log_in(call: Call) -> Response:
    """POST /v1/sessions."""
    body = call.json()
    email, password = body.get("email"), body.get("password")
    if not isinstance(email, str) or not isinstance(password, str):
        got = {name: body[name] for name in ("email", "password") if name in body}
        said = ", ".join(f"{name}: {repr(got[name]) if name in got else 'undefined'}" for name in ("email", "password"))
        raise Problem(
            400.3, f"Required parameters missing. Expected (email, password), got ({said}).",
            {"expected": ["email", "password"], "got": got},
        )  # fmt: skip
    actor = call.store.one("SELECT * FROM actor WHERE email = ?", (email,))
    salt = actor["password"].partition(":")[0] if actor is not None else "none"
    if actor is None or not secrets.compare_digest(hashed(password, salt), actor["password"]):
        raise not_known()
    made = datetime.now(UTC)
    session = (new_token(), new_token(), actor["id"], written(made), written(made + SESSION))
    call.store.run("INSERT INTO session VALUES (?,?,?,?,?)", session)
    call.store.run("UPDATE actor SET last_login = ? WHERE id = ?", (now(), actor["id"]))
    note(call.store, actor["id"], "user.session.create", None, None, {})
    return answer({"token": session[0], "csrf": session[1], "expiresAt": session[4], "createdAt": session[3]})


def log_out(call: Call, token: str) -> Response:
    """DELETE /v1/sessions/{token or current}."""
    if token == "current":
        token = call.request.headers.get("authorization", "").partition(" ")[2]
    session = call.store.one("SELECT actor FROM session WHERE token = ?", (token,))
    if session is None:
        raise not_found()
    if session["actor"] != call.number and not may(call, "field_key.create", 1):
        raise not_allowed()
    call.store.run("DELETE FROM session WHERE token = ?", (token,))
    return answer({"success": True})


def session_end(call: Call) -> Response:
    """GET /v1/sessions/restore."""
    token = call.request.headers.get("authorization", "").partition(" ")[2]
    row = call.store.one("SELECT created, expires FROM session WHERE token = ?", (token,))
    if row is None:
        raise not_found()
    return answer({"createdAt": row["created"], "expiresAt": row["expires"]})


def me(call: Call) -> Response:
    """GET /v1/users/current."""
    if call.actor is None:
        raise not_found()
    return answer({"email": call.actor["email"], "lastLoginAt": call.actor["last_login"], **person(call.actor)})
