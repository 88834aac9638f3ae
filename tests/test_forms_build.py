"""The forms as files: valid, bilingual, the same every time, and equal to what is committed."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from pyxform.xls2json_backends import get_xlsform

from kobo_sync import forms
from kobo_sync.config import load_config
from kobo_sync.deploy import NAMES
from kobo_sync.errors import FormError
from kobo_sync.form_names import CASE_FORMS
from kobo_sync.forms_lint import ENGLISH, FRENCH, NOT_HERS, SENDS_FILES, TRANSLATED, Problem, lint, validate
from kobo_sync.forms_lint_files import CONTACTS
from transforms import codelists, places

ROOT = Path(__file__).parents[1]
WELL_FORMED = '<translation lang="Français (fr)" default="true()">'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The forms' sources, free to be spoilt."""
    return Path(shutil.copytree(forms.FOLDER, tmp_path / "xlsforms"))


def replace(folder: Path, sheet: str, old: str, new: str, form: str = "trafic") -> None:
    path = folder / form / f"{sheet}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")


def faults(form: str, folder: Path = forms.FOLDER) -> list[Problem]:
    """What keeps a form from being deployed."""
    return [problem for problem in forms.check(form, folder) if not problem.warning]


def found(form: str, folder: Path) -> set[str]:
    """Where the lint alone finds something to correct."""
    problems = lint(form, forms.expand(form, folder)[0], WELL_FORMED, folder)
    return {problem.where for problem in problems if not problem.warning}


@pytest.mark.parametrize("form", forms.FORMS)
def test_a_committed_form_has_no_fault(form: str) -> None:
    assert faults(form) == []


def test_the_forms_are_five_each_with_a_title() -> None:
    assert set(forms.FORMS) == {*CASE_FORMS, "suivi", "fournisseur", "declaration"}
    for form in forms.FORMS:
        (settings,) = get_xlsform(str(forms.xlsx_path(form))).settings
        assert (settings["form_id"], settings["form_title"]) == (form, NAMES[form])


