"""The workbook that goes to a translator and comes back: one row a text, read back row by row.

A row that cannot be taken is refused alone, with its number and the reason; the others are kept. Nothing is ever
removed by an import: an empty cell means « not translated yet ».
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from kobo_sync import form_translations as translations
from kobo_sync import forms
from kobo_sync.form_languages import IN_FRENCH, LANGUAGES, RIGHT_TO_LEFT

SHEET, READ_ME = "Textes", "Lisez-moi"
COLUMNS = ("Clé", "Où", "Français", "Anglais", "À garder tel quel", "", "Remarque")
"""The empty one is headed by the language's name, which says at import which language it is."""
WIDTHS = (26, 32, 52, 46, 18, 56, 26)
FRENCH_AT, TEXT_AT, NOTE_AT = 2, 5, 6

_TYPES = {
    "select_one": "une réponse à choisir", "select_one_from_file": "une réponse à choisir",
    "select_multiple": "plusieurs réponses possibles", "text": "texte à écrire", "integer": "nombre", "date": "date",
    "note": "texte à lire", "begin_group": "titre d’un écran", "begin_repeat": "titre d’une liste de personnes",
}  # fmt: skip
_MESSAGES = {
    "hint": "aide sous la question",
    "required_message": "message si la réponse manque",
    "constraint_message": "message si la réponse est impossible",
}
_GREY = PatternFill("solid", fgColor="FFE7E7E7")
_HEAD = PatternFill("solid", fgColor="FF1F4E78")
_TO_FILL = PatternFill("solid", fgColor="FFFFF8DC")
_FONT = "Calibri"
_LINE = Border(bottom=Side(style="thin", color="FFBFBFBF"))

HELP = """\
Traduire les fiches en {language}

1. Dans la feuille « Textes », écrivez la traduction dans la colonne jaune « {name} ». Les colonnes grises sont \
protégées : elles disent où le texte se voit et ce qu’il dit en français et en anglais.
2. Traduisez le sens, dans la langue qu’on parle : la phrase est lue à une personne, ou par un agent fatigué. \
Un mot court et connu vaut mieux qu’un mot savant.
3. Une ligne sans traduction reste en attente. Vous pouvez rendre le fichier à moitié rempli, et le reprendre.
4. Recopiez tels quels les signes de la colonne « À garder tel quel » : ${{…}} est une réponse que le téléphone met à \
cet endroit ; ** entoure un mot en gras ; # en tête de ligne fait un titre. Leur place dans la phrase est libre.
5. Écrivez les guillemets « » et l’apostrophe ’. Le guillemet droit " arrête certaines fiches : il est refusé.
6. Ne commencez pas une traduction par = + - @ | ou % : un tableur y verrait une formule.
7. La colonne « Remarque » est à vous : un doute, un autre mot possible.
8. N’ajoutez, n’ôtez et ne triez aucune ligne. La clé relie chaque texte à sa place.
9. Les textes d’un même sens ne paraissent qu’une fois, même s’ils servent à plusieurs fiches.

Au retour, kobo-sync forms translations import dit ligne par ligne ce qui n’a pas pu être repris, et pourquoi. \
Une langue paraît dans une fiche quand tous ses textes sont traduits.
Demandez une relecture par une deuxième personne de la région avant l’emploi avec des victimes."""


@dataclass
class ImportReport:
    """What an import did. `refused`: row number in the sheet, key, and the reason in French."""

    language: str
    kept: int = 0
    changed: int = 0
    empty: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Text:
    """One row of the workbook."""

    place: translations.Place
    where: str


class NotATranslation(ValueError):
    """The file is no workbook of ours; the message says so in French."""


def texts(folder: Path = forms.FOLDER, names: tuple[str, ...] = forms.FORMS) -> list[Text]:
    """Every text of the forms, once, in the order in which they are met.

    Labels that say the same, and choices that say the same, are one text: what translates the first translates all.
    """
    first: dict[str, Text] = {}
    same: dict[tuple[str, str, str, str], str] = {}
    seen_in: dict[str, Counter[str]] = {}
    for form in names:
        sheets, _ = forms.expand(form, folder)
        title = sheets["settings"][0]["form_title"]
        screens = _screens(sheets["survey"])
        for place in translations.places(form, sheets, folder):
            row = sheets[place.sheet][place.row]
            key = same.setdefault((place.sheet, place.column, place.french, place.english), place.key)
            seen_in.setdefault(key, Counter())[form] += 1
            if key not in first:
                screen = screens[place.row] if place.sheet == "survey" else ""
                first[key] = Text(place, _where(place, row, title, screen))
    return [replace(text, where=_shared(text, seen_in[key])) for key, text in first.items()]


