"""The key of a name: it survives usual spellings, holds no name, and is what its own check accepts."""

import csv
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import linkage_key as module
from transforms.linkage_key import is_linkage_key, linkage_key, name_key

CONTRACT = re.compile(r"[hbstlmnr]{1,12}(\.[hbstlmnr]{1,12}){0,3}-[FMU]-(\d{4})?")
LETTERS = "abcçdeéèêfghiïjklmnñoôpqrstuùvwxyzɓɗƙƴŋɲABCDEFGHIJKLMNOPQRSTUVWXYZÉÏƁƊƘ"
NAME = st.lists(st.text(alphabet=LETTERS, min_size=1, max_size=15), min_size=1, max_size=6).map(" ".join)
ANY = st.text(max_size=60)


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (("Mahamadou Issoufou", "MAHAMADOU  ISSOUFOU", "Mahammadu Isufu", "Mahamadou-Issoufou"), "mt.sb"),
        (("Aïchatou", "Aishatu", "AISSATOU"), "st"),
        (("Awa", "Haoua", "Hawwa"), "h"),
        (("N’Guigmi", "N'Guigmi", "Nguigmi"), "nsm"),
        (("Ɗan Ƙasa", "Dan Kassa"), "tn.s"),
        (("Moussa", "Mousa", "Musa"), "ms"),
        (("Abdou Ali Oumarou Sani Issa",), "bt.l.mr.sn"),
        (("", "  ", "123", "…"), ""),
    ],
)
def test_usual_spellings_give_one_key(names: tuple[str, ...], key: str) -> None:
    assert {name_key(name) for name in names} == {key}


def test_the_whole_key_has_sex_and_birth_year() -> None:
    assert linkage_key("Mahamadou Issoufou", "M", 1998) == "mt.sb-M-1998"
    assert linkage_key("Awa", "F", None) == "h-F-"
    assert linkage_key("…", "F", 1998) == ""


@given(NAME, st.sampled_from("FMU"), st.none() | st.integers(1900, 2099))
def test_a_key_is_what_the_check_and_the_contract_accept(name: str, sex: str, year: int | None) -> None:
    key = linkage_key(name, sex, year)
    assert is_linkage_key(key) and CONTRACT.fullmatch(key)


@given(ANY)
def test_whatever_is_typed_gives_a_key_or_nothing(name: str) -> None:
    key = linkage_key(name, "U", None)
    assert key == "" or is_linkage_key(key)


@given(NAME)
def test_case_and_the_way_accents_are_coded_do_not_count(name: str) -> None:
    assert name_key(name) == name_key(name.upper())
    assert name_key(name) == name_key(unicodedata.normalize("NFD", name))


@given(NAME)
def test_the_key_holds_no_word_of_the_name_that_has_a_vowel(name: str) -> None:
    words = {word.lower() for word in name.split() if re.search("[aeiou]", word.lower())}
    assert not words & set(name_key(name).split("."))


@pytest.mark.parametrize(
    "text",
    ["Zinariya", "mt.sb", "mt.sb-M", "mt.sb-X-1998", "mt.sb-M-98", "mt.sb-M-0098", "mmt-M-1998", "mht-M-1998", "-M-",
     "mt.sb-M-1998\n", "MT.SB-M-1998", "mt..sb-M-1998", "m.t.s.b.l-M-1998", "mtmtmtmtmtmtm-M-1998"],
)  # fmt: skip
def test_what_no_phone_computes_is_refused(text: str) -> None:
    assert not is_linkage_key(text)


def test_the_table_folds_each_letter_once_to_a_class_or_a_space() -> None:
    with Path(module._FOLD).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    letters = [row["letter"] for row in rows]
    assert all(len(letter) == 1 for letter in letters) and len(letters) == len(set(letters))
    assert {row["folded"] for row in rows} == set("bstlmnrh ")
