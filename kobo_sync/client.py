"""KoboToolbox's API v2, as much of it as a sync needs.

A page of rows is what was served, never what was asked for: kobo_source reads whole lists with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from kobo_sync.errors import AuthError, NotFoundError, UnexpectedAnswer
from kobo_sync.transport import HeaderAuth, Transport, wait
from kobo_sync.transport_bounds import LIMITS, Limits

PAGE = 1000
"""The largest page that Kobo serves; what it really serves is seen from its answers."""


class KoboClient:
    """One account at one server. Raises the ServerError family, never with the token in a text."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: tuple[float, float] = (10.0, 130.0),  # the server gives itself 120 s for a request
        retries: int = 4,
        sleep: Callable[[float], None] = wait,
        limits: Limits = LIMITS,
    ) -> None:
        self._http = Transport(
            url, HeaderAuth("Token", token), timeout=timeout, retries=retries, sleep=sleep, limits=limits
        )
        self._me: str | None = None

    def __enter__(self) -> KoboClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._http.url

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._http.requests

    def whoami(self) -> str:
        """Name of the account. Raises AuthError when the server takes us for nobody: it would show empty lists."""
        if self._me is None:
            body = self._http.ask("GET", "/me/")
            name = body.get("username") if isinstance(body, dict) else None
            if not name:
                raise AuthError(
                    f"{self.url} ne reconnaît pas le compte : il montrerait des listes vides",
                    "vérifiez le jeton (celui du compte de synchronisation, entier)",
                )
            self._me = str(name)
        return self._me

    # --- Forms ------------------------------------------------------------------------------------------------------

    def asset(self, uid: str) -> dict[str, Any]:
        """The long description of a form. Raises NotFoundError when it is not there or not shown to us."""
        return _object(self._http.ask("GET", f"/api/v2/assets/{uid}/"))

    def version(self, uid: str, version_id: str) -> dict[str, Any]:
        """One version of a form, with its `content`."""
        return _object(self._http.ask("GET", f"/api/v2/assets/{uid}/versions/{version_id}/"))

    def find_assets(self, name: str) -> list[str]:
        """Identifiers of our forms of that name."""
        return [uid for uid, owner in self.owners(name).items() if owner == self.whoami()]

    def owners(self, name: str) -> dict[str, str]:
        """Forms of that name that are shown to us, identifier to owner, whoever that is."""
        found: dict[str, str] = {}
        seen = 0
        while True:
            page = _object(
                self._http.ask(
                    "GET", "/api/v2/assets/", params={"limit": 100, "offset": seen, "q": "asset_type:survey"}
                )
            )
            results = _list(page.get("results"))
            found |= {str(a["uid"]): str(a.get("owner__username")) for a in results if a.get("name") == name}
            seen += len(results)
            if not results or not page.get("next"):
                return found

    def import_xlsform(self, name: str, content: bytes, uid: str | None = None) -> str:
        """Start the import of a spreadsheet as a new form, or over `uid`; the identifier of the task."""
        # Without library=false a new form would become a library block, which can't be deployed.
        data = {"name": name, "library": "false"}
        if uid is not None:
            data["destination"] = f"{self.url}/api/v2/assets/{uid}/"
        files = {"file": (f"{name}.xlsx", content, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")}
        return str(_object(self._http.ask("POST", "/api/v2/imports/", data=data, files=files))["uid"])

    def import_state(self, task: str) -> dict[str, Any]:
        """`status` (processing, complete, error) and `messages` of an import."""
        return _object(self._http.ask("GET", f"/api/v2/imports/{task}/"))

    def deploy(self, uid: str) -> None:
        """First deployment of a form."""
        self._http.ask("POST", f"/api/v2/assets/{uid}/deployment/", json={"active": True})

    def redeploy(self, uid: str, version_id: str) -> None:
        """Deploy the newest version; naming it is what makes it a redeployment, with its files."""
        self._http.ask("PATCH", f"/api/v2/assets/{uid}/deployment/", json={"active": True, "version_id": version_id})

    def media(self, uid: str) -> list[dict[str, Any]]:
        """The files attached to a form."""
        found: list[dict[str, Any]] = []
        while True:
            params = {"file_type": "form_media", "limit": 100, "offset": len(found)}
            page = _object(self._http.ask("GET", f"/api/v2/assets/{uid}/files/", params=params))
            results = _list(page.get("results"))
            found += results
            if not results or not page.get("next"):
                return found

    def upload_media(self, uid: str, name: str, content: bytes, kind: str = "text/csv") -> None:
        """Attach a file. A file of that name must have been removed before."""
        data = {"description": name, "file_type": "form_media", "metadata": json.dumps({"filename": name})}
        self._http.ask("POST", f"/api/v2/assets/{uid}/files/", data=data, files={"content": (name, content, kind)})

    def remove_media(self, uid: str, file_uid: str) -> None:
        """Remove an attached file; phones keep theirs until the next redeployment."""
        self._http.ask("DELETE", f"/api/v2/assets/{uid}/files/{file_uid}/")

    # --- Rights -----------------------------------------------------------------------------------------------------

    def assignments(self, uid: str) -> list[dict[str, Any]]:
        """Who holds which right on a form; the list is not paged."""
        return _list(self._http.ask("GET", f"/api/v2/assets/{uid}/permission-assignments/"))

    def assign(self, uid: str, user: str, right: str, rows: dict[str, dict[str, Any]] | None = None) -> None:
        """Give a right, for `partial_submissions` on the rows that a filter by right says.

        A user whom the server does not know is a ServerError with `user` among its `fields`.
        """
        body: dict[str, Any] = {"user": f"{self.url}/api/v2/users/{user}/", "permission": self._right(right)}
        if rows:
            body["partial_permissions"] = [
                {"url": self._right(name), "filters": [query]} for name, query in rows.items()
            ]
        self._http.ask("POST", f"/api/v2/assets/{uid}/permission-assignments/", json=body)

    def withdraw(self, uid: str, assignment: str) -> None:
        """Take a right away, with those that need it."""
        self._http.ask("DELETE", f"/api/v2/assets/{uid}/permission-assignments/{assignment}/")

    def _right(self, name: str) -> str:
        return f"{self.url}/api/v2/permissions/{name}/"

    # --- Submissions ------------------------------------------------------------------------------------------------

    def rows(
        self,
        uid: str,
        query: dict[str, Any],
        fields: Sequence[str] | None = None,
        *,
        limit: int = PAGE,
        start: int = 0,
        descending: bool = False,
    ) -> dict[str, Any]:
        """One page of `/data/`, by `_id`: `count` (what matches the query) and `results`, which the server may cut."""
        sort = '{"_id":-1}' if descending else '{"_id":1}'
        params: dict[str, str | int] = {"query": _compact(query), "sort": sort, "limit": limit}
        if start:
            params["start"] = start
        if fields is not None:
            params["fields"] = _compact(list(fields))
        page = _object(self._http.ask("GET", f"/api/v2/assets/{uid}/data/", params=params))
        if not is_id(page.get("count")):
            raise UnexpectedAnswer(f"{self.url} : liste de fiches sans nombre", "vérifiez que url est un serveur Kobo")
        _list(page.get("results"))
        return page

    def history(self, uid: str, query: str = "", *, limit: int = PAGE, start: int = 0) -> dict[str, Any]:
        """One page of the project history, newest first. Raises Forbidden without the right `manage_asset`."""
        params: dict[str, str | int] = {"limit": limit, "start": start, "offset": start}
        if query:
            params["q"] = query
        page = _object(self._http.ask("GET", f"/api/v2/assets/{uid}/history/", params=params))
        _list(page.get("results"))
        return page

    def get_submission(self, uid: str, number: int) -> dict[str, Any] | None:
        """One row, or None when the server says that it has no such row (404 in JSON, not a page)."""
        try:
            return _object(self._http.ask("GET", f"/api/v2/assets/{uid}/data/{number}/"))
        except NotFoundError:
            return None


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def is_id(value: Any) -> bool:
    """Whether a value can be a row's `_id`."""
    return isinstance(value, int) and not isinstance(value, bool)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnexpectedAnswer("Réponse d’une forme inattendue", "vérifiez que url est un serveur Kobo")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnexpectedAnswer("Réponse d’une forme inattendue", "vérifiez que url est un serveur Kobo")
    return value
