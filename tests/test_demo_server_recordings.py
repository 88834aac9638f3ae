"""The demo server answers as a real Kobo server was recorded to answer."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kobo_sync.demo_server import User, serve
from tests.recordings.replay import Story, load, workbooks

RECORDINGS = ("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "17")
PASSWORDS = {name: f"secret of {name}" for name in ("lead1", "enketa", "viewer1", "admin1")}
TOKENS = {
    "lead1": "cff8e27fe18d67431ae24f02cad778288783ecf9",
    "enketa": "d2fd2f044e40d7800547f60bfaef8553f4831a9b",
    "viewer1": "1afbf319449259fb8a1dfa46884991b939a3ec91",
    "admin1": "a" * 40,  # never shown in the recordings
}

# Where the demo server is meant to differ: exchanges, what is not compared (a header, a key, or all), why.
EXCEPTIONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("*",), "timestamp", "the time of a review is now"),
    (("*",), "ip_address", "the caller's address is this machine's"),
    (("*",), "source", "the real server parses the User-Agent; here it stays as sent"),
    (("02.8",), "asset_id", "the recorded server had other assets before"),
    (
        ("02.9", "02.10", "02.12", "02.13", "02.14", "05.8", "05.11", "13.5"),
        "report_styles",
        "the real server keeps the styles of rows that are gone; nobody reads them",
    ),
    (("08.15",), "exchange", "no GeoJSON: 404"),
    (("12.2", "12.5"), "Content-Type", "a front web server was missing in the recording; here the type is told"),
    (("12.4",), "exchange", "no thumbnails: 404"),
)


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All recordings replayed in their order against one server."""
    data = tmp_path_factory.mktemp("kobo") / "server.db"
    users = [User(name, PASSWORDS[name], TOKENS[name], name == "admin1") for name in PASSWORDS]
    exceptions: dict[str, set[str]] = {}
    for places, what, _ in EXCEPTIONS:
        for place in places:
            exceptions.setdefault(place, set()).add(what)
    with serve(data, users=users) as base:
        told = Story(base, PASSWORDS, exceptions)
        told.sent |= workbooks()
        # The recorded server had other forms and submissions before: its numbers are higher.
        told.names |= {"/forms/5/": "/forms/1/", "/xformsManifest/5": "/xformsManifest/1"}
        told.names |= {"/xformsMedia/5/3": "/xformsMedia/1/1"}
        with closing(sqlite3.connect(data)) as db, db:
            db.execute("UPDATE counter SET value = 34")
        for recording in RECORDINGS:
            # Of recording 15, on REST services, only the submissions: the last recording counts them.
            told.replay(recording, only="/submission" if recording == "15" else "")
            space_in_time(data, recording)
        yield told


def space_in_time(data: Path, recording: str) -> None:
    """Give the submissions the recorded times: queries by time depend on the seconds between them."""
    with closing(sqlite3.connect(data)) as db, db:
        for exchange in load(recording):
            found = re.search(r'instanceID="uuid:([^"]+)" submissionDate="([^"]+)"', str(exchange["response"]))
            if found:
                created = found[2].replace("+00:00", "Z")
                db.execute("UPDATE submission SET created = ? WHERE uuid = ?", (created, found[1]))


@pytest.mark.parametrize("recording", RECORDINGS)
def test_answers_as_recorded(story: Story, recording: str) -> None:
    assert story.differences[recording] == []
