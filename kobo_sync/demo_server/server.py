"""Running the demo server on a real socket, in this process or as a program."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import uvicorn
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from kobo_sync.demo_server.app import create_app
from kobo_sync.demo_server.auth import User, add_users
from kobo_sync.demo_server.storage import open_store


@contextmanager
def serve(
    data: Path,
    port: int = 0,
    *,
    users: Iterable[User] = (),
    page_default: int = 100,
    page_max: int = 1000,
    middleware: Sequence[Middleware] = (),
) -> Iterator[str]:
    """Serve the data file on 127.0.0.1 from a thread of its own; yields the base URL.

    `port` 0 takes a free one. `users` are created or updated. `page_default` and `page_max` imitate
    servers that cut pages. Raises OSError if the port is taken.
    """
    with open_store(data, page_default=page_default, page_max=page_max) as store, listening(port) as sock:
        add_users(store, users)
        server = uvicorn.Server(server_config(create_app(store, middleware)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="demo-server")
        thread.start()
        try:
            yield url_of(sock)
        finally:
            server.should_exit = True
            thread.join()


def run(
    data: Path,
    port: int = 0,
    *,
    users: Iterable[User] = (),
    page_default: int = 100,
    page_max: int = 1000,
    url_file: Path | None = None,
    middleware: Sequence[Middleware] = (),
) -> None:
    """Serve until SIGINT or SIGTERM; the base URL goes to `url_file` as soon as the socket listens."""
    with open_store(data, page_default=page_default, page_max=page_max) as store, listening(port) as sock:
        add_users(store, users)
        if url_file is not None:
            # Written whole under another name first: whoever waits for the file never reads half a line.
            draft = url_file.with_name(f"{url_file.name}.part")
            draft.write_text(f"{url_of(sock)}\n", encoding="utf-8")
            draft.replace(url_file)
        else:
            print(url_of(sock), flush=True)
        uvicorn.Server(server_config(create_app(store, middleware))).run(sockets=[sock])


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that already listens: a client may connect before the server accepts."""
    # The protocol is named: otherwise asyncio leaves Nagle's algorithm on and each answer takes 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere this would let two servers share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(128)
        yield sock
    finally:
        sock.close()


def url_of(sock: socket.socket) -> str:
    """The base URL of a listening socket."""
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How every demonstration server is run."""
    # The plain asyncio loop and h11: nothing to compile on a Windows machine. No access log: it would hold
    # queries, and the request log is in the data file.
    return uvicorn.Config(
        _Dated(app),
        loop="asyncio",
        http=_Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=5,
    )


class _Protocol(H11Protocol):
    """Hands the connection to the application too: a fault must be able to break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Dated:
    """Adds the Date header, unless the application told its own (a clock that is wrong)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", [])]
                if not any(name.lower() == b"date" for name, _ in headers):
                    headers.append((b"date", formatdate(usegmt=True).encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, dated)
