"""ODK Central's API, as much of it as a sync needs.

pyodk is not used: it does not follow nextLink, knows neither the trash nor `.xml`, versions, files and the log, drops
the newest instanceID of a row, and when its session ends within a run the run ends too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from kobo_sync.errors import AuthError, Forbidden, KoboSyncError, NotFoundError, UnexpectedAnswer
from kobo_sync.transport import HeaderAuth, Transport, wait
from kobo_sync.transport_bounds import LIMITS, Limits

LOG_PAGE = 1000
LONGEST_LOG = 500_000
"""Lines of one reading, the newest: a server whose log never ends must not hold the night."""
_NO_VERSION = "___"
"""Stands for the empty version in an address, which would else lack a part."""
_NOT_CENTRAL = "vérifiez que url est un serveur ODK Central (kind: central)"

_T = TypeVar("_T")


class CentralClient:
    """One account in one project. Raises the ServerError family, never with the password or a token in a text."""

    def __init__(
        self,
        url: str,
        project: int,
        account: str,
        password: str,
        *,
        timeout: tuple[float, float] = (10.0, 130.0),
        retries: int = 4,
        sleep: Callable[[float], None] = wait,
        limits: Limits = LIMITS,
    ) -> None:
        self.account = account
        self._project = f"/v1/projects/{project}"
        self._password = password
        self._auth = HeaderAuth("Bearer", "")
        self._logging_in = threading.Lock()
        self._http = Transport(
            url, self._auth, timeout=timeout, retries=retries, sleep=sleep, limits=limits,
            refused=("refuse l’adresse ou le mot de passe", "vérifiez account et le mot de passe dans Central"),
        )  # fmt: skip

    def __enter__(self) -> CentralClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._auth.secret and error is None:  # a server in trouble is not asked more: a session ends within a day
            with suppress(KoboSyncError):
                self._http.ask("DELETE", "/v1/sessions/current")
        self._http.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._http.url

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._http.requests

    def me(self) -> dict[str, Any]:
        """The account. Raises AuthError."""
        return _object(self._ask("/v1/users/current"))

    # --- Forms --------------------------------------------------------------------------------------------------------

    def form(self, form_id: str) -> dict[str, Any]:
        """A form: its published version. Raises NotFoundError; Forbidden when the account has no role there."""
        return _object(self._ask(self._form(form_id)))

    def fields(self, form_id: str, version: str) -> list[dict[str, Any]]:
        """The questions of one version, with their types."""
        return _objects(self._ask(f"{self._form(form_id)}/versions/{quote(version, safe='') or _NO_VERSION}/fields"))

    # --- Submissions --------------------------------------------------------------------------------------------------

    def rows(self, form_id: str, options: dict[str, str]) -> Generator[tuple[list[Any], int | None], None, None]:
        """Pages of the list with answers, and the number of rows that the first one tells (`$count`).

        The server's own link to the next page is followed for its place only: it names the host of the server's
        configuration, which may be another, and that one must not get our token.
        """
        address = f"{self._form(form_id)}.svc/Submissions"
        place: str | None = None
        read, most = 0, None
        while True:
            page = _object(self._ask(address, params=options | ({"$skiptoken": place} if place else {})))
            count = page.get("@odata.count")
            results = _list(page.get("value"))
            read += len(results)
            most = 2 * count + 10_000 if most is None and isinstance(count, int) else most
            if most is not None and read > most:
                raise UnexpectedAnswer(f"{self.url} : la liste ne finit pas ({read} fiches lues)", _NOT_CENTRAL)
            yield results, count if isinstance(count, int) else None
            link = page.get("@odata.nextLink")
            if link is None:
                return
            places = parse_qs(urlsplit(str(link)).query).get("$skiptoken", [])
            if not places or places[0] == place:
                raise UnexpectedAnswer(f"{self.url} : la liste renvoie toujours à la même page", _NOT_CENTRAL)
            place = places[0]

    def count(self, form_id: str) -> int:
        """The number of rows that are not in the trash."""
        page = _object(self._ask(f"{self._form(form_id)}.svc/Submissions", params={"$top": "0", "$count": "true"}))
        number = page.get("@odata.count")
        if not isinstance(number, int):
            raise UnexpectedAnswer(f"{self.url} : liste de fiches sans nombre", _NOT_CENTRAL)
        return number

    def xml(self, form_id: str, key: str) -> bytes:
        """The newest version of a row, as it was sent."""
        address = f"{self._row(form_id, key)}.xml"
        return self._known(lambda: self._http.fetch(address, kind="application/xml")).content

    def has_row(self, form_id: str, key: str) -> bool:
        """Whether there is such a row outside of the trash. Raises NotFoundError when the form itself is not there.

        Not asked of OData: that address says 404 of any key with an unusual sign in it.
        """
        try:
            self._ask(self._row(form_id, key))
        except NotFoundError:
            self.form(form_id)  # a deleted form is no proof of a deleted row
            return False
        return True

    def history(self, form_id: str, key: str) -> list[dict[str, Any]]:
        """What happened to a row, newest first, with people."""
        return _objects(self._ask(f"{self._row(form_id, key)}/audits", headers={"X-Extended-Metadata": "true"}))

    def log(self, action: str, since: str | None) -> Iterator[dict[str, Any]]:
        """The server's log from an instant on, newest first, with people and forms. Raises Forbidden but for an
        administrator of the server."""
        options = {"action": action, "limit": str(LOG_PAGE)} | ({"start": since} if since else {})
        start = 0
        while True:
            page = _objects(
                self._ask(
                    "/v1/audits", params=options | {"offset": str(start)}, headers={"X-Extended-Metadata": "true"}
                )
            )
            yield from page
            start += len(page)
            if len(page) < LOG_PAGE or start >= LONGEST_LOG:
                return

    # --- The session --------------------------------------------------------------------------------------------------

    def _ask(self, path: str, **more: Any) -> Any:
        return self._known(lambda: self._http.ask("GET", path, **more))

    def _known(self, request: Callable[[], _T]) -> _T:
        """Ask as somebody. A session ends after a day or when it is revoked: then once more with a new one."""
        token = self._session(None)
        try:
            return request()
        except Forbidden:
            raise
        except AuthError:
            self._session(token)
            return request()

    def _session(self, ended: str | None) -> str:
        """The token in use; a new one if there is none, or if it is the one that ended."""
        with self._logging_in:
            if self._auth.secret and self._auth.secret != ended:
                return self._auth.secret
            self._auth.secret = ""
            session = _object(
                self._http.ask("POST", "/v1/sessions", json={"email": self.account, "password": self._password})
            )
            token = session.get("token")
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                raise UnexpectedAnswer(f"{self.url} : session sans jeton", _NOT_CENTRAL)
            self._auth.secret = token
            return token

    def _form(self, form_id: str) -> str:
        return f"{self._project}/forms/{quote(form_id, safe='')}"

    def _row(self, form_id: str, key: str) -> str:
        return f"{self._form(form_id)}/submissions/{quote(key, safe='')}"


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnexpectedAnswer("Réponse d’une forme inattendue", _NOT_CENTRAL)
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnexpectedAnswer("Réponse d’une forme inattendue", _NOT_CENTRAL)
    return value


def _objects(value: Any) -> list[dict[str, Any]]:
    return [_object(item) for item in _list(value)]
