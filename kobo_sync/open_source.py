"""A source of the configuration, opened: whatever its kind, a pull reads it through the same shape."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.kobo_source import KoboSource
from kobo_sync.source import Source


@contextmanager
def open_source(source: SourceConfig, token: str, files: Collection[str] = ()) -> Iterator[Source]:
    """The source, connected under its token or password. `files`: forms whose files are fetched too."""
    if source.kind == "central":
        from kobo_sync.central_source import CentralSource

        with CentralSource.open(source, token) as central:
            yield central
        return
    with_files = {uid for form, uid in source.forms.items() if uid and form in files}
    with KoboClient(source.url, token) as client:
        yield KoboSource(client, with_files)
