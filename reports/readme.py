"""The first sheet of a workbook: what it is, for whom, from what, by which rules, and where to find things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl.worksheet.worksheet import Worksheet

from reports.style import (
    AGENCY,
    SHORT_AGENCY,
    french_date,
    put,
    put_line,
    put_link,
    put_wide,
    set_height,
    set_print,
    set_widths,
)
from transforms.bundle import Bundle

_LEFT, _RIGHT = 2, 4


@dataclass(frozen=True)
class SheetLine:
    """One line of the list of sheets."""

    title: str
    description: str
    rows: int | None = None


def compact_head(sheet: Worksheet, bundle: Bundle, title: str, right: int, confidentiality: str) -> int:
    """The head of a presentation sheet, from column B to `right`; returns the first row below it."""
    origin = f"{SHORT_AGENCY} · {bundle.edition} · produit le {french_date(bundle.produced_at)}"
    put_line(sheet, 1, 2, origin, "Note")
    put_wide(sheet, 2, 2, right, title, "Titre feuille")
    put_wide(sheet, 3, 2, right, bundle.period.in_words(), "Période")
    put_wide(sheet, 4, 2, right, confidentiality, "Confidentiel")
    return 6


def _title_block(sheet: Worksheet, bundle: Bundle, title: str, confidentiality: str) -> int:
    put_wide(sheet, 1, _LEFT, _RIGHT, "République du Niger", "Institution")
    put_wide(sheet, 2, _LEFT, _RIGHT, AGENCY, "Institution")
    put_wide(sheet, 4, _LEFT, _RIGHT, title, "Titre")
    put_wide(sheet, 5, _LEFT, _RIGHT, bundle.period.in_words(), "Période")
    put_wide(sheet, 7, _LEFT, _RIGHT, confidentiality, "Confidentiel")
    lines = [
        ("Source", bundle.source),
        ("Données arrêtées au", french_date(bundle.as_of)),
        ("Date de production", french_date(bundle.produced_at)),
        ("Édition", bundle.edition),
        ("Version du code", bundle.code_version),
        ("Version des listes de codes", bundle.code_list_version),
        ("Version du schéma de la base", str(bundle.schema_version)),
        ("Empreinte des données reçues", bundle.received_hash),
    ]
    for row, (name, text) in enumerate(lines, 9):
        put(sheet, row, _LEFT, name, "Libellé")
        put_wide(sheet, row, _LEFT + 1, _RIGHT, text, "Corps")
    return 9 + len(lines)


def _section(sheet: Worksheet, row: int, title: str) -> int:
    put_wide(sheet, row + 1, _LEFT, _RIGHT, title, "Section")
    set_height(sheet, row + 1, 1, 14)
    sheet.row_dimensions[row + 2].height = 4
    return row + 3


def _numbered(sheet: Worksheet, row: int, texts: Sequence[str]) -> int:
    for number, text in enumerate(texts, 1):
        put_wide(sheet, row, _LEFT, _RIGHT, f"{number}. {text}", "Corps")
        row += 1
    return row


def write_readme(
    sheet: Worksheet, bundle: Bundle, *, title: str, short_title: str, confidentiality: str,
    sheets: Sequence[SheetLine], conventions: Sequence[str],
) -> None:  # fmt: skip
    """Fill the first sheet: title block, warnings, list of sheets with links, conventions, counting rules."""
    set_widths(sheet, (1.5, 30, 74, 12))
    row = _title_block(sheet, bundle, title, confidentiality)
    row = _section(sheet, row, "À savoir avant d’utiliser les chiffres")
    row = _numbered(sheet, row, bundle.warnings or ("Aucun avertissement pour cette période.",))
    row = _section(sheet, row, "Feuilles du classeur")
    counted = any(line.rows is not None for line in sheets)
    for column, header in enumerate(("Feuille", "Contenu"), _LEFT):
        put(sheet, row, column, header, "En-tête")
    put(sheet, row, _RIGHT, "Lignes" if counted else "", "En-tête nombre")
    for line in sheets:
        row += 1
        put_link(sheet, row, _LEFT, line.title, line.title, "Lien liste")
        put_wide(sheet, row, _LEFT + 1, _LEFT + 1, line.description, "Texte long")
        put(sheet, row, _LEFT + 2, line.rows, "Nombre")
    row = _section(sheet, row + 1, "Conventions")
    row = _numbered(sheet, row, conventions)
    row = _section(sheet, row, "Règles de comptage")
    row = _numbered(sheet, row, bundle.rules)
    set_print(sheet, bundle, short_title)
    sheet.print_area = f"A1:D{row}"
