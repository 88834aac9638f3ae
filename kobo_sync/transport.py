"""HTTP to one server: the token, retries, redirects, and errors told in French.

The token goes to the configured server and nowhere else, and no error text or log holds it. Facts followed: error
bodies come in five shapes or as an HTML page, and a body is JSON only if its Content-Type says so.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase

from kobo_sync import __version__
from kobo_sync.errors import AuthError, Forbidden, NotFoundError, ServerError, ServerUnavailable, UnexpectedAnswer

RETRIED = {429, 500, 502, 503, 504}
"""429 and 502 to 504 come from what stands before the server; its own 500 may be a passing one."""
_LONGEST_WAIT = 120.0
"""Seconds. A server may ask for more (Retry-After); a nightly job had better fail and say so."""
_REDIRECTS = 3
_SHOWN = 300
"""Characters of an error body that a message repeats."""


class _Token(AuthBase):
    """Sets the header. As an `auth` object it also keeps requests from reading a password in ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token}"
        return request


class Transport:
    """Requests to one server, from any thread. `sleep` waits between tries (seconds).

    `auth` is a Kobo token, or what sets another header (ODK Central's).
    """

    def __init__(
        self,
        url: str,
        auth: str | AuthBase,
        *,
        timeout: tuple[float, float],
        retries: int,
        sleep: Callable[[float], None],
    ) -> None:
        self.url = url.rstrip("/")
        self.requests = 0
        self._auth = _Token(auth) if isinstance(auth, str) else auth
        self._timeout = timeout
        self._retries = retries
        self._sleep = sleep
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
        again = method != "POST"
        for tries_left in range(self._retries if again else 0, -1, -1):
            try:
                response = self._send(method, path, more)
                if response.status_code not in RETRIED or not tries_left:
                    return self._read(response, raw)
                wait = _asked_wait(response)
            except requests.RequestException as error:
                if isinstance(error, requests.exceptions.SSLError):
                    raise ServerError(
                        f"Le certificat de {self.url} n’est pas reconnu",
                        "vérifiez l’adresse et l’heure de cette machine",
                    ) from None
                if not tries_left:
                    raise ServerUnavailable(
                        f"{self.url} ne répond pas ({_reason(error)})",
                        "vérifiez la connexion et l’adresse, puis relancez : ce qui est reçu est gardé",
                    ) from None
                wait = None
            except _CutJson:
                if not tries_left:
                    raise UnexpectedAnswer(
                        f"{self.url}{path} : réponse JSON coupée ou illisible",
                        "relancez ; si cela persiste, prévenez le serveur",
                    ) from None
                wait = None
            done = self._retries - tries_left
            self._sleep(min(_LONGEST_WAIT, wait if wait is not None else float(2**done)))
        raise AssertionError("the last try returns or raises")

    def _send(self, method: str, path: str, more: Mapping[str, Any]) -> requests.Response:
        url = f"{self.url}{path}"
        for _ in range(_REDIRECTS):
            with self._lock:
                self.requests += 1
            response = self._session().request(
                method, url, auth=self._auth, timeout=self._timeout, allow_redirects=False, **more
            )
            if not response.is_redirect:
                return response
            target = urljoin(url, response.headers["Location"])
            if method != "GET" or _origin(target) != _origin(url):
                break
            url, more = target, {name: value for name, value in more.items() if name != "params"}
        raise UnexpectedAnswer(
            f"{self.url}{path} renvoie vers {_origin(target)[0]}://{_origin(target)[1]} ; le jeton n’y est pas envoyé",
            "écrivez dans url l’adresse définitive du serveur",
        )

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers.update(
                {
                    "Accept": "application/json",
                    "Accept-Language": "en",  # messages are translated; ours quote them as they are documented
                    "User-Agent": f"kobo-sync/{__version__}",
                }
            )
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _read(self, response: requests.Response, raw: bool) -> Any:
        status, path = response.status_code, urlsplit(response.url).path
        is_json = response.headers.get("Content-Type", "").partition(";")[0].strip() == "application/json"
        if status == 204:
            return None
        if status < 300:
            if raw:
                return response.content
            if not is_json:
                raise UnexpectedAnswer(
                    f"{self.url}{path} : une page est arrivée au lieu de données ({error_text(response)})",
                    "vérifiez url : c’est l’adresse de l’interface Kobo (souvent kf.…), sans portail de connexion",
                )
            try:
                return json.loads(response.content)
            except (ValueError, RecursionError):
                raise _CutJson from None
        text = f"{path} : {status}, « {error_text(response)} »"
        if status == 401:
            raise AuthError(
                f"Le serveur {self.url} refuse le jeton ({status})", "recopiez le jeton du compte de synchronisation"
            )
        if status == 403:
            raise Forbidden(
                f"Le serveur ne permet pas cette action, {text}", "donnez au compte le droit sur ce formulaire"
            )
        if status == 404 and is_json:
            raise NotFoundError(
                f"Introuvable, ou non visible pour ce compte, {text}", "vérifiez l’identifiant et les droits"
            )
        if status == 404:
            # An HTML page: the address itself is unknown, which says nothing of one row.
            raise UnexpectedAnswer(
                f"Adresse inconnue du serveur, {text}", "vérifiez url et l’identifiant du formulaire"
            )
        if status in RETRIED:
            raise ServerUnavailable(
                f"Le serveur est indisponible, {text}", "relancez plus tard : ce qui est reçu est gardé"
            )
        refusal = ServerError(f"Le serveur refuse la demande, {text}")
        refusal.fields = _fields(response)
        raise refusal


class _CutJson(Exception):
    """The body ends too early, or is no JSON at all."""


def error_text(response: requests.Response) -> str:
    """The words of an error body whatever its shape, without our token should the server repeat it."""
    words = _words(response)
    sent = response.request.headers.get("Authorization", "").rpartition(" ")[2] if response.request else ""
    return words.replace(sent, "…") if sent else words


def _words(response: requests.Response) -> str:
    """Five shapes of JSON, or the heading of an HTML page."""
    try:
        return _flat(json.loads(response.content))[:_SHOWN]
    except (ValueError, RecursionError):
        heading = re.search(r"<(title|h1)[^>]*>(.*?)</\1>", response.text, re.IGNORECASE | re.DOTALL)
        return " ".join((heading.group(2) if heading else response.reason or "").split())[:_SHOWN]


def _fields(response: requests.Response) -> frozenset[str]:
    """Keys of a refusal: unlike its words, they are not translated."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(body) if isinstance(body, dict) else frozenset()


def _flat(body: Any) -> str:
    if isinstance(body, dict):
        return " ; ".join(
            _flat(value) if key in ("detail", "error") else f"{key} : {_flat(value)}" for key, value in body.items()
        )
    return " ; ".join(map(_flat, body)) if isinstance(body, list) else str(body)


def _asked_wait(response: requests.Response) -> float | None:
    """Seconds of a Retry-After header, written as a number or as a date."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "trop lent"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "réponse interrompue"
    return "connexion refusée ou coupée"


def wait(seconds: float) -> None:
    """The clock's own sleep, apart so that tests need not wait."""
    time.sleep(seconds)
