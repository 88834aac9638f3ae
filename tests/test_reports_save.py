"""A workbook is written whole or not at all, and the same content gives the same bytes."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from reports import save
from reports.quarter import write_quarter
from reports.semester import write_semester
from tests.report_fixture import make_bundle

WHEN = datetime(2026, 10, 21, 7, 30, tzinfo=UTC)


def _workbook(text: str = "bonjour") -> Workbook:
    workbook = Workbook()
    workbook.worksheets[0]["A1"] = text
    return workbook


@pytest.mark.parametrize(("write", "period"), [(write_quarter, "2026-T3"), (write_semester, "2026-S1")])
def test_two_writes_of_a_bundle_are_the_same_bytes(write, period: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = write(make_bundle(period, events=6), tmp_path / "a.xlsx")
    second = write(make_bundle(period, events=6), tmp_path / "b.xlsx")
    assert first.read_bytes() == second.read_bytes()


def test_created_and_modified_are_the_production_date(tmp_path: Path) -> None:
    path = write_quarter(make_bundle(events=2), tmp_path / "t.xlsx")
    properties = load_workbook(path).properties
    assert properties.created == properties.modified == datetime(2026, 10, 21, 6, 30)
    assert properties.creator == "République du Niger — ANLTP/TIM"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save.save_workbook(_workbook(), tmp_path / "t.xlsx", WHEN)
    before = path.read_bytes()

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(save.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save.save_workbook(_workbook("autre"), path, WHEN)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.xlsx"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_folders_made_for_a_file_are_closed_to_others_and_those_that_were_there_stay(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o750)
    former = os.umask(0o022)
    try:
        path = save.save_workbook(_workbook(), tmp_path / "shared" / "outputs" / "2026-T3" / "t.xlsx", WHEN)
    finally:
        os.umask(former)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, *path.parents[:3])]
    assert modes == [0o600, 0o700, 0o700, 0o750]


def test_a_file_held_open_is_explained_in_french(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save.save_workbook(_workbook(), tmp_path / "t.xlsx", WHEN)

    def held(self: Path, target: Path) -> Path:
        raise PermissionError(13, "held by another program")

    monkeypatch.setattr(Path, "replace", held)
    with pytest.raises(save.FileInUse, match="fermer le classeur dans Excel"):
        save.save_workbook(_workbook(), path, WHEN)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.xlsx"]


def test_the_file_is_for_its_owner_alone_and_its_folder_is_made(tmp_path: Path) -> None:
    path = save.save_workbook(_workbook(), tmp_path / "2026-T3" / "t.xlsx", WHEN)
    assert path.stat().st_mode & 0o077 == 0
