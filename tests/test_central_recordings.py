"""The Central demo server answers as a real Central server was recorded to answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kobo_sync.demo_server.central import serve_central
from tests.central_replay import PEOPLE, CentralStory

RECORDINGS = ("01", "02", "03", "04", "05", "06", "08", "07", "09", "10", "11", "14", "15", "16", "17", "18")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CentralStory]:
    """All recordings replayed in their order against one server."""
    data = tmp_path_factory.mktemp("central") / "server.db"
    with serve_central(data, people=PEOPLE) as base:
        told = CentralStory(base, {}, {})
        told.data = data
        told.prepare()
        for recording in RECORDINGS:
            if recording == "04":
                told.send_paging()
            told.replay_central(recording)
        yield told


@pytest.mark.parametrize("recording", RECORDINGS)
def test_answers_as_recorded(story: CentralStory, recording: str) -> None:
    assert story.differences[recording] == []
