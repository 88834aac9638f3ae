"""A server that costs nothing: pre-rendered pages over real sockets, late by a given round-trip time.

python benchmarks/pull_server.py --rows 100000     prints its address, serves until its standard input is closed

It answers the requests of a pull in the API's shapes (`/me/`, the form, `/data/` by query, by page, by row). A request
waits one round trip in the server, each connection on its own; the first of a connection waits two more, for TCP and
TLS. `POST /bench` sets the round trip and the compression, changes rows, and gives what was counted since the last.
"""

from __future__ import annotations

import argparse
import json
import os
import socketserver
import sys
import threading
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pull_archive import Archive

ASSET = "aBenchmarkOfThePull0000"
PAGE_DEFAULT, PAGE_MAX = 100, 1000
_END = b"\x03\x00"
"""The empty last block of a deflate stream."""
_RIGHTS = ("view_asset", "view_submissions")


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection: a late answer holds up no other."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, rows: int) -> None:
        self.archive = Archive(rows, ASSET)
        self.round_trip = 0.0
        self.gzip = True
        self.sums: dict[Any, int] = {}
        self.lock = threading.Lock()
        self.count = {"requests": 0, "sent": 0, "heard": 0, "connections": 0}
        super().__init__(("127.0.0.1", 0), Connection)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def ordered(self, order: Mapping[str, Any]) -> dict[str, int]:
        """What `POST /bench` asks; the counters as they were, then set to nought."""
        with self.lock:
            self.round_trip = order.get("round_trip", self.round_trip)
            self.gzip = order.get("gzip", self.gzip)
            if order.get("change"):
                self.archive.change(order["change"])
                self.sums.clear()
            before, self.count = self.count, dict.fromkeys(self.count, 0)
            return before | (self._least() if order.get("least") else {})

    def _least(self) -> dict[str, int]:
        """Bytes of the index and of the rows changed, without any head, as they are or compressed."""
        index, size = self.archive.shape(["_id"]), len(self.archive.numbers)
        changed = b",".join(self.archive.bodies.span(at, at + 1) for at in self.archive.changed)
        squeezed = sum(map(len, index.deflated(0, size))) if self.gzip else len(index.data)
        return {"index": squeezed, "changed": len(_fast(changed)) if self.gzip else len(changed)}

    def counted(self, **more: int) -> None:
        """Add to the counters."""
        with self.lock:
            for name, value in more.items():
                self.count[name] += value


