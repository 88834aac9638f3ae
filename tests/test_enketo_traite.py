"""The trafficking form in Enketo, held against JavaRosa: paths, numbers, codes, classification, refusals."""

from typing import Any

import pytest

from tests.engines import enketo
from tests.enketo_fixture import blank, compiled, filled, needs_browser, same_in_both
from tests.forms_fixture import CHILD, KEY_CHILD, PERPETRATOR, TRAITE, VICTIM, with_details, with_victim
from tests.forms_fixture_other import TOMORROW, typing_slips
from tests.test_engine_traite_class import ANSWERS, FACTS, OTHER, OWN_FACTS, code
from transforms import case_code
from transforms.determination import truth_table

pytestmark = needs_browser

SECOND = {**VICTIM, "v_meme_situation": "oui"}
MANY = {
    **TRAITE,
    "ajouts": ["victimes", "auteurs"],
    "victime": [VICTIM, {**CHILD, "v_c_nom": "non", "v_meme_situation": "oui"}, SECOND],
    "auteur": [PERPETRATOR, {**PERPETRATOR, "a_stade": "convicted", "a_peine": "prison", "a_peine_mois": 24}],
}
COUNTS = {"nb_f_mineures": 1, "nb_h_mineurs": 0, "nb_f_adultes": 4, "nb_h_adultes": 0, "nb_inconnus": 0}
PRINTED = case_code.complete("7M4XQ2K", 9)
PATHS: dict[str, dict[str, Any]] = {
    "a woman whose name may be passed on": TRAITE,
    "a girl of whose name a key stays": KEY_CHILD,
    "three victims and two perpetrators": MANY,
    "every detail": with_details(),
    "known by number alone": {**TRAITE, "ajouts": ["nombres"], **COUNTS},
    "a paper form": {**TRAITE, "points": ["papier"], "code_papier": PRINTED.lower(), "date_reception": "2026-03-12"},
    "recording refused": with_victim(v_c_enreg="non", v_majorite="unk"),
    "a child without an adult": {**KEY_CHILD, "victime": [{**CHILD, "v_c_adulte": "aucun"}]},
    "a mandate, sharing refused": with_victim(v_c_enreg="mandat", v_c_partage="non"),
    "answers refused": with_victim(v_age_connu="ref", v_mineur_faits="ref", v_nationalite="ref", v_c_orient="non"),
    "own facts, birth date, nobody safe": {
        **TRAITE,
        "points": ["aucun"],
        "date_connue": "non",
        "exploitation": ["begging", "wahaya"],
        "exploitation_princ": "wahaya",
        "victime": [
            VICTIM,
            {**VICTIM, **OTHER, "v_age_connu": "birth_date", "v_date_naissance": "1999-03-10", "v_statut": "unk"},
        ],
    },
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_the_same_in_both_engines(path: str) -> None:
    form = same_in_both("traite", PATHS[path])
    assert form.problem() is None


def test_the_page_cannot_be_turned_on_an_empty_required_answer_and_can_when_all_is_answered() -> None:
    form = blank("traite")
    assert not form.next_page()
    report = form.fill(KEY_CHILD)
    for _ in range(1, form.pages()):
        assert form.next_page()
    assert form.pages() == report.screens <= 12


# -- codes and numbers -------------------------------------------------------------------------------------------


def codes(form: enketo.Form, name: str = "v_code", rows: int = 3) -> list[str]:
    """What follows the case code, row by row."""
    return [form.value(name, row).removeprefix(form.value("code_evenement")) for row in range(1, rows + 1)]


def test_a_number_once_given_is_not_given_again_and_the_code_never_moves() -> None:
    form = filled("traite", MANY)
    code_of_case = form.value("code_evenement")
    assert case_code.is_case_code(code_of_case)
    form.delete("victime", 2)
    assert codes(form, rows=2) == ["-V1", "-V3"]
    assert form.add("victime")
    assert codes(form) == ["-V1", "-V3", "-V4"]
    form.delete("auteur", 1)
    assert form.add("auteur")
    assert codes(form, "a_code", 2) == ["-A2", "-A3"]
    form.set("entite", "ONG_NIA")
    assert form.value("code_evenement") == code_of_case != blank("traite").value("code_evenement")


@pytest.mark.parametrize("submitted", [False, True])
def test_codes_and_numbers_stay_in_a_form_opened_again(submitted: bool) -> None:
    form = filled("traite", MANY)
    form.delete("victime", 1)
    before = form.value("code_evenement")
    kept = form.xml() if submitted else form.draft()
    again = enketo.Form(compiled("traite"), kept, submitted=submitted)
    assert again.errors == []
    assert again.set("saisine", "unk") == "ok"
    assert again.value("code_evenement") == before
    assert codes(again, rows=2) == ["-V2", "-V3"]
    assert again.problem() is None
    again.add("victime")
    assert codes(again) == ["-V2", "-V3", "-V4"]
    assert again.value("resume").startswith("3 V : ")


def test_the_code_is_typed_back_and_no_slip_passes() -> None:
    form = filled("traite", TRAITE)
    drawn = form.value("code_evenement")
    slips = [[slip] for slip in sorted(typing_slips(drawn))]
    assert set(form.walk(["code_recopie"], slips, "!code_recopie")) == {"constraint"}
    assert "code" in form.set("code_recopie", case_code.issue())
    assert form.set("code_recopie", f" {drawn[:3]}-{drawn[3:6]} {drawn[6:]}".lower()) == "ok"
    assert case_code.shown_code(drawn) in form.text("n_code")


# -- traite or trafic --------------------------------------------------------------------------------------------


def combinations(length: int) -> list[tuple[str, ...]]:
    """Every combination of answers to so many facts, one fact changing from each to the next, the first most often."""
    if not length:
        return [()]
    rest = combinations(length - 1)
    return [(answer, *others) for at, others in enumerate(rest) for answer in ANSWERS[:: -1 if at % 2 else 1]]


def classed(form: enketo.Form, facts: list[tuple[str, ...]], row: int) -> dict[tuple[str, ...], str]:
    """The classification of a victim for each combination of answers to the six facts."""
    questions = [f"{name}[{row}]" if name.startswith("v_") else name for name in (FACTS, OWN_FACTS)[row - 1]]
    answers = [[code(name.partition("[")[0], fact) for name, fact in zip(questions, f, strict=True)] for f in facts]
    return dict(zip(facts, form.walk(questions, answers, f"v_classement[{row}]"), strict=True))


def test_the_form_follows_the_whole_truth_table() -> None:
    found = classed(filled("traite", TRAITE), combinations(6), 1)
    assert len(found) == 729
    assert found == {facts: verdict.result for facts, verdict in truth_table().items()}


def test_a_victims_own_facts_follow_it_too() -> None:
    form = filled("traite", {**TRAITE, "victime": [VICTIM, {**VICTIM, **OTHER}]})
    facts = [(*own, "oui", "nsp") for own in combinations(4)]
    assert classed(form, facts, 2) == {key: truth_table()[key].result for key in facts}


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "value", "message"),
    [
        ("date_detection", TOMORROW, "ni dans le futur"),
        ("date_faits", "2026-04-01", "ni après la date"),
        ("type_sexuel", ["ref", "Pornography"], "va seule"),
        ("v_nom", "زينب", "lettres latines"),
        ("date_detection", "1999-12-31", "ni avant 2000"),
        ("actes", ["none", "transfer"], "va seule"),
        ("points", ["papier", "prive"], "va seule"),
        ("v_age", 121, "0 et 120"),
        ("v_age", 17, "adulte"),
        ("v_prenom", "Z0uleymata", "sans chiffre"),
        ("v_debut_exploitation", "2026-04-01", "ni après"),
        ("code_lie", "K7M 4XQ", "code"),
    ],
)
def test_an_impossible_answer_is_refused_with_what_to_do(question: str, value: object, message: str) -> None:
    form = filled("traite", with_details())
    assert message in form.set(question, value)
    assert message in (form.problem() or ("", ""))[1]


