"""Running the demo server on a real socket, in this process or as a program."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.middleware import Middleware

from kobo_sync.demo_server.app import create_app
from kobo_sync.demo_server.auth import User, add_users
from kobo_sync.demo_server.storage import Store, open_store


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
    with open_store(data, page_default=page_default, page_max=page_max) as store, _listening(port) as sock:
        add_users(store, users)
        server = uvicorn.Server(_config(store, middleware))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="demo-server")
        thread.start()
        try:
            yield _url(sock)
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
) -> None:
    """Serve until SIGINT or SIGTERM; the base URL goes to `url_file` as soon as the socket listens."""
    with open_store(data, page_default=page_default, page_max=page_max) as store, _listening(port) as sock:
        add_users(store, users)
        if url_file is not None:
            # Written whole under another name first: whoever waits for the file never reads half a line.
            draft = url_file.with_name(f"{url_file.name}.part")
            draft.write_text(f"{_url(sock)}\n", encoding="utf-8")
            draft.replace(url_file)
        else:
            print(_url(sock), flush=True)
        uvicorn.Server(_config(store, ())).run(sockets=[sock])


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
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


def _url(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


def _config(store: Store, middleware: Sequence[Middleware]) -> uvicorn.Config:
    # The plain asyncio loop and h11: nothing to compile on a Windows machine. No access log: it would hold
    # queries, and the request log is in the data file.
    return uvicorn.Config(
        create_app(store, middleware),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
