"""Bounds on what a server may cost us: time of a request although bytes drip in, size of an answer once unpacked.

A socket's own timeout starts again with every byte, headers included: a server that sends one byte a minute would hold
the night for ever. So each read of the socket is given what is left of the request's time.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
import zlib
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

CHUNK = 256 * 1024
"""Bytes asked of the socket at once: few calls for a large page."""


@dataclass(frozen=True)
class Limits:
    """What one server may take of us. Seconds and bytes."""

    request: float = 600.0
    """One request, from sending to the last byte. A page of 1,000 rows over a slow satellite link takes under a minute;
    the server itself gives up at 120 s."""
    waits: float = 1800.0
    """All the pauses and failed tries together: a server that is down should be told of, not waited for all night."""
    total: float = 6 * 3600.0
    """Everything asked of one server in a run. A run begun at 02:00 ends before people come to work."""
    answer: int = 128 * 2**20
    """One answer, unpacked. An index of 300,000 rows in one piece takes 110 MB; a page of whole rows about 10."""
    refusal: int = 64 * 2**10
    """The body of an error: only its first words are repeated."""


LIMITS = Limits()


class TooLong(Exception):
    """The request's time is over though something still comes."""


class TooLarge(Exception):
    """The answer is larger than we take."""


class _Clock(threading.local):
    deadline = float("inf")


_clock = _Clock()


def set_deadline(seconds: float) -> None:
    """The time that this thread's next request may take, all its reads together."""
    _clock.deadline = time.monotonic() + seconds


class _BoundedSocket(io.RawIOBase):
    """Reads a socket, each time with what is left of the thread's deadline."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _clock.deadline - time.monotonic()
        if left <= 0:
            raise TooLong
        quiet = self._sock.gettimeout()
        if quiet is not None and quiet <= left:
            return self._raw.readinto(buffer)
        self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            raise TooLong from None
        finally:
            self._sock.settimeout(quiet)

    def close(self) -> None:
        self._raw.close()  # the socket counts its readers: it closes when this one is gone
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        # The buffer holds no byte yet; the reader beneath it is the socket's own.
        self.fp = io.BufferedReader(_BoundedSocket(sock, self.fp.detach()), CHUNK)


class _Plain(HTTPConnection):
    response_class = _Response


class _Secure(HTTPSConnection):
    response_class = _Response


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class BoundedAdapter(HTTPAdapter):
    """The adapter of a session whose requests end in time, through a proxy too."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """As its parent, over our connections."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def proxy_manager_for(self, *args: Any, **more: Any) -> urllib3.ProxyManager:
        """As its parent, over our connections."""
        manager = super().proxy_manager_for(*args, **more)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager


def read_body(response: requests.Response, limit: int, *, cut: bool = False) -> bytes:
    """The whole body, unpacked, of a response asked for with stream=True.

    Raises TooLarge beyond `limit` bytes (`cut`: its beginning is returned instead), TooLong, EOFError when packed data
    ends too early, and what urllib3 and zlib raise.
    """
    packed = response.headers.get("Content-Encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip"):  # we asked for no other
        raise EOFError
    gunzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if packed == "gzip" else None
    pieces: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(CHUNK, decode_content=False):
        # One byte more than allowed is enough to know; what a bomb would unpack to never comes into being.
        piece = gunzip.decompress(chunk, limit + 1 - size) if gunzip else chunk
        size += len(piece)
        pieces.append(piece)
        if size > limit:
            response.close()  # not back to the pool: the rest is still on the wire
            if cut:
                return b"".join(pieces)[:limit]
            raise TooLarge
    if gunzip and size and not gunzip.eof:
        raise EOFError
    return b"".join(pieces)
