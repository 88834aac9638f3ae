"""Faults on demand: what servers and the way to them do on bad nights, set and lifted while the server runs.

`Faults` is a piece of ASGI middleware, for the Kobo and the Central server alike; `FaultBoard` is its switch. The names
in `FAULTS` are those of the table in docs/pannes.md.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LISTS = r"/data/|\.svc/|/submissions\b"
"""Where rows are read, in Kobo's addresses and in Central's."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One fault, and on which GET requests: the `first` to the `last` that match `path` (None: until lifted).

    `seconds`: between two bytes of a drip, asked by a 429, or by which the clock is wrong. `elsewhere`: where a
    redirect leads. `amount`: by how much a count is wrong, or rows in a cut page. `change`: called between pages.
    """

    name: str
    path: str = LISTS
    first: int = 1
    last: int | None = None
    seconds: float = 1.0
    elsewhere: str = "http://autre.example.org"
    amount: int = 100
    change: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"panne inconnue : {self.name} ; connues : {', '.join(FAULTS)}")


class FaultBoard:
    """The fault in force, if any. Set and lifted from any thread; `hits` counts the requests it touched."""

    def __init__(self, fault: Fault | None = None) -> None:
        self._lock = threading.Lock()
        self._fault = fault
        self._seen = 0
        self.hits = 0
        self.last_row: list[Any] = []

    def set(self, fault: Fault) -> None:
        """From now on; requests are counted from one."""
        with self._lock:
            self._fault, self._seen, self.hits, self.last_row = fault, 0, 0, []

    def lift(self) -> None:
        """The server is healthy again."""
        with self._lock:
            self._fault = None

    def holds(self, fault: Fault) -> bool:
        """Whether this fault is still in force."""
        return self._fault is fault

    def touching(self, method: str, target: str) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            fault = self._fault
            if fault is None or method != "GET":
                return None
            begun = self._seen >= fault.first
            if fault.name in _FOR_GOOD and begun:
                pass  # what is lost half-way is lost everywhere
            elif not re.search(fault.path, target):
                return None
            else:
                self._seen += 1
                if self._seen < fault.first or (fault.last is not None and self._seen > fault.last):
                    return None
            self.hits += 1
            return fault


@dataclass
class _Met:
    """A request that meets a fault."""

    fault: Fault
    board: FaultBoard
    number: int
    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send

    async def answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        """A whole answer. Headers: `retry_after` becomes Retry-After."""
        named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        start = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *named]
        await self.send({"type": "http.response.start", "status": status, "headers": start})
        await self.send({"type": "http.response.body", "body": body})

    async def healthy(self) -> tuple[Message, bytes]:
        """What the server would have answered."""
        start: Message = {}
        body = bytearray()

        async def kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self.app(self.scope, self.receive, kept)
        return start, bytes(body)

    async def changed(self, change: Callable[[Json, list[Any]], None]) -> None:
        """The healthy answer, its JSON changed. `change` gets the body and its list of rows (empty: another answer)."""
        start, content = await self.healthy()
        if start["status"] == 200 and content[:1] in (b"{", b"["):
            body = json.loads(content)
            rows = body if isinstance(body, list) else body.get("results", body.get("value", []))
            change(body if isinstance(body, dict) else {}, rows)
            content = json.dumps(body, ensure_ascii=False).encode()
        await self.resend(start, content)

    async def resend(self, start: Message, content: bytes, length: int | None = None) -> None:
        """Send a kept answer, its length told anew (or wrongly)."""
        told = str(len(content) if length is None else length).encode()
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await self.send({**start, "headers": [*headers, (b"content-length", told)]})
        await self.send({"type": "http.response.body", "body": content, "more_body": length is not None})

    async def lasting(self, piece: bytes = b"") -> None:
        """Hold the line, sending `piece` each time, until the fault is lifted or the caller is gone."""
        gone = asyncio.ensure_future(self._gone())
        try:
            while not gone.done() and self.board.holds(self.fault):
                if piece:
                    await self.send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.wait([gone], timeout=self.fault.seconds if piece else 0.05)
        finally:
            gone.cancel()

    async def _gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def hang_up(self) -> None:
        """Break the connection without a word."""
        self.scope["state"]["transport"].abort()


Handler = Callable[[_Met], Awaitable[None]]
FAULTS: dict[str, str] = {}
"""Name of each fault and what it is, in French."""
_HANDLERS: dict[str, Handler] = {}
_FOR_GOOD = {"revoked", "partial"}


def _fault(name: str, meaning: str) -> Callable[[Handler], Handler]:
    def added(handler: Handler) -> Handler:
        FAULTS[name], _HANDLERS[name] = meaning, handler
        return handler

    return added


class Faults:
    """The middleware. It also tells each answer's Date, which a wrong clock changes."""

    def __init__(self, app: ASGIApp, board: FaultBoard) -> None:
        self.app = app
        self.board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server for each request."""
        fault = None
        if scope["type"] == "http":
            fault = self.board.touching(scope["method"], f"{scope['path']}?{scope['query_string'].decode('latin-1')}")
        if fault is None:
            await self.app(scope, receive, send)
            return
        await _HANDLERS[fault.name](_Met(fault, self.board, self.board.hits, self.app, scope, receive, send))


# --- No answer, or none that ends -------------------------------------------------------------------------------------


@_fault("refused", "connexion refusée ou coupée avant la réponse")
async def _refused(met: _Met) -> None:
    met.hang_up()


@_fault("stall", "serveur muet : la connexion reste ouverte, rien ne vient")
async def _stall(met: _Met) -> None:
    await met.lasting()
    met.hang_up()


@_fault("drip", "réponse au compte-gouttes, octet par octet")
async def _drip(met: _Met) -> None:
    start, content = await met.healthy()
    await met.resend(start, b"", len(content) + 10_000_000)
    await met.lasting(b" ")
    met.hang_up()


@_fault("endless", "réponse qui ne finit pas")
async def _endless(met: _Met) -> None:
    headers = [(b"content-type", b"application/json")]
    await met.send({"type": "http.response.start", "status": 200, "headers": headers})
    piece = b'{"_id":1,"_uuid":"0"},' * 3000
    await met.send({"type": "http.response.body", "body": b'{"count":1,"results":[', "more_body": True})
    gone = asyncio.ensure_future(met._gone())
    while not gone.done() and met.board.holds(met.fault):
        await met.send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    gone.cancel()
    met.hang_up()


@_fault("bomb", "réponse compressée qui se déplie sans mesure")
async def _bomb(met: _Met) -> None:
    await met.answer(200, _zeros(32), content_encoding="gzip")


@_fault("truncated", "JSON coupé : la connexion se ferme avant la fin")
async def _truncated(met: _Met) -> None:
    start, content = await met.healthy()
    await met.resend(start, content[: len(content) // 2], len(content))
    met.hang_up()


# --- Refusals ---------------------------------------------------------------------------------------------------------


def _status(status: int, meaning: str, body: bytes, kind: str) -> None:
    async def refuse(met: _Met) -> None:
        await met.answer(status, body, kind)

    _fault(str(status), meaning)(refuse)


_status(401, "jeton refusé", b'{"detail":"Invalid token."}', "application/json")
_status(403, "action non permise", b'{"detail":"You do not have permission."}', "application/json")
_status(404, "formulaire introuvable ou caché", b'{"detail":"Not found."}', "application/json")
_status(500, "erreur interne du serveur", b"<html><title>Server error (500)</title></html>", "text/html")
_status(502, "passerelle en panne", b"<html><title>502 Bad Gateway</title></html>", "text/html")
_status(503, "serveur en maintenance", b"<html><title>Maintenance</title></html>", "text/html")
_status(504, "passerelle sans réponse du serveur", b"<html><title>504 Gateway Time-out</title></html>", "text/html")


@_fault("429", "trop de demandes, avec Retry-After")
async def _too_many(met: _Met) -> None:
    await met.answer(429, b'{"detail":"Request was throttled."}', retry_after=f"{met.fault.seconds:g}")


@_fault("revoked", "jeton révoqué en cours de route")
async def _revoked(met: _Met) -> None:
    await met.answer(401, b'{"detail":"Invalid token."}')


@_fault("redirect", "renvoi vers un autre hôte")
async def _redirect(met: _Met) -> None:
    await met.answer(302, b"", "text/html", location=f"{met.fault.elsewhere}{met.scope['path']}")


@_fault("redirect_loop", "renvoi sans fin à la même adresse")
async def _redirect_loop(met: _Met) -> None:
    await met.answer(302, b"", "text/html", location=str(met.scope["path"]))


# --- Answers that lie -------------------------------------------------------------------------------------------------


@_fault("html", "page HTML au lieu de JSON")
async def _html(met: _Met) -> None:
    await met.answer(200, b"<html><title>Connexion au portail</title></html>", "text/html; charset=utf-8")


@_fault("wrong_type", "JSON annoncé comme du texte")
async def _wrong_type(met: _Met) -> None:
    _, content = await met.healthy()
    await met.answer(200, content, "text/plain")


@_fault("invalid_json", "JSON invalide")
async def _invalid(met: _Met) -> None:
    start, content = await met.healthy()
    await met.resend(start, content.replace(b":", b"=", 1))


@_fault("nested", "JSON imbriqué sans mesure")
async def _nested(met: _Met) -> None:
    await met.answer(200, b'{"count":1,"results":[' + b"[" * 200_000 + b"]" * 200_000 + b"]}")


@_fault("wrong_count", "nombre de fiches annoncé faux")
async def _wrong_count(met: _Met) -> None:
    await met.changed(lambda body, rows: _add_to_count(body, met.fault.amount))


@_fault("changing", "fiches qui arrivent et disparaissent pendant la lecture")
async def _changing(met: _Met) -> None:
    if met.fault.change is None:  # from the command line: a row in two is gone from the pages that follow the first
        await met.changed(lambda body, rows: _narrow(body, rows, met.number > 1))
        return
    start, content = await met.healthy()
    await asyncio.to_thread(met.fault.change)
    await met.resend(start, content)


@_fault("duplicate", "même fiche livrée deux fois, d’une page à l’autre")
async def _duplicate(met: _Met) -> None:
    def again(_: Json, rows: list[Any]) -> None:
        if not rows:
            return
        rows[:0] = met.board.last_row
        rows.extend(rows[-1:])
        met.board.last_row = rows[-1:]

    await met.changed(again)


@_fault("root_missing", "fiches sans rootUuid")
async def _root_missing(met: _Met) -> None:
    def without(_: Json, rows: list[Any]) -> None:
        for row in rows:
            row.pop("meta/rootUuid", None)

    await met.changed(without)


@_fault("root_shared", "rootUuid partagé par plusieurs fiches")
async def _root_shared(met: _Met) -> None:
    def shared(_: Json, rows: list[Any]) -> None:
        for row in rows:
            if "meta/rootUuid" in row:
                row["meta/rootUuid"] = "uuid:00000000-0000-4000-8000-000000000000"

    await met.changed(shared)


@_fault("partial", "droits réduits à certaines fiches en cours de route")
async def _partial(met: _Met) -> None:
    if re.search(r"/data/\d*[02468]/$", met.scope["path"]):
        await met.answer(404, b'{"detail":"Not found."}')
        return

    def narrowed(body: Json, rows: list[Any]) -> None:
        if "effective_permissions" in body:
            body["effective_permissions"] = [{"codename": "view_asset"}, {"codename": "partial_submissions"}]
        told = body.get("count")
        _narrow(body, rows, True)
        if told is not None:
            body["count"] = told // 2  # of all rows, not of this page's

    await met.changed(narrowed)


@_fault("cut_at_100", "pages coupées à 100 fiches, sans suite annoncée")
async def _cut(met: _Met) -> None:
    def cut(body: Json, rows: list[Any]) -> None:
        if len(rows) > met.fault.amount:
            del rows[met.fault.amount :]
            body |= {"next": None} if "next" in body else {}
            body.pop("@odata.nextLink", None)

    await met.changed(cut)


@_fault("endless_list", "liste qui ne finit pas : chaque page en annonce une autre")
async def _endless_list(met: _Met) -> None:
    first = 10**9 + met.number * 1000
    rows = [{"_id": first + n, "_uuid": f"faux-{first + n}", "_validation_status": {}} for n in range(1000)]
    await met.answer(200, json.dumps({"count": 3, "next": "x", "results": rows}).encode())


@_fault("clock_skew", "horloge du serveur fausse")
async def _clock_skew(met: _Met) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=met.fault.seconds), usegmt=True)

    async def skewed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"date", moment.encode())]}
        await met.send(message)

    await met.app(met.scope, met.receive, skewed)


def _add_to_count(body: Json, amount: int) -> None:
    for key in {"count", "@odata.count"} & body.keys():
        body[key] += amount


def _narrow(body: Json, rows: list[Any], narrow: bool) -> None:
    """Leave out the rows of even number, and tell a count that fits."""
    hidden = [row for row in rows if isinstance(row, dict) and row.get("_id", 1) % 2 == 0] if narrow else []
    rows[:] = [row for row in rows if row not in hidden]
    _add_to_count(body, -len(hidden))


@cache
def _zeros(mebibytes: int) -> bytes:
    """Packed zeros: a thousandth of what they unpack to."""
    packer = zlib.compressobj(level=1, wbits=16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(mebibytes)) + packer.flush()
