"""Translations: out to a workbook, back row by row, into the forms when complete; recordings."""

import datetime
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.cell import Cell
from typer.testing import CliRunner

from kobo_sync import form_audio, forms
from kobo_sync import form_translations as translations
from kobo_sync import form_translations_book as book
from kobo_sync import form_translations_import as back
from kobo_sync.cli import app
from kobo_sync.form_languages import LANGUAGES
from kobo_sync.forms_lint import validate
from tests.engines.javarosa import Form, compile_form

SAMPLE = {"ha": "Ƙarfin ɗan ɓera", "ar": "ترجمة", "dje": "Boro fɔ̃ ŋwa"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The forms' sources, with no translation yet."""
    folder = Path(shutil.copytree(forms.FOLDER, tmp_path / "xlsforms"))
    shutil.rmtree(folder / "translations", ignore_errors=True)
    shutil.rmtree(folder / "audio", ignore_errors=True)
    return folder


def in_language(language: str, french: str) -> str:
    """A made-up translation that keeps what must be kept, in another order than the French."""
    heading = re.match(r" *#+", french)
    kept = " ".join(found for found in translations.KEEP.findall(french) if "#" not in found)
    letters = "".join(c for c in french if c.isalnum() or c == " ")[:60]
    parts = [heading.group() if heading else "", SAMPLE[language], kept, *letters.split()]
    return " ".join(part for part in parts if part)


def fill(path: Path, change: Callable[[dict[str, Cell]], Any]) -> None:
    """Let `change` write into each row of a workbook, as a translator does."""
    workbook = load_workbook(path)
    for cells in workbook[book.SHEET].iter_rows(min_row=2):
        change({"key": cells[0], "french": cells[2], "text": cells[5], "note": cells[6]})
    workbook.save(path)


def translate(folder: Path, language: str, path: Path) -> back.ImportReport:
    book.export(path, language, folder)
    fill(path, lambda row: setattr(row["text"], "value", in_language(language, str(row["french"].value))))
    return back.take_back(path, folder)


def cells(path: Path) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in load_workbook(path)[book.SHEET].iter_rows()]


def test_what_comes_back_is_what_went_out(copy: Path, tmp_path: Path) -> None:
    first = translate(copy, "ha", tmp_path / "ha.xlsx")
    assert (first.refused, first.empty) == ([], 0) and first.changed == first.kept > 400
    book.export(tmp_path / "again.xlsx", "ha", copy)
    assert cells(tmp_path / "again.xlsx") == cells(tmp_path / "ha.xlsx")
    stored = (copy / "translations" / "ha.csv").read_bytes()
    second = back.take_back(tmp_path / "again.xlsx", copy)
    assert (second.kept, second.changed, second.refused) == (first.kept, 0, [])
    assert (copy / "translations" / "ha.csv").read_bytes() == stored


def test_every_text_of_every_form_is_in_the_workbook_and_none_twice(copy: Path) -> None:
    rows = book.texts(copy)
    shown = {(place.column, place.french) for place in (row.place for row in rows)}
    for form in forms.FORMS:
        sheets, _ = forms.expand(form, copy)
        for row in sheets["survey"]:
            for column in translations.COLUMNS:
                if french := row[f"{column}::Français (fr)"].strip():
                    assert (column, french) in shown
    assert len({row.place.key for row in rows}) == len(rows)
    assert len({(row.place.sheet, row.place.column, row.place.french, row.place.english) for row in rows}) == len(rows)
    assert all(row.where for row in rows)


def test_accents_hooked_letters_and_arabic_survive(copy: Path, tmp_path: Path) -> None:
    for language in SAMPLE:
        translate(copy, language, tmp_path / f"{language}.xlsx")
        table = translations.read(language, copy)
        assert all(t.text.removeprefix("# ").strip("# ").startswith(SAMPLE[language]) for t in table.values())
        assert any("é" in t.french and "é" in t.text for t in table.values())


