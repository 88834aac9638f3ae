"""What a handler of the Central demo server receives, and how it answers or refuses."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from kobo_sync.demo_server.central.storage import Settings
from kobo_sync.demo_server.storage import Store
from kobo_sync.demo_server.web import Upload

OPENROSA = {"X-OpenRosa-Version": "1.0", "X-OpenRosa-Accept-Content-Length": "100000000"}


class Problem(Exception):
    """A refusal: the status is the whole part of `code`."""

    def __init__(self, code: float, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class Broken(Exception):
    """What makes the real server stumble: 500 without a code."""


def not_found() -> Problem:
    """No such thing."""
    return Problem(404.1, "Could not find the resource you were looking for.")


def not_known() -> Problem:
    """No such caller; one answer for every reason."""
    return Problem(401.2, "Could not authenticate with the provided credentials.")


def not_allowed() -> Problem:
    """Known, without the right."""
    return Problem(403.1, "The authentication you provided does not have rights to perform that action.")


def exists(name: str, value: str) -> Problem:
    """The value is taken."""
    return Problem(
        409.3, f"A resource already exists with {name} value(s) of {value}.", {"fields": name, "values": value}
    )


@dataclass
class Call:
    """One request, read whole, with the caller recognised (`actor` None: nobody)."""

    request: Request
    store: Store
    settings: Settings
    actor: sqlite3.Row | None = None
    body: bytes = b""
    files: list[Upload] = field(default_factory=list)

    @property
    def params(self) -> Mapping[str, str]:
        """Query parameters."""
        return self.request.query_params

    @property
    def base(self) -> str:
        """The server's address as its own links name it."""
        return self.settings.public_url or f"{self.request.url.scheme}://{self.request.url.netloc}"

    @property
    def extended(self) -> bool:
        """Whether people and counts are wanted too."""
        return self.request.headers.get("x-extended-metadata", "") == "true"

    @property
    def number(self) -> int | None:
        """Number of the caller."""
        return None if self.actor is None else int(self.actor["id"])

    def json(self) -> dict[str, Any]:
        """The body if it says that it is JSON; else it is not read at all."""
        if not self.request.headers.get("content-type", "").startswith("application/json"):
            return {}
        try:
            body = json.loads(self.body or b"{}")
        except ValueError:
            length = len(self.body)
            raise Problem(
                400.1, f"Could not parse the given data ({length} chars) as json.",
                {"format": "json", "rawLength": length},
            ) from None  # fmt: skip
        return body if isinstance(body, dict) else {}


Handler = Callable[..., Response]


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    response = Response(text, status, dict(headers or {}), "application/json; charset=utf-8")
    if "etag" not in response.headers:
        response.headers["ETag"] = f'W/"{len(text):x}-{hashlib.sha1(text, usedforsecurity=False).hexdigest()[:27]}"'
    return response


def refusal(problem: Problem) -> Response:
    """A refusal as JSON."""
    body: dict[str, Any] = {"message": problem.message, "code": problem.code}
    if problem.details is not None:
        body["details"] = problem.details
    return answer(body, int(problem.code))


def openrosa(message: str, status: int, nature: str = "") -> Response:
    """What a phone reads."""
    text = escape(message, {"'": "&#39;", '"': "&quot;"})
    page = (
        '\n  <OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">\n'
        f'    <message nature="{nature}">{text}</message>\n  </OpenRosaResponse>'
    )
    return Response(page, status, OPENROSA, "text/xml; charset=utf-8")


def unless_known(call: Call, tag: str, headers: Mapping[str, str]) -> Response | None:
    """304 when the caller already has this state; one tag only is understood."""
    known = call.request.headers.get("if-none-match", "").removeprefix("W/").strip('"')
    return Response(status_code=304, headers={**headers, "ETag": tag}) if known and known in tag else None


def whole_number(text: str | None, name: str, default: int) -> int:
    """A number of the address. Raises Problem, or Broken for a negative one, as the real server stumbles over it."""
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise Problem(
            400.11, f"Invalid input data type: expected ({name}) to be (integer)",
            {"field": name, "expected": "integer"},
        ) from None  # fmt: skip
    if number < 0:
        raise Broken
    return number
