"""The workbook that comes back from a translator, read row by row into `translations/<language>.csv`.

A row that cannot be taken is refused alone, with its number and the reason; the others are kept. Nothing is ever
removed by an import: an empty cell, or a row that is no longer there, means « not translated yet ».
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter

from kobo_sync import form_translations as translations
from kobo_sync import forms
from kobo_sync.form_languages import LANGUAGES
from kobo_sync.form_translations_book import (
    COLUMNS,
    FRENCH_AT,
    NOTE_AT,
    ORIGIN,
    SHEET,
    TEXT_AT,
    NotATranslation,
    mark,
    texts,
)
from reports.safe_text import safe_text

READABLE = (".xlsx", ".xlsm")
SAVE_AS = "ouvrez-le dans le tableur, « Enregistrer sous », format « Classeur Excel (.xlsx) », puis importez ce fichier"
SAME_WORDS, TIMES_AS_LONG, SHORT = 3, 3, 10
"""Up to three words may be the same in two languages; a text of a few letters may well grow."""


@dataclass
class ImportReport:
    """What an import did. `refused`, `reread`: row number in the sheet, key, and the reason in French.

    `empty` cells have no translation stored; `left` are empty cells whose stored translation stays; `missing` counts
    the texts of the forms that no row of the workbook bears.
    """

    language: str
    kept: int = 0
    changed: int = 0
    empty: int = 0
    left: int = 0
    missing: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    reread: list[tuple[int, str, str]] = field(default_factory=list)


def take_back(path: Path, folder: Path = forms.FOLDER, names: tuple[str, ...] = forms.FORMS) -> ImportReport:
    """Read a translator's workbook into `translations/<language>.csv`. Raises NotATranslation for another file."""
    workbook = _opened(path)
    rows = list(workbook[SHEET].iter_rows(max_col=len(COLUMNS)))
    language = _language(rows[0])
    report, taken = ImportReport(language), set[str]()
    current = {place.key: place for form in names for place in _places(form, folder)}
    marks, table = _marks(workbook), translations.read(language, folder)
    for number, cells in enumerate(rows[1:], 2):
        key = str(cells[0].value or "").strip()
        if not key and all(cell.value in (None, "") for cell in cells):
            continue
        if key in current and key in taken:
            report.refused.append((number, key, "cette clé est déjà plus haut"))
            continue
        taken.add(key)
        if reason := _unknown(key, cells, current, marks):
            report.refused.append((number, key, reason))
            continue
        text, french = "", current[key].french
        if (reason := _not_text(cells[TEXT_AT])) is None:
            text = _clean(cells[TEXT_AT].value)
            reason = translations.fault(french, text) if text else None
        if reason:
            report.refused.append((number, key, reason))
        elif text:
            note = "" if _not_text(cells[NOTE_AT]) else safe_text(_clean(cells[NOTE_AT].value))
            new = translations.Translation(french, text, note)
            report.kept += 1
            report.changed += table.get(key) != new
            table[key] = new
            if doubt := _doubt(_clean(french), text):
                report.reread.append((number, key, doubt))
        elif key in table and table[key].french == french:
            report.left += 1
        else:
            report.empty += 1
    there = {_same(current[key]) for key in taken & set(current)}
    report.missing = sum(_same(text.place) not in there for text in texts(folder, names))
    if report.kept:
        translations.write(language, table, folder)
    return report


def _places(form: str, folder: Path) -> list[translations.Place]:
    return list(translations.places(form, forms.expand(form, folder)[0], folder))


def _same(place: translations.Place) -> tuple[str, str, str, str]:
    """What makes two places one row of the workbook."""
    return place.sheet, place.column, place.french, place.english


