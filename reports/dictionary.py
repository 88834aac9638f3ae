"""The two sheets that explain the data sheets: the dictionary of variables and the list of codes with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from openpyxl import Workbook

from reports.columns import Column, columns_of, component_label, known_labels
from reports.frame_sheet import DataSheet, Printed, finish_sheet, head_of_sheet, write_rows
from reports.style import add_sheet
from transforms.bundle import Bundle

DICTIONARY, CODES = "Dictionnaire", "Modalités"
_KINDS = {
    "text": "texte", "code": "code", "codes": "plusieurs codes", "bool": "oui / non", "int": "nombre entier",
    "decimal": "nombre décimal", "date": "date",
}  # fmt: skip
_LONG_LISTS = {"country", "place"}  # only the codes met in the file are listed
UNLISTED, EMPTY = "(hors liste)", "(sans réponse ou non posée)"


def _sheet(workbook: Workbook, bundle: Bundle, title: str, table: str, columns: Sequence[Printed], note: str) -> int:
    sheet = add_sheet(workbook, title, tab="BCC5D1")
    count = write_rows(sheet, columns, table, empty="Aucune ligne.")
    head_of_sheet(sheet, bundle, title, note)
    finish_sheet(sheet, bundle, title)
    return count


def write_dictionary(workbook: Workbook, bundle: Bundle, specs: Sequence[DataSheet]) -> int:
    """Add the dictionary: one row a variable of each data sheet. Returns its number of rows."""
    rows = [(spec, column) for spec in specs for column in columns_of(spec.frame, spec.form)]
    columns = [
        Printed("", "Feuille", "text", [spec.title for spec, _ in rows]),
        Printed("", "Colonne", "text", [column.header_fr for _, column in rows]),
        Printed("", "Groupe", "text", [column.group_fr for _, column in rows]),
        Printed("", "Description", "text", [column.description_fr for _, column in rows]),
        Printed("", "Type", "text", [_KINDS[column.kind] for _, column in rows]),
        Printed("", "Composante ICS-TIP", "text", [component_label(column) for _, column in rows]),
        Printed("", "Liste de codes", "text", [column.variable or None for _, column in rows]),
        Printed("", "Nom technique", "text", [f"{column.frame}.{column.column}" for _, column in rows]),
    ]
    return _sheet(
        workbook, bundle, DICTIONARY, "tbl_dictionnaire", columns,
        "Une ligne par variable. Une variable codée occupe deux colonnes : « … (code) » et son libellé.",
    )  # fmt: skip


def _counts(bundle: Bundle, spec: DataSheet, column: Column) -> Iterator[tuple[str | None, str, int]]:
    """(code, label, count) of one coded column, in the order of its list; unlisted and empty values last."""
    known = known_labels(column, bundle.labels)
    if not known:
        return
    found: Counter[str] = Counter()
    empty = 0
    for value in spec.rows(bundle)[column.column].tolist():
        if not isinstance(value, str) or not value:
            empty += 1
        else:
            found.update(value.split() if column.kind == "codes" else [value])
    for code, label in known.items():
        if code in found or (column.variable and column.variable not in _LONG_LISTS):
            yield code, label, found.pop(code, 0)
    for code in sorted(found):
        yield code, UNLISTED, found[code]
    yield None, EMPTY, empty


def write_codes(workbook: Workbook, bundle: Bundle, specs: Sequence[DataSheet]) -> int:
    """Add the list of codes: code, label and count in this file. Returns its number of rows."""
    rows = [
        (spec.title, column.header_fr, column.variable or None, *counted)
        for spec in specs
        for column in columns_of(spec.frame, spec.form)
        if column.kind in ("code", "codes")
        for counted in _counts(bundle, spec, column)
    ]
    headers = ("Feuille", "Colonne", "Liste de codes", "Code", "Libellé", "Effectif")
    columns = [
        Printed("", header, "int" if header == "Effectif" else "text", [row[index] for row in rows])
        for index, header in enumerate(headers)
    ]
    return _sheet(
        workbook, bundle, CODES, "tbl_modalites", columns,
        "Effectif de chaque code dans ce fichier, toutes lignes confondues (comptées ou non) : "
        "ce n’est pas une statistique.",
    )  # fmt: skip
