"""Hostile text never runs in a cell, never breaks the file, and is never cut in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from reports.safe_text import CELL_LIMIT, safe_text, sheet_title


@pytest.mark.parametrize("sign", list("=+-@|%＝＋－＠｜％"))
@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\ufeff", "\t\n", "\x00", "\u200b \u202e", "\ud800"])
def test_a_formula_like_beginning_gets_an_apostrophe(before: str, sign: str) -> None:
    assert safe_text(f"{before}{sign}1").startswith("'")


@pytest.mark.parametrize("text", ["", "Maïmouna", "0-17 ans", "« 2 + 2 »", "n° 4 = 5", "— tiret", "’apostrophe"])
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert safe_text(text) == text


def test_forbidden_characters_and_lone_surrogates_are_shown_replaced() -> None:
    assert safe_text("a\x00b\x0bc\ud800d\uffff") == "a\ufffdb\ufffdc\ufffdd\ufffd"


def test_line_ends_become_one_line_feed() -> None:
    assert safe_text("a\r\nb\rc\nd") == "a\nb\nc\nd"


def test_text_that_excel_would_unescape_is_escaped() -> None:
    assert safe_text("_x003D_1+1") == "_x005F_x003D_1+1"
    assert safe_text("_x_") == "_x_"


@pytest.mark.parametrize("text", ["é" * 40_000, "👩🏾‍🦱" * 9_000, "=" * 40_000])
def test_a_text_too_long_for_a_cell_is_cut_and_says_so(text: str) -> None:
    cut = safe_text(text)
    assert len(cut.encode("utf-16-le")) // 2 <= CELL_LIMIT
    assert cut.endswith("[texte coupé]")


def test_a_text_that_just_fits_is_whole() -> None:
    assert safe_text("a" * CELL_LIMIT) == "a" * CELL_LIMIT


@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_fits_a_cell(text: str) -> None:
    clean = safe_text(text)
    clean.encode("utf-8")
    assert not ILLEGAL_CHARACTERS_RE.search(clean)
    assert not clean.lstrip().startswith(tuple("=+-@|%"))


def test_sheet_names_are_accepted_by_excel_and_unique() -> None:
    taken: set[str] = set()
    names = [sheet_title(text, taken) for text in ("Tableau 1/2", "tableau 1-2", "x" * 40, "x" * 41, "[]", "")]
    assert names[0] == "Tableau 1-2" and names[1] == "tableau 1-2 (2)"
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)
    assert len({name.casefold() for name in names}) == len(names)
