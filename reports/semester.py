"""The semester's statistical workbook for INS: one numbered table a sheet, quality statement, counting rules."""

from __future__ import annotations

from pathlib import Path

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from reports.frame_sheet import README
from reports.quality_statement import quality_tables
from reports.readme import SheetLine, compact_head, write_readme
from reports.safe_text import sheet_title
from reports.stat_sheet import HELPER_COLUMN, NOT_AVAILABLE, SIGNS, lay_out
from reports.style import (
    add_sheet,
    new_workbook,
    pages_needed,
    put,
    put_link,
    put_wide,
    save,
    set_print,
    set_widths,
)
from transforms.bundle import Bundle, StatTable

TITLE = "Statistiques semestrielles de la traite des personnes et du trafic illicite de migrants"
SHORT_TITLE = "Statistiques semestrielles"
CONFIDENTIALITY = (
    "CONFIDENTIEL — destiné à l’INS, tenu au secret statistique. Effectifs sans suppression des petites cases : ne pas "
    "publier ces tableaux tels quels."
)
TABLE_LIST, QUALITY, RULES = "Liste des tableaux", "Qualité", "Règles de comptage"

CONVENTIONS = (
    f"« … » : {SIGNS['…']}. « {NOT_AVAILABLE} » : {SIGNS[NOT_AVAILABLE]}. « 0 » : zéro déclaré par tous les attendus.",
    "Une ligne « dont » est comprise dans la ligne qui la précède.",
    "Traite et trafic illicite sont deux séries : elles ne s’additionnent jamais.",
    "Le classeur ne contient ni ligne de personne, ni code de dossier.",
)

_LABEL_WIDTH, _CELL_WIDTH, _CELLS = 46.0, 13.5, 7
_SQUEEZE = 1.5  # a table and its chart a little longer than a page are shrunk to one


def _grid(sheet: Worksheet, tables: tuple[StatTable, ...]) -> int:
    """Set the widths of a sheet of tables (margin, labels, cells, margin); returns the last column of text."""
    cells = max([_CELLS, *(len(table.columns) for table in tables)])
    right = 2 + cells
    assert right < HELPER_COLUMN - 1, "a table runs into the figures of the charts"
    set_widths(sheet, [1.5, _LABEL_WIDTH, *[_CELL_WIDTH] * cells, 1.5])
    return right


def _table_sheet(workbook: Workbook, bundle: Bundle, table: StatTable, name: str) -> None:
    sheet = add_sheet(workbook, name, tab="8FA5C4")
    right = _grid(sheet, (table,))
    row = compact_head(sheet, bundle, SHORT_TITLE, right, CONFIDENTIALITY)
    put_link(sheet, row - 1, 2, f"← {TABLE_LIST}", TABLE_LIST)
    row = lay_out(sheet, table, row + 1, 2, right, compact=False)
    put_wide(sheet, row, 2, right, f"Source : {bundle.source}", "Note")
    set_print(
        sheet, bundle, f"{SHORT_TITLE} — tableau {table.number}",
        pages_tall=1 if pages_needed(sheet, 1, row, right + 1) <= _SQUEEZE else 0,
    )  # fmt: skip
    sheet.print_area = f"A1:{get_column_letter(right + 1)}{row}"


def _list_sheet(sheet: Worksheet, bundle: Bundle, listed: list[tuple[StatTable, str]]) -> None:
    set_widths(sheet, (1.5, 12, 78, 26, 20, 1.5))
    row = compact_head(sheet, bundle, TABLE_LIST, 5, CONFIDENTIALITY)
    for column, header in enumerate(("Numéro", "Titre", "Unité", "Feuille"), 2):
        put(sheet, row, column, header, "En-tête")
    sheet.freeze_panes = f"A{row + 1}"
    header_row = row
    for table, name in listed:
        row += 1
        put(sheet, row, 2, table.number, "Texte")
        put_wide(sheet, row, 3, 3, table.title, "Texte long")
        put_wide(sheet, row, 4, 4, table.unit, "Texte long")
        put_link(sheet, row, 5, name, name, "Lien liste")
    if not listed:
        row += 1
        put(sheet, row, 2, "Aucun tableau pour cette période.", "Texte")
    set_print(sheet, bundle, f"{SHORT_TITLE} — {TABLE_LIST}", repeat_rows=f"{header_row}:{header_row}")
    sheet.print_area = f"A1:F{row}"


def _quality_sheet(sheet: Worksheet, bundle: Bundle, tables: tuple[StatTable, ...]) -> None:
    right = _grid(sheet, tables)
    row = compact_head(sheet, bundle, "Déclaration sur la qualité", right, CONFIDENTIALITY)
    first_of_page = 1
    for table in tables:
        start = row
        row = lay_out(sheet, table, row, 2, right, compact=True) + 2
        if start > first_of_page + 6 and pages_needed(sheet, first_of_page, row - 3, right + 1) > 1:
            sheet.row_breaks.append(Break(id=start - 1))
            first_of_page = start
    set_print(sheet, bundle, f"{SHORT_TITLE} — {QUALITY}")
    sheet.print_area = f"A1:{get_column_letter(right + 1)}{row}"


def _rules_sheet(sheet: Worksheet, bundle: Bundle) -> None:
    set_widths(sheet, (1.5, 6, 120, 1.5))
    row = compact_head(sheet, bundle, RULES, 3, CONFIDENTIALITY)
    for number, rule in enumerate(bundle.rules, 1):
        put(sheet, row, 2, f"{number}.", "Texte")
        put_wide(sheet, row, 3, 3, rule, "Texte long")
        row += 1
    set_print(sheet, bundle, f"{SHORT_TITLE} — {RULES}")
    sheet.print_area = f"A1:D{row}"


def write_semester(bundle: Bundle, path: Path) -> Path:
    """Write the semester workbook to `path` and return it; the same bundle gives the same bytes.

    The file appears only when it is complete. Raises FileInUse when it is open elsewhere, OSError when the disk
    refuses.
    """
    workbook = new_workbook(bundle, TITLE)
    readme, list_sheet = add_sheet(workbook, README), add_sheet(workbook, TABLE_LIST)
    taken = {name.casefold() for name in (README, TABLE_LIST, QUALITY, RULES)}
    listed = [(table, sheet_title(f"Tableau {table.number}", taken)) for table in bundle.tables]
    for table, name in listed:
        _table_sheet(workbook, bundle, table, name)
    quality = quality_tables(bundle)
    _quality_sheet(add_sheet(workbook, QUALITY, tab="BCC5D1"), bundle, quality)
    _rules_sheet(add_sheet(workbook, RULES, tab="BCC5D1"), bundle)
    _list_sheet(list_sheet, bundle, listed + [(table, QUALITY) for table in quality])
    lines = [SheetLine(TABLE_LIST, "Numéro, titre, unité et feuille de chaque tableau.")]
    lines += [SheetLine(name, table.title) for table, name in listed]
    lines.append(SheetLine(QUALITY, "Couverture, délais, anomalies, non-réponse, doublons."))
    lines.append(SheetLine(RULES, "Ce qui est compté, à quelle date, et ce qui ne l’est pas."))
    write_readme(
        readme, bundle, title=TITLE, short_title=SHORT_TITLE, confidentiality=CONFIDENTIALITY, sheets=lines,
        conventions=CONVENTIONS,
    )  # fmt: skip
    return save(workbook, bundle, path)
