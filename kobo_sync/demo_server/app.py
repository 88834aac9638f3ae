"""From a request on the socket to a handler and back: recognising the caller, reading, refusing, logging."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kobo_sync.demo_server import auth, openrosa
from kobo_sync.demo_server.routes import RESOURCES
from kobo_sync.demo_server.storage import RequestLine, Store, instant, log_request, now
from kobo_sync.demo_server.web import NO_CREDENTIALS, Call, HtmlPage, Refusal, Resource, Upload, answer, html_page


def create_app(store: Store, middleware: Sequence[Middleware] = ()) -> Starlette:
    """The application over an open store.

    `middleware` stands between the request log and the handlers: what it answers is logged too.
    """
    routes = [Route(resource.path, _Endpoint(store, resource)) for resource in RESOURCES]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(RequestLog, store=store), *middleware],
        exception_handlers={404: _no_such_path},
    )
    app.router.redirect_slashes = False  # Starlette would answer 307 where a Kobo server answers 301
    return app


class _Endpoint:
    """One resource as an ASGI application: every method comes here, so that 405 is ours to word."""

    def __init__(self, store: Store, resource: Resource) -> None:
        self.store = store
        self.resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = Call(request, self.store, None)
        try:
            call.user = auth.authenticate(self.store, request.headers.get("authorization", ""), request.method)
        except auth.AuthError as error:
            response = _refused(self.store, self.resource, str(error))
        else:
            scope["kobo_user"] = call.username or None
            if call.user is None and self.resource.challenge:
                response = _refused(self.store, self.resource, NO_CREDENTIALS)
            else:
                await _read(call)
                response = _handled(call, self.resource)
        await response(scope, receive, send)


def _handled(call: Call, resource: Resource) -> Response:
    """Run the handler in one transaction and dress its answer."""
    method = call.request.method
    handler = resource.methods.get(method) or (resource.methods.get("GET") if method == "HEAD" else None)
    parts = {name: unquote(value) for name, value in call.request.path_params.items()}
    try:
        if method == "OPTIONS":
            response = answer({})
        elif handler is None:
            raise Refusal(405, {"detail": f'Method "{method}" not allowed.'})
        else:
            with call.store.db:
                response = handler(call, **parts)
    except Refusal as refusal:
        response = answer(refusal.body, refusal.status, refusal.headers)
    except openrosa.Unlisted as unlisted:
        response = openrosa.unauthorized(unlisted.root, 404, "Not found.")
    except HtmlPage as page:
        response = html_page(page.status)
        if page.named and call.user is not None:
            response.headers["X-Kobonaut"] = call.username
        return response
    response.headers["Allow"] = resource.allow
    response.headers["Content-Language"] = "en"
    if call.user is not None:
        response.headers["X-Kobonaut"] = call.username
    return response


def _refused(store: Store, resource: Resource, detail: str) -> Response:
    """401, with the challenge that phones answer to or the API's own."""
    if resource.challenge:
        headers = {"WWW-Authenticate": auth.challenge(store)}
        response = openrosa.unauthorized(resource.challenge, 401, detail, headers)
    else:
        response = answer({"detail": detail}, 401, {"WWW-Authenticate": "Session"})
    response.headers["Allow"] = resource.allow
    return response


async def _read(call: Call) -> None:
    """Read the body whole: raw for JSON, fields and files for a form."""
    kind = call.request.headers.get("content-type", "")
    if kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        async with call.request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    content = await value.read()
                    call.files.append(Upload(name, value.filename or name, value.content_type or "", content))
                else:
                    call.fields[name] = value
    else:
        call.body = await call.request.body()


async def _no_such_path(request: Request, error: Exception) -> Response:
    """An unknown path: the HTML page; a missing last slash: 301."""
    path = request.url.path
    if path.startswith(("/api/", "/me", "/token")) and not path.endswith("/"):
        return RedirectResponse(str(request.url.replace(path=f"{path}/")), status_code=301)
    return html_page(404)


class RequestLog:
    """One line a request in the data file, written before the last byte leaves.

    So a client that has its answer can already read its line.
    """

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self.app = app
        self.store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request once it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, size, at = 500, 0, instant(now())

        async def logged(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    query = scope["query_string"].decode("latin-1")
                    user = scope.get("kobo_user")
                    line = RequestLine(at, scope["method"], scope["path"], query, status, user, size)
                    log_request(self.store, line)
            await send(message)

        await self.app(scope, receive, logged)
