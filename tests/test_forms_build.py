"""The forms as files: valid, bilingual, the same every time, and equal to what is committed."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from pyxform.xls2json_backends import get_xlsform

from kobo_sync import forms
from kobo_sync.config import load_config
from kobo_sync.forms_lint import lint, validate
from transforms import codelists

ROOT = Path(__file__).parents[1]
WELL_FORMED = '<translation lang="Français (fr)" default="true()">'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The forms' sources, free to be spoilt."""
    return Path(shutil.copytree(forms.FOLDER, tmp_path / "xlsforms"))


def replace(folder: Path, sheet: str, old: str, new: str) -> None:
    path = folder / "traite" / f"{sheet}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")


@pytest.mark.parametrize("form", forms.FORMS)
def test_a_committed_form_has_no_fault(form: str) -> None:
    assert forms.check(form) == []


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
    before = forms.expand("traite", copy)[1]
    replace(copy, "survey", "Sorte de lieu", "Genre de lieu")
    sheets, after = forms.expand("traite", copy)
    assert before.startswith("traite-") and len(before) == 17
    assert after != before
    assert {row["name"]: row["calculation"] for row in sheets["survey"]}["form_release"] == f"'{after}'"
    assert sheets["settings"][0]["version"] == after


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
        ("Kind of place", "", "det_lieu_type"),
        ("Sorte de lieu", "Sorte de “lieu”", "det_lieu_type"),
        (",relevant,", ",relevent,", "survey"),
        ("Code du cas : ${code_evenement}", "Code du cas", "n_code"),
        ("Choisissez la région.,Choose the region.", ",", "det_region"),
        ("level = 'region'", "niveau = 'region'", "places.csv"),
        ("select_one_from_file places.csv", "select_one_from_file lieux.csv", "lieux.csv"),
        ("/region", "/zone", "providers.csv"),
        ("${date_connue} = 'oui'", "${date_connue} = 'yes'", "date_detection"),
        ("selected(., 'unk')", "selected(., 'inconnu')", "actes"),
        ("int((number", "floor((number", "v_age_ident"),
        ("required,required_message", "obligatoire,required_message", "survey"),
        ("evt_reach,portee", "evt_reach,Portee", "Portee"),
        (",yes,Choisissez la région.", ",oui,Choisissez la région.", "det_region"),
        ("calculate,resume,", "text,resume,", "resume"),
        ("coalesce(${nb_inconnus}, 0)", "sum(${nb_inconnus})", "nb_autres"),
    ],
)
def test_what_the_validators_let_pass_is_found(copy: Path, old: str, new: str, where: str) -> None:
    replace(copy, "survey", old, new)
    sheets, _ = forms.expand("traite", copy)
    assert where in {problem.where for problem in lint("traite", sheets, WELL_FORMED, copy)}


def test_a_translation_left_blank_in_the_built_form_is_found() -> None:
    sheets, _ = forms.expand("traite")
    assert lint("traite", sheets, WELL_FORMED, forms.FOLDER) == []
    (problem,) = lint("traite", sheets, WELL_FORMED + "<value>-</value>", forms.FOLDER)
    assert problem.where == "itext"


def test_french_must_be_the_default_language(copy: Path) -> None:
    replace(copy, "settings", "Français (fr)", "Francais (fr)")
    assert "settings" in {problem.where for problem in forms.check("traite", copy)}


def test_a_form_that_is_not_built_from_its_sources_is_named(copy: Path) -> None:
    replace(copy, "survey", "Sorte de lieu", "Genre de lieu")
    assert {problem.where for problem in forms.check("traite", copy)} == {"traite.xlsx"}
    forms.build("traite", copy)
    assert forms.check("traite", copy) == []


def test_an_excluded_code_that_the_list_lacks_is_refused(copy: Path) -> None:
    replace(copy, "choices", "not_required", "not_needed")
    with pytest.raises(KeyError, match="not_needed"):
        forms.expand("traite", copy)
