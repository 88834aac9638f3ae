"""A name that anybody tries to log, in whatever way, is in no file; what happened is."""

from __future__ import annotations

import json
import logging
import stat
import warnings
from datetime import date
from pathlib import Path

import pytest
import requests

from kobo_sync import logs
from kobo_sync.pull import PullReport
from tests.canary import leaks
from tests.night_fixture import installation

NAME = "Zakwembaro"
PHONE = "90123456"


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_no_way_of_logging_brings_a_name_into_a_file(tmp_path: Path) -> None:
    config = installation(tmp_path)
    folder = logs.folder_of(config)
    logger = logging.getLogger("kobo_sync.anything")
    wire = logging.getLogger("urllib3.connectionpool")
    level = wire.level
    wire.setLevel(logging.DEBUG)
    logging.captureWarnings(True)
    try:
        with logs.kept(config), warnings.catch_warnings():
            warnings.simplefilter("always")
            logger.info("%s", NAME)
            logger.warning(f"{NAME} {PHONE}")
            logger.error("%(a)s", {"a": NAME})
            logger.critical("x", extra={"name_of_case": NAME, "event": NAME, "source": NAME})
            logger.warning("x", extra={"kobo_sync_event": NAME})
            logger.warning("x", extra={"kobo_sync_event": {NAME: 1, "event": NAME, "source": NAME, "form": [NAME]}})
            logging.getLogger(NAME).error("x", stack_info=True)
            logging.error(NAME)
            warnings.warn(NAME, UserWarning, stacklevel=1)
            for error in (ValueError(NAME), type(NAME, (Exception,), {})(NAME), KeyError(NAME)):
                try:
                    raise error from RuntimeError(NAME)
                except Exception:
                    logger.exception(NAME)
            with pytest.raises(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:9/{NAME}?tel={PHONE}", timeout=5)
            wire.debug("GET /%s", NAME)
            wire.warning("Retrying %s", NAME)
            logs.event(
                "source_end",
                source=NAME.lower(),
                form=NAME,
                period=NAME,
                counts={NAME: 1, "new": NAME, "received": True},  # type: ignore[dict-item]
                exit_code=NAME,  # type: ignore[arg-type]
                duration=NAME,  # type: ignore[arg-type]
                at=NAME,  # type: ignore[arg-type]
                error=NAME,  # type: ignore[arg-type]
            )
            with pytest.raises(ValueError, match=r"^event unknown"):
                logs.event(NAME)
            logs.event("failed", error=ValueError(NAME))
    finally:
        logging.captureWarnings(False)
        wire.setLevel(level)
    written = lines(folder)
    kept = {"time", "level", "event", "logger", "error", "counts"}
    assert {key for line in written for key in line} <= kept
    errors = {line["error"].split(":")[0] for line in written if "error" in line}
    assert errors == {"ValueError test_logs.py", "Exception test_logs.py", "KeyError test_logs.py", "ValueError"}
    assert {"urllib3", "kobo_sync", "py", "root", "other"} >= {line.get("logger", "other") for line in written}
    assert any(line.get("logger") == "urllib3" for line in written)
    assert not leaks([folder], [NAME, PHONE])
    assert not any(NAME.lower() in path.name.lower() for path in folder.iterdir())


def test_what_happened_is_written_in_named_fields(tmp_path: Path) -> None:
    config = installation(tmp_path)
    with logs.kept(config):
        logs.event("source_end", source="kobo-anltp", form="traite", counts={"new": 3}, duration=1.26)
        logs.event("failed", level=logging.ERROR, source="2026-T3", period="2026-T3")
    first, second = lines(logs.folder_of(config))
    assert first.pop("time")[19:] == "+01:00"
    assert first == {
        "level": "INFO", "event": "source_end", "source": "kobo-anltp", "form": "traite", "counts": {"new": 3},
        "duration": 1.3,
    }  # fmt: skip
    assert second["period"] == "2026-T3" and "source" not in second and second["level"] == "ERROR"


def test_every_number_of_a_pull_may_be_counted() -> None:
    assert {name for name, value in vars(PullReport()).items() if type(value) is int} <= logs.count_names()


def test_old_days_go_and_other_files_stay(tmp_path: Path) -> None:
    config = installation(tmp_path, logs={"folder": "journal", "keep_days": 2})
    folder = tmp_path / "journal"
    folder.mkdir()
    for name in ("kobo-sync-2020-01-01.jsonl", "kobo-sync-notes.jsonl", "autre-2020-01-01.jsonl"):
        (folder / name).write_text("", encoding="ascii")
    with logs.kept(config):
        logs.event("run_start")
    today = max(path.name for path in folder.glob("kobo-sync-20*"))
    assert {path.name for path in folder.iterdir()} == {"kobo-sync-notes.jsonl", "autre-2020-01-01.jsonl", today}
    assert stat.S_IMODE((folder / today).stat().st_mode) == 0o600
    logs.prune(folder, date.fromisoformat(today[10:20]))
    assert (folder / today).exists()


def test_a_block_within_a_block_writes_each_line_once(tmp_path: Path) -> None:
    config = installation(tmp_path)
    with logs.kept(config), logs.kept(config):
        logs.event("run_start")
    logs.event("run_end")  # nobody keeps a log any more
    assert [line["event"] for line in lines(logs.folder_of(config))] == ["run_start"]


def test_a_folder_that_cannot_be_written_stops_nothing_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plein").write_text("", encoding="ascii")
    with logs.kept(installation(tmp_path, logs={"folder": "plein/journal"})):
        logs.event("run_start")
        logging.getLogger("x").error("%s", NAME)
    assert NAME not in "".join(capfd.readouterr())