def test_a_lost_or_altered_placeholder_is_refused_with_its_row_and_the_rest_is_kept(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    book.export(path, "ha", copy)
    spoilt: dict[int, str] = {}

    def change(row: dict[str, Cell]) -> None:
        text = in_language("ha", str(row["french"].value))
        if "${" in text and len(spoilt) < 3:
            text = [
                re.sub(r"\$\{\w+\}", "", text, count=1),
                text.replace("${", "${ ", 1),
                text + " ${code_inconnu}",
            ][len(spoilt)]
            spoilt[row["key"].row] = str(row["key"].value)
        row["text"].value = text

    fill(path, change)
    report = back.take_back(path, copy)
    assert {number: key for number, key, _ in report.refused} == spoilt and len(spoilt) == 3
    assert [reason.split(" ")[0] for _, _, reason in report.refused] == ["perdu", "perdu", "en"]
    assert report.kept == len(book.texts(copy)) - 3
    assert not set(spoilt.values()) & set(translations.read("ha", copy))


@pytest.mark.parametrize(
    ("french", "text", "fault"),
    [
        ("**Code** : ${c}", "Lamba ${c}", "**, **"),
        ("## ${c}", "${c}", "##"),
        ("## ${c}", "# ${c}", "##"),
        ("Bonjour", "Ina \"kwana\"", "guillemet"),
        ("Bonjour", "=1+1", "formule"),
        ("Bonjour", " @SUM(A1)", "formule"),
        ("Bonjour", "Ina\x07kwana", "invisible"),
        ("Bonjour", "Ina\u202ekwana", "invisible"),
        ("Bonjour", "[ici](https://exemple.invalid)", "lien"),
    ],
)  # fmt: skip
def test_what_a_phone_cannot_show_is_refused(french: str, text: str, fault: str) -> None:
    assert fault in (translations.fault(french, text) or "")
    assert translations.fault("Code ${c}, **gras**", "**ƙarfi** ${c}") is None
    assert translations.fault("- 5 ans", "- 5") is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [(12, "nombre"), (datetime.date(2026, 1, 4), "date"), ("=A1&B1", "formule"), (True, "nombre")],
)
def test_a_cell_that_is_no_text_is_told(copy: Path, tmp_path: Path, value: object, reason: str) -> None:
    path = tmp_path / "ha.xlsx"
    book.export(path, "ha", copy)
    fill(path, lambda row: setattr(row["text"], "value", value if row["text"].row == 5 else ""))
    report = back.take_back(path, copy)
    assert [(number, said.split(" ")[0]) for number, _, said in report.refused] == [(5, reason)]
    assert report.kept == 0 and not (copy / "translations").exists()


