"""Names as West Africa writes them: one key for the spellings of a name, different keys for different names."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.linkage.names import _class_rows, fold, key, name_keys, normalise


@pytest.mark.parametrize(
    "spellings",
    [
        "Moussa Mousa MOUSSAH Musa",
        "Mahamadou Mamadou Mohamed Muhammad",
        "Aïchatou Aissata Aïssa Aisha",
        "Souleymane Suleiman Soulaymane",
        "Djibo Jibo",
        "Khadidja Hadiza Kadidia",
        "Cheick Sheikh Cheikh",
        "Haoua Hawa Awa",
        "Yahaya Yaya",
        "Seydou Saidou",
        "Ousseini Housseini Hussein",
        "Ouattara Wattara",
        "Tchima Chima Shima",
        "Ramla Ramlatou",
        "Kabir Kabirou Kabiru",
        "Diallo Jallow",
        "Abdoulkarim Karim",
    ],
)
def test_spellings_of_one_name_have_one_key(spellings: str) -> None:
    assert len({key(normalise(s)[0]) for s in spellings.split()}) == 1


@pytest.mark.parametrize(
    "names", ["Moussa Issa", "Halima Salima", "Hassane Housseini", "Amina Aïcha", "Mahamane Mahamadou", "Ali Adam",
              "Abdoulaye Abdou", "Hassana Hassane"]
)  # fmt: skip
def test_different_names_keep_different_keys(names: str) -> None:
    left, right = names.split()
    assert key(normalise(left)[0]) != key(normalise(right)[0])


@pytest.mark.parametrize(
    "words",
    ["djoko joko", "tchana chana shana", "khoba koba", "goumbi gumbi", "waya ouaya", "zeyna zeina", "labbo labo",
     "phanta fanta", "ghado gado", "quela kela", "zoboh zobo", "saliwe saliw", "thoma toma", "makatou maka"],
)  # fmt: skip
def test_digraphs_fold_where_no_class_helps(words: str) -> None:
    assert len({fold(word) for word in words.split()}) == 1


def test_particles_titles_and_order_do_not_count() -> None:
    plain = name_keys("Ahmed", "Moussa").tokens
    for given_name, family_name in [
        ("Moussa", "Ahmed"), ("Ahmed", "Ag Moussa"), ("Ahmed Ould", "Moussa"), ("Mme Ahmed", "El-Moussa"),
        ("Ahmed Moussa", None), (None, "moussa AHMED"),
    ]:  # fmt: skip
        assert name_keys(given_name, family_name).tokens == plain


@pytest.mark.parametrize("nothing", [None, "", "  ", "?", "inconnu", "Nom inconnu", "NSP", "-", "123", "X"])
def test_an_unknown_name_is_no_name(nothing: str | None) -> None:
    assert name_keys(nothing, nothing).tokens == ()


def test_an_initial_is_not_a_name() -> None:
    keys = name_keys("M.", "Diallo")
    assert keys.given == "" and keys.initials == ("m",) and keys.tokens == (key("diallo"),)


def test_a_particle_alone_is_still_a_name() -> None:
    assert name_keys("Al", None).tokens


def test_a_variant_belongs_to_one_class() -> None:
    claimed = defaultdict(set)
    for folded, name in _class_rows():
        claimed[folded].add(name)
    assert {folded: names for folded, names in claimed.items() if len(names) > 1} == {}


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_gives_the_same_keys_whichever_part_it_is_in(one: str, other: str) -> None:
    assert name_keys(one, other).tokens == name_keys(other, one).tokens


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20))
def test_folding_never_empties_a_word(word: str) -> None:
    assert fold(word)
