"""A newer official list: read in the shapes it comes in, its faults named, its changes told, and written when asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from kobo_sync import cli, forms, geo_import
from kobo_sync.geo_read import GeoFileError, read_list
from transforms import places
from transforms.places import Place

OURS = places.all_places()
BY_CODE = {place.pcode: place for place in OURS}
OCHA_2018 = ("admin1Name_fr", "admin1Pcode", "admin2Name_fr", "admin2Pcode", "admin3Name_fr", "admin3Pcode")
IN_FRENCH = ("Région", "Code région", "Département", "Code département", "Commune", "Code commune")
TIBIRI = ("NE003008004", "NE004005005")


def long_rows(listed: Iterable[Place] = OURS) -> list[list[str]]:
    return [["pcode", "level", "label", "parent"], *([p.pcode, p.level, p.label, p.parent or ""] for p in listed)]


def ocha_rows(header=("ADM1_FR", "ADM1_PCODE", "ADM2_FR", "ADM2_PCODE", "ADM3_FR", "ADM3_PCODE")) -> list[list[str]]:
    rows = [list(header)]
    for place in OURS:
        if place.level == "commune":
            department = BY_CODE[place.parent or ""]
            region = BY_CODE[department.parent or ""]
            rows.append([text for p in (region, department, place) for text in (p.label, p.pcode)])
    return rows


def written(path: Path, rows: list[list[str]], encoding: str = "utf-8", mark: str = ",") -> Path:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=mark).writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))
    return path


def compared(path: Path, ours=OURS) -> geo_import.Comparison:
    listed = read_list(path, ours)
    assert geo_import.problems(listed, ours) == []
    return geo_import.compare(listed, ours)


def as_workbook(path: Path, sheets: dict[str, list[list[str]]]) -> Path:
    book = Workbook()
    del book["Sheet"]
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda path: written(path, long_rows()),
        lambda path: written(path, long_rows(), "utf-8-sig"),
        lambda path: written(path, long_rows(), "cp1252", ";"),
        lambda path: written(path, long_rows(), mark="\t"),
        lambda path: written(path, [["Code P", "Niveau", "Nom", "Parent"], *long_rows()[1:]]),
        lambda path: written(path, [["P-code", "Libellé"], *([r[0], r[2]] for r in long_rows()[1:])]),
        lambda path: written(path, [[r[0].replace("NE", "NER"), *r[1:]] for r in long_rows()]),
        lambda path: written(path, ocha_rows()),
        lambda path: written(path, ocha_rows(OCHA_2018)),
        lambda path: written(path, ocha_rows(IN_FRENCH)),
        lambda path: as_workbook(path, {"Lisez-moi": [["Communes"]], "Liste": [["Édition 2027"], [], *ocha_rows()]}),
        lambda path: as_workbook(
            path,
            {
                "ADM1": [["ADM1_FR", "ADM1_PCODE"], *([p.label, p.pcode] for p in OURS if p.level == "region")],
                "ADM2": [
                    ["ADM1_PCODE", "ADM2_FR", "ADM2_PCODE"],
                    *([p.parent, p.label, p.pcode] for p in OURS if p.level == "department"),
                ],
                "ADM3": [
                    ["ADM2_PCODE", "ADM3_FR", "ADM3_PCODE"],
                    *([p.parent, p.label, p.pcode] for p in OURS if p.level == "commune"),
                ],
            },
        ),
        lambda path: written(
            path,
            [
                ["Région", "Département", "Commune", "Pcode"],
                *([row[0], row[2], row[4], row[5]] for row in ocha_rows()[1:]),
            ],
        ),
    ],
)  # fmt: skip
def test_the_same_list_changes_nothing_whatever_its_shape(tmp_path, make):
    found = compared(make(tmp_path / "liste"))
    assert found.changes == {} and found.spellings == 0
    assert found.places == OURS
    assert {place.label for place in found.places if place.pcode in TIBIRI} == {"Tibiri"}


def test_names_without_accents_or_under_another_known_name_keep_ours(tmp_path):
    plain = {"Tillabéri": "TILLABERI", "Maradi I": "Maradi 1"}
    found = compared(written(tmp_path / "l.csv", [[plain.get(cell, cell) for cell in row] for row in long_rows()]))
    assert found.changes == {} and found.places == OURS
    assert found.spellings >= 2 and found.other_names == ["commune Maradi I (NE004007001) : Maradi 1"]


def test_new_renamed_moved_and_vanished_places_are_told_apart(tmp_path):
    newer = [replace(p, label="Nouvelle-Arlit") if p.pcode == "NE001002001" else p for p in OURS]
    newer = [replace(p, parent="NE001003") if p.pcode == "NE001002002" else p for p in newer]
    newer = [p for p in newer if p.pcode != TIBIRI[1]] + [
        Place("NE001002009", "commune", "Imouraren", "NE001002", None, ())
    ]
    found = compared(written(tmp_path / "l.csv", long_rows(newer)))
    assert found.new == ["commune Imouraren (NE001002009) dans Arlit (NE001002)"]
    assert found.renamed == ["commune Arlit (NE001002001) → Nouvelle-Arlit"]
    assert found.moved == ["commune Dannet (NE001002002) : dans Arlit (NE001002) → dans Bilma (NE001003)"]
    assert found.vanished == ["commune Tibiri (NE004005005)"]
    after = {place.pcode: place for place in found.places}
    assert after["NE001002001"].aliases == ("Arlit",) and after["NE001002002"].parent == "NE001003"
    assert after[TIBIRI[1]].former and not after[TIBIRI[0]].former
    assert [p.pcode for p in found.places] == sorted(after)
    again = geo_import.compare(read_list(written(tmp_path / "m.csv", long_rows(newer)), found.places), found.places)
    assert again.changes == {} and again.places == found.places
    back = geo_import.compare(read_list(written(tmp_path / "n.csv", long_rows()), found.places), found.places)
    assert back.returned == ["commune Tibiri (NE004005005)"]


def test_a_former_place_still_reads_and_is_not_offered(tmp_path):
    kept = [replace(place, former=place.pcode == TIBIRI[1]) for place in OURS]
    (tmp_path / "data.csv").write_bytes(places.data_csv(kept))
    assert places.read_places(tmp_path / "data.csv") == kept
    offered = {row["name"] for row in csv.DictReader(io.StringIO(places.places_csv(kept).decode()))}
    assert offered == BY_CODE.keys() - {TIBIRI[1]}


FAULTS = {
    "a commune under nothing": (
        lambda rows: [r if r[0] != "NE001002001" else [*r[:3], "NE001099"] for r in rows],
        "NE001002001 Arlit : parent inconnu « NE001099 »",
    ),
    "a commune under a region": (
        lambda rows: [r if r[0] != "NE001002001" else [*r[:3], "NE001"] for r in rows],
        "NE001002001 Arlit : son parent NE001 est de niveau région, pas département",
    ),
    "a P-code twice": (
        lambda rows: [*rows, ["NE001002001", "commune", "Autre", "NE001002"]],
        "code P en double, déjà donné à Arlit",
    ),
    "a wrong level": (
        lambda rows: [r if r[0] != "NE001002001" else [r[0], "département", r[2], "NE001"] for r in rows],
        "NE001002001 : le niveau donné est département, le code P est de niveau commune",
    ),
    "a level nobody knows": (
        lambda rows: [r if r[0] != "NE001002001" else [r[0], "canton", *r[2:]] for r in rows],
        "NE001002001 : niveau inconnu « canton »",
    ),
    "a region less": (
        lambda rows: [r for r in rows if not r[0].startswith("NE008")],
        "la région Niamey (NE008) manque : la liste n’est pas complète",
    ),
    "no P-code": (
        lambda rows: [r if r[0] != "NE001002001" else ["7020101", *r[1:]] for r in rows],
        "« 7020101 » n’est pas un code P",
    ),
    "no name": (lambda rows: [r if r[0] != "NE001002001" else [*r[:2], "", r[3]] for r in rows], "le nom manque"),
    "a quote in a name": (
        lambda rows: [r if r[0] != "NE001002001" else [*r[:2], 'Arlit "ville"', r[3]] for r in rows],
        "ne peut contenir ni guillemet",
    ),
    "two of one name under one parent": (
        lambda rows: [*rows, ["NE001002009", "commune", "arlit", "NE001002"]],
        "NE001002 : deux lieux « Arlit » (commune) sous ce parent, NE001002001, NE001002009",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place(tmp_path, fault):
    spoil, words = FAULTS[fault]
    rows = long_rows()
    path = written(tmp_path / "l.csv", [rows[0], *spoil(rows[1:])])
    found = geo_import.problems(read_list(path, OURS), OURS)
    assert any(words in line for line in found), found
    if fault != "a region less":
        assert any("ligne " in line or "sous ce parent" in line for line in found)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "fichier introuvable"),
        (b"a,b\n1,2\n", "aucune colonne connue (lues : a, b)"),
        (b"", "aucune colonne connue"),
        (b"PK\x03\x04 not a workbook", "n’est pas un classeur XLSX"),
        ("Région,Département,Commune,Pcode\nAgadez,Inconnu,Arlit,NE001002001\n".encode(), "département « Inconnu »"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path, content, words):
    path = tmp_path / "liste.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GeoFileError) as refused:
        read_list(path, OURS)
    assert words in str(refused.value)


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The two lists that the command writes, as copies; the project's own stay as they are."""
    data, folder = tmp_path / "places.csv", tmp_path / "xlsforms"
    folder.mkdir()
    data.write_bytes(places.data_csv(OURS))
    (folder / "places.csv").write_bytes(places.places_csv(OURS))
    monkeypatch.setattr(places, "PATH", data)
    monkeypatch.setattr(forms, "FOLDER", folder)
    return data, folder / "places.csv"


