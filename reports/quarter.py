"""The quarterly consolidated workbook for ANLTP: key figures, all records (pseudonymous), quality, dictionary."""

from __future__ import annotations

from pathlib import Path

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from reports.dictionary import CODES, DICTIONARY, write_codes, write_dictionary
from reports.frame_sheet import README, DataSheet, write_frame
from reports.readme import SheetLine, compact_head, write_readme
from reports.stat_sheet import HELPER_COLUMN, NOT_AVAILABLE, SIGNS, lay_out
from reports.style import (
    add_sheet,
    new_workbook,
    pages_needed,
    put,
    put_wide,
    save,
    set_height,
    set_print,
    set_widths,
)
from transforms.bundle import Bundle, KeyFigure

TITLE = "Fichier trimestriel consolidé — traite des personnes et trafic illicite de migrants"
SHORT_TITLE = "Fichier trimestriel consolidé"
CONFIDENTIALITY = (
    "CONFIDENTIEL — réservé à l’ANLTP/TIM. Lignes pseudonymes de personnes (loi n° 2022-59) : ne pas publier, ne pas "
    "transmettre hors d’un envoi chiffré, ne pas chercher à retrouver une personne."
)
SUMMARY = "Synthèse"

SHEETS = (
    DataSheet("Événements traite", "events", "tbl_evenements_traite",
              "Une ligne par fiche de traite ; deux fiches du même événement ont le même identifiant.", "traite"),
    DataSheet("Victimes", "victims", "tbl_victimes", "Une ligne par personne et par fiche qui la décrit."),
    DataSheet("Auteurs", "perpetrators", "tbl_auteurs", "Auteurs de traite, sans nom."),
    DataSheet("Événements trafic", "events", "tbl_evenements_trafic",
              "Une ligne par fiche de trafic illicite de migrants.", "trafic"),
    DataSheet("Migrants", "migrants", "tbl_migrants", "Nombres de migrants par nationalité, sexe et groupe d’âge."),
    DataSheet("Migrants (détail)", "migrant_details", "tbl_migrants_detail",
              "Migrants décrits un à un, compris dans les nombres de la feuille Migrants."),
    DataSheet("Passeurs", "smugglers", "tbl_passeurs", "Passeurs, sans nom."),
    DataSheet("Complétude", "completeness", "tbl_completude",
              "Qui devait déclarer, qui a déclaré, dans quel délai."),
    DataSheet("Qualité", "quality", "tbl_qualite", "Anomalies à corriger dans Kobo."),
    DataSheet("Quarantaine", "quarantine", "tbl_quarantaine",
              "Fiches qui n’ont pas pu être lues, hors des comptes (toutes périodes)."),
    DataSheet("Doublons", "duplicates", "tbl_doublons", "Paires réunies, et paires à décider par l’ANLTP."),
)  # fmt: skip

CONVENTIONS = (
    "Une variable codée occupe deux colonnes : « … (code) » et son libellé. Les codes sont ceux de la feuille "
    f"{CODES}.",
    "Cellule vide : question non posée ou sans réponse. « Inconnu » et « Préfère ne pas répondre » sont des réponses.",
    f"« … » : {SIGNS['…']}. « {NOT_AVAILABLE} » : {SIGNS[NOT_AVAILABLE]}. « 0 » : zéro déclaré.",
    "Un total de la synthèse est fait des lignes « Compté = Oui », « de référence = Oui », datées dans la période, et "
    "d’une classification de sa série : « traite présumée » ou « les deux » pour la traite, « trafic illicite » ou « "
    "les deux » pour le trafic. Les feuilles suivent le formulaire saisi ; les tableaux suivent la classification.",
    "Une personne qui n’a pas accepté le partage n’est imprimée qu’au mois, sans âge exact, département ni détail ; "
    "une personne qui a refusé l’enregistrement, sans rien qui mène à son événement.",
    "Les lignes sans date sont dans toutes les périodes, pour être complétées ; elles n’entrent dans aucun total.",
    "Une apostrophe devant un texte reçu signale qu’il commençait comme une formule ; il a été neutralisé.",
)

