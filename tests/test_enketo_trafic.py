"""The smuggling form in Enketo, held against JavaRosa."""

import itertools
from typing import Any

import pytest

from tests.engines import enketo
from tests.enketo_fixture import blank, compiled, filled, needs_browser, same_in_both
from tests.forms_fixture_other import CODE, MIGRANT, REMARKED, SAFE, SMUGGLER, TOMORROW, TRAFIC, typing_slips
from transforms import case_code
from transforms.determination import truth_table

pytestmark = needs_browser

TRUCK = {name: value for name, value in TRAFIC.items() if name != "migrant"} | {"detail_connu": "non"}
SIGNS = {"indice_exploitation": "oui", "indice_acte": "oui", "indice_moyen": "oui", "indice_mineur": "oui"}
CONVICTED = {**SMUGGLER, "s_stade": "convicted", "s_peine": "prison", "s_peine_mois": 24}
ANSWERS = ("oui", "non", "nsp")


def test_a_truck_of_sixty_is_the_same_in_both_engines() -> None:
    form = same_in_both("trafic", TRAFIC)
    assert form.problem() is None
    assert form.value("total_migrants") == "60"
    assert form.value("resume") == "60 M : 12F/47H, 3 enf. ; 2 morts ; 1 P ; Trafic illicite de migrants"
    assert set(form.labels("m_nationalite")) == {"NGA", "GMB"}


@pytest.mark.parametrize(
    "changes",
    [
        {"points": ["papier"], "code_papier": CODE.lower(), "date_reception": "2026-04-09"},
        {"groupes_connus": "non"},
        {**SIGNS, "passeur": [CONVICTED, {**SMUGGLER, "s_type": "legal"}], "code_traite": case_code.shown_code(CODE)},
        {
            "date_connue": "non",
            "points": ["sure", "langue"],
            "enfants_seuls": 3,
            "etapes": ["unk"],
            "montant_fcfa": 50000,
        },
        {"groupe": [TRAFIC["groupe"][0]] * 2},
        {**TRAFIC, "migrant": [MIGRANT] * 3},
        {**TRAFIC, "enfants_seuls": 1},
        {"groupe": [{"g_nationalite": "NGA"}]},
        {"deces": None, "aggravantes": ["death"]},
    ],
    ids=[
        "paper",
        "nobody counted",
        "signs",
        "safety",
        "twice one group",
        "one girl too many",
        "alone",
        "nobody",
        "deaths",
    ],
)
def test_a_branch_is_the_same_in_both_engines(changes: dict[str, Any]) -> None:
    same_in_both("trafic", TRUCK | changes)


def test_the_page_cannot_be_turned_on_an_empty_required_answer_and_can_when_all_is_answered() -> None:
    form = blank("trafic")
    assert not form.next_page()
    form.fill(TRUCK)
    for _ in range(1, form.pages()):
        assert form.next_page()
    assert form.pages() == 11  # as many as on the phone


@pytest.mark.parametrize(
    ("note", "changes", "mended"),
    [
        ("n_m_trop", {"groupe": [{"g_nationalite": "NGA", "g_inconnu": 1}]}, ("g_inconnu", 2)),
        ("n_m_seuls", {"groupe": [{"g_nationalite": "NGA", "g_inconnu": 2}], "enfants_seuls": 1}, ("enfants_seuls", 2)),
        ("n_g_vide", {"groupe": [{"g_nationalite": "NGA", "g_inconnu": 2}, {"g_nationalite": "GMB"}]}, None),
    ],
)
def test_numbers_that_cannot_be_block_the_form(
    note: str, changes: dict[str, Any], mended: tuple[str, int] | None
) -> None:
    """A girl and a boy described: each fits a count of one whose sex and age nobody knew, both do not."""
    form = filled("trafic", {**TRAFIC, **changes, "migrant": [MIGRANT, {**MIGRANT, "m_sexe": "M"}]})
    reference, _ = form.problem() or ("", "")
    assert reference.endswith(note)
    if mended:
        form.set(*mended)
    else:
        form.set("g_h_adu", 3, row=2)
    assert form.problem() is None


def test_a_child_described_with_a_sign_is_a_child_among_them() -> None:
    form = filled("trafic", {**TRAFIC, **SIGNS, "migrant": [{**MIGRANT, "m_indice_exploitation": "oui"}]})
    assert "décrit un enfant" in form.set("indice_mineur", "non")
    assert form.set("indice_mineur", "nsp") == "ok"


