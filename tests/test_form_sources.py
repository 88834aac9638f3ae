"""A form’s sources that a spreadsheet spoilt, or that pyxform refuses: file, question and cause are said in French."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kobo_sync import form_paper, forms
from kobo_sync import form_translations as translations
from kobo_sync.cli import app
from kobo_sync.errors import FormError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The forms' sources, free to be spoilt."""
    return Path(shutil.copytree(forms.FOLDER, tmp_path / "xlsforms"))


def semicolons(text: str) -> bytes:
    """What Excel writes in France and Niger."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(csv.reader(io.StringIO(text, newline="")))
    return out.getvalue().encode("utf-8-sig")


def swapped(old: str, new: str) -> Callable[[str], bytes]:
    """A change of text that must be one."""

    def change(text: str) -> bytes:
        assert old in text
        return text.replace(old, new).encode()

    return change


SPOILT = [
    ("survey", semicolons, "suivi/survey.csv.*points-virgules.*CSV UTF-8 séparé par des virgules"),
    ("choices", lambda text: text.encode("cp1252", "replace"), "suivi/choices.csv.*UTF-8"),
    ("survey", lambda text: text.encode("utf-16"), "suivi/survey.csv.*UTF-8"),
    ("survey", swapped("type,name,", "type,,"), "suivi/survey.csv : en-tête absent : « name ».*case.*vide"),
    ("choices", swapped("from_codelist", "liste"), "suivi/choices.csv : en-tête absent : « from_codelist »"),
    ("settings", lambda _: b"", "suivi/settings.csv.*pas de ligne d’en-têtes"),
    ("settings", lambda text: text.split("\n")[0].encode(), "suivi/settings.csv.*aucune ligne"),
    ("survey", lambda text: f"{text}note,{',' * 40}x\n".encode(), "suivi/survey.csv, ligne .*plus de cases"),
    ("survey", swapped("@normal_code", "@code_normal"), "suivi, survey.csv, question .*macro inconnue : @code_normal"),
]


@pytest.mark.parametrize(("sheet", "spoil", "said"), SPOILT)
def test_a_source_that_cannot_be_used_is_named(
    copy: Path, sheet: str, spoil: Callable[[str], bytes], said: str
) -> None:
    path = copy / "suivi" / f"{sheet}.csv"
    path.write_bytes(spoil(path.read_text(encoding="utf-8")))
    with pytest.raises(FormError, match=said):
        forms.build("suivi", copy)
    (problem,) = forms.check("suivi", copy)
    with pytest.raises(FormError, match=said):
        raise FormError(problem.message)
    assert problem.where == forms.SOURCES and not problem.warning


def test_a_missing_sheet_and_an_unknown_code_list_are_named(copy: Path) -> None:
    (copy / "suivi" / "choices.csv").unlink()
    with pytest.raises(FormError, match=r"suivi/choices\.csv : ce fichier manque"):
        forms.build("suivi", copy)
    path = copy / "trafic" / "choices.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("smuggling_direction", "sens_inconnu"), encoding="utf-8")
    with pytest.raises(FormError, match=r"trafic, choices\.csv.*liste de codes « sens_inconnu »"):
        forms.build("trafic", copy)


def test_the_mark_that_excel_puts_first_does_no_harm(copy: Path) -> None:
    before = forms.expand("suivi", copy)
    for path in [*(copy / "suivi").glob("*.csv"), copy / "paper.csv"]:
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert forms.expand("suivi", copy) == before
    assert form_paper.problems(copy) == []
    translations.write("ha", {"k": translations.Translation("a", "b")}, copy)
    path = copy / "translations" / "ha.csv"
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert list(translations.read("ha", copy)) == ["k"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("calculate,resume,", "calcul,resume,", r"la ligne \d+ de survey \(resume\) : Unknown question type 'calcul'"),
        ("${suivi_types}", "${suivi_type}", r"la ligne \d+ de survey \(\w+\) : .*suivi_type'"),
        ("begin_group,", "begin_grup,", r"pyxform refuse"),
    ],
)
def test_what_pyxform_refuses_is_said_with_form_question_and_remedy(copy: Path, old: str, new: str, said: str) -> None:
    path = copy / "suivi" / "survey.csv"
    path.write_bytes(swapped(old, new)(path.read_text(encoding="utf-8")))
    whole = f"fiche suivi : pyxform refuse .*{said}.*forms check" if "refuse" not in said else f"fiche suivi : {said}"
    with pytest.raises(FormError, match=whole):
        forms.build("suivi", copy)
    (problem,) = forms.check("suivi", copy)
    assert problem.message.startswith("fiche suivi : pyxform refuse") and "forms check" in problem.message


def test_the_check_names_the_file_and_stops_there(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy / "suivi" / "survey.csv"
    path.write_bytes(semicolons(path.read_text(encoding="utf-8")))
    whole = forms.check
    monkeypatch.setattr(forms, "check", lambda form: whole(form, copy) if form == "suivi" else [])
    done = CliRunner().invoke(app, ["forms", "check"])
    assert (done.exit_code == 1 and done.exception is None) or isinstance(done.exception, SystemExit)
    assert "suivi/survey.csv : le fichier est séparé par des points-virgules" in done.output
    assert "quand ces points seront corrigés" in done.output and "sont valides" not in done.output
