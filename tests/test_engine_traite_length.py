"""The length of the forms, held to what was promised to those who fill them in."""

from tests.forms_fixture import KEY_CHILD, TRAITE
from tests.forms_length import CASES, KEY_ADULT, THREE_AND_TWO, TRUCK, Length, measure, table


def length(answers: dict[str, object]) -> Length:
    """The length of one of the counted cases."""
    (found,) = [measure(*case) for case in CASES if case[2] is answers]
    return found


def test_a_core_case_takes_twelve_screens_and_twenty_five_answers_at_most() -> None:
    for answers in (KEY_CHILD, KEY_ADULT):
        core = length(answers)
        assert (core.screens <= 12, core.answers <= 25) == (True, True), core


def test_a_border_and_a_name_add_answers_but_no_screen() -> None:
    assert length(TRAITE).screens == length(KEY_CHILD).screens


def test_three_victims_and_two_suspects_take_thirty_screens_at_most() -> None:
    assert length(THREE_AND_TWO).screens <= 30


def test_a_truck_of_sixty_takes_thirteen_screens_at_most() -> None:
    assert length(TRUCK).screens <= 13


def test_the_table_counts_every_case() -> None:
    assert len(table().splitlines()) == len(CASES) + 2
