"""The case code: what its check catches, and that every draw gives one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.case_code import ALPHABET, complete, is_case_code, is_stored_code, issue, normal_code, shown_code

FIRST = st.text(alphabet=ALPHABET, min_size=7, max_size=7)
NUMBER = st.integers(0, 30)


def by_the_standard(code: str) -> bool:
    """ISO 7064 MOD 37,36 written out, as the forms reckon it: P0 = 36, then one step a character."""
    values = ["0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter) for letter in code]
    p = 36
    for value in values[:-1]:
        p = (2 * (((p + value - 1) % 36) + 1)) % 37
    return (p + values[-1]) % 36 == 1


@given(FIRST, NUMBER)
def test_every_draw_gives_a_valid_code(first: str, number: int) -> None:
    code = complete(first, number)
    assert len(code) == 9
    assert set(code) <= set(ALPHABET)
    assert is_case_code(code)
    assert by_the_standard(code)


@given(st.text(alphabet=ALPHABET, min_size=9, max_size=9))
def test_a_code_is_valid_exactly_when_the_standard_says_so(code: str) -> None:
    assert is_case_code(code) == by_the_standard(code)


@given(FIRST, NUMBER, st.integers(0, 8), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_refused(first: str, number: int, at: int, other: str) -> None:
    code = complete(first, number)
    wrong = code[:at] + other + code[at + 1 :]
    assert is_case_code(wrong) == (wrong == code)


@given(FIRST, NUMBER, st.integers(0, 7))
def test_two_neighbours_exchanged_are_refused(first: str, number: int, at: int) -> None:
    code = complete(first, number)
    wrong = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert is_case_code(wrong) == (wrong == code)


def test_the_eighth_character_moves_on_only_where_its_check_would_be_ambiguous() -> None:
    moved = [n for n in range(31) if complete("2222222", n)[7] != ALPHABET[n]]
    assert 0 < len(moved) <= 5


def test_issued_codes_are_valid_and_differ() -> None:
    codes = {issue() for _ in range(500)}
    assert len(codes) == 500
    assert all(map(is_case_code, codes))


@pytest.mark.parametrize("typed", ["k7m 4xq 2p2", "K7M-4XQ-2P2", " k7m4xq2p2 ", "K7M–4XQ–2P2", "K7M\u00a04XQ\u202f2P2"])
def test_a_code_may_be_typed_in_groups_and_lower_case(typed: str) -> None:
    assert normal_code(typed) == "K7M4XQ2P2"
    assert is_case_code(normal_code(typed))


def test_a_code_is_shown_in_three_groups() -> None:
    assert shown_code("K7M4XQ2P2") == "K7M 4XQ 2P2"


def test_codes_of_the_first_release_are_known_but_not_valid_to_type() -> None:
    assert is_stored_code("K7M4XQ2P") and not is_case_code("K7M4XQ2P")
    assert not is_stored_code("K7M4XQ2P3")  # nine characters: checked
    assert not is_stored_code("MARIAMA1") and not is_stored_code("k7m4xq2p2")
    assert not is_case_code("K7M4XQ2P2\n") and not is_stored_code("K7M4XQ2P\n")
