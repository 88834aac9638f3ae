"""contacts.csv as Excel saves it in Niger: read, or refused in words, and always plain UTF-8 with commas on phones."""

import csv
import io
import shutil
from pathlib import Path

import pytest

from kobo_sync import forms
from kobo_sync.csv_file import CsvFileError, phones_csv, read_csv
from kobo_sync.forms_lint_files import CONTACTS, attached, unfinished

OURS = forms.FOLDER / CONTACTS
SURVEY = [
    {"type": "csv-external", "name": "contacts", "choice_filter": "", "calculation": ""},
    *(
        {
            "type": "calculate",
            "name": column,
            "choice_filter": "",
            "calculation": f"instance('contacts')/root/item[name = ${{region_decl}}]/{column}",
        }
        for column in ("securite", "soins", "enfant", "interprete", "orientation")
    ),
]


def saved(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / CONTACTS
    path.write_bytes(text.encode(encoding))
    return path


def semicolons() -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows(csv.reader(io.StringIO(OURS.read_text(encoding="utf-8"))))
    return out.getvalue()


def said(folder: Path) -> list[str]:
    return [message for _, message in attached(SURVEY, folder)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_excel_saves_reaches_phones_as_ours(tmp_path, encoding):
    path = saved(tmp_path, semicolons() + ";;;;;\r\n", encoding)
    assert phones_csv(path) == OURS.read_bytes()
    assert said(tmp_path) == [] and len(list(unfinished(SURVEY, tmp_path))) == 1


@pytest.mark.parametrize(("encoding", "words"), [("cp1252", "accents seraient perdus"), ("utf-16", "UTF-16")])
def test_other_writings_are_refused_with_the_way_to_save(tmp_path, encoding, words):
    path = saved(tmp_path, semicolons().replace("’", "'"), encoding)
    with pytest.raises(CsvFileError, match=words):
        read_csv(path)
    (told,) = said(tmp_path)
    assert words in told and "CSV UTF-8 (délimité par des virgules)" in told
    assert list(unfinished(SURVEY, tmp_path)) == []


def test_a_workbook_renamed_csv_is_refused(tmp_path):
    shutil.copy(forms.xlsx_path("traite"), tmp_path / CONTACTS)
    assert "classeur Excel" in said(tmp_path)[0]


def test_a_comma_outside_quotes_is_told_with_its_line(tmp_path):
    saved(tmp_path, OURS.read_text(encoding="utf-8").replace('"Police ou', "Police, ou", 1).replace('NTP)"', "NTP)", 1))
    assert "ligne 2 : plus de cases que d’en-têtes" in said(tmp_path)[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("NE003,", "NE03,", ["Dosso (NE003) : région absente", "name = « NE03 » : ce n’est pas le code d’une région"]),
        ("NE003,", "NE004,", ["Dosso (NE003) : région absente", "Maradi (NE004) : région donnée 2 fois"]),
        ("soins,", "soin,", ["colonne absente : soins"]),
        ("name,", "region,", ["colonne absente : name"]),
        (
            '"Centre hospitalier régional de Dosso, service des urgences (numéro à compléter par l’ANLTP)"',
            " ",
            ["Dosso (NE003), colonne soins : case vide"],
        ),
        (
            '"Police ou gendarmerie, ou brigade des mineurs de Dosso (numéro à compléter par l’ANLTP)"',
            "",
            ["Dosso (NE003), colonne securite : case vide"],
        ),
    ],
)
def test_a_gap_is_told_with_its_region_and_column(tmp_path, old, new, told):
    text = OURS.read_text(encoding="utf-8")
    assert old in text
    saved(tmp_path, text.replace(old, new))
    found = said(tmp_path)
    assert all(any(line.startswith(words) for line in found) for words in told), found


def test_what_phones_are_given_is_the_normal_writing(tmp_path, monkeypatch):
    for name in ("audio",):
        shutil.copytree(forms.FOLDER / name, tmp_path / name)
    saved(tmp_path, semicolons(), "utf-8-sig")
    monkeypatch.setattr(forms, "FOLDER", tmp_path)
    assert forms.media([])[CONTACTS] == OURS.read_bytes()
