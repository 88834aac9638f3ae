"""What a handler receives and how it answers or refuses, in the shapes of a Kobo server."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from kobo_sync.demo_server.storage import Store

NOT_FOUND = {"detail": "Not found."}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
NO_CREDENTIALS = "Authentication credentials were not provided."


class Refusal(Exception):
    """An answer that is an error; the transaction of the request is rolled back."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class HtmlPage(Exception):
    """An error that the API's own error handler never sees: an HTML page comes back."""

    def __init__(self, status: int, *, named: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.named = named  # whether the caller had been recognised by then (X-Kobonaut)


@dataclass(frozen=True)
class Upload:
    """One file of a multipart request."""

    name: str
    filename: str
    content_type: str
    content: bytes


@dataclass
class Call:
    """One request, read whole, with the caller already recognised (`user` None: anonymous)."""

    request: Request
    store: Store
    user: sqlite3.Row | None
    body: bytes = b""
    fields: dict[str, str] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)

    @property
    def username(self) -> str:
        """Name of the caller; empty when anonymous."""
        return "" if self.user is None else str(self.user["name"])

    @property
    def params(self) -> Mapping[str, str]:
        """Query parameters."""
        return self.request.query_params

    @property
    def base(self) -> str:
        """`http://host:port`, as the client wrote it."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    def link(self, path: str) -> str:
        """Absolute address of a thing; it carries `?format=json` on when the request did."""
        suffix = "?format=json" if self.params.get("format") == "json" else ""
        return f"{self.base}{path}{suffix}"

    def data(self) -> Any:
        """The body: decoded JSON, or the fields of a form.

        Raises HtmlPage 500 for malformed JSON: on a real server the audit layer trips over it first.
        """
        if self.request.headers.get("content-type", "").startswith("application/json"):
            try:
                return json.loads(self.body or b"{}")
            except ValueError:
                raise HtmlPage(500) from None
        return dict(self.fields)


Handler = Callable[..., Response]


@dataclass(frozen=True)
class Resource:
    """One address: its handlers by method, the `Allow` header it shows, how it challenges the anonymous.

    `challenge` is empty for the API; for phones it names the XML root of the 401 body (`json` for JSON).
    """

    path: str
    allow: str
    methods: Mapping[str, Handler]
    challenge: str = ""


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, dict(headers or {}), "application/json")


def no_content() -> Response:
    """204."""
    return Response(status_code=204)


def html_page(status: int) -> Response:
    """The error pages of a Kobo server: HTML where JSON was asked."""
    heading = {404: "Page not found (404)", 500: "Server error (500)"}[status]
    page = f"<!DOCTYPE html>\n<html><head><title>{heading}</title></head><body><h1>{heading}</h1></body></html>\n"
    return Response(page, status, media_type="text/html")


def xml_refusal(body: Mapping[str, Any], status: int) -> Response:
    """An error in the API's XML format."""
    inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in body.items())
    text = f'<?xml version="1.0" encoding="utf-8"?><root>{inner}</root>'
    return Response(text, status, media_type="application/xml; charset=utf-8")


def positive(text: str | None, default: int, *, least: int = 0) -> int | None:
    """A number of a query parameter, the default if absent, None if it is not a whole number >= least."""
    if text is None:
        return default
    return int(text) if text.isdecimal() and int(text) >= least else None


def page_links(url: str, start: int, limit: int, count: int) -> tuple[str | None, str | None]:
    """The `next` and `previous` of a page, with the parameters sorted as Kobo writes them."""
    following = with_params(url, limit=limit, start=start + limit) if start + limit < count else None
    if start <= 0:
        return following, None
    before = start - limit
    return following, with_params(url, limit=limit, start=before if before > 0 else None)


def with_params(url: str, **changes: int | None) -> str:
    """The address with query parameters set, or taken away where the value is None."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = [str(value)]
    return urlunsplit(parts._replace(query=urlencode(sorted(query.items()), doseq=True)))
