"""Where the files of submissions come from: what a server says a row has, and the bytes of one of them.

The token goes to the configured server only. Kobo and Central may send us on to a file store (S3, Azure) by an address
that is signed: that one request is made without the token, over https.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import requests

from kobo_sync.addresses import is_loopback, origin
from kobo_sync.central import CentralClient
from kobo_sync.config import SourceConfig
from kobo_sync.errors import NotFoundError
from kobo_sync.transport import HeaderAuth, Transport, redirect_target, wait
from kobo_sync.transport_bounds import LIMITS

_HOPS = 3
_TIMEOUT = (10.0, 130.0)
_RETRIES = 4
_NIGHT = replace(LIMITS, total=3600.0)
"""The files of one source take no more than an hour of a night: the figures don't wait for them."""
_FILE_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}\.(jpe?g|png|pdf|webp|gif|heic|heif|tiff?)", re.IGNORECASE)
"""An answer that reads so names a file: questions differ from release to release."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that a row names. `remote_id` is empty where it has not arrived; `gone`: deleted on the server."""

    name: str
    remote_id: str
    question: str = ""
    mimetype: str = ""
    gone: bool = False


class FileRefused(Exception):
    """This file can't be had, or can't be kept; the text says why, in French. No word on the others."""


class FileServer(Protocol):
    """The files of one account at one server."""

    def time_left(self) -> float:
        """Seconds that files may still take of this night."""
        ...

    def named(self, form_id: str, remote_key: str, raw: Mapping[str, Any], known: int) -> list[RemoteFile] | None:
        """The files of a row; None where nothing can have changed since `known` were fetched."""
        ...

    def open(self, form_id: str, remote_key: str, file: RemoteFile, headers: Mapping[str, str]) -> requests.Response:
        """The answer that carries a file, its body not read yet. Whoever calls closes it."""
        ...


class FileTransport(Transport):
    """A transport that also hands out a body as it comes."""

    def stream(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        """GET without reading the body. Redirects are followed; another host is never given the token.

        Raises FileRefused where they lead to no safe address, ServerUnavailable when no time is left.
        """
        self._bound_request()
        url = f"{self.url}{path}"
        for _ in range(_HOPS):
            self.requests += 1
            response = self._session().get(
                url, auth=self._auth if origin(url) == origin(self.url) else None, timeout=self._timeout,
                allow_redirects=False, stream=True, headers={**headers, "Accept": "*/*", "Accept-Encoding": "identity"},
            )  # fmt: skip
            if not response.is_redirect:
                return response
            response.close()
            url = redirect_target(url, response.headers["Location"])
            if (
                urlsplit(url).scheme != "https"
                and origin(url) != origin(self.url)
                and not (is_loopback(self.url) and is_loopback(url))
            ):
                break
        raise FileRefused("le serveur renvoie vers une adresse qui n’est pas sûre : il faut https")


class KoboFiles:
    """KoboToolbox: the row itself lists its files, each with an identifier that never serves another file."""

    def __init__(self, transport: FileTransport) -> None:
        self._http = transport
        self.time_left = transport.time_left

    def named(self, form_id: str, remote_key: str, raw: Mapping[str, Any], known: int) -> list[RemoteFile] | None:
        """From the row: what arrived, and what an answer names that has not."""
        listed = raw.get("_attachments")
        entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        found = [
            RemoteFile(
                str(entry.get("media_file_basename") or entry.get("filename") or ""), str(entry["uid"]),
                str(entry.get("question_xpath") or ""), str(entry.get("mimetype") or ""),
                bool(entry.get("is_deleted")),
            )
            for entry in entries
            if re.fullmatch(r"\w{1,64}", str(entry.get("uid", "")))
        ]  # fmt: skip
        arrived = {file.name for file in found}
        return found + [RemoteFile(name, "", question) for question, name in _named(raw) if name not in arrived]

    def open(self, form_id: str, remote_key: str, file: RemoteFile, headers: Mapping[str, str]) -> requests.Response:
        """By the identifier, at an address made here: the one in the row is only what somebody wrote."""
        return self._http.stream(
            f"/api/v2/assets/{quote(form_id)}/data/{quote(remote_key)}/attachments/{file.remote_id}/", headers
        )


class CentralFiles:
    """ODK Central: a list a row, files by name."""

    def __init__(self, transport: FileTransport, project: int) -> None:
        self._http = transport
        self.time_left = transport.time_left
        self._project = project

    def named(self, form_id: str, remote_key: str, raw: Mapping[str, Any], known: int) -> list[RemoteFile] | None:
        """Asked of the server only for rows that expect files and whose count says that something came or went."""
        system = raw.get("__system")
        counts = system if isinstance(system, dict) else {}
        expected, present = counts.get("attachmentsExpected"), counts.get("attachmentsPresent")
        if not expected or (expected == present == known):
            return [] if not expected else None
        try:
            listed = self._http.ask("GET", self._path(form_id, remote_key))
        except NotFoundError:  # the row went between the pull and now
            return None
        return [
            RemoteFile(str(entry.get("name")), str(entry.get("name")) if entry.get("exists") else "")
            for entry in (listed if isinstance(listed, list) else [])
            if isinstance(entry, dict) and entry.get("name")
        ]

    def open(self, form_id: str, remote_key: str, file: RemoteFile, headers: Mapping[str, str]) -> requests.Response:
        """By its name, quoted: it is no path."""
        return self._http.stream(f"{self._path(form_id, remote_key)}/{quote(file.name, safe='')}", headers)

    def _path(self, form_id: str, remote_key: str) -> str:
        form, row = quote(form_id, safe=""), quote(remote_key, safe="")
        return f"/v1/projects/{self._project}/forms/{form}/submissions/{row}/attachments"


class _SignedIn(CentralClient):
    """A client whose session another transport uses too."""

    def files(self) -> FileTransport:
        """Signs in first."""
        self.me()
        return FileTransport(self.url, self._auth, timeout=_TIMEOUT, retries=_RETRIES, sleep=wait, limits=_NIGHT)


@contextmanager
def open_files(source: SourceConfig, token: str) -> Iterator[FileServer]:
    """The files of a source of the configuration, under its token or password."""
    with ExitStack() as stack:
        if source.kind == "central":
            assert source.project is not None and source.account is not None
            client = _SignedIn(source.url, source.project, source.account, token)
            stack.enter_context(client)
            http = client.files()
        else:
            auth = HeaderAuth("Token", token)
            http = FileTransport(source.url, auth, timeout=_TIMEOUT, retries=_RETRIES, sleep=wait, limits=_NIGHT)
        stack.enter_context(http)
        yield KoboFiles(http) if source.project is None else CentralFiles(http, source.project)


def _named(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(question, name) of the answers that name a file, repeats included."""
    for question, value in node.items():
        if isinstance(value, str):
            if not question.startswith("_") and _FILE_NAME.fullmatch(value):
                yield question, value
        elif isinstance(value, list) and not question.startswith("_"):
            for item in value:
                if isinstance(item, dict):
                    yield from _named(item)
