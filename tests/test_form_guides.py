"""The field guides: two pages each, in the words of the forms, and nothing that a worker must not rely on."""

import re

import pytest
from typer.testing import CliRunner

from kobo_sync import form_guides, form_paper, forms
from kobo_sync.cli import app
from kobo_sync.form_languages import FRENCH
from kobo_sync.form_names import CASE_FORMS

FORMS = pytest.mark.parametrize("form", forms.FORMS)


def guide(form: str) -> str:
    return (form_guides.FOLDER / f"{form}.md").read_text(encoding="utf-8")


def said() -> set[str]:
    """Every French text of the forms."""
    sheets = [rows for form in forms.FORMS for rows in forms.expand(form)[0].values()]
    return {text for rows in sheets for row in rows for key, text in row.items() if text and key.endswith(FRENCH)}


@FORMS
def test_a_guide_is_two_pages_of_legible_type(form: str) -> None:
    printed = form_guides.pdf(form)
    assert len(re.findall(rb"/Type /Page\b", printed)) == 2
    assert printed == form_guides.pdf(form)  # the same text gives the same bytes


def test_a_guide_that_grows_too_long_is_refused(tmp_path) -> None:
    (tmp_path / "traite.md").write_text(guide("traite") + "\nEncore un paragraphe qui dit la même chose.\n" * 300)
    with pytest.raises(form_guides.TooLong, match=r"docs/guides/traite\.md"):
        form_guides.pdf("traite", tmp_path)


@FORMS
def test_what_a_guide_quotes_is_what_the_forms_say(form: str) -> None:
    quoted = {q for q in re.findall(r"« ([^»]+) »", guide(form)) if q[0].isupper() and len(q.split()) > 1}
    assert quoted - said() == set()


@FORMS
def test_a_guide_tells_what_a_worker_needs_on_a_bad_day(form: str) -> None:
    text = guide(form)
    for word in ("**Traite", "Trafic illicite", "interprète", "Téléphone perdu ou volé : dans l’heure", "papier"):
        assert word.lower() in text.lower(), word


@FORMS
def test_a_guide_says_of_names_on_paper_what_the_paper_form_asks(form: str) -> None:
    """A worker holds both: where the sheet has boxes for a name, the guide cannot forbid to write in them."""
    about = guide(form).partition("## Sans téléphone : la fiche papier\n")[2].partition("\n## ")[0]
    sheet = form_paper.paper(form)
    asked = [q.label for q in sheet.questions("core") + sheet.questions("annex") if q.label in ("Prénom", "Nom")]
    if asked:
        assert asked == ["Prénom", "Nom"] and "aucun nom" not in about.lower()
        assert all(f"« {label} »" in about for label in asked) and "nulle part ailleurs" in about
        assert "peut le transmettre" in about and "la personne l’accepte" in about
    elif form in (*CASE_FORMS, "suivi"):
        assert "aucun nom" in about.lower()
    if form in CASE_FORMS:
        assert "les numéros de la région dans le cadre sous la question 2" in about


@FORMS
def test_no_penalty_is_quoted(form: str) -> None:
    """Public sources disagree on them."""
    assert not re.search(r"\d+ (ans|mois) (de|d’)|amende|emprisonnement|réclusion|FCFA", guide(form))


def test_the_command_writes_one_file_a_form(tmp_path) -> None:
    done = CliRunner().invoke(app, ["forms", "guides", "--out", str(tmp_path / "guides")])
    assert done.exit_code == 0
    assert {path.name for path in (tmp_path / "guides").iterdir()} == {f"guide-{form}.pdf" for form in forms.FORMS}
