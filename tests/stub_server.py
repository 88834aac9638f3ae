"""A real socket that answers as it is told, byte for byte: for what a healthy server never sends."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Said:
    """One answer. `cut`: bytes of the body really sent before the connection is closed."""

    body: Any = None
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass
class Heard:
    """One request."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


Answering = Callable[[Heard], Said]


@contextmanager
def stub(answering: Answering, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[Heard]]]:
    """The base URL, and the requests as they come."""
    heard: list[Heard] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            params = {name: values[0] for name, values in parse_qs(parts.query).items()}
            request = Heard(self.command, parts.path, params, dict(self.headers))
            heard.append(request)
            said = answering(request)
            self.send_response(said.status)
            self.send_header("Content-Type", said.kind)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.content)))
            self.end_headers()
            self.wfile.write(said.content if said.cut is None else said.content[: said.cut])
            if said.cut is not None:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _answer

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass  # a caller that hung up is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def in_turn(*answers: Said) -> Answering:
    """Each answer once, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def dripping(begin: bytes, piece: bytes | None) -> Iterator[str]:
    """Sends `begin`, then `piece` for ever, a tenth of a second apart, to every caller; None: hangs up instead."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def serve(line: socket.socket) -> None:
            with line:
                line.recv(65536)
                line.sendall(begin)
                while piece is not None and not done.wait(0.1):
                    try:
                        line.sendall(piece)
                    except OSError:
                        return

        def accept() -> None:
            while not done.is_set():
                try:
                    line = listening.accept()[0]
                except TimeoutError:
                    continue
                lines.append(threading.Thread(target=serve, args=(line,)))
                lines[-1].start()

        lines = [threading.Thread(target=accept)]
        lines[0].start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            for thread in lines:
                thread.join()
