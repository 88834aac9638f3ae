"""Who is calling: Token, Basic and Digest, with the refusals of a Kobo server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from kobo_sync.demo_server.storage import Store, instant, new_uid, now, secret

REALM = "DJANGO"


@dataclass(frozen=True)
class User:
    """An account of the demo server."""

    name: str
    password: str
    token: str
    superuser: bool = False

    @classmethod
    def parse(cls, text: str) -> User:
        """`NAME:PASSWORD:TOKEN[:superuser]`; ValueError if it is written otherwise."""
        parts = text.split(":")
        if len(parts) not in (3, 4) or not all(parts) or parts[3:] not in ([], ["superuser"]):
            raise ValueError("NAME:PASSWORD:TOKEN[:superuser]")
        return cls(parts[0], parts[1], parts[2], len(parts) == 4)


class AuthError(Exception):
    """Credentials were given and are wrong."""


def md5(text: str) -> str:
    """Hexadecimal MD5, which Digest asks for."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def add_users(store: Store, users: Iterable[User]) -> None:
    """Create or update accounts; only the Digest hash of a password is kept."""
    with store.db:
        for user in users:
            store.run(
                "INSERT INTO user VALUES (?,?,?,?,?,?) ON CONFLICT (name) DO UPDATE SET"
                " ha1 = excluded.ha1, token = excluded.token, superuser = excluded.superuser",
                (
                    user.name,
                    new_uid("u"),
                    md5(f"{user.name}:{REALM}:{user.password}"),
                    user.token,
                    int(user.superuser),
                    instant(now()),
                ),
            )


def find_user(store: Store, name: str) -> sqlite3.Row | None:
    """The account of that name."""
    return store.one("SELECT * FROM user WHERE name = ?", (name,))


def authenticate(store: Store, authorization: str, method: str) -> sqlite3.Row | None:
    """The caller; None when there are no credentials or the scheme is not one of ours.

    An unknown scheme (`Bearer`) is not an error on a Kobo server: the caller is simply anonymous.
    Raises AuthError with the server's own text.
    """
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "token":
            return _by_token(store, value.strip())
        case "basic":
            return _by_password(store, value.strip())
        case "digest":
            return _by_digest(store, value, method)
    return None


def challenge(store: Store, *, stale: bool = False) -> str:
    """The `WWW-Authenticate` header phones answer to."""
    stamp, salt = f"{time.time():.7f}", secrets.token_hex(2).upper()
    nonce = f"{stamp}:{salt}:{_nonce_hash(store, stamp, salt)}"
    opaque = secrets.token_hex(16).upper()
    return (
        f'Digest realm="{REALM}", qop="auth", nonce="{nonce}", opaque="{opaque}",'
        f' algorithm="MD5", stale="{"true" if stale else "false"}"'
    )


def _by_token(store: Store, token: str) -> sqlite3.Row:
    if not token:
        raise AuthError("Invalid token header. No credentials provided.")
    user = store.one("SELECT * FROM user WHERE token = ?", (token,))
    if user is None:
        raise AuthError("Invalid token.")
    return user


def _by_password(store: Store, encoded: str) -> sqlite3.Row:
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        raise AuthError("Invalid basic header. Credentials not correctly base64 encoded.") from None
    user = find_user(store, name)
    if user is None or not hmac.compare_digest(user["ha1"], md5(f"{name}:{REALM}:{password}")):
        raise AuthError("Invalid username/password.")
    return user


def _by_digest(store: Store, header: str, method: str) -> sqlite3.Row:
    parts = {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
    user = find_user(store, parts.get("username", ""))
    stamp, _, rest = parts.get("nonce", "").partition(":")
    salt, _, signature = rest.partition(":")
    if user is None or not hmac.compare_digest(signature, _nonce_hash(store, stamp, salt)):
        raise AuthError("Invalid username/password.")
    ha2 = md5(f"{method}:{parts.get('uri', '')}")
    expected = md5(
        ":".join((user["ha1"], parts["nonce"], parts.get("nc", ""), parts.get("cnonce", ""), parts.get("qop", ""), ha2))
    )
    if not hmac.compare_digest(parts.get("response", ""), expected):
        raise AuthError("Invalid username/password.")
    return user


def _nonce_hash(store: Store, stamp: str, salt: str) -> str:
    return md5(f"{stamp}:{salt}:{secret(store)}")
