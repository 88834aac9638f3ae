"""Prints a StatTable: number and title, unit and denominator, the table with its margins, signs, notes, chart."""

from __future__ import annotations

from dataclasses import dataclass

from openpyxl.worksheet.worksheet import Worksheet

from reports.charts import Box, bar_chart
from reports.look import NUMBER, SERIES
from reports.style import ROW_HEIGHT, lines_needed, put, put_wide, set_height, width_between
from transforms.bundle import NOT_DECLARED, Cell, StatTable

NOT_AVAILABLE = "n.d."
SIGNS = {
    NOT_DECLARED: "non déclaré : un organisme attendu au moins n’a pas déclaré",
    NOT_AVAILABLE: "non disponible",
}
HELPER_COLUMN = 40
"""Column from which the figures of a chart are repeated, beyond the printed area, when the table can't serve."""


@dataclass(frozen=True)
class Placed:
    """Where a table went: the row of its headers, and the first row free below its notes."""

    header_row: int
    next_row: int


def text_lines(table: StatTable) -> list[tuple[str, str]]:
    """The lines between title and table, as (name, text)."""
    lines = [
        ("Unité", table.unit),
        ("Population", table.population),
        ("Date de référence", table.reference_date),
        ("Dénominateur", table.denominator or ""),
    ]
    return [(name, text) for name, text in lines if text]


def _put_cell(sheet: Worksheet, row: int, column: int, value: Cell, place: str, decimals: int) -> None:
    """`place` is "", " totale" or " marge"; a sign, or a missing number, is a centred text."""
    if value is None:
        value = NOT_AVAILABLE
    if isinstance(value, str):
        put(sheet, row, column, value, "Signe" + {"": "", " totale": " total", " marge": " marge"}[place])
        return
    cell = put(sheet, row, column, value, f"Case{place}")
    cell.number_format = _number_format(decimals)


def _number_format(decimals: int) -> str:
    return "0." + "0" * decimals if decimals else NUMBER


def _decimals(table: StatTable) -> list[int]:
    """Decimals of each column, the same from top to bottom: two at most, none for counts."""

    def needed(value: Cell) -> int:
        if not isinstance(value, float) or value.is_integer():
            return 0
        return 1 if round(value, 1) == value else 2

    return [max((needed(cells[index]) for _, cells in table.rows), default=0) for index in range(len(table.columns))]


def _used_signs(table: StatTable) -> list[str]:
    shown = {NOT_AVAILABLE if cell is None else cell for _, cells in table.rows for cell in cells}
    return [f"{sign} {meaning}" for sign, meaning in SIGNS.items() if sign in shown]


def _body(sheet: Worksheet, table: StatTable, top: int, left: int) -> None:
    label_width = width_between(sheet, left, left)
    put(sheet, top, left, table.row_header, "En-tête")
    set_height(sheet, top, lines_needed(table.row_header, label_width - 2))
    for offset, header in enumerate(table.columns, left + 1):
        put(sheet, top, offset, header, "En-tête centré")
        set_height(sheet, top, lines_needed(header, width_between(sheet, offset, offset) - 2))
    last, decimals = len(table.rows) - 1, _decimals(table)
    for index, (label, cells) in enumerate(table.rows):
        row = top + 1 + index
        is_total = table.total_row and index == last
        put(sheet, row, left, label,
            "Total" if is_total else "Ligne dont" if index in table.indent else "Ligne")  # fmt: skip
        set_height(sheet, row, lines_needed(label, label_width - 3))
        for offset, cell in enumerate(cells):
            in_margin = table.total_column and len(cells) > 1 and offset == len(cells) - 1
            place = " totale" if is_total else " marge" if in_margin else ""
            _put_cell(sheet, row, left + 1 + offset, cell, place, decimals[offset])


def write_table(sheet: Worksheet, table: StatTable, top: int, left: int, text_right: int, *, compact: bool) -> Placed:
    """Print a table at (`top`, `left`); texts run to column `text_right`. `compact` puts the definitions on one line.

    The column widths must be set before: the heights follow from them.
    """
    put_wide(sheet, top, left, text_right, f"Tableau {table.number} — {table.title}", "Titre tableau")
    row = top + 1
    if compact:
        words = " · ".join(f"{name} : {text}" for name, text in text_lines(table))
        put_wide(sheet, row, left, text_right, words, "Note")
        row += 1
    else:
        for name, text in text_lines(table):
            put_wide(sheet, row, left, text_right, f"{name} : {text}", "Corps")
            row += 1
        row += 1
    header_row = row
    _body(sheet, table, header_row, left)
    row += len(table.rows) + 1
    if not table.rows:
        put_wide(sheet, row, left, text_right, "Aucune donnée pour cette période.", "Note")
        row += 1
    signs = _used_signs(table)
    if signs or table.notes:
        sheet.row_dimensions[row].height = 4
        row += 1
    if signs:
        put_wide(sheet, row, left, text_right, "Signes : " + " ; ".join(signs) + ".", "Note")
        row += 1
    for number, note in enumerate(table.notes, 1):
        text = f"Note {number} : {note}" if len(table.notes) > 1 else f"Note : {note}"
        put_wide(sheet, row, left, text_right, text, "Note")
        row += 1
    return Placed(header_row, row)