def test_rows_whose_source_changed_vanished_or_came_twice_are_refused(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    book.export(path, "ha", copy)
    fill(path, lambda row: setattr(row["text"], "value", in_language("ha", str(row["french"].value))))
    workbook = load_workbook(path)
    sheet = workbook[book.SHEET]
    keys = [str(cell.value) for cell in sheet["A"]]
    label = next(key for key in keys if key.endswith("/entite/label"))
    hint = [key for key in keys if "/hint/" in key][-1]
    sheet.cell(keys.index("liste/sex/F") + 1, 1, "liste/sex/X")
    for row in (keys.index(label), keys.index(label) + 1):
        sheet.cell(row + 1, 1, label)
    workbook.save(path)
    old = str(sheet.cell(keys.index(hint) + 1, 3).value)
    for form in forms.FORMS:
        survey = copy / form / "survey.csv"
        text = survey.read_text(encoding="utf-8")
        survey.write_text(text.replace(old, "Aide nouvelle"), encoding="utf-8", newline="")
    refused = {key: reason for _, key, reason in back.take_back(path, copy).refused}
    assert "clé inconnue" in refused["liste/sex/X"]
    assert "déjà plus haut" in refused[label]
    assert "a changé" in refused[hint]


def test_a_translators_work_is_never_written_over(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    number = book.export(path, "ha", copy)
    assert book.export(path, "ha", copy) == number  # nothing written yet: the same workbook
    fill(path, lambda row: setattr(row["text"], "value", '"Ina" kwana' if row["text"].row == 4 else None))
    before = path.read_bytes()
    with pytest.raises(book.NotATranslation, match=r"existe déjà.*importez-le d’abord"):
        book.export(path, "ha", copy)
    assert [row for row, _, _ in back.take_back(path, copy).refused] == [4]
    with pytest.raises(book.NotATranslation, match="existe déjà"):  # what was refused is only there
        book.export(path, "ha", copy)
    assert path.read_bytes() == before
    other = tmp_path / "lettre.xlsx"
    other.write_bytes(b"autre chose")
    with pytest.raises(book.NotATranslation, match="existe déjà"):
        book.export(other, "ha", copy)
    assert other.read_bytes() == b"autre chose"


@pytest.mark.parametrize("name", ["textes", "textes.xls", "textes.csv"])
def test_an_export_is_named_as_what_it_is(copy: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(book.NotATranslation, match=r"finir par \.xlsx"):
        book.export(tmp_path / name, "ha", copy)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["textes.ods", "textes.xls", "abime.xlsx"])
def test_another_kind_of_file_says_how_to_save_it(copy: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(book.NotATranslation, match=r"Enregistrer sous.*\.xlsx"):
        back.take_back(tmp_path / name, copy)


def test_a_changed_heading_is_named_with_the_one_expected(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    book.export(path, "ha", copy)
    for column, heading, said in ((6, "Haoussa", "F1 : « Haoussa » au lieu de .*« Hausa"),
                                  (3, "Francais", "C1 : « Francais » au lieu de « Français »")):  # fmt: skip
        workbook = load_workbook(path)
        workbook[book.SHEET].cell(1, column, heading)
        workbook.save(tmp_path / "change.xlsx")
        with pytest.raises(book.NotATranslation, match=said):
            back.take_back(tmp_path / "change.xlsx", copy)


def test_rows_taken_out_are_counted_and_lose_nothing(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    full = translate(copy, "ha", path)
    stored = (copy / "translations" / "ha.csv").read_bytes()
    workbook = load_workbook(path)
    sheet = workbook[book.SHEET]
    sheet.delete_rows(20, 17)
    sheet.cell(5, book.TEXT_AT + 1).value = None
    workbook.save(path)
    report = back.take_back(path, copy)
    assert (full.missing, report.missing, report.left, report.empty) == (0, 17, 1, 0)
    assert report.kept == full.kept - 18 and not report.refused
    assert (copy / "translations" / "ha.csv").read_bytes() == stored


def test_a_text_left_in_french_or_far_too_long_is_kept_to_be_read_again(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    book.export(path, "ha", copy)
    doubtful: dict[int, str] = {}

    def change(row: dict[str, Cell]) -> None:
        french, number = str(row["french"].value), row["text"].row
        row["text"].value = in_language("ha", french)
        if len(french.split()) > 4 and not translations.KEEP.search(french) and len(doubtful) < 2:
            row["text"].value = french if not doubtful else f"{french} " * 4
            doubtful[number] = "français lui-même" if not doubtful else "fois plus long"
        elif len(french.split()) == 1 and "$" not in french and len(french) < 4:
            row["text"].value = french  # « Non » may be the word of both languages

    fill(path, change)
    report = back.take_back(path, copy)
    assert len(doubtful) == 2 and [number for number, _, _ in report.reread] == list(doubtful)
    assert all(doubtful[number] in reason for number, _, reason in report.reread)
    assert not report.refused and report.kept == len(book.texts(copy))


def test_french_that_the_translator_changed_is_told_from_a_question_that_changed(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    book.export(path, "ha", copy)
    edited: list[str] = []

    def change(row: dict[str, Cell]) -> None:
        row["text"].value = in_language("ha", str(row["french"].value))
        if str(row["key"].value).endswith("/label") and len(edited) < 1:
            edited.append(str(row["french"].value))
            row["french"].value = "Autre français"

    fill(path, change)
    ((_, _, reason),) = back.take_back(path, copy).refused
    assert "a été modifiée dans le classeur" in reason and edited[0] in reason and "depuis l’export" not in reason


def test_a_changed_question_is_refused_with_the_new_french(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "ha.xlsx"
    translate(copy, "ha", path)
    survey = copy / "declaration" / "survey.csv"
    place = next(p for p in translations.places("declaration", forms.expand("declaration", copy)[0], copy)
                 if p.key.startswith("declaration/survey/nb_"))  # fmt: skip
    text = survey.read_text(encoding="utf-8")
    survey.write_text(text.replace(place.french, place.french + " (bis)"), encoding="utf-8", newline="")
    report = back.take_back(path, copy)
    assert [key for _, key, _ in report.refused] == [place.key]
    assert "(bis)" in report.refused[0][2]
    assert f"label::{LANGUAGES['ha']}" not in forms.expand("declaration", copy)[0]["survey"][0]  # no longer complete


def test_an_unfinished_language_stays_out_and_is_counted(copy: Path, tmp_path: Path) -> None:
    translate(copy, "ha", tmp_path / "ha.xlsx")
    table = translations.read("ha", copy)
    gone = next(key for key in table if key.startswith("traite/survey/v_"))
    del table[gone]
    translations.write("ha", table, copy)
    sheets, _ = forms.expand("traite", copy)
    assert not [column for column in sheets["survey"][0] if "Hausa" in column]
    assert [column for column in forms.expand("suivi", copy)[0]["survey"][0] if "Hausa" in column]
    problems = [p for p in forms.check("traite", copy) if p.where == "translations/ha.csv"]
    assert [p.warning for p in problems] == [True] and "hausa : 1 textes sur" in problems[0].message


@pytest.mark.parametrize("form", forms.FORMS)
def test_a_complete_language_is_built_valid_and_shown(form: str, copy: Path, tmp_path: Path) -> None:
    before, faults = forms.build(form, copy), forms.check(form, copy)
    translate(copy, "ar", tmp_path / "ar.xlsx")
    after = forms.build(form, copy)
    assert after.form_release != before.form_release and after.warnings == []
    assert forms.check(form, copy) == faults
    xform = compile_form(after.path, forms.media([]), tmp_path)
    assert not validate(xform)
    shown = Form(xform)
    shown.language(LANGUAGES["ar"])
    question = {"fournisseur": "org_connu"}.get(form, "entite")
    french = next(
        row["label::Français (fr)"] for row in forms.expand(form, copy)[0]["survey"] if row["name"] == question
    )
    assert shown.text(question) == in_language("ar", french)


def test_a_form_without_translation_is_as_before(copy: Path) -> None:
    before = forms.expand("traite", copy)
    (copy / "translations").mkdir()
    (copy / "translations" / "ha.csv").write_text("key,french,text,note\n", encoding="utf-8")
    assert forms.expand("traite", copy) == before


def test_recordings_are_attached_and_named_beside_the_consent_note(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A isom"
    for language in ("fr", "ar", "ha"):
        (copy / "audio" / language).mkdir(parents=True)
        (copy / "audio" / language / form_audio.FILE).write_bytes(sound)
    translate(copy, "ar", tmp_path / "ar.xlsx")
    sheets, _ = forms.expand("traite", copy)
    note = next(row for row in sheets["survey"] if row["name"] == form_audio.NOTES["traite"])
    assert {column: cell for column, cell in note.items() if column.startswith("media::audio")} == {
        "media::audio::Français (fr)": "consentement_fr.m4a",
        "media::audio::English (en)": "",
        f"media::audio::{LANGUAGES['ar']}": "consentement_ar.m4a",
    }
    assert forms.build("traite", copy).warnings == []
    problems = [p for p in forms.check("traite", copy) if p.where.startswith("audio")]
    assert [(p.where, p.warning) for p in problems] == [("audio/ha/consentement.m4a", True)]
    monkeypatch.setattr(forms, "FOLDER", copy)
    assert forms.media([], "traite")["consentement_ar.m4a"] == sound
    assert "consentement_ar.m4a" not in forms.media([], "suivi")  # no phone downloads what no form plays
    assert not [c for c in forms.expand("suivi", copy)[0]["survey"][0] if c.startswith("media")]


def test_a_recording_waits_for_its_language(copy: Path) -> None:
    before = forms.expand("traite", copy)
    (copy / "audio" / "ha").mkdir(parents=True)
    (copy / "audio" / "ha" / form_audio.FILE).write_bytes(b"\x00\x00\x00\x18ftypM4A ")
    assert forms.expand("traite", copy) == before


def test_a_recording_that_no_phone_would_play_is_named(copy: Path) -> None:
    (copy / "audio" / "fr").mkdir(parents=True)
    (copy / "audio" / "fr" / form_audio.FILE).write_bytes(b"ID3 not m4a")
    (copy / "audio" / "fr" / "autre.mp3").write_bytes(b"ID3")
    sheets, _ = forms.expand("traite", copy)
    found = {(where, warning) for where, _, warning in form_audio.problems("traite", sheets, copy)}
    assert found == {("audio/fr/consentement.m4a", False), ("audio/fr/autre.mp3", False)}


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    run, path = CliRunner().invoke, tmp_path / "kr.xlsx"
    assert run(app, ["forms", "translations", "export", str(path), "--language", "xx"]).exit_code == 2
    done = run(app, ["forms", "translations", "export", str(path), "--language", "kr"])
    assert done.exit_code == 0 and "Kanuri (kr)" in done.output
    fill(path, lambda row: setattr(row["text"], "value", "=1+1" if row["text"].row == 3 else None))
    done = run(app, ["forms", "translations", "import", str(path)])
    assert done.exit_code == 3 and "ligne 3 (" in done.output and "1 refusés" in done.output
    assert run(app, ["forms", "translations", "export", str(path), "--language", "kr"]).exit_code == 1
    assert "1 refusés" in run(app, ["forms", "translations", "import", str(path)]).output  # his rows are still there
    assert run(app, ["forms", "translations", "export", str(tmp_path / "kr.xls"), "-l", "kr"]).exit_code == 1
    assert run(app, ["forms", "translations", "import", str(tmp_path / "absent.xlsx")]).exit_code == 1
