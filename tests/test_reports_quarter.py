"""The quarterly workbook: its sheets, tables, formats, and that nothing received runs in it."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet.worksheet import Worksheet

from reports.columns import columns_of
from reports.frame_sheet import GROUP_ROW, HEADER_ROW
from reports.look import DATE, NUMBER
from reports.quarter import SHEETS, write_quarter
from tests.report_fixture import HOSTILE, empty_bundle, make_bundle, one_case_bundle
from transforms.bundle import Bundle

NAMES = [
    "Lisez-moi", "Synthèse", "Événements traite", "Victimes", "Auteurs", "Événements trafic", "Migrants",
    "Migrants (détail)", "Passeurs", "Complétude", "Qualité", "Quarantaine", "Doublons", "Dictionnaire", "Modalités",
]  # fmt: skip
DATA = NAMES[2:]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return make_bundle()


@pytest.fixture(scope="module")
def path(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_quarter(bundle, tmp_path_factory.mktemp("quarter") / "t3.xlsx")


@pytest.fixture(scope="module")
def workbook(path: Path) -> Workbook:
    return load_workbook(path)


def headers(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for cell in sheet[HEADER_ROW]]


def column(sheet: Worksheet, header: str) -> list[object]:
    index = headers(sheet).index(header) + 1
    return [sheet.cell(row, index).value for row in range(HEADER_ROW + 1, sheet.max_row + 1)]


def texts(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]


@pytest.mark.parametrize("make", [make_bundle, empty_bundle, one_case_bundle])
def test_the_sheets_are_there_in_order(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = load_workbook(write_quarter(make(), tmp_path / "t.xlsx"))
    assert made.sheetnames == NAMES
    assert made.active is not None and made.active.title == "Lisez-moi"


def test_no_cell_is_a_formula_or_an_error(workbook: Workbook) -> None:
    for sheet in workbook:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type not in ("f", "e"), (sheet.title, cell.coordinate)
                assert not (isinstance(cell.value, str) and cell.value.startswith(tuple("=+-@|%"))), cell.coordinate


def test_the_file_holds_no_formula_no_macro_and_no_outside_link(path: Path) -> None:
    with ZipFile(path) as parts:
        assert not [name for name in parts.namelist() if "vba" in name or "externalLink" in name]
        for name in parts.namelist():
            content = parts.read(name)
            assert b"TargetMode" not in content, name
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in content and b"<f " not in content, name


def test_hostile_text_is_there_neutralised(workbook: Workbook) -> None:
    messages = column(workbook["Qualité"], "Message")
    assert len([m for m in messages if m]) >= len(HOSTILE)
    assert '\'=HYPERLINK("http://exemple.test";"cliquer")' in messages
    assert any(str(message).endswith("[texte coupé]") for message in messages)
    assert "seul \ufffd substitut" in messages and "#N/A" in messages


def test_tables_have_unique_names_and_cover_exactly_their_rows(workbook: Workbook, bundle: Bundle) -> None:
    names = [table.displayName for sheet in workbook for table in sheet.tables.values()]
    assert len(names) == len(DATA) and len({name.casefold() for name in names}) == len(names)
    for spec in SHEETS:
        sheet = workbook[spec.title]
        (table,) = sheet.tables.values()
        first_column, first_row, last_column, last_row = range_boundaries(table.ref)
        assert (first_column, first_row) == (1, HEADER_ROW)
        assert last_column == sheet.max_column
        assert last_row == sheet.max_row == HEADER_ROW + len(spec.rows(bundle))
        assert table.autoFilter is not None and table.autoFilter.ref == table.ref
        found = [tc.name for tc in table.tableColumns]
        assert found == headers(sheet) and len({name.casefold() for name in found}) == len(found)


@pytest.mark.parametrize("make", [empty_bundle, one_case_bundle])
def test_a_sheet_without_rows_says_so_and_has_no_table(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = make()
    opened = load_workbook(write_quarter(made, tmp_path / "t.xlsx"))
    for spec in SHEETS:
        sheet, count = opened[spec.title], len(spec.rows(made))
        assert len(sheet.tables) == (1 if count else 0)
        if not count:
            assert sheet.cell(HEADER_ROW + 1, 1).value == "Aucune ligne pour cette période."


def test_every_column_of_the_frames_is_printed_under_its_french_header(workbook: Workbook) -> None:
    for spec in SHEETS:
        printed = headers(workbook[spec.title])
        assert not [header for header in printed if "_" in header]
        for entry in columns_of(spec.frame, spec.form):
            assert entry.header_fr in printed, f"{spec.title}: {entry.column}"


def test_code_and_label_stand_in_two_columns(workbook: Workbook) -> None:
    sheet = workbook["Victimes"]
    pairs = set(zip(column(sheet, "Sexe (code)"), column(sheet, "Sexe"), strict=True))
    assert pairs <= {("F", "Féminin"), ("M", "Masculin"), ("U", "Inconnu / non enregistré")}
    acts = dict(zip(column(sheet, "Actes (code)"), column(sheet, "Actes"), strict=True))
    assert all(len(str(code).split()) == len(str(label).split(" ; ")) for code, label in acts.items())


def test_a_form_has_its_own_sheet_with_its_own_columns(workbook: Workbook) -> None:
    assert "Moyens de transport" not in headers(workbook["Événements traite"])
    assert "Moyens" not in headers(workbook["Événements trafic"])
    assert set(column(workbook["Événements trafic"], "Formulaire (code)")) == {"trafic"}


def test_dates_are_dates_and_numbers_are_numbers(workbook: Workbook) -> None:
    sheet = workbook["Événements trafic"]
    for header, kind, number_format in (
        ("Date de détection", datetime, DATE), ("Migrants (total)", int, NUMBER),
    ):  # fmt: skip
        index = headers(sheet).index(header) + 1
        cells = [sheet.cell(row, index) for row in range(HEADER_ROW + 1, sheet.max_row + 1)]
        filled = [cell for cell in cells if cell.value is not None]
        assert filled and all(isinstance(cell.value, kind) for cell in filled)
        assert {cell.number_format for cell in filled} == {number_format}


def test_an_instant_is_told_as_the_day_it_is_in_niamey(workbook: Workbook) -> None:
    # 23:30 UTC on 1 October is 00:30 on 2 October in Niamey
    assert column(workbook["Quarantaine"], "Mise en quarantaine") == [datetime(2026, 10, 2)]


def test_true_and_false_are_oui_and_non(workbook: Workbook) -> None:
    assert set(column(workbook["Victimes"], "Ligne de référence")) == {"Oui", "Non"}


def test_a_missing_answer_is_an_empty_cell(workbook: Workbook, bundle: Bundle) -> None:
    missing = sum(value is None for value in bundle.victims["age"])
    assert missing and column(workbook["Victimes"], "Âge à l’identification").count(None) == missing


def test_columns_are_wide_enough_and_not_too_wide(workbook: Workbook) -> None:
    for name in DATA:
        sheet = workbook[name]
        for index, header in enumerate(headers(sheet), 1):
            width = sheet.column_dimensions[get_column_letter(index)].width
            assert 9 <= width <= 70, (name, header)
            longest = max((len(word) for word in header.split()), default=0)
            assert width >= min(longest + 3, 24), (name, header)


def test_headers_stay_in_sight_on_screen_and_on_paper(workbook: Workbook) -> None:
    for name in DATA:
        sheet = workbook[name]
        assert sheet.freeze_panes == f"B{HEADER_ROW + 1}"
        assert sheet.print_title_rows == f"${GROUP_ROW}:${HEADER_ROW}"


def test_every_sheet_prints_on_a4_landscape_with_page_numbers(workbook: Workbook) -> None:
    for sheet in workbook:
        setup = sheet.page_setup
        assert (setup.orientation, int(setup.paperSize), setup.fitToHeight) == ("landscape", 9, 0), sheet.title
        assert sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.print_options.horizontalCentered
        assert "&P" in sheet.oddFooter.center.text and sheet.oddFooter.left.text
        assert "2026-T3" in sheet.oddFooter.right.text
        assert sheet.print_area and not sheet.sheet_view.showGridLines


def test_a_footer_fits_excels_limit_whatever_the_edition_says(tmp_path: Path) -> None:
    from dataclasses import replace

    path = write_quarter(replace(make_bundle(events=1), edition="&" * 300), tmp_path / "t.xlsx")
    with ZipFile(path) as parts:
        for name in parts.namelist():
            for found in re.findall(r"<oddFooter>(.*?)</oddFooter>", parts.read(name).decode("utf-8", "replace")):
                assert len(unescape(found)) <= 255, name


def test_the_readme_says_what_the_file_is(workbook: Workbook, bundle: Bundle) -> None:
    sheet = workbook["Lisez-moi"]
    said = "\n".join(texts(sheet))
    for expected in (
        "République du Niger", "3e trimestre 2026", "CONFIDENTIEL", bundle.source, "20/10/2026", "21/10/2026 à 07 h 30",
        bundle.code_version, bundle.code_list_version, bundle.received_hash, "édition 1",
        *(f"{n}. {rule}" for n, rule in enumerate(bundle.rules, 1)),
        *(f"{n}. {warning}" for n, warning in enumerate(bundle.warnings, 1)),
    ):  # fmt: skip
        assert expected in said, expected
    targets = {cell.hyperlink.location for row in sheet.iter_rows() for cell in row if cell.hyperlink}
    assert targets == {f"'{name}'!A1" for name in NAMES[1:]}


def test_the_summary_shows_figures_tables_and_native_charts(workbook: Workbook, bundle: Bundle) -> None:
    sheet = workbook["Synthèse"]
    values = [cell.value for row in sheet.iter_rows() for cell in row]
    for figure in bundle.key_figures:
        assert figure.label in values and figure.value in values
    for table in bundle.tables:
        assert f"Tableau {table.number} — {table.title}" in values
    assert len(sheet._charts) == 5  # table 6 asks for one but has no number to draw


def test_the_dictionary_describes_every_variable_of_every_sheet(workbook: Workbook) -> None:
    sheet = workbook["Dictionnaire"]
    named = set(zip(column(sheet, "Feuille"), column(sheet, "Nom technique"), strict=True))
    for spec in SHEETS:
        for entry in columns_of(spec.frame, spec.form):
            assert (spec.title, f"{entry.frame}.{entry.column}") in named
    assert all(column(sheet, "Description"))
    assert "Événement" in column(sheet, "Composante ICS-TIP")


def test_the_codes_sheet_counts_what_the_sheet_holds(workbook: Workbook, bundle: Bundle) -> None:
    rows = list(workbook["Modalités"].iter_rows(min_row=HEADER_ROW + 1, values_only=True))
    sexes = [row[3:] for row in rows if row[:2] == ("Victimes", "Sexe")]
    counts = bundle.victims["sex"].value_counts()
    labels = {"F": "Féminin", "M": "Masculin", "U": "Inconnu / non enregistré"}
    assert sexes == [(code, label, counts[code]) for code, label in labels.items()] + [
        (None, "(sans réponse ou non posée)", 0)
    ]
    support = [row for row in rows if row[:2] == ("Victimes", "Assistance reçue")]
    ticked = sum(len(str(value).split()) for value in bundle.victims["assistance"])
    assert sum(int(row[5]) for row in support) == ticked


def test_a_code_outside_its_list_is_shown_as_such(tmp_path: Path) -> None:
    odd = make_bundle(events=2)
    odd.victims.loc[0, "sex"] = "X9"
    rows = load_workbook(write_quarter(odd, tmp_path / "t.xlsx"))["Modalités"].iter_rows(values_only=True)
    assert ("Victimes", "Sexe", "sex", "X9", "(hors liste)", 1) in [tuple(row) for row in rows]
