"""HTTP to one server: who we are, retries, redirects, bounds, and errors told in French.

The token goes to the configured server and nowhere else, and no error text or log holds it. Facts followed: error
bodies come in five shapes or as an HTML page, and a body is JSON only if its Content-Type says so.

Proxies: HTTP(S)_PROXY and NO_PROXY of the environment are honoured, but never for this very machine.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from requests.utils import get_environ_proxies

from kobo_sync import __version__
from kobo_sync.addresses import is_loopback, origin
from kobo_sync.errors import AuthError, Forbidden, NotFoundError, ServerError, ServerUnavailable, UnexpectedAnswer
from kobo_sync.terminal import terminal_text
from kobo_sync.transport_answer import Answer, asked_wait, error_text, fields, heading, hidden, http_date, loaded
from kobo_sync.transport_bounds import LIMITS, BoundedAdapter, Limits, TooLarge, TooLong, read_body, set_deadline

RETRIED = {429, 500, 502, 503, 504}
"""429 and 502 to 504 come from what stands before the server; its own 500 may be a passing one."""
_LONGEST_WAIT = 120.0
"""Seconds. A server may ask for more (Retry-After); a nightly job had better fail and say so."""
_REDIRECTS = 3


class HeaderAuth(AuthBase):
    """Sets the Authorization header: `Token …` for Kobo, `Bearer …` for Central; nothing while `secret` is empty.

    As an `auth` object it also keeps requests from reading a password in ~/.netrc. `secret` may be set anew (a session
    that ended).
    """

    def __init__(self, scheme: str, secret: str) -> None:
        self.scheme = scheme
        self.secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by requests."""
        if self.secret:
            request.headers["Authorization"] = f"{self.scheme} {self.secret}"
        return request

    def __repr__(self) -> str:
        return f"HeaderAuth({self.scheme!r})"


