"""The case code and the numbers of persons, as the phone draws, keeps and checks them: JavaRosa."""

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import PERPETRATOR, TRAITE, VICTIM, blank, compiled
from tests.forms_fixture_other import filled, typing_slips
from transforms import case_code

OTHER = {**VICTIM, "v_meme_situation": "oui"}
THREE_AND_TWO = {
    **TRAITE,
    "ajouts": ["victimes", "auteurs"],
    "victime": [VICTIM, OTHER, OTHER],
    "auteur": [PERPETRATOR] * 2,
}


def codes(form: Form, name: str = "v_code", rows: int = 3) -> list[str]:
    """What follows the case code, row by row."""
    return [form.value(name, row).removeprefix(form.value("code_evenement")) for row in range(1, rows + 1)]


def test_the_code_is_drawn_with_its_check_and_differs_from_form_to_form() -> None:
    drawn = {blank("traite").value("code_evenement") for _ in range(20)}
    assert len(drawn) == 20
    assert all(case_code.is_case_code(code) for code in drawn)


def test_the_code_stays_whatever_is_answered_and_when_the_draft_is_reopened() -> None:
    form = blank("traite")
    code = form.value("code_evenement")
    form.fill(TRAITE)
    assert form.value("code_evenement") == code
    again = Form.reopen(compiled("traite"), form.draft())
    again.set("saisine", "unk")
    assert again.value("code_evenement") == code
    assert again.problem() is None


def test_the_last_screen_shows_the_code_large_in_three_groups() -> None:
    form = filled(blank("traite"), TRAITE)
    assert form.text("n_code") == f"# {case_code.shown_code(form.value('code_evenement'))}"


def test_the_code_is_typed_back_and_no_slip_passes() -> None:
    form = filled(blank("traite"), TRAITE)
    code = form.value("code_evenement")
    assert form.set("code_recopie", f" {code[:3]}-{code[3:6]} {code[6:]}".lower()) == "ok"
    for wrong in [*sorted(typing_slips(code))[:40], "", code[:8], case_code.issue()]:
        assert "code" in form.set("code_recopie", wrong)


def test_a_form_without_the_code_typed_back_cannot_be_sent() -> None:
    form = filled(
        blank("traite"), {question: answer for question, answer in TRAITE.items() if question != "code_recopie"}
    )
    assert "code_recopie" in (form.problem() or ("",))[0]


def test_a_paper_form_keeps_its_printed_code() -> None:
    printed = case_code.issue()
    answers = {**TRAITE, "points": ["papier"], "code_papier": printed.lower(), "date_reception": "2026-03-12"}
    form = filled(blank("traite"), answers, unmet=("code_recopie",))
    assert form.value("mode") == "papier"
    assert form.value("code_evenement") == printed
    assert form.value("v_code") == f"{printed}-V1"
    assert form.problem() is None
    for wrong in sorted(typing_slips(printed))[:40]:
        assert "signe par signe" in form.set("code_papier", wrong)


@pytest.mark.parametrize("row", [1, 2, 3])
def test_a_person_keeps_the_number_when_another_is_deleted(row: int) -> None:
    form = filled(blank("traite"), THREE_AND_TWO)
    assert codes(form) == ["-V1", "-V2", "-V3"]
    assert codes(form, "a_code", 2) == ["-A1", "-A2"]
    form.delete("victime", row)
    left = [code for number, code in enumerate(["-V1", "-V2", "-V3"], 1) if number != row]
    assert codes(form, rows=2) == left
    assert codes(form, "a_code", 2) == ["-A1", "-A2"]


def test_a_number_once_given_is_not_given_again() -> None:
    form = filled(blank("traite"), THREE_AND_TWO)
    form.delete("victime", 2)
    assert form.add("victime")
    assert codes(form) == ["-V1", "-V3", "-V4"]
    form.delete("auteur", 1)
    assert form.add("auteur")
    assert codes(form, "a_code", 2) == ["-A2", "-A3"]


def test_numbers_outlive_a_draft() -> None:
    form = filled(blank("traite"), THREE_AND_TWO)
    form.delete("victime", 1)
    again = Form.reopen(compiled("traite"), form.draft())
    assert codes(again, rows=2) == ["-V2", "-V3"]
    assert again.add("victime")
    assert codes(again) == ["-V2", "-V3", "-V4"]


def test_a_draft_saved_before_any_victim_numbers_them_from_one() -> None:
    form = blank("traite")
    form.fill({"entite": "POL_NIA", "points": ["aucun"]})
    again = Form.reopen(compiled("traite"), form.draft())
    assert again.fill(TRAITE).refused == {}
    assert codes(again, rows=1) == ["-V1"]
    assert again.problem() is None


def test_the_code_of_the_smuggling_form_is_checked_and_is_not_this_ones() -> None:
    form = filled(blank("traite"), TRAITE)
    assert form.set("code_lie", "k7m 4xq") != "ok"
    assert form.set("code_lie", form.value("code_evenement")) != "ok"
    assert form.set("code_lie", case_code.issue()) == "ok"
    form.set("portee", "domestic")
    assert not form.relevant("code_lie")