def export(path: Path, language: str, folder: Path = forms.FOLDER, names: tuple[str, ...] = forms.FORMS) -> int:
    """Write the workbook of a language; returns the number of texts. Translations there are stand in it."""
    workbook = Workbook()
    del workbook["Sheet"]
    _read_me(workbook.create_sheet(READ_ME), language)
    sheet = workbook.create_sheet(SHEET)
    table = translations.read(language, folder)
    reader = translations.Reader(table)
    headings = list(COLUMNS)
    headings[TEXT_AT] = LANGUAGES[language]
    _row(sheet, 1, headings)
    rows = texts(folder, names)
    for number, text in enumerate(rows, 2):
        place = text.place
        keep = "  ".join(dict.fromkeys(found.strip() for found in translations.KEEP.findall(place.french)))
        note = table[place.key].note if place.key in table else ""
        _row(sheet, number, [
            place.key, text.where, place.french, place.english, keep, reader.text(place) or "", note,
        ])  # fmt: skip
    _dress(sheet, language)
    workbook.active = 0
    workbook.save(path)
    return len(rows)


def take_back(path: Path, folder: Path = forms.FOLDER, names: tuple[str, ...] = forms.FORMS) -> ImportReport:
    """Read a translator's workbook into `translations/<language>.csv`. Raises NotATranslation for another file."""
    rows = _rows(path)
    language = _language(rows[0])
    report, taken = ImportReport(language), set[str]()
    current = {place.key: place for form in names for place in _places(form, folder)}
    table = translations.read(language, folder)
    for number, cells in enumerate(rows[1:], 2):
        key = str(cells[0].value or "").strip()
        if not key and all(cell.value in (None, "") for cell in cells):
            continue
        if reason := _unknown(key, cells, current, taken):
            report.refused.append((number, key, reason))
            continue
        taken.add(key)
        if (reason := _not_text(cells[TEXT_AT])) is None:
            text = _clean(cells[TEXT_AT].value)
            reason = translations.fault(current[key].french, text) if text else None
        if reason:
            report.refused.append((number, key, reason))
        elif not text:
            report.empty += 1
        else:
            note = "" if _not_text(cells[NOTE_AT]) else _clean(cells[NOTE_AT].value)
            new = translations.Translation(current[key].french, text, note)
            report.kept += 1
            report.changed += table.get(key) != new
            table[key] = new
    if report.kept:
        translations.write(language, table, folder)
    return report


def _places(form: str, folder: Path) -> list[translations.Place]:
    return list(translations.places(form, forms.expand(form, folder)[0], folder))


def _rows(path: Path) -> list[tuple[Any, ...]]:
    if not path.exists():
        raise NotATranslation(f"{path} n’existe pas")
    try:
        workbook = load_workbook(path)
    except Exception as error:  # openpyxl raises what zipfile, the XML parser or itself happen to raise
        raise NotATranslation(f"{path.name} n’est pas un classeur XLSX lisible") from error
    if SHEET not in workbook.sheetnames:
        raise NotATranslation(f"{path.name} : la feuille « {SHEET} » manque ; reprenez un fichier de l’export")
    return list(workbook[SHEET].iter_rows(max_col=len(COLUMNS)))


def _language(header: tuple[Any, ...]) -> str:
    named = {name: code for code, name in LANGUAGES.items()}
    headings = [cell.value for cell in header]
    expected = [*COLUMNS[:TEXT_AT], headings[TEXT_AT], *COLUMNS[TEXT_AT + 1 :]]
    if headings != expected or headings[TEXT_AT] not in named:
        raise NotATranslation("les titres des colonnes ont changé : reprenez un fichier de l’export")
    return named[headings[TEXT_AT]]


