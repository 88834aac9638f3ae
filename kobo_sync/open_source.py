"""A source of the configuration, opened: whatever its kind, a pull reads it through the same shape."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.kobo_source import KoboSource
from kobo_sync.source import Source


@contextmanager
def open_source(source: SourceConfig, token: str, files: Collection[str] = (), **patience: Any) -> Iterator[Source]:
    """The source, connected under its token or password. `files`: forms whose files are fetched too.

    `patience`: `timeout`, `retries`, `sleep` and `limits` of the clients, where their own don't fit.
    """
    if source.kind == "central":
        from kobo_sync.central_source import CentralSource

        with CentralSource.open(source, token, **patience) as central:
            yield central
        return
    with_files = {uid for form, uid in source.forms.items() if uid and form in files}
    with KoboClient(source.url, token, **patience) as client:
        yield KoboSource(client, with_files)
