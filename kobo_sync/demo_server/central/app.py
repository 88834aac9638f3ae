"""From a request on the socket to a handler and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from kobo_sync.demo_server.app import RequestLog
from kobo_sync.demo_server.central import audits, auth, forms, intake, odata, submissions
from kobo_sync.demo_server.central.storage import Settings
from kobo_sync.demo_server.central.web import (
    OPENROSA,
    Broken,
    Call,
    Handler,
    Problem,
    answer,
    not_found,
    openrosa,
    refusal,
)
from kobo_sync.demo_server.storage import Store
from kobo_sync.demo_server.web import Upload

_PROJECT = r"/projects/(?P<project>[^/]+)"
_FORM = rf"{_PROJECT}/forms/(?P<form_id>[^/]+?)"
_ROW = rf"{_FORM}/submissions/(?P<instance>[^/]+?)"
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", r"/sessions", auth.log_in),
    ("GET", r"/sessions/restore", auth.session_end),
    ("DELETE", r"/sessions/(?P<token>[^/]+)", auth.log_out),
    ("GET", r"/users/current", auth.me),
    ("GET", r"/audits", audits.audits),
    ("GET", r"/projects", forms.projects),
    ("GET", _PROJECT, forms.one_project),
    ("GET", rf"{_PROJECT}/forms", forms.forms),
    ("POST", rf"{_PROJECT}/forms", forms.create),
    ("POST", rf"{_PROJECT}/app-users", forms.app_user),
    ("POST DELETE", rf"{_PROJECT}/assignments/(?P<role>[a-z-]+)/(?P<actor>[^/]+)", forms.assign),
    ("HEAD POST", rf"{_PROJECT}/submission", intake.phone),
    ("GET", rf"{_FORM}\.svc", odata.service),
    ("GET", rf"{_FORM}\.svc/(?P<name>[^/]+)", odata.table),
    ("GET", rf"{_FORM}\.xml", forms.form_xml),
    ("GET", rf"{_FORM}/fields", forms.fields),
    ("GET", rf"{_FORM}/versions/(?P<version>[^/]+)/fields", forms.fields),
    ("POST", rf"{_FORM}/draft", forms.draft),
    ("POST", rf"{_FORM}/draft/publish", forms.publish),
    ("POST DELETE", rf"{_FORM}/assignments/(?P<role>[a-z-]+)/(?P<actor>[^/]+)", forms.assign),
    ("GET", rf"{_FORM}/submissions", submissions.listed),
    ("POST", rf"{_FORM}/submissions", intake.post),
    ("GET", rf"{_ROW}\.xml", submissions.xml),
    ("GET", _ROW, submissions.one),
    ("PUT", _ROW, intake.put),
    ("PATCH", _ROW, submissions.review),
    ("DELETE", _ROW, submissions.delete),
    ("POST", rf"{_ROW}/restore", submissions.restore),
    ("GET", rf"{_ROW}/versions", submissions.versions),
    ("GET", rf"{_ROW}/versions/(?P<wanted>[^/]+)", submissions.one_version),
    ("GET", rf"{_ROW}/audits", submissions.history),
    ("GET", rf"{_ROW}/attachments", submissions.files),
    ("GET HEAD POST DELETE", rf"{_ROW}/attachments/(?P<name>[^/]+)", submissions.file),
    ("GET", _FORM, forms.form),
)
_COMPILED = [(methods.split(), re.compile(pattern), handler) for methods, pattern, handler in ROUTES]


def create_app(store: Store, settings: Settings, middleware: Sequence[Middleware] = ()) -> Starlette:
    """The application over an open store; `middleware` stands between the request log and the handlers."""
    return Starlette(
        routes=[Mount("/", _Endpoint(store, settings))],
        middleware=[Middleware(RequestLog, store=store), *middleware],
    )


class _Endpoint:
    """Every request comes here: a wrong method is 404 on this server, not 405."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = Call(request, self.store, self.settings)
        raw = scope["raw_path"].decode("latin-1").partition("?")[0]
        await _read(call)
        phone = raw.rstrip("/").endswith("/submission")
        try:
            with self.store.db:
                response = _handled(call, raw)
        except Problem as problem:
            response = openrosa(problem.message, int(problem.code), "error") if phone else refusal(problem)
            for name in OPENROSA if phone and call.actor is None else ():
                del response.headers[name]
        except Broken:
            response = answer({"message": "Internal Server Error"}, 500)
        scope["kobo_user"] = call.actor["name"] if call.actor is not None else None
        await response(scope, receive, send)


def _handled(call: Call, raw: str) -> Response:
    """Recognise the caller, find the handler, run it."""
    version = re.match(r"/v(\d+)(/.*)$", raw)
    if version is None:
        raise Problem(404.2, "Expected an API version (accepts: 1).")
    if version[1] != "1":
        raise Problem(404.3, f"Unexpected an API version (accepts: 1) (got: {version[1]}).", {"got": version[1]})
    path, key = version[2].rstrip("/"), None
    if keyed := re.match(r"/key/([^/]+)(/.*)$", path):
        key, path = keyed[1], keyed[2]
    call.actor = auth.recognise(call.store, call.request.headers.get("authorization", ""), key)
    for methods, pattern, handler in _COMPILED:
        found = pattern.fullmatch(path) if call.request.method in methods else None
        if found is None:
            continue
        if call.actor is None and handler is not auth.log_in:
            raise Problem(401.2, "Could not authenticate with the provided credentials.")
        parts = {name: unquote(value) for name, value in found.groupdict().items()}
        if "project" in parts:
            return handler(call, forms.project_number(parts.pop("project")), **parts)
        return handler(call, **parts)
    raise not_found()


async def _read(call: Call) -> None:
    """Read the body whole: files of a form, else raw."""
    if call.request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with call.request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    content = await value.read()
                    call.files.append(Upload(name, value.filename or name, value.content_type or "", content))
    else:
        call.body = await call.request.body()