def _unknown(key: str, cells: tuple[Any, ...], current: dict[str, translations.Place], taken: set[str]) -> str | None:
    if key in taken:
        return "cette clé est déjà plus haut"
    if key not in current:
        moved = key.startswith("commun/")
        return "ce texte a changé ou n’est plus dans les fiches" if moved else "clé inconnue : ce texte n’existe plus"
    if _clean(cells[FRENCH_AT].value) != _clean(current[key].french):
        return f"le français a changé depuis l’export : « {current[key].french} »"
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


def _screens(survey: translations.Rows) -> list[str]:
    """The title of the screen in which each row stands."""
    inside: list[str] = []
    screens = []
    for row in survey:
        screens.append(next((title for title in reversed(inside) if title), ""))
        if row["type"].startswith("begin_"):
            inside.append(row[f"label::{translations.FRENCH}"])
        elif row["type"].startswith("end_"):
            inside.pop()
    return screens


def _where(place: translations.Place, row: dict[str, str], title: str, screen: str) -> str:
    if place.sheet == "choices":
        return f"réponse à choisir, liste {row['list_name']}"
    if place.column != "label":
        return _MESSAGES[place.column]
    kind = _TYPES.get(row["type"].partition(" ")[0], "")
    return " › ".join(part for part in (title, screen, kind) if part)


def _shared(text: Text, seen_in: Counter[str]) -> str:
    times = sum(seen_in.values())
    if times == 1 and text.place.sheet == "survey" and text.place.column == "label":
        return text.where
    return f"{text.where} ({', '.join(seen_in)}{f' : {times} endroits' if times > len(seen_in) else ''})"


def _row(sheet: Worksheet, number: int, values: list[str]) -> None:
    """Cells that a spreadsheet keeps as text, whatever they begin with."""
    for column, value in enumerate(values, 1):
        cell = sheet.cell(number, column)
        cell.value = value or None
        if value:
            cell.data_type = "s"
            cell.quotePrefix = value.lstrip()[:1] in "=+-@|%"


def _dress(sheet: Worksheet, language: str) -> None:
    right = language in RIGHT_TO_LEFT
    for number, cells in enumerate(sheet.iter_rows(min_row=2, max_col=len(COLUMNS)), 2):
        for at, cell in enumerate(cells):
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.border, cell.number_format = _LINE, "@"
            if at in (TEXT_AT, NOTE_AT):
                cell.protection = Protection(locked=False)
            if at == TEXT_AT:
                cell.fill = _TO_FILL
                cell.font = Font(name=_FONT, size=12)
                if right:
                    cell.alignment = Alignment(wrap_text=True, vertical="top", horizontal="right", readingOrder=2)
            elif at != NOTE_AT:
                cell.fill = _GREY
                small = at in (0, 1, 4)
                cell.font = Font(name=_FONT, size=9 if small else 11, color="FF666666" if small else "FF000000")
        heights = [
            _height(str(cell.value or ""), width, cell.font.size) for cell, width in zip(cells, WIDTHS, strict=True)
        ]
        sheet.row_dimensions[number].height = max(heights)
    for column, width in enumerate(WIDTHS, 1):
        cell = sheet.cell(1, column)
        cell.font, cell.fill = Font(name=_FONT, bold=True, color="FFFFFFFF"), _HEAD
        cell.alignment = Alignment(vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.row_dimensions[1].height = 24
    sheet.freeze_panes = "D2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    _one_page_wide(sheet)
    sheet.protection.formatRows = sheet.protection.formatColumns = sheet.protection.formatCells = False
    sheet.protection.enable()


def _height(text: str, width: int, size: float) -> float:
    """Points that a wrapped text takes."""
    return 6 + 1.35 * size * -(-int(len(text) * size / 10.5) // (width - 2))


def _one_page_wide(sheet: Worksheet) -> None:
    sheet.page_setup.paperSize, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 9, 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _read_me(sheet: Worksheet, language: str) -> None:
    sheet.sheet_view.showGridLines = False
    sheet.column_dimensions["A"].width = 95
    lines = HELP.format(language=IN_FRENCH[language], name=LANGUAGES[language]).split("\n")
    for number, line in enumerate(lines, 1):
        cell = sheet.cell(number, 1)
        cell.value = line or None
        cell.font = Font(name=_FONT, bold=number == 1, size=16 if number == 1 else 12)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        if line:
            sheet.row_dimensions[number].height = _height(line, 95, 16 if number == 1 else 12)
    _one_page_wide(sheet)
    sheet.protection.enable()
