"""The workbook that goes to a translator: one row a text, with what is translated already.

It comes back by `form_translations_import`. A hidden sheet keeps the mark of each French text as it went out, which
tells a cell that the translator changed from a question that changed since.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from kobo_sync import form_translations as translations
from kobo_sync import forms
from kobo_sync.errors import FormError
from kobo_sync.form_languages import IN_FRENCH, LANGUAGES, RIGHT_TO_LEFT

SHEET, READ_ME, ORIGIN = "Textes", "Lisez-moi", "Origine"
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

Gardez ce fichier au format .xlsx. Au retour, kobo-sync forms translations import dit ligne par ligne ce \
qui n’a pas pu être repris, et pourquoi : corrigez ces lignes dans ce même fichier. \
Une langue paraît dans une fiche quand tous ses textes sont traduits.
Demandez une relecture par une deuxième personne de la région avant l’emploi avec des victimes."""


@dataclass(frozen=True)
class Text:
    """One row of the workbook."""

    place: translations.Place
    where: str


class NotATranslation(FormError):
    """The file is no workbook of ours, or one that must not be written over."""


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
    """Write the workbook of a language; returns the number of texts. Translations there are stand in it.

    A file that is there already is left as it is: right when it says the same, else NotATranslation, for it may hold
    work that no import has taken yet.
    """
    if path.suffix.lower() != ".xlsx":
        raise NotATranslation(f"{path.name} : le nom doit finir par .xlsx", f"par exemple {path.stem}.xlsx")
    workbook, number = _workbook(language, folder, names)
    if path.exists():
        if _cells(path) != [[cell.value for cell in row] for row in workbook[SHEET].iter_rows(max_col=len(COLUMNS))]:
            raise NotATranslation(
                f"{path} existe déjà et n’est pas remplacé : il contient peut-être le travail d’un traducteur",
                "importez-le d’abord (kobo-sync forms translations import), ou donnez un autre nom à ce classeur",
            )
        return number
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(path)
    return number


def _cells(path: Path) -> list[list[object]] | None:
    """What the rows of a workbook say; None for a file that is none of ours."""
    try:
        workbook = load_workbook(path)
    except Exception:  # whatever zipfile, the XML parser or openpyxl raise: it is a file of another kind
        return None
    if SHEET not in workbook.sheetnames:
        return None
    return [[cell.value for cell in row] for row in workbook[SHEET].iter_rows(max_col=len(COLUMNS))]


def mark(french: str) -> str:
    """What the hidden sheet keeps of a French text."""
    return hashlib.sha256(french.encode()).hexdigest()[:16]


def _workbook(language: str, folder: Path, names: tuple[str, ...]) -> tuple[Workbook, int]:
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
    origin = workbook.create_sheet(ORIGIN)
    origin.sheet_state = "hidden"
    for text in rows:
        origin.append([text.place.key, mark(text.place.french)])
    workbook.active = 0
    return workbook, len(rows)


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