def test_five_zeros_count_nobody() -> None:
    names = ("nb_f_mineures", "nb_h_mineurs", "nb_f_adultes", "nb_h_adultes")
    form = enketo.Form(compiled("traite"))
    form.fill({**TRAITE, "ajouts": ["victimes", "nombres"], **dict.fromkeys(names, 0)})
    assert "cinq zéros" in form.set("nb_inconnus", 0)
    form.set("nb_h_mineurs", 1)
    assert form.set("nb_inconnus", 0) == "ok"
    assert form.problem() is None


def test_a_paper_form_does_not_come_before_the_case() -> None:
    paper = {"points": ["papier"], "code_papier": case_code.issue(), "date_reception": "2026-03-10"}
    form = enketo.Form(compiled("traite"))
    form.fill({**TRAITE, **paper})
    assert form.problem() is None
    assert "ni après la réception" in form.set("date_detection", "2026-03-11")
    form.set("points", ["prive"])
    assert form.relevant("n_arret") and form.relevant("n_contacts")
    form.set("date_detection", "2026-03-09")
    assert form.set("date_detection", "2026-03-11") == "ok"


def test_the_details_of_the_case_go_when_every_victim_described_refuses() -> None:
    form = filled("traite", with_details(v_age_entree=20))
    assert form.relevant("comment_connu") and form.relevant("n_v_age_debut")
    form.set("v_c_enreg", "non")
    assert not form.relevant("comment_connu") and not form.relevant("exp_pays")
    assert "<comment_connu>" not in form.xml() and "<v_mineur_faits>" not in form.xml()
    form.set("ajouts", ["details"])
    assert form.relevant("comment_connu") and form.relevant("n_sans_victime")


def test_questions_and_choices_are_put_in_english_too() -> None:
    form = filled("traite", TRAITE)
    form.language("English (en)")
    assert form.text("entite") == "Reporting body"
    assert form.labels("actes")["recruitment"] == "The perpetrator recruited the person"
    assert form.labels("v_c_enreg")["oui"].startswith("Yes")
    form.language("Français (fr)")
    assert form.text("entite") == "Organisme qui déclare"