def _opened(path: Path) -> Workbook:
    if not path.exists():
        raise NotATranslation(f"{path} n’existe pas", "vérifiez le nom et le dossier")
    if path.suffix.lower() not in READABLE:
        raise NotATranslation(f"{path.name} n’est pas un fichier .xlsx", SAVE_AS)
    try:
        workbook = load_workbook(path)
    except Exception as error:  # openpyxl raises what zipfile, the XML parser or itself happen to raise
        raise NotATranslation(f"{path.name} n’est pas un classeur XLSX lisible", SAVE_AS) from error
    if SHEET not in workbook.sheetnames:
        found = ", ".join(f"« {title} »" for title in workbook.sheetnames)
        raise NotATranslation(
            f"{path.name} : la feuille « {SHEET} » manque (trouvé : {found})",
            f"redonnez son nom à la feuille des textes, « {SHEET} »",
        )
    return workbook


def _language(header: tuple[Any, ...]) -> str:
    named = {name: code for code, name in LANGUAGES.items()}
    found = [str(cell.value or "").strip() for cell in header] + [""] * (len(COLUMNS) - len(header))
    wrong = [
        f"{get_column_letter(at + 1)}1 : « {found[at]} » au lieu de {f'« {expected} »' if expected else _languages()}"
        for at, expected in enumerate(COLUMNS)
        if (found[at] not in named if at == TEXT_AT else found[at] != expected)
    ]
    if wrong:
        raise NotATranslation(
            "les titres des colonnes ont changé — " + " ; ".join(wrong),
            f"remettez ces titres dans la ligne 1 de la feuille « {SHEET} », puis importez à nouveau",
        )
    return named[found[TEXT_AT]]


def _languages() -> str:
    return "la langue, " + " ou ".join(f"« {name} »" for name in LANGUAGES.values())


def _marks(workbook: Workbook) -> dict[str, str]:
    """The French as it went out, by key; empty for a workbook that lost its hidden sheet."""
    if ORIGIN not in workbook.sheetnames:
        return {}
    return {str(row[0]): str(row[1]) for row in workbook[ORIGIN].iter_rows(max_col=2, values_only=True)}


def _unknown(
    key: str, cells: tuple[Any, ...], current: dict[str, translations.Place], marks: dict[str, str]
) -> str | None:
    if key not in current:
        moved = key.startswith("commun/")
        return "ce texte a changé ou n’est plus dans les fiches" if moved else "clé inconnue : ce texte n’existe plus"
    french = current[key].french
    if _clean(cells[FRENCH_AT].value) == _clean(french):
        return None
    # a shared key is made of the French: while it is known, the source says what it said
    if key.startswith("commun/") or marks.get(key) == mark(french):
        return f"la cellule du français a été modifiée dans le classeur : remettez-y « {french} »"
    return f"le français a changé depuis l’export : « {french} »"


def _doubt(french: str, text: str) -> str | None:
    """What a second reader should look at, though a phone can show it."""
    if text == french and len(french.split()) > SAME_WORDS:
        return "la traduction est le texte français lui-même"
    if len(text) > TIMES_AS_LONG * max(len(french), SHORT):
        return f"plus de {TIMES_AS_LONG} fois plus long que le français : est-ce la bonne ligne ?"
    return None


def _not_text(cell: Any) -> str | None:
    value = cell.value
    if cell.data_type == "f" or not isinstance(value, str | int | float | date | time | None):
        return "formule : écrivez le texte lui-même"
    if isinstance(value, datetime | date | time):
        return "date : mettez une apostrophe devant pour que le tableur garde le texte"
    if isinstance(value, bool | int | float):
        return "nombre : mettez une apostrophe devant pour que le tableur garde le texte"
    return "erreur du tableur" if cell.data_type == "e" else None


def _clean(value: object) -> str:
    text = unicodedata.normalize("NFC", str(value or "").replace("\r\n", "\n").replace("_x000D_", ""))
    return re.sub(r" +", " ", re.sub(r"[ \t]*\n[ \t]*", "\n", text)).strip(" \t\n\ufeff")
