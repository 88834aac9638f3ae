"""One frame as one sheet: groups of columns, French headers, code and label apart, a real table with filters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from reports.columns import Column, columns_of, known_labels, label_of
from reports.style import (
    NIAMEY,
    add_sheet,
    lines_needed,
    put,
    put_line,
    put_link,
    set_height,
    set_print,
    set_widths,
)
from transforms.bundle import Bundle

GROUP_ROW, HEADER_ROW = 4, 5
_MAX_LINES = 4  # of one row on screen: a hostile text must not hide the rows below it
_PAGE_CHARACTERS = 230  # of A4 landscape at a size that can still be read
_STYLES = {"int": "Nombre", "decimal": "Décimal", "date": "Date"}
README = "Lisez-moi"


@dataclass(frozen=True)
class DataSheet:
    """One sheet of the quarter: which frame (and which form of `events`), under which name, and what it holds."""

    title: str
    frame: str
    table: str
    description: str
    form: str | None = None

    def rows(self, bundle: Bundle) -> pd.DataFrame:
        """The rows of the sheet, in the order of the bundle."""
        frame: pd.DataFrame = getattr(bundle, self.frame)
        return frame if self.form is None else frame[frame["form"] == self.form]


@dataclass(frozen=True)
class Printed:
    """One column as the sheet shows it: a frame column, or one of the two (code, label) that it becomes."""

    group: str
    header: str
    kind: str
    values: list[Any]


def _missing(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


def _as_date(value: Any) -> Any:
    """A calendar date as a date; an instant as the day it falls on in Niamey; anything else as it is written."""
    if isinstance(value, datetime):
        return (value.astimezone(NIAMEY) if value.tzinfo else value).date()
    if isinstance(value, date):
        return value
    text = str(value)
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
        else:
            moment = datetime.fromisoformat(text)
            day = (moment.astimezone(NIAMEY) if moment.tzinfo else moment).date()
    except ValueError:
        return text
    return day if day.year >= 1900 else text  # Excel's calendar begins in 1900


def _value(value: Any, kind: str) -> Any:
    if _missing(value):
        return None
    if kind == "date":
        return _as_date(value)
    if kind == "int":
        return int(value)
    if kind == "decimal":
        return float(value)
    return bool(value) if kind == "bool" else str(value)


def printed_columns(
    rows: pd.DataFrame, columns: Sequence[Column], labels: Mapping[str, Mapping[str, str]]
) -> Iterator[Printed]:
    """The columns to print. A coded column without a known label (a free code) is printed once, as it is."""
    for column in columns:
        values = [_value(value, column.kind) for value in rows[column.column].tolist()]
        known = known_labels(column, labels) if column.kind in ("code", "codes") else {}
        if not known:
            yield Printed(column.group_fr, column.header_fr, column.kind, values)
            continue
        yield Printed(column.group_fr, f"{column.header_fr} (code)", "text", values)
        named = [None if value is None else label_of(value, column, known) for value in values]
        yield Printed(column.group_fr, column.header_fr, "text", named)


def _width(column: Printed) -> float:
    lengths = [len(str(value)) for value in column.values if value is not None]
    longest = max(lengths, default=0)
    if column.kind in ("date", "bool"):
        longest = 10
    word = max(len(word) for word in column.header.split()) + 4  # room for the filter's arrow
    limit = 70 if longest > 80 else 42
    return max(min(longest + 3, limit), min(word, 24), 12)


def write_rows(sheet: Worksheet, columns: Sequence[Printed], table: str, *, empty: str) -> int:
    """Print header and rows from HEADER_ROW on, as the table named `table`; returns the number of rows.

    Without rows there is no table (Excel repairs a table that has none) but the sentence `empty`.
    """
    widths = [_width(column) for column in columns]
    set_widths(sheet, widths)
    for index, column in enumerate(columns, 1):
        put(sheet, HEADER_ROW, index, column.header, "En-tête nombre" if column.kind in _STYLES else "En-tête")
        set_height(sheet, HEADER_ROW, lines_needed(column.header, widths[index - 1] - 3, bold=True))
    count = len(columns[0].values) if columns else 0
    if not count:
        put_line(sheet, HEADER_ROW + 1, 1, empty, "Corps")
        return 0
    heights = [1] * count
    for index, column in enumerate(columns, 1):
        width = widths[index - 1]
        plain = _STYLES.get(column.kind, "Texte")
        for row, value in enumerate(column.values):
            style = plain
            if isinstance(value, str):
                style = "Texte"
                if len(value) > width - 1 or "\n" in value:
                    style = "Texte long"
                    heights[row] = max(heights[row], lines_needed(value[:2000], width - 1))
            put(sheet, HEADER_ROW + 1 + row, index, value, style)
    for row, lines in enumerate(heights):
        if lines > 1:
            set_height(sheet, HEADER_ROW + 1 + row, min(lines, _MAX_LINES))
    reference = f"A{HEADER_ROW}:{get_column_letter(len(columns))}{HEADER_ROW + count}"
    made = Table(displayName=table, name=table, ref=reference)
    made.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=True)
    sheet.add_table(made)
    return count


def _groups(sheet: Worksheet, columns: Sequence[Printed]) -> None:
    """Name each group above its first column. Not merged: a repeated first column would tear a merged cell."""
    before = None
    for index, column in enumerate(columns, 1):
        named = column.group != before
        put(sheet, GROUP_ROW, index, column.group if named else None, "Bande" if named else "Bande suite")
        before = column.group


def head_of_sheet(sheet: Worksheet, bundle: Bundle, title: str, description: str) -> None:
    """The three lines above a table: title, what it holds, and the way back."""
    put_line(sheet, 1, 1, title, "Titre feuille")
    set_height(sheet, 1, 1, 15)
    put_line(sheet, 2, 1, f"{bundle.period.in_words()} · {description}", "Note")
    put_link(sheet, 3, 1, f"← {README}", README)


def finish_sheet(sheet: Worksheet, bundle: Bundle, title: str) -> None:
    """Frozen header and first column, and print set-up over as many pages as the width asks for.

    The lines above the table stay on screen; on paper each page has the title in its header instead.
    """
    sheet.freeze_panes = f"B{HEADER_ROW + 1}"
    # without rows one page is enough to say so
    total = sum(dimension.width for dimension in sheet.column_dimensions.values()) if sheet.tables else 0.0
    set_print(
        sheet, bundle, title, pages_wide=max(1, math.ceil(total / _PAGE_CHARACTERS - 0.2)),
        repeat_rows=f"{GROUP_ROW}:{HEADER_ROW}", repeat_columns="A:A" if total > 1.5 * _PAGE_CHARACTERS else None,
        header=True,
    )  # fmt: skip
    first = GROUP_ROW if sheet.cell(GROUP_ROW, 1).value else HEADER_ROW
    sheet.print_area = f"A{first}:{get_column_letter(sheet.max_column)}{sheet.max_row}"


def write_frame(workbook: Workbook, bundle: Bundle, spec: DataSheet) -> int:
    """Add the sheet of one frame; returns its number of rows."""
    sheet = add_sheet(workbook, spec.title, tab="8FA5C4", zoom=90)
    rows = spec.rows(bundle)
    columns = list(printed_columns(rows, columns_of(spec.frame, spec.form), bundle.labels))
    count = write_rows(sheet, columns, spec.table, empty="Aucune ligne pour cette période.")
    _groups(sheet, columns)
    head_of_sheet(sheet, bundle, spec.title, f"{spec.description} {count} ligne{'s' if count > 1 else ''}.")
    finish_sheet(sheet, bundle, spec.title)
    return count