def test_a_number_is_given_once_and_the_code_of_the_case_never_moves() -> None:
    form = filled("trafic", {**TRAFIC, "migrant": [MIGRANT] * 2, "passeur": [SMUGGLER] * 3})
    code = form.value("code_evenement")
    form.delete("passeur", 2)
    form.add("passeur")
    form.set("entite", "ONG_AGZ")
    assert [form.value("s_code", row) for row in (1, 2, 3)] == [f"{code}-S{n}" for n in (1, 3, 4)]
    assert [form.value("m_code", row) for row in (1, 2)] == [f"{code}-M1", f"{code}-M2"]
    assert form.value("code_evenement") == code
    assert blank("trafic").value("code_evenement") != code


@pytest.mark.parametrize("submitted", [False, True])
def test_codes_and_numbers_stay_in_a_form_opened_again(submitted: bool) -> None:
    form = filled("trafic", {**TRAFIC, "passeur": [SMUGGLER] * 2})
    code = form.value("code_evenement")
    kept = form.xml() if submitted else form.draft()
    again = enketo.Form(compiled("trafic"), kept, submitted=submitted)
    assert again.errors == []
    assert again.set("deces", 3) == "ok"
    again.add("passeur")
    assert again.value("code_evenement") == code
    assert [again.value("s_code", row) for row in (1, 2, 3)] == [f"{code}-S{n}" for n in (1, 2, 3)]
    assert again.value("resume").endswith("3 enf. ; 3 morts ; 3 P ; Trafic illicite de migrants")


def test_the_form_follows_the_truth_table() -> None:
    form, table = filled("trafic", TRUCK | SIGNS), truth_table()
    facts = list(itertools.product(ANSWERS, repeat=5))
    questions = ["indice_acte", "indice_moyen", "indice_mineur", "entree_irreguliere", "avantage"]
    found = form.walk(questions, facts, "classement_evt")
    assert found == [table[a, m, "oui", c, border, benefit].result for a, m, c, border, benefit in facts]
    facts = list(itertools.product(("non", "nsp"), ANSWERS, ANSWERS))
    found = form.walk(["indice_exploitation", "entree_irreguliere", "avantage"], facts, "classement_evt")
    assert found == [table["nsp", "nsp", purpose, "nsp", border, benefit].result for purpose, border, benefit in facts]


def test_no_slip_in_a_code_typed_back_passes() -> None:
    form = filled("trafic", TRUCK)
    code = form.value("code_evenement")
    slips = [[slip] for slip in sorted(typing_slips(code))]
    assert set(form.walk(["code_recopie"], slips, "!code_recopie")) == {"constraint"}
    assert "corrigez le registre" in form.set("code_recopie", slips[0][0])
    for typed in (code, code.lower(), case_code.shown_code(code), "-".join((code[:3], code[3:6], code[6:]))):
        assert form.set("code_recopie", typed) == "ok", typed
    assert form.problem() is None


@pytest.mark.parametrize(
    ("question", "value", "message"),
    [
        ("date_detection", TOMORROW, "ni dans le futur"),
        ("date_faits", "2026-05-01", "ni après l'interception"),
        ("points", ["aucun", "prive"], "va seule"),
        ("frontiere", "NER", "autre côté de la frontière"),
        ("condition", ["unk", "ill"], "va seule"),
        ("deces", 1000, "entre 0 et 999"),
        ("g_f_min", -1, "entre 0 et 9999"),
        ("s_age", 6, "entre 7 et 110"),
    ],
)
def test_an_impossible_answer_is_refused_with_what_to_do(question: str, value: object, message: str) -> None:
    form = filled("trafic", TRUCK)
    assert message in form.set(question, value)
    assert message in (form.problem() or ("", ""))[1]


@pytest.mark.parametrize("note", REMARKED)
def test_answers_that_contradict_each_other_are_remarked(note: str) -> None:
    shown, mended = REMARKED[note]
    form = filled("trafic", TRUCK | shown)
    assert "Attention" in form.text(note)
    assert form.problem() is None
    for question, value in mended.items():
        assert form.set(question, value) == "ok"
    assert not form.relevant(note)


def test_what_is_missing_shows_whom_to_call() -> None:
    form = blank("trafic")
    form.set("entite", "DST_AGZ")
    form.set("points", SAFE)
    assert not form.relevant("n_contacts")
    form.set("points", ["prive", "sure", "langue"])
    told = form.text("n_contacts")
    assert "Centre hospitalier régional d'Agadez" in told.replace("’", "'") and "Interprètes" not in told
    form.set("entite", "ONG_ZIN")
    assert "Zinder" in form.text("n_contacts") and "Agadez" not in form.text("n_contacts")


def test_questions_and_choices_are_put_in_english_too() -> None:
    form = filled("trafic", TRUCK)
    form.language("English (en)")
    assert form.text("condition").startswith("In what condition")
    assert form.labels("points")["aucun"] == "None of these"
    assert form.labels("det_region") != {}
    form.language("Français (fr)")
    assert form.labels("points")["aucun"] == "Rien de cela"
