"""Quarters and semesters as people type them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.periods import PeriodError, parse_period, quarter_of, semester_of


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 12, 31)))
def test_every_day_is_in_its_quarter_and_semester_and_in_no_other(day: date) -> None:
    iso = day.isoformat()
    quarter, semester = quarter_of(iso), semester_of(iso)
    assert quarter and semester
    assert parse_period(quarter).contains(iso) and parse_period(semester).contains(iso)
    assert quarter in {q.label for q in parse_period(semester).quarters()}
    after = (parse_period(quarter).end + timedelta(days=1)).isoformat()
    assert not parse_period(quarter).contains(after)


def test_labels_are_understood_and_said_in_words() -> None:
    assert parse_period(" 2026-t2 ").in_words() == "2e trimestre 2026 (du 1er avril au 30 juin 2026)"
    assert parse_period("2025-S2").in_words() == "2e semestre 2025 (du 1er juillet au 31 décembre 2025)"
    assert [q.label for q in parse_period("2026-S1").quarters()] == ["2026-T1", "2026-T2"]


@pytest.mark.parametrize("text", ["2026", "2026-T5", "2026-S3", "T2-2026", "", "2026-Q1"])
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(PeriodError, match="écrire un trimestre"):
        parse_period(text)


def test_an_unknown_date_is_in_no_period() -> None:
    assert quarter_of(None) is None and semester_of(None) is None
    assert not parse_period("2026-T1").contains(None)
