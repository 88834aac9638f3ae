"""The text in force at the date of the facts: every day has one answer, and a month of change none too many."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import codelists
from transforms.legal_basis import basis_of_facts, legal_basis, texts

DAY = st.dates(date(1990, 1, 1), date(2040, 12, 31)).map(date.isoformat)


@pytest.mark.parametrize(
    ("form", "day", "code"),
    [
        ("traite", "2010-12-15", "none"),
        ("traite", "2010-12-16", "ord2010_86"),
        ("traite", "2026-09-01", "ord2010_86"),
        ("trafic", "2015-05-25", "none"),
        ("trafic", "2015-05-26", "loi2015_36"),
        ("trafic", "2023-11-24", "loi2015_36"),
        ("trafic", "2023-11-25", "none"),
        ("trafic", "2025-01-12", "none"),
        ("trafic", "2025-01-13", "ord2025_02"),
        ("trafic", None, "unk"),
        ("traite", "", "unk"),
    ],
)
def test_the_text_of_a_day(form: str, day: str | None, code: str) -> None:
    assert legal_basis(form, day) == code


def test_the_lines_of_a_form_follow_each_other_without_a_gap_or_an_overlap() -> None:
    for form in ("traite", "trafic"):
        lines = [text for text in texts() if text.form == form]
        for earlier, later in pairwise(lines):
            assert date.fromisoformat(earlier.until) + timedelta(days=1) == date.fromisoformat(later.since)
        assert lines[-1].until == ""
    assert {text.code for text in texts()} <= set(codelists.codes("legal_basis"))
    assert all("source" in text.note or text.code == "none" for text in texts())


def test_the_neighbouring_text_does_not_pass_for_the_protocols_offence() -> None:
    (line,) = [text for text in texts() if text.code == "ord2025_02"]
    assert "n’est pas l’infraction du Protocole" in line.note


@pytest.mark.parametrize(
    ("month", "detected", "code"),
    [
        ("2023-10", "2024-06-01", "loi2015_36"),
        ("2023-11", "2024-06-01", "unk"),  # before or after the 25th?
        ("2023-11", "2023-11-24", "loi2015_36"),  # the facts came to light before
        ("2023-11", "2023-11-28", "unk"),
        ("2023-12", None, "none"),
        ("2025-01", None, "unk"),
        ("2024-02", None, "none"),
        (None, "2025-03-01", "ord2025_02"),
        (None, None, "unk"),
    ],
)
def test_the_text_of_facts_known_to_the_month(month: str | None, detected: str | None, code: str) -> None:
    assert basis_of_facts("trafic", month, detected) == code


@given(st.sampled_from(["traite", "trafic"]), DAY)
def test_every_day_has_a_text_and_its_month_says_the_same_or_unknown(form: str, day: str) -> None:
    code = legal_basis(form, day)
    assert code in codelists.codes("legal_basis") and code != "unk"
    assert basis_of_facts(form, day[:7], None) in (code, "unk")
