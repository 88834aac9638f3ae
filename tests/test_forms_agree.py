"""What makes a form disagree with what reads it is named; each fault is planted in a small form."""

import pytest

from kobo_sync.forms_agree import EARLIER, agree, filtered_problems, form_problems, mapping_lines
from transforms import mapping_targets

HEAD = ("type", "name", "choice_filter")
SURVEY = [
    ("calculate", "region_decl", ""),
    ("calculate", "famille_entite", ""),
    ("begin_group", "g", ""),
    ("select_one sex", "sexe", ""),
    ("select_one age_band_ne", "tranche", ""),
    ("select_multiple evt_act", "actes", ""),
    ("select_one oui_non", "connu", ""),
    ("select_one_from_file places.csv", "lieu", "level = 'region'"),
    ("integer", "nombre", ""),
    ("note", "n_fin", ""),
    ("end_group", "", ""),
    ("begin_repeat", "victime", ""),
    ("date", "v_date", ""),
    ("end_repeat", "", ""),
]
LISTS = [
    ("sex", "sex", "", ""),
    ("age_band_ne", "age_band_ne", "", ""),
    ("evt_act", "evt_act", "", ""),
    ("oui_non", "ouinon", "nsp ref", ""),
]
MAPPING = [
    ("", "region_decl", "ignore", "", "looked up again"),
    ("", "famille_entite", "ignore", "", "looked up again"),
    ("", "sexe", "code", "sex", ""),
    ("", "tranche", "code", "age_band_ne", ""),
    ("", "actes", "codes", "evt_act", ""),
    ("", "connu", "answer", "", ""),
    ("", "lieu", "place", "region", ""),
    ("", "nombre", "int", "", ""),
    ("victime", "v_date", "date", "", ""),
]


def rows(head, lines):
    return [dict(zip(head, line, strict=True)) for line in lines]


def problems(survey=SURVEY, lists=LISTS, mapping=MAPPING):
    columns = ("repeat", "question", "kind", "variable", "note")
    found = form_problems(
        "traite",
        rows(HEAD, survey),
        rows(("list_name", "from_codelist", "exclude", "name"), lists),
        [row | {"form": "traite"} for row in rows(columns, mapping)],
    )
    return [f"{problem.where} : {problem.message}" for problem in found]


def changed(lines, old, *new):
    at = lines.index(old)
    return [*lines[:at], *new, *lines[at + 1 :]]


def test_a_form_that_agrees_has_no_problem():
    assert problems() == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"survey": [*SURVEY, ("text", "village", "")]}, "village : aucune ligne de mapping.csv"),
        ({"survey": changed(SURVEY, ("integer", "nombre", ""))}, "nombre : mapping.csv lit cette question, qui n’est"),
        ({"survey": changed(SURVEY, ("integer", "nombre", ""), ("text", "nombre", ""))}, "la question est « text »"),
        (
            {"mapping": changed(MAPPING, MAPPING[-1], ("", "v_date", "date", "", ""))},
            "v_date : aucune ligne de mapping.csv ne lit cette question (série victime)",
        ),
        (
            {"mapping": changed(MAPPING, MAPPING[2], ("", "sexe", "code", "age_group", ""))},
            "sexe : la liste sex vient de sex, mapping.csv lit age_group",
        ),
        (
            {"mapping": changed(MAPPING, MAPPING[2], ("", "sexe", "code", "sexx", ""))},
            "sexe : mapping.csv : la liste de codes « sexx » n’existe pas",
        ),
        (
            {"lists": [*LISTS, ("age_band_ne", "", "", "inconnu")]},
            "tranche : inconnu : choix de la liste age_band_ne, absent de la liste age_band_ne",
        ),
        (
            {"lists": changed(LISTS, LISTS[3], ("oui_non", "sex", "", ""))},
            "connu : mapping.csv lit oui, non, nsp ou ref",
        ),
        ({"mapping": changed(MAPPING, MAPPING[6], ("", "lieu", "place", "commune", ""))}, "niveau region"),
        (
            {"survey": changed(SURVEY, SURVEY[7], ("select_one_from_file providers.csv", "lieu", ""))},
            "lieu : mapping.csv lit un lieu, la question lit providers.csv",
        ),
        (
            {
                "survey": [*SURVEY, ("text", "x" * 33, "")],
                "mapping": [*MAPPING, ("", "x" * 33, "text", "", "")],
            },
            "nom de plus de 32 caractères",
        ),
        (
            {
                "survey": [*SURVEY, ("begin_repeat", "s" * 32, ""), ("end_repeat", "", "")],
            },
            "nom de plus de 31 caractères : Excel",
        ),
        (
            {
                "survey": [*SURVEY, ("select_multiple longs", "une_question_a_plusieurs_choix", "")],
                "lists": [*LISTS, ("longs", "", "", "aa_premier"), ("longs", "", "", "aa_second")],
                "mapping": [*MAPPING, ("", "une_question_a_plusieurs_choix", "text", "", "")],
            },
            "une_question_a_plusieurs_choix_aa_second : même nom qu’une autre colonne",
        ),
    ],
)
def test_a_disagreement_is_named(given, words):
    found = problems(**given)
    assert any(words in line for line in found), found


def test_a_question_of_an_earlier_release_need_not_be_in_the_form():
    gone = ("", "observations", "ignore", "", "earlier release: free text")
    assert problems(mapping=[*MAPPING, gone]) == []


@pytest.mark.parametrize("moved", ["in a group", "after a repeat", "renamed"])
def test_a_calculate_that_permissions_filter_on_must_not_move(moved):
    region = ("calculate", "region_decl", "")
    elsewhere = {
        "in a group": [*changed(SURVEY, region)[:2], region, *changed(SURVEY, region)[2:]],
        "after a repeat": [*changed(SURVEY, region), region],
        "renamed": changed(SURVEY, region, ("calculate", "region", "")),
    }[moved]
    assert filtered_problems({"traite": rows(HEAD, SURVEY)}) == []
    (problem,) = filtered_problems({"traite": rows(HEAD, SURVEY), "suivi": rows(HEAD, elsewhere)})
    assert (problem.form, problem.where) == ("suivi", "region_decl")


def test_a_mapped_answer_that_no_record_keeps_is_named():
    line = {"form": "trafic", "repeat": "", "question": "de_nuit", "kind": "answer", "target": "night_crossing"}
    assert mapping_targets.unread([line]) == [line]
    assert mapping_targets.unread([line | {"target": "benefit"}, line | {"kind": "ignore", "target": ""}]) == []
    assert mapping_targets.unread(mapping_lines()) == []
    faulty = [*mapping_lines(), line | {"variable": "", "note": EARLIER}]
    assert "night_crossing" in " ".join(problem.message for problem in agree(mapping=faulty))