def test_odk_validate_has_a_java_to_run_with(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<h/>", encoding="utf-8")
    assert validate(broken)  # a complaint: neither None (no Java) nor "" (content)


@pytest.mark.parametrize("form", forms.FORMS)
def test_the_same_sources_give_the_same_bytes(form: str, tmp_path: Path) -> None:
    first = forms.build(form, out=tmp_path / "a.xlsx")
    second = forms.build(form, out=tmp_path / "b.xlsx")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.form_release == second.form_release
    assert first.warnings == []


def test_the_version_follows_the_content(copy: Path) -> None:
    before = forms.expand("trafic", copy)[1]
    replace(copy, "survey", "Sorte de lieu", "Genre de lieu")
    sheets, after = forms.expand("trafic", copy)
    assert before.startswith("trafic-") and len(before) == 17
    assert after != before
    assert {row["name"]: row["calculation"] for row in sheets["survey"]}["form_release"] == f"'{after}'"
    assert sheets["settings"][0]["version"] == after


def test_the_version_follows_what_is_written_into_the_workbook(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has the version is left alone: whatever changes a built cell must change the version."""
    before = forms.expand("declaration", copy)[1]
    monkeypatch.setattr(forms, "bound", str.upper)
    assert forms.expand("declaration", copy)[1] != before


def test_the_name_of_an_instance_tells_nothing_of_a_person(copy: Path) -> None:
    path = copy / "traite" / "settings.csv"
    path.write_text(path.read_text().replace("${code_evenement})", "${code_evenement}, join(' ', ${v_nom}))"))
    (problem,) = [p for p in forms.check("traite", copy) if p.where == "settings"]
    assert "v_nom" in problem.message


def test_a_question_that_need_not_offer_a_refusal_is_one_of_the_form() -> None:
    asked = {row["name"] for form in CASE_FORMS for row in forms.expand(form)[0]["survey"]}
    assert asked >= NOT_HERS
    hers = {"v_sante", "v_handicap", "v_nationalite", "v_papiers", "v_age_connu", "v_mineur_faits", "m_nationalite"}
    assert not hers & NOT_HERS


def test_what_only_the_paper_form_reads_stays_out_of_the_phones(copy: Path) -> None:
    before = forms.expand("trafic", copy)[1]
    replace(copy, "survey", ",annex\n", ",core\n")
    assert forms.expand("trafic", copy)[1] == before
    for form in forms.FORMS:
        assert all("part" not in row for row in get_xlsform(str(forms.xlsx_path(form))).survey)


def test_choices_are_those_of_the_code_list_less_the_excluded() -> None:
    choices = get_xlsform(str(forms.xlsx_path("traite"))).choices
    means = [row["name"] for row in choices if row["list_name"] == "evt_means"]
    assert means == [code for code in codelists.codes("evt_means") if code != "not_required"]


def test_the_attached_lists_are_those_of_the_configuration() -> None:
    media = forms.media(load_config(ROOT / "config.yaml").providers)
    for name, content in media.items():
        assert (forms.FOLDER / name).read_bytes() == content
    rows = list(csv.DictReader(io.StringIO(media["providers.csv"].decode())))
    assert {row["nominative"] for row in rows} == {"oui", "non"}
    assert {row["family"] for row in rows} == set(codelists.codes("ent_family"))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("Kind of place of the interception or finding", "", "lieu_type"),
        ("Sorte de lieu", "Sorte de “lieu”", "lieu_type"),
        (",relevant,", ",relevent,", "survey"),
        ("# ${code_montre}\nLe code du cas", "Le code du cas", "n_code"),
        ("Choisissez la région.,Choose the region.", ",", "det_region"),
        ("level = 'region'", "niveau = 'region'", "places.csv"),
        ("select_one_from_file places.csv", "select_one_from_file lieux.csv", "lieux.csv"),
        ("/region,", "/zone,", "providers.csv"),
        ("]/soins", "]/sante", "contacts.csv"),
        ("csv-external,contacts", "csv-external,services", "services.csv"),
        ("${date_connue} = 'oui'", "${date_connue} = 'yes'", "date_detection"),
        ("selected(., 'unk')", "selected(., 'inconnu')", "transport"),
        ("today() - ${date_detection} > 731", "floor(today() - ${date_detection}) > 731", "n_ancien"),
        ("required,required_message", "obligatoire,required_message", "survey"),
        ("smuggling_direction,sens", "smuggling_direction,Sens", "Sens"),
        ("smuggling_direction,sens", "smuggling_ways,sens", "sens"),
        ("smuggling_direction,sens", f"smuggling_direction,s{'e' * 32}", f"s{'e' * 32}"),
        (",yes,Choisissez la région.", ",oui,Choisissez la région.", "det_region"),
        ("calculate,resume,", "text,resume,", "resume"),
        ("calculate,mode,", "text,mode,", "mode"),
        ("sum(${g_total}[. != ''])", "sum(${g_total})", "total_migrants"),
        ("select_one ouinonref,m_non", "select_one ouinon,m_non", "m_non_accompagne"),
        (",annex\n", ",annexe\n", "etapes"),
        ("' morts ; '", "' morts d’un côté ; '", "resume"),
        ("@normal_code(.) = ${code_evenement}", "\"regex(@normal_code(.), 'AB')\"", "code_recopie"),
    ],
)
def test_what_the_validators_let_pass_is_found(copy: Path, old: str, new: str, where: str) -> None:
    assert where not in found("trafic", copy)
    replace(copy, "survey", old, new)
    assert where in found("trafic", copy)


@pytest.mark.parametrize("form", forms.FORMS)
@pytest.mark.parametrize("sheet", ["survey", "choices"])
@pytest.mark.parametrize("language", [FRENCH, ENGLISH])
def test_a_missing_translation_is_a_fault(form: str, sheet: str, language: str) -> None:
    for column in TRANSLATED if sheet == "survey" else ("label",):
        sheets, _ = forms.expand(form)
        bereft = {row["name"] for row in sheets[sheet] if row[f"{column}::{language}"]}
        for row in sheets[sheet]:
            row[f"{column}::{language}"] = ""
        problems = lint(form, sheets, WELL_FORMED, forms.FOLDER)
        assert bereft <= {problem.where for problem in problems if "langue" in problem.message}
        assert bereft or column == "constraint_message"


def test_a_translation_left_blank_in_the_built_form_is_found() -> None:
    sheets, _ = forms.expand("suivi")
    assert lint("suivi", sheets, WELL_FORMED, forms.FOLDER) == []
    (problem,) = lint("suivi", sheets, WELL_FORMED + "<value>-</value>", forms.FOLDER)
    assert problem.where == "itext"


def test_french_must_be_the_default_language(copy: Path) -> None:
    replace(copy, "settings", "Français (fr)", "Francais (fr)")
    assert "settings" in {problem.where for problem in forms.check("trafic", copy)}


def test_a_form_that_is_not_built_from_its_sources_is_named(copy: Path) -> None:
    replace(copy, "survey", "Sorte de lieu", "Genre de lieu")
    assert {problem.where for problem in faults("trafic", copy)} == {"trafic.xlsx"}
    forms.build("trafic", copy)
    assert faults("trafic", copy) == []


def test_an_excluded_code_that_the_list_lacks_is_refused(copy: Path) -> None:
    replace(copy, "choices", "birth_date", "birthday")
    with pytest.raises(FormError, match=r"age_precision.*birthday"):
        forms.expand("trafic", copy)


# -- what a case form never asks, and whom it names ---------------------------------------------------------------


@pytest.mark.parametrize("form", [*CASE_FORMS, "suivi"])
def test_a_case_form_has_no_place_picture_sound_or_telephone(form: str) -> None:
    kinds = {str(row["type"]).split()[0] for row in get_xlsform(str(forms.xlsx_path(form))).survey}
    known = {"start", "end", "calculate", "hidden", "note", "csv-external", "text", "integer", "date"}
    selects = {"select_one", "select_multiple", "select_one_from_file"}
    layout = {"begin_group", "end_group", "begin_repeat", "end_repeat"}
    assert kinds <= known | selects | layout


@pytest.mark.parametrize("form", forms.FORMS)
@pytest.mark.parametrize("kind", SENDS_FILES)
def test_only_the_signed_memorandum_may_be_asked_for_as_a_file(form: str, kind: str) -> None:
    sheets, _ = forms.expand(form)
    asked = {row["name"] for row in sheets["survey"] if row["type"] in SENDS_FILES}
    assert asked == ({"mou_scan"} if form == "fournisseur" else set())
    sheets["survey"].append(dict.fromkeys(sheets["survey"][0], "") | {"type": kind, "name": "photo_de_plus"})
    (problem,) = [one for one in lint(form, sheets, WELL_FORMED, forms.FOLDER) if not one.warning]
    assert problem.where == "photo_de_plus" and "fichier" in problem.message


def test_contacts_to_complete_are_a_warning(copy: Path) -> None:
    def warned() -> list[str]:
        return [problem.message for problem in forms.check("trafic", copy) if problem.warning]

    assert faults("trafic", copy) == []
    (message,) = warned()
    assert all(label in message for label in places.regions().values())
    contacts = copy / CONTACTS
    lines = contacts.read_text(encoding="utf-8").splitlines(keepends=True)
    done = [lines[0], lines[1].replace("numéro à compléter par l’ANLTP", "00 00 00 00"), *lines[2:]]
    contacts.write_text("".join(done), encoding="utf-8")
    assert "Agadez" not in warned()[0] and "Diffa" in warned()[0]
    assert [problem for problem in forms.check("suivi", copy) if problem.warning] == []


def test_contacts_are_one_full_row_a_region(copy: Path) -> None:
    contacts = copy / CONTACTS
    text = contacts.read_text(encoding="utf-8")
    for spoilt in (
        text.replace("NE003,", "NE004,"),
        text.replace("NE008,", "NE009,"),
        text.replace("Service régional de protection de l’enfance de Dosso (numéro à compléter par l’ANLTP)", ""),
        text.replace("Interprètes connus", "“Interprètes” connus"),
    ):
        contacts.write_text(spoilt, encoding="utf-8")
        assert CONTACTS in found("trafic", copy)