class Connection(socketserver.StreamRequestHandler):
    """One connection, kept alive as long as the client wants."""

    server: Server
    disable_nagle_algorithm = True
    rbufsize = 65536

    def handle(self) -> None:
        """Answer until the client closes."""
        self.server.counted(connections=1)
        time.sleep(2 * self.server.round_trip)
        while line := self.rfile.readline():
            _, target, _ = line.decode().split(" ", 2)
            headers: dict[str, str] = {}
            heard = len(line)
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                heard += len(line)
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length") or 0))
            if target == "/bench":
                self._send(200, {}, [json.dumps(self.server.ordered(json.loads(body))).encode()])
                continue
            time.sleep(self.server.round_trip)
            self._answer(target, self._gzip(headers), heard + 2 + len(body))

    def _gzip(self, headers: Mapping[str, str]) -> bool:
        return self.server.gzip and "gzip" in headers.get("accept-encoding", "")

    def _answer(self, target: str, gzip: bool, heard: int) -> None:
        parts = urlsplit(target)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removesuffix("/").removesuffix(".json")
        form = f"/api/v2/assets/{ASSET}"
        if path == "/me":
            status, sent = 200, [json.dumps({"username": "sync"}).encode()]
        elif path == form:
            status, sent = 200, [json.dumps(self._asset()).encode()]
        elif path == f"{form}/history":  # as for most accounts: it needs the right to manage the form
            status, sent = 403, [b'{"detail":"You do not have permission to perform this action."}']
        elif path == f"{form}/data":
            return self._page(params, gzip, heard)
        else:
            number = path.removeprefix(f"{form}/data/")
            at = self.server.archive.position(int(number)) if number.isdecimal() else None
            status = 404 if at is None else 200
            sent = [b'{"detail":"Not found."}' if at is None else self.server.archive.bodies.span(at, at + 1)]
        self.server.counted(requests=1, heard=heard, sent=self._send(status, {}, sent))
        return None

    def _asset(self) -> dict[str, Any]:
        rights = [{"codename": name} for name in _RIGHTS]
        return {
            "uid": ASSET, "name": "traite", "owner__username": "sync", "effective_permissions": rights,
            "content": {"survey": [], "choices": []}, "version_id": "v1", "deployed_version_id": "v1",
            "deployment__active": True, "has_deployment": True,
        }  # fmt: skip

    def _page(self, params: Mapping[str, str], gzip: bool, heard: int) -> None:
        archive = self.server.archive
        fields = json.loads(params["fields"]) if "fields" in params else None
        limit = min(int(params.get("limit", PAGE_DEFAULT)), PAGE_MAX)
        start = int(params.get("start", 0))
        wanted = json.loads(params.get("query") or "{}").get("_id", {})
        rows = archive.shape(fields)
        if isinstance(wanted, dict) and "$in" in wanted:
            found = [at for number in sorted(wanted["$in"]) if (at := archive.position(number)) is not None]
            count, picked = len(found), found[start : start + limit]
            results: list[Any] = [b",".join(rows.span(at, at + 1) for at in picked)]
            key = None
        else:
            first, last = archive.between(wanted.get("$gt"), wanted.get("$lte"))
            count = last - first
            if json.loads(params.get("sort") or '{"_id":1}').get("_id") == -1:
                first, last = max(first, last - start - limit), max(first, last - start)
                picked = list(range(first, last))
                results = [b",".join(rows.span(at, at + 1) for at in reversed(picked))]
                key = None
            else:
                first = min(first + start, last)
                picked = range(first, min(first + limit, last))
                key = (frozenset(fields or ("*",)), first, len(picked))
                results = [] if gzip else [rows.span(first, first + len(picked))]
        more = start + len(picked) < count
        link = f"{self.server.url}/api/v2/assets/{ASSET}/data/?{urlencode({**params, 'start': start + len(picked)})}"
        head = json.dumps({"count": count, "next": link if more else None, "previous": None})[:-1] + ', "results": ['
        if not gzip:
            sent, headers = [head.encode(), *results, b"]}"], {}
        else:
            sent, headers = self._gzipped(head.encode(), key, rows, results), {"Content-Encoding": "gzip"}
        self.server.counted(requests=1, heard=heard, sent=self._send(200, headers, sent))

    def _gzipped(self, head: bytes, key: Any, rows: Any, results: list[Any]) -> list[bytes]:
        """A gzip file made of ready blocks; only what is asked row by row is compressed now."""
        first, size = (key[1], key[2]) if key else (0, 0)
        text = rows.span(first, first + size) if key else results[0]
        # The sum of a run of rows is asked again by the next client: it is kept with the length of its head.
        full = (head, key)
        sums = self.server.sums
        if key is None or full not in sums:
            checksum = zlib.crc32(b"]}", zlib.crc32(text, zlib.crc32(head)))
            if key is not None:
                sums[full] = checksum
        else:
            checksum = sums[full]
        pieces = rows.deflated(first, first + size) if key else [_fast(text)]
        length = len(head) + len(text) + 2
        trailer = checksum.to_bytes(4, "little") + (length % (1 << 32)).to_bytes(4, "little")
        return [b"\x1f\x8b\x08\0\0\0\0\0\0\xff", _fast(head), *pieces, _fast(b"]}"), _END, trailer]

    def _send(self, status: int, headers: Mapping[str, str], parts: list[Any]) -> int:
        length = sum(map(len, parts))
        lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, f"Content-Length: {length}", "Vary: Accept-Encoding", "", ""]).encode()
        self.request.sendall(head + parts[0] if len(parts[0]) < 4096 else head)
        for part in parts[1:] if len(parts[0]) < 4096 else parts:
            self.request.sendall(part)
        return len(head) + length


def _fast(data: bytes | memoryview) -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush(zlib.Z_FULL_FLUSH)


def main() -> None:
    """Serve until whoever started this closes our standard input, or ends."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--core", type=int, help="the core to stay on")
    asked = options.parse_args()
    if asked.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {asked.core})
    with Server(asked.rows) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.url, flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
