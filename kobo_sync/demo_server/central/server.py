"""Running the Central demo server on a real socket, from a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.middleware import Middleware

from kobo_sync.demo_server.central.app import create_app
from kobo_sync.demo_server.central.storage import Person, Settings, add_people, open_central
from kobo_sync.demo_server.server import listening, server_config, url_of


@contextmanager
def serve_central(
    data: Path,
    port: int = 0,
    *,
    people: Iterable[Person] = (),
    page: int | None = None,
    public_url: str | None = None,
    middleware: Sequence[Middleware] = (),
) -> Iterator[str]:
    """Serve the data file on 127.0.0.1; yields the base URL.

    `port` 0 takes a free one. `people` are created if they are not there. `page` and `public_url`: see Settings.
    Raises OSError if the port is taken.
    """
    with open_central(data) as store, listening(port) as sock:
        add_people(store, people)
        server = uvicorn.Server(server_config(create_app(store, Settings(page, public_url), middleware)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="demo-central")
        thread.start()
        try:
            yield url_of(sock)
        finally:
            server.should_exit = True
            thread.join()