class Transport:
    """Requests to one server, from any thread. `sleep` waits between tries (seconds).

    `auth` is a Kobo token, or what sets another header. `refused`: what a 401 refuses, and what to do.
    """

    def __init__(
        self,
        url: str,
        auth: str | AuthBase,
        *,
        timeout: tuple[float, float],
        retries: int,
        sleep: Callable[[float], None],
        limits: Limits = LIMITS,
        refused: tuple[str, str] = ("refuse le jeton", "recopiez le jeton du compte de synchronisation"),
    ) -> None:
        self.url = url.rstrip("/")
        self.requests = 0
        self.received_bytes = 0  # as they came on the wire, headers apart
        self.server_time: tuple[datetime, datetime] | None = None
        """The last Date header, and the moment it came by our clock."""
        self._auth = HeaderAuth("Token", auth) if isinstance(auth, str) else auth
        self._timeout = timeout
        self._retries = retries
        self._sleep = sleep
        self._limits = limits
        self._refused = refused
        self._began = time.monotonic()
        self._waited = 0.0
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()
            self._local = threading.local()

    def __enter__(self) -> Transport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, method: str, path: str, *, raw: bool = False, **more: Any) -> Any:
        """The JSON of an answer (None for 204), its bytes if `raw`. `more` as in requests.request: params, json, data.

        What can be asked twice without harm (all but POST) is tried again when the connection breaks, the server is
        overloaded or the JSON is cut. Raises AuthError, NotFoundError, ServerUnavailable, UnexpectedAnswer, or
        ServerError for any other refusal.
        """
        return self._tried(method, path, more, self._bytes if raw else self._json)

    def fetch(self, path: str, *, kind: str = "", **more: Any) -> Answer:
        """GET something that is no JSON (XML, a file) whole; `kind`: the Content-Type it must begin with.

        Retried and refused as `ask`. A 304 is an answer too.
        """

        def whole(answer: Answer) -> Answer:
            if answer.status >= 300 and answer.status != 304:
                raise self._refusal(answer)
            if not answer.kind.startswith(kind) and answer.status == 200:
                raise self._page(answer)
            return answer

        return self._tried("GET", path, more, whole)

    def time_left(self) -> float:
        """Seconds that may still be spent on this server; none left: no request leaves."""
        return self._began + self._limits.total - time.monotonic()

    def _bound_request(self) -> None:
        """Give this thread's next request its time: its own, or what is left of the whole."""
        left = self.time_left()
        if left <= 0:
            raise ServerUnavailable(
                f"{self.url} : la lecture dure depuis plus de {_minutes(self._limits.total)}, elle est arrêtée",
                "relancez : ce qui est reçu est gardé, la lecture reprend où elle en était",
            )
        set_deadline(min(self._limits.request, left))

    def _tried(self, method: str, path: str, more: Mapping[str, Any], read: Callable[[Answer], Any]) -> Any:
        """Ask, several times if need be and if it does no harm, and `read` the answer."""
        again = method != "POST"
        for tries_left in range(self._retries if again else 0, -1, -1):
            began = time.monotonic()
            wait = None
            try:
                answer = self._send(method, path, more)
                if answer.status not in RETRIED or not tries_left:
                    return read(answer)
                wait = asked_wait(answer)
            except TooLong:
                raise ServerUnavailable(
                    f"{self.url}{path} : réponse trop longue à venir (plus de {_minutes(self._limits.request)})",
                    "vérifiez la connexion, puis relancez : ce qui est reçu est gardé",
                ) from None
            except TooLarge:
                raise UnexpectedAnswer(
                    f"{self.url}{path} : réponse de plus de {self._limits.answer / 1e6:.0f} Mo, lecture arrêtée",
                    "vérifiez url ; si c’est bien le serveur, signalez-le à son administrateur",
                ) from None
            except (_CutJson, zlib.error, EOFError):
                if not tries_left:
                    raise UnexpectedAnswer(
                        f"{self.url}{path} : réponse JSON coupée ou illisible",
                        "relancez ; si cela persiste, prévenez le serveur",
                    ) from None
            except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
                # RequestException is an OSError; what breaks while the body is read comes from the layers beneath.
                if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
                    raise ServerError(
                        f"Le certificat de {self.url} n’est pas reconnu",
                        "vérifiez l’adresse et l’heure de cette machine",
                    ) from None
                if not tries_left:
                    raise ServerUnavailable(
                        f"{self.url} ne répond pas ({_reason(error)})",
                        "vérifiez la connexion et l’adresse, puis relancez : ce qui est reçu est gardé",
                    ) from None
            self._pause(float(2 ** (self._retries - tries_left)) if wait is None else wait, began)
        raise AssertionError("the last try returns or raises")

    def _pause(self, seconds: float, began: float) -> None:
        """Wait before the next try, if the run's share of waits allows it. `began`: when the failed try did."""
        seconds = min(_LONGEST_WAIT, seconds)
        with self._lock:
            self._waited += time.monotonic() - began + seconds
            if self._waited > self._limits.waits:
                raise ServerUnavailable(
                    f"{self.url} fait trop attendre (plus de {_minutes(self._limits.waits)} en tout)",
                    "relancez plus tard : ce qui est reçu est gardé",
                )
        self._sleep(seconds)

    def _send(self, method: str, path: str, more: Mapping[str, Any]) -> Answer:
        self._bound_request()
        url = f"{self.url}{path}"
        for _ in range(_REDIRECTS):
            with self._lock:
                self.requests += 1
            response = self._session().request(
                method, url, auth=self._auth, timeout=self._timeout, allow_redirects=False, stream=True, **more
            )
            if not response.is_redirect:
                return self._whole(response, _sent_secrets(response, more))
            secrets = _sent_secrets(response, more)
            response.close()
            target = redirect_target(url, response.headers["Location"])
            if method != "GET" or origin(target) != origin(url):
                raise UnexpectedAnswer(
                    f"{self.url}{path} renvoie vers {hidden(_shown_origin(target), secrets)} ; "
                    "le jeton n’y est pas envoyé",
                    "écrivez dans url l’adresse définitive du serveur",
                )
            url, more = target, {name: value for name, value in more.items() if name != "params"}
        raise UnexpectedAnswer(
            f"{self.url}{path} renvoie sans fin d’une adresse à une autre",
            "écrivez dans url l’adresse définitive du serveur",
        )

    def _whole(self, response: requests.Response, secrets: tuple[str, ...]) -> Answer:
        """Read the body, within bounds."""
        try:
            refused = response.status_code >= 300
            limit = self._limits.refusal if refused else self._limits.answer
            content = read_body(response, limit, cut=refused)
        except BaseException:
            response.close()  # half read, the connection can't serve again
            raise
        with self._lock:
            self.received_bytes += response.raw.tell()
            if date := http_date(response.headers.get("Date", "")):
                self.server_time = (date, datetime.now(UTC))
        return Answer(
            response.url, response.status_code, response.reason or "", response.headers, content, secrets
        )  # fmt: skip

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = _Session()
            session.headers.update(
                {
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",  # the one that is unpacked within bounds
                    "Accept-Language": "en",  # messages are translated; ours quote them as they are documented
                    "User-Agent": f"kobo-sync/{__version__}",
                }
            )
            session.mount("http://", BoundedAdapter())
            session.mount("https://", BoundedAdapter())
            # The environment is read here, once: requests would read it again at every request.
            session.trust_env = False
            session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
            if not is_loopback(self.url):
                session.proxies.update(get_environ_proxies(self.url))
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _json(self, answer: Answer) -> Any:
        if answer.status == 204:
            return None
        if answer.status >= 300:
            raise self._refusal(answer)
        if answer.kind != "application/json":
            raise self._page(answer)
        try:
            return loaded(answer.content)
        except (ValueError, RecursionError):
            raise _CutJson from None

    def _bytes(self, answer: Answer) -> bytes:
        if answer.status >= 300:
            raise self._refusal(answer)
        return answer.content

    def _page(self, answer: Answer) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"{self.url}{_path(answer)} : une page est arrivée au lieu de données ({heading(answer)})",
            "souvent un portail de connexion ou un pare-feu : ouvrez cette adresse dans un navigateur, d’ici ; si elle "
            "n’a jamais marché, vérifiez url (pour Kobo, l’adresse en kf.…)",
        )

    def _refusal(self, answer: Answer) -> ServerError:
        status, path = answer.status, _path(answer)
        text = f"{path} : {status}, « {error_text(answer)} »"
        if status == 401:
            what, remedy = self._refused
            return AuthError(f"Le serveur {self.url} {what} ({status})", remedy)
        if status == 403:
            return Forbidden(
                f"Le serveur ne permet pas cette action, {text}", "donnez au compte le droit sur ce formulaire"
            )
        if status == 404 and answer.kind == "application/json":
            return NotFoundError(
                f"Introuvable, ou non visible pour ce compte, {text}", "vérifiez l’identifiant et les droits"
            )
        if status == 404:
            # An HTML page: the address itself is unknown, which says nothing of one row.
            return UnexpectedAnswer(
                f"Adresse inconnue du serveur, {text}", "vérifiez url et l’identifiant du formulaire"
            )
        if status in RETRIED:
            return ServerUnavailable(
                f"Le serveur est indisponible, {text}", "relancez plus tard : ce qui est reçu est gardé"
            )
        refusal = ServerError(f"Le serveur refuse la demande, {text}")
        refusal.fields = fields(answer)
        return refusal


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even when told not to follow, requests reads the whole body of a redirect, and its address."""


class _CutJson(Exception):
    """The body ends too early, or is no JSON at all."""


def _sent_secrets(response: requests.Response, more: Mapping[str, Any]) -> tuple[str, ...]:
    """What a server might repeat and must not be seen: the token, a password that was sent to log in."""
    body = more.get("json")
    password = body.get("password", "") if isinstance(body, dict) else ""
    sent = str(response.request.headers.get("Authorization", "")).rpartition(" ")[2]
    return tuple(secret for secret in (sent, str(password)) if secret)


def redirect_target(url: str, location: str) -> str:
    """Where a redirect leads; words that are no address when it can't be read."""
    try:
        target = urljoin(url, location)
        urlsplit(target).port  # noqa: B018 (a port that is no number raises here)
    except ValueError:
        return "adresse illisible"
    return target


def _shown_origin(url: str) -> str:
    """Scheme, host and port: never the name and password that an address may hold."""
    parts = urlsplit(url)
    if not parts.hostname:
        return "une adresse illisible"
    return terminal_text(f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else ""))


def _path(answer: Answer) -> str:
    return hidden(urlsplit(answer.url).path, answer.secrets)


def _minutes(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _reason(error: Exception) -> str:
    slow = requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError
    inside = error.args[0] if error.args else None
    if isinstance(error, slow) or isinstance(inside, slow):
        return "trop lent"
    if isinstance(error, requests.exceptions.ProxyError):
        return "le mandataire (proxy) ne répond pas"
    if isinstance(error, urllib3.exceptions.ProtocolError | http.client.HTTPException):
        return "réponse interrompue"
    return "connexion refusée ou coupée"


def wait(seconds: float) -> None:
    """The clock's own sleep, apart so that tests need not wait."""
    time.sleep(seconds)
