"""The semester workbook for INS: numbered tables with their definitions, signs kept as signs, no person in it."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from reports.semester import write_semester
from reports.stat_sheet import HELPER_COLUMN
from tests.report_fixture import empty_bundle, make_bundle, one_case_bundle, tables
from transforms.bundle import Bundle


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return make_bundle("2026-S1")


@pytest.fixture(scope="module")
def path(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_semester(bundle, tmp_path_factory.mktemp("semester") / "s1.xlsx")


@pytest.fixture(scope="module")
def workbook(path: Path) -> Workbook:
    return load_workbook(path)


def values(sheet: Worksheet) -> list[object]:
    return [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]


def row_of(sheet: Worksheet, label: str, column: int = 2) -> int:
    return next(row for row in range(1, sheet.max_row + 1) if sheet.cell(row, column).value == label)


def test_one_sheet_a_table_between_the_lists_and_the_statements(workbook: Workbook) -> None:
    assert workbook.sheetnames == [
        "Lisez-moi", "Liste des tableaux", *(f"Tableau {n}" for n in range(1, 7)), "Qualité", "Règles de comptage",
    ]  # fmt: skip


def test_the_list_names_every_table_and_leads_to_its_sheet(workbook: Workbook) -> None:
    sheet = workbook["Liste des tableaux"]
    for table in tables():
        row = row_of(sheet, table.number)
        assert sheet.cell(row, 3).value == table.title and sheet.cell(row, 4).value == table.unit
        assert sheet.cell(row, 5).hyperlink.location == f"'Tableau {table.number}'!A1"
    assert sheet.cell(row_of(sheet, "Q4"), 5).hyperlink.location == "'Qualité'!A1"


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.number)
def test_a_table_is_printed_whole_with_its_definitions(workbook: Workbook, table) -> None:  # type: ignore[no-untyped-def]
    sheet = workbook[f"Tableau {table.number}"]
    said = values(sheet)
    assert f"Tableau {table.number} — {table.title}" in said
    assert f"Unité : {table.unit}" in said and f"Population : {table.population}" in said
    assert f"Date de référence : {table.reference_date}" in said
    assert (f"Dénominateur : {table.denominator}" in said) == (table.denominator is not None)
    header = row_of(sheet, table.row_header)
    assert [sheet.cell(header, 3 + i).value for i in range(len(table.columns))] == list(table.columns)
    for index, (label, cells) in enumerate(table.rows):
        printed = [sheet.cell(header + 1 + index, 2 + i).value for i in range(len(cells) + 1)]
        assert printed == [label, *("n.d." if cell is None else cell for cell in cells)]
    for note in table.notes:
        assert any(note in str(value) for value in said)


def test_margins_are_set_apart(workbook: Workbook) -> None:
    sheet = workbook["Tableau 2"]
    header = row_of(sheet, "Forme")
    total, margin, plain = sheet.cell(header + 7, 3), sheet.cell(header + 1, 6), sheet.cell(header + 1, 3)
    assert total.value == 74 and margin.value == 37 and plain.value == 14
    assert total.font.b and margin.font.b and not plain.font.b
    assert sheet.cell(header + 4, 2).alignment.indent > 0  # the « dont » line


def test_signs_are_centred_texts_with_a_key_beneath(workbook: Workbook) -> None:
    sheet = workbook["Tableau 3"]
    cell = sheet.cell(row_of(sheet, "Diffa"), 3)
    assert (cell.value, cell.data_type, cell.alignment.horizontal) == ("…", "s", "center")
    assert any(str(value).startswith("Signes : … non déclaré") for value in values(sheet))
    assert not any(str(value).startswith("Signes") for value in values(workbook["Tableau 4"]))


def test_a_chart_leaves_a_gap_where_nothing_was_declared(workbook: Workbook, path: Path) -> None:
    sheet = workbook["Tableau 3"]
    header = row_of(sheet, "Région")
    row = next(r for r in range(header, sheet.max_row + 1) if sheet.cell(r, HELPER_COLUMN).value == "Diffa (…)")
    assert sheet.cell(row, HELPER_COLUMN + 1).value is None
    assert [sheet.cell(row - 1, HELPER_COLUMN + i).value for i in (0, 1)] == ["Agadez", 24]
    (chart,) = sheet._charts
    assert f"$AO${header + 1}:$AO${header + 8}" in chart.series[0].val.numRef.f
    assert sheet.print_area.split("$")[-2] < "L"  # the helper columns are not printed


def test_charts_are_native_leave_the_margins_out_and_keep_their_axes(workbook: Workbook) -> None:
    drawn = {name: len(workbook[name]._charts) for name in workbook.sheetnames if name.startswith("Tableau")}
    assert drawn == {f"Tableau {n}": 1 for n in range(1, 6)} | {"Tableau 6": 0}  # nothing to draw in the last
    (chart,) = workbook["Tableau 1"]._charts
    assert len(chart.series) == 5 and chart.grouping == "stacked"  # not « Ensemble »
    assert chart.x_axis.delete is False and chart.y_axis.delete is False
    (many,) = workbook["Tableau 4"]._charts
    assert len(many.series) == 1  # eight regions can't be told apart: their total stands for them


def test_a_dont_line_is_not_drawn_beside_what_contains_it(workbook: Workbook) -> None:
    (chart,) = workbook["Tableau 2"]._charts
    sheet = workbook["Tableau 2"]
    helper = [sheet.cell(row, HELPER_COLUMN).value for row in range(1, sheet.max_row + 1)]
    assert "Esclavage ou pratiques analogues" in helper and "dont travail domestique" not in helper
    assert "$AN$" in chart.series[0].cat.strRef.f if chart.series[0].cat.strRef else chart.series[0].cat.numRef.f


def test_a_rate_keeps_the_same_decimals_down_its_column(workbook: Workbook) -> None:
    sheet = workbook["Tableau 5"]
    row = row_of(sheet, "Femmes")
    assert sheet.cell(row, 4).number_format == sheet.cell(row + 1, 4).number_format == "0.00"
    (chart,) = sheet._charts
    assert chart.y_axis.numFmt.formatCode == chart.dataLabels.numFmt == "0.00"  # 0.25 is not drawn as 0


def test_no_row_of_a_person_and_no_code_of_a_case_is_in_the_file(path: Path, bundle: Bundle) -> None:
    codes = {
        str(value)
        for frame, column in (
            (bundle.events, "case_code"), (bundle.events, "event_id"), (bundle.victims, "pseudonym"),
            (bundle.victims, "victim_code"), (bundle.perpetrators, "pseudonym"), (bundle.smugglers, "pseudonym"),
            (bundle.migrant_details, "migrant_code"), (bundle.quarantine, "submission_key"),
            (bundle.quality, "case_code"),
        )
        for value in frame[column].dropna()
    }  # fmt: skip
    assert len(codes) > 400
    with ZipFile(path) as parts:
        everything = "".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())
    assert not [code for code in codes if code in everything]


def test_the_quality_statement_counts_what_the_frames_hold(workbook: Workbook, bundle: Bundle) -> None:
    sheet = workbook["Qualité"]
    silent = row_of(sheet, "Zinder — ONG de protection de l’enfance (Zinder)")
    assert [sheet.cell(silent, column).value for column in range(3, 7)] == ["…", "n.d.", "…", "n.d."]
    response = row_of(sheet, "2026-T1")
    assert [sheet.cell(response, column).value for column in (3, 4, 5)] == [5, 4, 80.0]
    conflict = row_of(sheet, "Âge et tranche d’âge en désaccord")
    assert sheet.cell(conflict, 6).value == int((bundle.quality["rule"] == "age_band_conflict").sum())
    item = row_of(sheet, "Victimes — sexe")
    counted = bundle.victims[bundle.victims["counted"].astype(bool)]
    assert [sheet.cell(item, column).value for column in (3, 5)] == [len(counted), int((counted["sex"] == "U").sum())]
    pairs = row_of(sheet, "Victimes")
    asked = bundle.duplicates[bundle.duplicates["decision"] == "ask"]
    repeated = int((~bundle.victims["is_reference"].astype(bool)).sum())
    assert (sheet.cell(pairs, 4).value, sheet.cell(pairs, 6).value) == (len(asked), repeated)


def test_every_counting_rule_is_said(workbook: Workbook, bundle: Bundle) -> None:
    assert set(bundle.rules) <= set(values(workbook["Règles de comptage"]))


def test_no_cell_is_a_formula(workbook: Workbook) -> None:
    for sheet in workbook:
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type in ("f", "e")], sheet.title


def test_sheets_print_on_a4_landscape_without_gridlines(workbook: Workbook) -> None:
    for sheet in workbook:
        assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
        assert sheet.page_setup.fitToWidth == 1 and not sheet.sheet_view.showGridLines
        assert "&P" in sheet.oddFooter.center.text and "2026-S1" in sheet.oddFooter.right.text


@pytest.mark.parametrize("make", [empty_bundle, one_case_bundle])
def test_a_semester_of_nothing_or_of_one_case_is_a_whole_workbook(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = make("2026-S1")
    opened = load_workbook(write_semester(made, tmp_path / "s.xlsx"))
    assert opened.sheetnames[:2] == ["Lisez-moi", "Liste des tableaux"]
    assert "Aucune donnée pour cette période." in values(opened["Tableau 6"])
    assert "Aucune donnée pour cette période." in values(opened["Qualité"])