_COLUMNS_A_CARD = 4
_LABEL_WIDTH, _CELL_WIDTH, _CELLS = 42.0, 12.5, 8


def _card(sheet: Worksheet, row: int, first: int, last: int, figure: KeyFigure) -> None:
    put_wide(sheet, row, first, last, figure.label, "Chiffre libellé")
    value = NOT_AVAILABLE if figure.value is None else figure.value
    put_wide(sheet, row + 1, first, last, "", "Chiffre")
    put(sheet, row + 1, first, value, "Chiffre")
    set_height(sheet, row + 1, 1, 22)
    put_wide(sheet, row + 2, first, last, figure.note, "Chiffre note")


def _cards(sheet: Worksheet, bundle: Bundle, row: int, right: int) -> int:
    """The key figures, three a line; returns the first free row."""
    columns = [(2, 2), (3, 2 + _COLUMNS_A_CARD), (3 + _COLUMNS_A_CARD, right)]
    for start in range(0, len(bundle.key_figures), len(columns)):
        line = bundle.key_figures[start : start + len(columns)]
        for figure, (first, last) in zip(line, columns, strict=False):
            _card(sheet, row, first, last, figure)
        row += 4
        sheet.row_dimensions[row - 1].height = 4
    if not bundle.key_figures:
        put_wide(sheet, row, 2, right, "Aucun chiffre clé pour cette période.", "Corps")
        row += 1
    return row


def _section(sheet: Worksheet, row: int, right: int, title: str) -> int:
    put_wide(sheet, row, 2, right, title, "Section")
    set_height(sheet, row, 1, 14)
    sheet.row_dimensions[row + 1].height = 6
    return row + 2


def _summary(sheet: Worksheet, bundle: Bundle) -> None:
    cells = max([_CELLS, *(len(table.columns) for table in bundle.tables)])
    right = 2 + cells
    assert right < HELPER_COLUMN - 1, "a table of the summary runs into the figures of the charts"
    set_widths(sheet, [1.5, _LABEL_WIDTH, *[_CELL_WIDTH] * cells, 1.5])
    row = compact_head(sheet, bundle, "Synthèse du trimestre", right, CONFIDENTIALITY)
    row = _section(sheet, row, right, "Chiffres clés")
    row = _cards(sheet, bundle, row, right)
    start = row + 1
    row = _section(sheet, start, right, "Tableaux")
    first_of_page = 1
    for table in bundle.tables:
        row = lay_out(sheet, table, row, 2, right, compact=True) + 2
        if start > first_of_page and pages_needed(sheet, first_of_page, row - 3, right + 1) > 1:
            sheet.row_breaks.append(Break(id=start - 1))
            first_of_page = start
        start = row
    set_print(sheet, bundle, f"{SUMMARY} — {SHORT_TITLE}")
    sheet.print_area = f"A1:{get_column_letter(right + 1)}{row}"


def write_quarter(bundle: Bundle, path: Path) -> Path:
    """Write the quarterly workbook to `path` and return it; the same bundle gives the same bytes.

    The file appears only when it is complete. Raises FileInUse when it is open elsewhere, OSError when the disk
    refuses.
    """
    workbook = new_workbook(bundle, TITLE)
    readme = add_sheet(workbook, README)
    _summary(add_sheet(workbook, SUMMARY), bundle)
    lines = [SheetLine(SUMMARY, "Chiffres clés, tableaux et graphiques du trimestre.")]
    for spec in SHEETS:
        lines.append(SheetLine(spec.title, spec.description, write_frame(workbook, bundle, spec)))
    lines.append(SheetLine(DICTIONARY, "Toutes les variables, décrites.", write_dictionary(workbook, bundle, SHEETS)))
    lines.append(SheetLine(CODES, "Codes, libellés et effectifs.", write_codes(workbook, bundle, SHEETS)))
    write_readme(
        readme,
        bundle,
        title=TITLE,
        short_title=SHORT_TITLE,
        confidentiality=CONFIDENTIALITY,
        sheets=lines,
        conventions=CONVENTIONS,
    )
    return save(workbook, bundle, path)
