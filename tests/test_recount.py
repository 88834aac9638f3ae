"""The figures printed in the workbooks of the demonstration equal a count made by other means (tests/recount.py)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from kobo_sync.config import load_config
from kobo_sync.keys import load_keys
from kobo_sync.store import connect
from tests.demo_run import run_demo
from tests.recount import ALL, UNANSWERED, Cells, Recount

SEMESTER = [str(n) for n in range(1, 18)]
QUARTER = ["1", "2", "3", "4", "7", "9", "11", "13", "15"]
PRINTED = [("2025-S2", SEMESTER), ("2026-S1", SEMESTER), ("2026-T1", QUARTER)]
NOT_DECLARED = "…"
OTHERS = "Autres"
CHART_COLUMN = 40
"""Where the figures of a table's chart begin, on the right of the table."""


@dataclass(frozen=True)
class Printed:
    """A table, or the figures of its chart, as printed: (row, column) -> value, in the workbook's own words."""

    rows: list[str]
    columns: list[str]
    cells: dict[tuple[str, str], object]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Recount, Path]]:
    """The demonstration, played once: what its store holds, counted again, and the folder of its workbooks."""
    run = run_demo(tmp_path_factory.mktemp("recount"))
    assert run.returncode == 0, run.output
    config = load_config(run.config)
    connection = connect(config.store_path, load_keys(config).store, read_only=True)
    try:
        yield Recount(connection, config), run.outputs
    finally:
        connection.close()


@cache
def workbook(folder: Path, period: str) -> openpyxl.Workbook:
    (path,) = (folder / period).glob("*.xlsx")
    return openpyxl.load_workbook(path)


def find_table(book: openpyxl.Workbook, number: str) -> tuple[Worksheet, int]:
    """The sheet that prints a table, and the row of its headers: the first below the title with more than one cell."""
    for sheet in book.worksheets:
        for row in range(1, sheet.max_row):
            if str(sheet.cell(row, 2).value).startswith(f"Tableau {number} — "):
                return sheet, next(r for r in range(row + 1, sheet.max_row) if sheet.cell(r, 3).value)
    raise AssertionError(f"table {number} is not printed")


def read(sheet: Worksheet, header: int, first: int) -> Printed:
    """The table whose row labels stand in column `first`, to its first empty row and column."""
    columns: list[str] = []
    while name := sheet.cell(header, first + 1 + len(columns)).value:
        columns.append(str(name))
    rows: list[str] = []
    cells: dict[tuple[str, str], object] = {}
    above, at = "", header + 1
    while name := sheet.cell(at, first).value:
        name = re.sub(r" \(…\)$", "", str(name))
        row = f"{above} — {name}" if name.startswith("dont ") else (above := name)
        rows.append(row)
        cells |= {(row, column): sheet.cell(at, first + 1 + i).value for i, column in enumerate(columns)}
        at += 1
    return Printed(rows, columns, cells)


def differences(printed: Printed, counted: Cells, silent: set[str] | None, chart: bool = False) -> list[str]:
    """Each cell where the two disagree, and each number recounted that has no cell."""
    counted = Counter(counted)
    rest = {row for row, _ in counted} - {*printed.rows, ALL}
    if OTHERS in printed.rows:  # the largest are named; those left over are counted together
        named = [counted[row, ALL] for row in printed.rows if row not in (OTHERS, UNANSWERED, ALL)]
        assert all(counted[row, ALL] <= min(named) for row in rest), f"larger than a row that is named: {rest}"
        for row, column in [cell for cell in counted if cell[0] in rest]:
            counted[OTHERS, column] += counted.pop((row, column))
        rest = set()

    def zero(row: str) -> object:
        undeclared = silent is None or row in silent
        return (None if chart else NOT_DECLARED) if undeclared else 0

    wrong = [
        f"{row} | {column}: printed {value!r}, recounted {counted[row, column]}"
        for (row, column), value in printed.cells.items()
        if value != (counted[row, column] or zero(row))
    ]
    missing = [cell for cell, n in counted.items() if n and (cell[0] in rest or cell[1] not in [*printed.columns, ALL])]
    return wrong + ([] if chart else [f"{r} | {c}: not printed, recounted {counted[r, c]}" for r, c in missing])


def printed_figures(sheet: Worksheet) -> dict[str, tuple[object, object]]:
    """Key figures of the summary: title -> the number below it, and the note below that."""
    rows = range(next(c.row for (c,) in sheet.iter_rows(max_col=2, min_col=2) if c.value == "Chiffres clés") + 2, 19, 4)
    return {
        str(cell.value): (cell.offset(1).value, cell.offset(2).value)
        for row in rows
        for cell in sheet[row]
        if cell.value
    }


@pytest.mark.parametrize(("period", "number"), [(period, n) for period, numbers in PRINTED for n in numbers])
def test_every_printed_cell_equals_the_recount(demo: tuple[Recount, Path], period: str, number: str) -> None:
    recount, folder = demo
    sheet, header = find_table(workbook(folder, period), number)
    counted, silent = recount.table(number, period), recount.silent_rows(number, period)
    found = differences(read(sheet, header, 2), counted, silent)
    found += [f"chart: {d}" for d in differences(read(sheet, header, CHART_COLUMN), counted, silent, chart=True)]
    assert not found, f"{period}, table {number}:\n" + "\n".join(found)


@pytest.mark.parametrize("period", ["2025-S2", "2026-S1"])
@pytest.mark.parametrize("number", SEMESTER)
def test_those_without_a_date_are_as_many_as_the_note_says(
    demo: tuple[Recount, Path], period: str, number: str
) -> None:
    recount, folder = demo
    sheet, _ = find_table(workbook(folder, period), number)
    notes = [re.search(r"Sans date, hors de toute période : (\d+)", str(cell.value)) for cell in sheet["B"]]
    assert [int(note[1]) for note in notes if note] == [n for n in [recount.undated(number)] if n]


def test_the_key_figures_of_the_quarter_equal_the_recount(demo: tuple[Recount, Path]) -> None:
    recount, folder = demo
    printed = printed_figures(workbook(folder, "2026-T1")["Synthèse"])
    counted = recount.key_figures("2026-T1")
    if recount.silent("2026-T1"):
        counted = {title: value or NOT_DECLARED for title, value in counted.items()}
    assert {title: value for title, (value, _) in printed.items()} == counted
    identified = recount.trafficked("2026-T1", "identified")
    children, women = sum(v.age == "0-17" for v in identified), sum(v.sex == "F" for v in identified)
    assert printed["Victimes identifiées"][1] == f"dont {children} enfants, {women} femmes et filles"
