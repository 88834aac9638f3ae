"""The look shared by all workbooks: sober, readable, the same in Excel and LibreOffice, legible printed in grey."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from reports.look import FONT, INK, NAVY, named_styles
from reports.safe_text import safe_text
from reports.save import as_utc, save_workbook
from transforms.bundle import Bundle

AGENCY = "Agence nationale de lutte contre la traite des personnes et le trafic illicite de migrants (ANLTP/TIM)"
SHORT_AGENCY = "République du Niger — ANLTP/TIM"

NIAMEY = ZoneInfo("Africa/Niamey")
ROW_HEIGHT = 15.0
"""Points of a row of one line."""
_POINTS_A_LINE = 13.0
_PAGE_WIDTH, _PAGE_HEIGHT = 150.0, 490.0  # characters and points of the printed area of A4 landscape
_MAX_HEIGHT = 400.0  # Excel refuses rows above 409 points


def new_workbook(bundle: Bundle, title: str) -> Workbook:
    """An empty workbook with the shared styles and the properties that identify the document."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    # column widths are measured in characters of the Normal style
    normal = workbook._named_styles["Normal"]  # type: ignore[attr-defined]
    normal.font = Font(name=FONT, size=10, color=INK)
    for style in named_styles():
        workbook.add_named_style(style)
    properties = workbook.properties
    properties.title = safe_text(f"{title} — {bundle.period.label}")
    properties.subject = safe_text(bundle.period.in_words())
    properties.creator = properties.lastModifiedBy = SHORT_AGENCY
    properties.identifier = safe_text(f"{bundle.period.label} · {bundle.edition} · {bundle.received_hash}")
    properties.version = safe_text(bundle.code_version)
    properties.language = "fr-NE"
    return workbook


def add_sheet(workbook: Workbook, title: str, *, tab: str = NAVY, zoom: int = 100) -> Worksheet:
    """A sheet without gridlines, with the tab colour of its kind."""
    sheet: Worksheet = workbook.create_sheet(title)
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.zoomScale = zoom
    sheet.sheet_properties.tabColor = tab
    # stated, so that the place of charts does not depend on the program that opens the file
    sheet.sheet_format.defaultRowHeight, sheet.sheet_format.customHeight = ROW_HEIGHT, True
    return sheet


def put(sheet: Worksheet, row: int, column: int, value: object, style: str) -> Cell:
    """Write one value: text is made harmless and never a formula, True and False become Oui and Non."""
    cell: Cell = sheet.cell(row, column)  # type: ignore[assignment]
    if isinstance(value, bool):
        value = "Oui" if value else "Non"
    if isinstance(value, str):
        cell.value = safe_text(value)
        cell.data_type = "s"  # else openpyxl reads `#N/A` as an error and guesses at other texts
    elif value is not None:
        cell.value = value  # type: ignore[assignment]
    cell.style = f"ANLTP {style}"
    return cell


def put_line(sheet: Worksheet, row: int, column: int, text: str, style: str) -> Cell:
    """A text on one line that runs over the empty cells to its right."""
    cell = put(sheet, row, column, text, style)
    cell.alignment = Alignment(vertical="center")
    return cell


def lines_needed(text: str, width: float, size: float = 10, *, bold: bool = False) -> int:
    """Lines that a text takes in a column of `width` characters, at `size` points: an estimate, rather too many."""
    # widths are measured in digits; words are narrower than digits, bold words about as wide
    room = max(int(width * 10 / size * (1.05 if bold else 1.2)), 4)
    return sum(max(len(textwrap.wrap(part, room)), 1) for part in text.split("\n"))


def set_height(sheet: Worksheet, row: int, lines: int, size: float = 10) -> None:
    """Room for `lines` lines; never shrinks a row that another cell already made taller."""
    height = min(lines * _POINTS_A_LINE * size / 10 + 2, _MAX_HEIGHT)
    sheet.row_dimensions[row].height = max(height, sheet.row_dimensions[row].height or 0)


def width_between(sheet: Worksheet, first: int, last: int) -> float:
    """Characters between two columns, both included."""
    return sum(sheet.column_dimensions[get_column_letter(c)].width for c in range(first, last + 1))