def charted(table: StatTable) -> tuple[list[int], range]:
    """Rows (by index) and columns (by index) of the chart: neither margins nor « dont » lines.

    Where the columns are too many to be told apart in a stack, the total column stands for them.
    """
    last = len(table.rows) - 1
    rows = [
        index
        for index in range(len(table.rows))
        if index not in table.indent and not (table.total_row and index == last)
    ]
    count = len(table.columns)
    if not table.total_column or count == 1:
        return rows, range(count)
    return rows, range(count - 1) if count - 1 <= len(SERIES) else range(count - 1, count)


def _charted_cells(table: StatTable) -> list[tuple[Cell, ...]]:
    rows, columns = charted(table)
    return [table.rows[index][1][columns.start : columns.stop] for index in rows]


def _chart_rows(sheet: Worksheet, table: StatTable, top: int) -> int:
    """The last of the rows from `top` on that give the chart room for each bar's label."""
    rows, _ = charted(table)
    wanted = max(185.0, min(21.0 * len(rows) + 80, 460.0)) if table.chart == "bar" else 215.0
    row = top
    while wanted > 0:
        wanted -= sheet.row_dimensions[row].height or ROW_HEIGHT
        row += 1
    return row - 1


def _draw_chart(sheet: Worksheet, table: StatTable, placed: Placed, left: int, box: Box) -> None:
    """Draw the table's chart in `box`.

    A sign is no number: Excel would draw `…` as a zero. Where the charted block holds a sign or a « dont » line,
    the figures are repeated from HELPER_COLUMN on with empty cells instead; a row without any number says so in its
    label.
    """
    rows, columns = charted(table)
    whole = all(isinstance(cell, int | float) for cells in _charted_cells(table) for cell in cells)
    label_column, first_column, first = left, left + 1 + columns.start, placed.header_row + 1
    if not whole or rows != list(range(len(rows))):
        label_column, first_column = HELPER_COLUMN, HELPER_COLUMN + 1
        _repeat(sheet, table, placed.header_row)
    bar_chart(
        sheet, table.chart or "bar", table.title, header_row=placed.header_row, first_row=first,
        last_row=first + len(rows) - 1, label_column=label_column, first_column=first_column,
        last_column=first_column + len(columns) - 1, stacked=table.total_column, box=box,
        number_format=_number_format(max(_decimals(table)[columns.start : columns.stop])),
    )  # fmt: skip


def _repeat(sheet: Worksheet, table: StatTable, header_row: int) -> None:
    rows, columns = charted(table)
    put(sheet, header_row - 1, HELPER_COLUMN, "Données du graphique", "Note")
    for offset, index in enumerate(columns, 1):
        put(sheet, header_row, HELPER_COLUMN + offset, table.columns[index], "Note")
    for line, (index, cells) in enumerate(zip(rows, _charted_cells(table), strict=True), header_row + 1):
        numbers = [cell for cell in cells if isinstance(cell, int | float)]
        signs = dict.fromkeys(str(cell or NOT_AVAILABLE) for cell in cells if not isinstance(cell, int | float))
        # A sign beside the bar only where there is no bar: elsewhere it would cast doubt on a figure that is whole.
        label = table.rows[index][0] + (f" ({', '.join(signs)})" if signs and not numbers else "")
        put(sheet, line, HELPER_COLUMN, label, "Note")
        for offset, cell in enumerate(cells, 1):
            put(sheet, line, HELPER_COLUMN + offset, cell if isinstance(cell, int | float) else None, "Note")


def lay_out(sheet: Worksheet, table: StatTable, top: int, left: int, page_right: int, *, compact: bool) -> int:
    """Print a table and its chart within the columns `left` to `page_right`; returns the first free row.

    The chart stands beside a narrow table and below a wide one. A table without a number has no chart.
    """
    drawn = table.chart is not None and any(
        isinstance(cell, int | float) for cells in _charted_cells(table) for cell in cells
    )
    table_right = left + max(len(table.columns), 2)
    page_right = max(page_right, table_right)
    beside = drawn and width_between(sheet, left, table_right) <= 0.62 * width_between(sheet, left, page_right)
    placed = write_table(sheet, table, top, left, table_right if beside else page_right, compact=compact)
    if not drawn:
        return placed.next_row
    first_row, first_column = (top, table_right + 1) if beside else (placed.next_row + 1, left)
    last_row = _chart_rows(sheet, table, first_row)
    _draw_chart(sheet, table, placed, left, Box(first_row, first_column, last_row, page_right))
    return max(placed.next_row, last_row + 1)
