"""The rebuild: the same from the same data, one bad record never stops the others, no identifier is given twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kobo_sync.config import Config, load_config
from kobo_sync.outputs import periods_of, read_frames
from kobo_sync.rebuild import rebuild
from kobo_sync.received_rows import Refused, read_row
from kobo_sync.store import Store
from kobo_sync.store_receive import write_row
from tests.store_fixture import AT, KEY
from tests.transform_fixture import traite

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anltp.db", KEY) as opened:
        yield opened


@pytest.fixture
def config() -> Config:
    return load_config(Path(__file__).parent.parent / "config.yaml")


def receive(store: Store, number: int, raw: dict[str, Any], **system: Any) -> None:
    row = read_row(
        raw
        | {"_id": number, "_uuid": f"u{number}", "meta/rootUuid": f"uuid:u{number}", "_submitted_by": "pol_nia"}
        | {"_submission_time": "2026-04-15T10:00:00", "_validation_status": {}}
        | system
    )
    assert not isinstance(row, Refused)
    with store.transaction():
        write_row(store, "kobo-anltp", "traite", row, AT)


def sound(code: str) -> dict[str, Any]:
    return traite(code, **{"declaration/entite": "POL_NIA"})


def test_a_rebuild_gives_the_same_and_allocates_nothing_twice(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345"))
    receive(store, 2, sound("BBBB2345"))
    first = rebuild(store, config, now=NOW)
    before = store.frame("SELECT * FROM victims ORDER BY record_id"), len(store.ledger("person"))
    assert rebuild(store, config, now=NOW) == first
    after = store.frame("SELECT * FROM victims ORDER BY record_id"), len(store.ledger("person"))
    assert after[0].equals(before[0]) and after[1] == before[1] == 2


@pytest.mark.parametrize(
    "system",
    [
        {"_submission_time": "Zinariya"},
        {"_submission_time": "0001-01-01T00:00:00+14:00"},
        {"_validation_status": {"uid": "validation_status_approved", "by_whom": "c", "timestamp": 1e20}},
        {"_validation_status": {"uid": "validation_status_approved", "by_whom": "c", "timestamp": 1795524323000}},
    ],
)
def test_nonsense_from_the_server_does_not_stop_the_night(store: Store, config: Config, system: dict[str, Any]) -> None:
    receive(store, 1, sound("AAAA2345"), **system)
    assert rebuild(store, config, now=NOW).submissions == 1


def test_an_unforeseen_error_sets_one_record_aside_without_its_text(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kobo_sync import rebuild_read as module

    real = module.map_submission

    def failing(key: str, form: str, raw: Any) -> Any:
        if raw["code_evenement"] == "AAAA2345":
            raise RuntimeError("Zinariya")
        return real(key, form, raw)

    monkeypatch.setattr(module, "map_submission", failing)
    receive(store, 1, sound("AAAA2345"))
    receive(store, 2, sound("BBBB2345"))
    report = rebuild(store, config, now=NOW)
    assert (report.submissions, report.quarantined) == (1, 1)
    (message,) = store.frame("SELECT message FROM quarantine")["message"]
    assert "RuntimeError" in message and "Zinariya" not in message


def test_the_night_writes_no_period_of_long_ago(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345") | {"fait/date_detection": "1950-01-01"})
    receive(store, 2, sound("BBBB2345"))
    rebuild(store, config, now=NOW)
    labels = [period.label for period in periods_of(read_frames(store), NOW.date())]
    assert labels == ["2026-T2", "2026-S1", "2026-T3"]