def put_wide(sheet: Worksheet, row: int, first: int, last: int, text: str, style: str) -> Cell:
    """A text across merged columns, the row made tall enough for it. Set the column widths before."""
    cell = put(sheet, row, first, text, style)
    for column in range(first + 1, last + 1):
        sheet.cell(row, column).style = f"ANLTP {style}"
    if last > first:
        sheet.merge_cells(start_row=row, end_row=row, start_column=first, end_column=last)
    size = float(cell.font.size or 10)
    room = width_between(sheet, first, last) - 2
    set_height(sheet, row, lines_needed(str(cell.value or ""), room, size, bold=bool(cell.font.b)), size)
    return cell


def put_link(sheet: Worksheet, row: int, column: int, text: str, target: str, style: str = "Lien") -> Cell:
    """A link to another sheet of the workbook: a hyperlink, not a formula."""
    cell = put(sheet, row, column, text, style)
    quoted = target.replace("'", "''")
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!A1", display=str(cell.value))
    return cell


def set_widths(sheet: Worksheet, widths: Iterable[float]) -> None:
    """Widths of the first columns, in characters."""
    for index, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width


def set_print(sheet: Worksheet, bundle: Bundle, title: str, *, pages_wide: int = 1, repeat_rows: str | None = None,
              repeat_columns: str | None = None, header: bool = False,
              pages_tall: int = 0) -> None:  # fmt: skip
    """A4 landscape, fitted to the width, centred, with title, page and period at the foot of each page.

    With `header`, title and agency stand at the head of each page too; `pages_tall` 0 is as many as needed.
    """
    setup = sheet.page_setup
    setup.orientation, setup.paperSize = "landscape", 9  # 9 is A4
    setup.fitToWidth, setup.fitToHeight = pages_wide, pages_tall
    assert sheet.sheet_properties.pageSetUpPr is not None
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    margins = sheet.page_margins
    margins.left = margins.right = 0.45
    margins.top, margins.bottom, margins.header, margins.footer = 0.5, 0.7, 0.3, 0.3
    sheet.print_options.horizontalCentered = True
    if repeat_rows:
        sheet.print_title_rows = repeat_rows
    if repeat_columns:
        sheet.print_title_cols = repeat_columns
    # the whole footer is limited to 255 characters, and & begins a code in it
    period = f"{bundle.period.label} · {bundle.edition}"
    assert sheet.oddFooter is not None and sheet.oddHeader is not None
    words = [(sheet.oddFooter.left, title), (sheet.oddFooter.right, period)]
    if header:
        words += [(sheet.oddHeader.left, title), (sheet.oddHeader.right, SHORT_AGENCY)]
        margins.top = 0.7
    for part, text in words:
        part.text, part.size, part.font = safe_text(text[:80]).replace("&", "&&"), 8, f"{FONT},Regular"
    sheet.oddFooter.center.text, sheet.oddFooter.center.size = "Page &P / &N", 8


def pages_needed(sheet: Worksheet, first_row: int, last_row: int, last_column: int) -> float:
    """Printed pages that the rows take, once the columns up to `last_column` are fitted to the width of a page.

    An estimate, on the cautious side: the program that prints has its own measures.
    """
    scale = min(1.0, _PAGE_WIDTH / width_between(sheet, 1, last_column))
    heights = (sheet.row_dimensions[row].height or ROW_HEIGHT for row in range(first_row, last_row + 1))
    return sum(heights) * scale / _PAGE_HEIGHT


def french_date(day: date | datetime) -> str:
    """`05/07/2026`; an aware moment is told in Niamey's time, with its hour."""
    if isinstance(day, datetime):
        moment = day.astimezone(NIAMEY) if day.tzinfo else day
        return f"{moment:%d/%m/%Y à %H h %M}"
    return f"{day:%d/%m/%Y}"


def save(workbook: Workbook, bundle: Bundle, path: Path) -> Path:
    """Save with the bundle's production date as the only clock; see reports.save."""
    workbook.active = 0
    return save_workbook(workbook, path, as_utc(bundle.produced_at))