def typed(*words: str):
    return CliRunner().invoke(cli.app, ["geo", "import", *words])


def test_nothing_is_written_until_asked_and_what_vanished_needs_a_yes(tmp_path, copies):
    before = [path.read_bytes() for path in copies]
    newer = [p for p in OURS if p.pcode != TIBIRI[1]]
    path = str(written(tmp_path / "l.csv", long_rows(newer), "cp1252", ";"))
    for words, code in ((), 0), (("--yes",), 0), (("--write",), 1):
        done = typed(path, *words)
        assert done.exit_code == code and "commune Tibiri (NE004005005)" in done.output
        assert [copy.read_bytes() for copy in copies] == before
    done = typed(path, "--write", "--yes")
    assert done.exit_code == 0, done.output
    data, attachment = copies
    assert "NE004005005,commune,Tibiri,NE004005,,Tibiri (Maradi),former" in data.read_text(encoding="utf-8")
    assert "NE004005005" not in attachment.read_text(encoding="utf-8")
    assert "Tibiri" in attachment.read_text(encoding="utf-8"), "the other one is still there"


def test_a_faulty_list_is_refused_whole(tmp_path, copies):
    before = [path.read_bytes() for path in copies]
    rows = [row for row in long_rows() if row[0] != "NE008"]
    done = typed(str(written(tmp_path / "l.csv", rows)), "--write", "--yes")
    assert done.exit_code == 1 and "la région Niamey (NE008) manque" in done.output
    assert [copy.read_bytes() for copy in copies] == before


def test_a_list_half_written_before_is_completed(tmp_path, copies):
    copies[1].write_text("name,label,level,parent\n", encoding="utf-8")
    done = typed(str(written(tmp_path / "l.csv", long_rows())), "--write")
    assert "Rien à changer" in done.output and copies[1].read_bytes() == places.places_csv(OURS)


def test_the_two_committed_lists_are_one():
    assert places.PATH.read_bytes() == places.data_csv(OURS)
    assert (forms.FOLDER / "places.csv").read_bytes() == places.places_csv(OURS)
