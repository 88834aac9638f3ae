"""What a new release does to answers already collected is named, and what does nothing to them is told apart."""

from pathlib import Path

import pytest
from openpyxl import Workbook

from kobo_sync import forms
from kobo_sync.demo_server import xlsform
from kobo_sync.form_changes import Survey, compare, of_content, of_workbook

FORM = [
    ("calculate", "region_decl", None),
    ("calculate", "famille_entite", None),
    ("begin_group", "g_faits", "Faits"),
    ("select_one sex", "sexe", "Sexe"),
    ("select_multiple act", "actes", "Actes"),
    ("integer", "age", "Âge"),
    ("note", "n_aide", "Aide"),
    ("end_group", None, None),
    ("begin_repeat", "victime", "Victime"),
    ("text", "v_lieu", "Lieu"),
    ("end_repeat", None, None),
]
CHOICES = [("sex", "F", "Féminin"), ("sex", "M", "Masculin"), ("act", "recruit", "Recruté"), ("act", "harbour", "Logé")]


def workbook(folder: Path, survey=FORM, choices=CHOICES) -> Path:
    book = Workbook()
    book.active.title = "survey"
    for row in [("type", "name", "label::Français (fr)"), *survey]:
        book.active.append(list(row))
    sheet = book.create_sheet("choices")
    for row in [("list_name", "name", "label::Français (fr)"), *choices]:
        sheet.append(list(row))
    path = folder / "form.xlsx"
    book.save(path)
    return path


def on_server(xlsx: Path) -> Survey:
    """The same form as a server tells it."""
    return of_content(xlsform.content(xlsform.read_sheets(xlsx.read_bytes())))


def changed(lines, old, *new):
    at = lines.index(old)
    return [*lines[:at], *new, *lines[at + 1 :]]


def changes(folder, survey=FORM, choices=CHOICES):
    before = on_server(workbook(folder))
    return [(change.text, change.orphans) for change in compare(before, of_workbook(workbook(folder, survey, choices)))]


def test_the_same_form_has_no_change(tmp_path):
    assert changes(tmp_path) == []


@pytest.mark.parametrize("form", forms.FORMS)
def test_a_built_form_reads_the_same_from_the_server_and_from_its_file(form):
    path = forms.xlsx_path(form)
    assert on_server(path) == of_workbook(path)
    assert len(of_workbook(path).questions) > 10


@pytest.mark.parametrize(
    ("survey", "choices", "words"),
    [
        (changed(FORM, ("integer", "age", "Âge")), CHOICES, "question « age » retirée"),
        (changed(FORM, ("integer", "age", "Âge"), ("integer", "annees", "Âge")), CHOICES, "renommée « annees »"),
        (
            changed(FORM, ("integer", "age", "Âge"), ("text", "age", "Âge")),
            CHOICES,
            "question « age » : de integer à text",
        ),
        (
            changed(FORM, ("select_one sex", "sexe", "Sexe"), ("select_multiple sex", "sexe", "Sexe")),
            CHOICES,
            "question « sexe » : de select_one à select_multiple",
        ),
        (FORM, changed(CHOICES, CHOICES[3]), "choix « harbour » (Logé) retiré de : actes"),
        (
            changed(FORM, ("begin_repeat", "victime", "Victime"), ("begin_repeat", "personne", "Victime")),
            CHOICES,
            "de la série victime à la série personne : v_lieu",
        ),
        (
            [*changed(FORM, ("text", "v_lieu", "Lieu")), ("text", "v_lieu", "Lieu")],
            CHOICES,
            "de la série victime à la fiche : v_lieu",
        ),
        (
            [("begin_group", "g", "G"), FORM[0], ("end_group", None, None), *FORM[1:]],
            CHOICES,
            "« region_decl » déplacée de region_decl à g/region_decl : les droits par région",
        ),
    ],
)
def test_what_leaves_answers_behind_is_named(tmp_path, survey, choices, words):
    found = changes(tmp_path, survey, choices)
    assert [(words in text, orphans) for text, orphans in found] == [(True, True)], found


def test_a_renamed_group_moves_paths_but_leaves_no_answer_behind(tmp_path):
    renamed = changed(FORM, ("begin_group", "g_faits", "Faits"), ("begin_group", "g_actes", "Faits"))
    ((text, orphans),) = changes(tmp_path, renamed)
    assert "du groupe g_faits au groupe g_actes : sexe, actes, age" in text and not orphans


def test_a_new_question_a_new_choice_and_a_lost_note_leave_nothing_behind(tmp_path):
    survey = [*changed(FORM, ("note", "n_aide", "Aide")), ("text", "village", "Village")]
    assert changes(tmp_path, survey, [*CHOICES, ("sex", "U", "Inconnu")]) == []


def test_a_choice_that_one_question_only_loses_by_its_list(tmp_path):
    short = [*CHOICES, ("sex2", "F", "Féminin")]
    survey = changed(FORM, ("select_one sex", "sexe", "Sexe"), ("select_one sex2", "sexe", "Sexe"))
    assert changes(tmp_path, survey, short) == [("choix « M » (Masculin) retiré de : sexe", True)]
